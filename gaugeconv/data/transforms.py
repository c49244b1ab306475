"""Deformations of meshes for augmentation. None changes its input; faces and labels carry over."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

from gaugeconv.mesh import TriMesh

_WAVES = 4
_SHORTEST_WAVE = 0.7  # in extents of the mesh: bends limbs, leaves fingers alone


def deform(
    mesh: TriMesh,
    rng: np.random.Generator,
    stretch: float = 0.15,
    bend: float = 0.3,
    noise: float = 0.0,
) -> TriMesh:
    """A randomly stretched and bent copy of a mesh, vertex for vertex.

    The result's own geometry (areas, angles, geodesics) is that of its new positions, so
    whatever was computed for the original must be computed anew. Equivariant in distribution
    under rigid motions and scalings of the input: no axis or size is special.

    Args:
        mesh: the original.
        rng: the source of randomness.
        stretch: largest relative change of length along three random orthogonal axes.
        bend: bound on the strain of a smooth random displacement; below 1, space does not fold.
        noise: standard deviation of independent vertex noise, in mean edge lengths.

    Returns:
        A new mesh with the same faces.

    Raises:
        MeshError: the mesh is intrinsic and has no positions.
    """
    centre = mesh.vertices.mean(axis=0)
    points = mesh.vertices - centre
    points = points @ _random_stretch(rng, stretch)
    points = points + _smooth_displacement(points, rng, bend)
    if noise > 0:
        points = points + noise * mesh.mean_edge_length * rng.standard_normal(points.shape)
    return TriMesh(points + centre, mesh.faces)


def _random_stretch(rng: np.random.Generator, stretch: float) -> Float64[np.ndarray, "3 3"]:
    """A symmetric matrix with eigenvalues in 1 ± stretch along uniformly random axes."""
    axes, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    return axes @ np.diag(1.0 + stretch * rng.uniform(-1.0, 1.0, 3)) @ axes.T


def _smooth_displacement(
    points: Float64[np.ndarray, "V 3"], rng: np.random.Generator, bend: float
) -> Float64[np.ndarray, "V 3"]:
    """A sum of a few long sine waves whose gradients add up to at most `bend`.

    A map x + u(x) with |∇u| ≤ bend < 1 is one to one, so no limb is pushed through another.
    """
    extent = 2.0 * np.sqrt((points**2).sum(axis=1).max())
    directions = rng.standard_normal((_WAVES, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    lengths = extent * rng.uniform(_SHORTEST_WAVE, 2.0 * _SHORTEST_WAVE, (_WAVES, 1))
    waves = 2.0 * np.pi * directions / lengths
    shifts = rng.standard_normal((_WAVES, 3))
    shifts /= np.linalg.norm(shifts, axis=1, keepdims=True)
    shifts *= bend / (_WAVES * np.linalg.norm(waves, axis=1, keepdims=True))
    phases = rng.uniform(0.0, 2.0 * np.pi, _WAVES)
    return np.sin(points @ waves.T + phases) @ shifts
