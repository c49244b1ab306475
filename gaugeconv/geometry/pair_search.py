"""Which vertices are wanted, and the search for their pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float64, Int64
from numpy.typing import ArrayLike

from gaugeconv.errors import MeshError
from gaugeconv.geometry.double_cover import double_cover
from gaugeconv.geometry.logmap import PathTable, shortest_paths
from gaugeconv.geometry.pairs import Pairs
from gaugeconv.geometry.selection import SLACK, nearest_reach
from gaugeconv.geometry.tangent_area import tangent_areas
from gaugeconv.geometry.vector_heat import vector_heat_paths
from gaugeconv.geometry.vertex_lists import vertex_list
from gaugeconv.mesh import TriMesh

Method = Literal["exact", "vector-heat"]

MARGIN = 1e-9  # searched beyond R, so that rounding cannot lose one of the pairs (p, q), (q, p)


@dataclass(frozen=True, eq=False)
class Request:
    """The vertices to pair, and the areas that the caller gave to the sources.

    Attributes:
        mesh: the surface.
        targets: (P,) vertices p, ascending. sources: (Q,) vertices q, ascending.
        area: (Q,) area that each source stands for; None to read it off the mesh.
    """

    mesh: TriMesh
    targets: Int64[np.ndarray, " P"]
    sources: Int64[np.ndarray, " Q"]
    area: Float64[np.ndarray, " Q"] | None

    @classmethod
    def of(
        cls,
        mesh: TriMesh,
        targets: ArrayLike | None,
        sources: ArrayLike | None,
        source_area: ArrayLike | None,
    ) -> Request:
        """All vertices where a list is None.

        Raises:
            MeshError: lists that are not ascending or out of range, or areas that do not fit.
        """
        everything = np.arange(mesh.num_vertices)
        rows = everything if targets is None else vertex_list(mesh, targets, "targets")
        columns = everything if sources is None else vertex_list(mesh, sources, "sources")
        if source_area is None:
            if sources is not None:
                raise MeshError("give source_area with sources: the area that each stands for")
            return cls(mesh, rows, columns, None)
        area = np.asarray(source_area, dtype=np.float64)
        if area.shape != columns.shape or not np.isfinite(area).all():
            raise MeshError(
                f"source_area has shape {area.shape}, expected {columns.shape} finite numbers"
            )
        return cls(mesh, rows, columns, area)

    @property
    def is_square(self) -> bool:
        """Whether targets and sources are the same vertices."""
        return np.array_equal(self.targets, self.sources)

    def weights(self, pairs: Pairs) -> Float64[np.ndarray, " E"]:
        """Area of each pair's source: as given, or as seen in the tangent plane of its target."""
        if self.area is not None:
            return self.area[pairs.source]
        cover = double_cover(self.mesh)
        if cover is None:
            return tangent_areas(self.mesh, pairs.ptr, pairs.source, pairs.r, pairs.theta)
        sheet = pairs.source + self.mesh.num_vertices * pairs.flip
        return tangent_areas(cover.mesh, pairs.ptr, sheet, pairs.r, pairs.theta)


def pairs_within(request: Request, radius: float, method: Method) -> Pairs:
    """Pairs at most `radius` apart; searched from the fewer of targets and sources."""
    mesh, square = request.mesh, request.is_square
    from_sources = len(request.sources) < len(request.targets)
    centers, reached = request.targets, request.sources
    if from_sources:
        centers, reached = reached, centers
    keep = _mask(mesh, reached)
    if method == "exact":
        paths = shortest_paths(mesh, centers, radius * (1 + MARGIN), keep)
    else:
        paths = vector_heat_paths(mesh, centers, radius, keep)
    pairs = Pairs.of(paths, mesh.num_vertices, reached, np.inf, vertices_are_targets=from_sources)
    del paths  # a third of the memory
    if square:
        pairs = pairs.symmetric()
    return pairs.select(pairs.r <= radius)


def nearest_pairs(request: Request, count: int) -> Pairs:
    """Pairs (p, q) with q among the `count` nearest sources of p; both ways where all are both.

    Two searches: one for how far each vertex must look, one for the pairs.
    """
    mesh, square = request.mesh, request.is_square
    keep = _mask(mesh, request.sources)

    def search(centers: Int64[np.ndarray, " C"], reach: Float64[np.ndarray, " C"]) -> PathTable:
        return shortest_paths(mesh, centers, reach, keep)

    near = nearest_reach(search, mesh, request.targets, keep, count)
    far = near.distance
    reach = np.maximum(far, near.called[request.targets]) if square else far
    reach = np.maximum(reach, SLACK * mesh.mean_edge_length)  # where there is none
    paths = search(request.targets, reach * (1 + 2 * SLACK))
    pairs = Pairs.of(paths, mesh.num_vertices, request.sources, np.inf, vertices_are_targets=False)
    del paths
    if not square:
        return pairs.select(pairs.r <= far[pairs.target] * (1 + SLACK))
    pairs = pairs.symmetric()
    limit = np.maximum(far[pairs.target], far[pairs.source]) * (1 + SLACK)
    return pairs.select(pairs.r <= limit)


def _mask(mesh: TriMesh, vertices: Int64[np.ndarray, " N"]) -> Bool[np.ndarray, " V"]:
    mask = np.zeros(mesh.num_vertices, dtype=np.bool_)
    mask[vertices] = True
    return mask
