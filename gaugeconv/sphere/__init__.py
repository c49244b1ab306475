"""Spherical images: grids, projected digits, S2CNNs, gauge networks and their comparison."""

from __future__ import annotations

from gaugeconv.sphere.digits import ProjectedDigits, SphericalDigit
from gaugeconv.sphere.equivariance import rotation_error, smooth_signals
from gaugeconv.sphere.gauge import GaugeLayout, GaugeSphereNet
from gaugeconv.sphere.grids import (
    SphereGrid,
    driscoll_healy,
    fibonacci,
    from_points,
    geodesic,
    healpix,
    icosphere,
    irregular,
)
from gaugeconv.sphere.interpolation import Interpolation
from gaugeconv.sphere.mnist import load_digits
from gaugeconv.sphere.planar import PlanarCNN, PlanarLayout
from gaugeconv.sphere.pyramid import SpherePyramid, sphere_pyramid
from gaugeconv.sphere.rotations import icosahedral_rotations, random_rotation
from gaugeconv.sphere.s2cnn import S2CNN, S2CNNLayout
from gaugeconv.sphere.tasks import BACKGROUND, Task

__all__ = [
    "BACKGROUND",
    "GaugeLayout",
    "GaugeSphereNet",
    "Interpolation",
    "PlanarCNN",
    "PlanarLayout",
    "ProjectedDigits",
    "S2CNN",
    "S2CNNLayout",
    "SphereGrid",
    "SpherePyramid",
    "SphericalDigit",
    "Task",
    "driscoll_healy",
    "fibonacci",
    "from_points",
    "geodesic",
    "healpix",
    "icosahedral_rotations",
    "icosphere",
    "irregular",
    "load_digits",
    "random_rotation",
    "rotation_error",
    "smooth_signals",
    "sphere_pyramid",
]
