"""Intrinsic tangent spaces: the direction of every edge at every vertex, in rescaled angles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from gaugeconv.geometry.tangent_kernels import wheel_angles
from gaugeconv.mesh import TriMesh

TWO_PI = 2 * np.pi


@dataclass(frozen=True)
class TangentSpaces:
    """Angles at the vertices of a mesh, counter-clockwise about the normal, in radians.

    Attributes:
        angle: (3F,) unscaled direction of each half-edge at its tail, 0 for the wheel's first.
        total: (V,) total corner angle Θ.
        scale: (V,) factor from unscaled to tangent-plane angles: 2π/Θ for interior vertices; 1 at the
            boundary, where flat corners must stay flat, unless Θ exceeds 2π.

    Intrinsic: invariant to rigid motions and to the choice of frames.
    """

    angle: Float64[np.ndarray, " H"]
    total: Float64[np.ndarray, " V"]
    scale: Float64[np.ndarray, " V"]

    @staticmethod
    def of(mesh: TriMesh) -> TangentSpaces:
        """Sums the corner angles around each vertex's wheel."""
        halfedges = mesh.halfedges
        corner = mesh.corner_angles.reshape(-1)
        angle, total = wheel_angles(halfedges.wheel_ptr, halfedges.wheel, corner)
        rescaled = ~halfedges.is_boundary | (total > TWO_PI)
        scale = np.ones(mesh.num_vertices)
        np.divide(TWO_PI, total, out=scale, where=rescaled & (total > 0))
        return TangentSpaces(angle, total, scale)

    def __post_init__(self) -> None:
        for array in (self.angle, self.total, self.scale):
            array.setflags(write=False)
