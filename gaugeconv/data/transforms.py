"""Deformations of meshes for augmentation. None changes its input; faces and labels carry over."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

from gaugeconv.mesh import TriMesh

_WAVES = 4
_SHORTEST_WAVE = 0.7  # in extents of the mesh: bends limbs, leaves fingers alone


def mirror(mesh: TriMesh) -> TriMesh:
    """The mirror image in the plane x = 0, with the winding reversed so that outside stays outside.

    Vertices and faces keep their order and so their labels; a left hand becomes a right hand. Any other
    plane gives the same up to a rigid motion. For a network with structure group SO(2) it is a new
    shape: transports change sign, angles run the other way.

    Raises:
        MeshError: the mesh is intrinsic and has no positions.
    """
    return TriMesh(mesh.vertices * [-1.0, 1.0, 1.0], mesh.faces[:, [0, 2, 1]])


def deform(
    mesh: TriMesh,
    rng: np.random.Generator,
    stretch: float = 0.15,
    bend: float = 0.3,
    noise: float = 0.0,
    mirror: float = 0.0,
) -> TriMesh:
    """A randomly stretched and bent copy of a mesh, vertex for vertex and face for face.

    The result's own geometry (areas, angles, geodesics) is that of its new positions, so
    whatever was computed for the original must be computed anew. Equivariant in distribution
    under rigid motions and scalings of the input: no axis or size is special.

    Args:
        mesh: the original.
        rng: the source of randomness.
        stretch: largest relative change of length along three random orthogonal axes.
        bend: bound on the strain of a smooth random displacement; below 1, space does not fold.
        noise: standard deviation of independent vertex noise, in mean edge lengths.
        mirror: probability that the copy is mirrored as well, see `mirror`.

    Returns:
        A new mesh; its faces are the same but for the winding where it is mirrored.

    Raises:
        MeshError: the mesh is intrinsic and has no positions.
    """
    centre = mesh.vertices.mean(axis=0)
    points = mesh.vertices - centre
    points = points @ _random_stretch(rng, stretch)
    points = points + _smooth_displacement(points, rng, bend)
    if noise > 0:
        points = points + noise * mesh.mean_edge_length * rng.standard_normal(points.shape)
    copy = TriMesh(points + centre, mesh.faces)
    # drawn last, and only where it matters: other draws do not depend on it
    return _mirrored(copy) if mirror > 0 and rng.random() < mirror else copy


_mirrored = mirror  # `deform` has an argument of this name


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
