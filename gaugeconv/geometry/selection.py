"""How far a neighbourhood reaches: by radius, in edge lengths, or to the nearest neighbours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64

from gaugeconv.errors import MeshError
from gaugeconv.geometry.logmap import PathTable
from gaugeconv.geometry.pair_kernels import nearest_distance
from gaugeconv.mesh import TriMesh
from gaugeconv.mesh.connectivity import referenced, vertex_components

SLACK = 1e-9
"""Neighbours whose distances differ by less, relatively, are equally near."""

_BLOCK = 1 << 17  # centres searched at a time
_FIRST, _GROWTH = 1.25, 1.4  # beyond the radius that would do on a plane; from try to try

Search = Callable[[Int64[np.ndarray, " C"], Float64[np.ndarray, " C"]], PathTable]
"""Paths from each of the given centres, as far as the given radius."""


@dataclass(frozen=True)
class Extent:
    """How far neighbourhoods reach.

    Attributes:
        radius: R, in the mesh's unit; inf where `nearest` decides.
        nearest: the number of nearest neighbours; 0 for all within R.
    """

    radius: float
    nearest: int

    @classmethod
    def of(
        cls, mesh: TriMesh, radius: float | None, edges: float | None, nearest: int | None
    ) -> Extent:
        """From the arguments of `neighborhoods`.

        Raises:
            MeshError: not exactly one of the three is given, or it is out of range.
        """
        given = {"radius": radius, "edges": edges, "nearest": nearest}
        sizes = {name: value for name, value in given.items() if value is not None}
        if len(sizes) != 1:
            raise MeshError(
                "choose the size of neighbourhoods by exactly one of radius (in the mesh's unit), edges "
                f"(in mean edge lengths) and nearest (a count), got {' and '.join(sizes) or 'none'}"
            )
        ((name, value),) = sizes.items()
        if nearest is not None:
            if not isinstance(nearest, int | np.integer) or nearest < 1:
                raise MeshError(f"nearest must be a whole number of at least 1, got {nearest!r}")
            return cls(np.inf, int(nearest))
        if not (np.isfinite(value) and value > 0):
            raise MeshError(f"{name} must be positive and finite, got {value!r}")
        return cls(float(value) * (1.0 if edges is None else mesh.mean_edge_length), 0)


@dataclass(frozen=True, eq=False)
class NearestReach:
    """How far the nearest neighbours lie.

    Attributes:
        distance: (C,) of each centre's count-th nearest neighbour, or of the last one where there are
            fewer; 0 where there is none.
        called: (V,) the farthest centre that has the vertex among its nearest; 0 where none has.
    """

    distance: Float64[np.ndarray, " C"]
    called: Float64[np.ndarray, " V"]


def nearest_reach(
    search: Search,
    mesh: TriMesh,
    centers: Int64[np.ndarray, " C"],
    keep: Bool[np.ndarray, " V"],
    count: int,
) -> NearestReach:
    """Searches `count` neighbours that `keep` marks for every centre, itself not counted.

    The radius follows from the area of the vertex and grows where it holds too few.
    """
    used = referenced(mesh.faces, mesh.num_vertices)
    component = vertex_components(mesh.faces, mesh.num_vertices)
    available = np.bincount(component[keep & used], minlength=component.max() + 1)
    # the centre is nearest to itself, where it is kept
    wanted = np.minimum(available[component[centers]], count + keep[centers])
    wanted[~used[centers]] = 0
    radii = _flat_radius(mesh, keep & used, count)[centers]
    reach = NearestReach(np.zeros(len(centers)), np.zeros(mesh.num_vertices))
    for start in range(0, len(centers), _BLOCK):
        pending = np.arange(start, min(start + _BLOCK, len(centers)))
        while len(pending):
            paths = search(centers[pending], radii[pending])
            found = np.diff(paths.ptr)
            enough = found >= wanted[pending]
            far = nearest_distance(paths.ptr, paths.r, np.where(enough, wanted[pending], 0))
            reach.distance[pending] = far
            near = paths.r <= np.repeat(far * (1 + SLACK), found)
            np.maximum.at(reach.called, paths.vertex[near], paths.r[near])
            pending = pending[~enough]
            radii[pending] *= _GROWTH
    return reach


def _flat_radius(
    mesh: TriMesh, kept: Bool[np.ndarray, " V"], count: int
) -> Float64[np.ndarray, " V"]:
    """(V,) radius of the disk that would hold `count` kept vertices if the mesh went on as it is here."""
    share = max(kept.sum(), 1) / mesh.num_vertices
    radius = _FIRST * np.sqrt((count + 1) / (np.pi * share)) * np.sqrt(mesh.vertex_areas)
    return np.maximum(radius, 0.1 * mesh.mean_edge_length)
