"""Building neighbourhoods: exact log map and transport for every pair within the radius."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float64, Int64
from numpy.typing import ArrayLike

from gaugeconv.errors import MeshError
from gaugeconv.geometry.cache import cache_key, cached
from gaugeconv.geometry.frames import Frames, frames_on
from gaugeconv.geometry.logmap import shortest_paths
from gaugeconv.geometry.neighborhoods import Neighborhoods
from gaugeconv.geometry.pairs import Pairs
from gaugeconv.mesh import TriMesh

MARGIN = 1e-9  # searched beyond R, so that rounding cannot lose one of the pairs (p, q), (q, p)


def neighborhoods(
    mesh: TriMesh,
    radius: float,
    frames: Frames | None = None,
    *,
    targets: ArrayLike | None = None,
    sources: ArrayLike | None = None,
    source_area: ArrayLike | None = None,
    cache: bool = False,
) -> Neighborhoods:
    """All pairs (p, q) with geodesic distance ≤ R, with exact log_p(q) and transport φ_{p←q}.

    Args:
        mesh: the surface, of which every path is measured at full resolution.
        radius: R > 0, in the mesh's unit of length.
        frames: the gauge; canonical frames when None.
        targets, sources: ascending vertex indices to restrict p and q to; all vertices when None.
        source_area: (Q,) area that each source stands for, the quadrature weight. By default the
            barycentric vertex area; needed when `sources` is given.
        cache: read the result from disk if it is there, else save it (see `geometry.cache`).

    Returns:
        Neighborhoods in float64. r and weight are gauge invariant; θ and φ transform as
        `Neighborhoods.change_gauge` says. A referenced vertex is its own neighbour with r = θ = φ = 0;
        an unreferenced one has no neighbours. r_pq = r_qp and φ_pq + φ_qp = 0 mod 2π hold exactly
        when targets and sources are the same vertices.

    Tied shortest paths count as one in the middle of all. Only where two of them leave in opposite
    directions, as across a closed geodesic of length 2r, is the middle an arbitrary one of two.

    Raises:
        MeshError: defective mesh, bad radius, frames of another mesh, or vertex lists that are not
            ascending or out of range.
    """
    frames = frames_on(mesh, frames)
    everything = np.arange(mesh.num_vertices)
    target_vertex = everything if targets is None else _vertex_list(mesh, targets, "targets")
    source_vertex = everything if sources is None else _vertex_list(mesh, sources, "sources")
    if sources is not None and source_area is None:
        raise MeshError("give source_area with sources: the area that each of them stands for")
    area = np.asarray(mesh.vertex_areas if source_area is None else source_area, dtype=np.float64)
    if area.shape != source_vertex.shape or not np.isfinite(area).all():
        raise MeshError(
            f"source_area has shape {area.shape}, expected {source_vertex.shape} finite numbers"
        )

    def make() -> Neighborhoods:
        return _connect(frames, radius, target_vertex, source_vertex, area)

    if not cache:
        return make()
    lists = {"targets": target_vertex, "sources": source_vertex, "source_area": area}
    key = cache_key("neighborhoods", mesh, frames, radius=float(radius), **lists)
    nb = cached(key, make, Neighborhoods.save, Neighborhoods.load)
    return replace(nb, frames=frames)


def _connect(
    frames: Frames,
    radius: float,
    target_vertex: Int64[np.ndarray, " P"],
    source_vertex: Int64[np.ndarray, " Q"],
    source_area: Float64[np.ndarray, " Q"],
) -> Neighborhoods:
    """Neighbourhoods by propagation from whichever of targets and sources are fewer."""
    mesh = frames.mesh
    from_sources = len(source_vertex) < len(target_vertex)
    centers, reached = (
        (source_vertex, target_vertex) if from_sources else (target_vertex, source_vertex)
    )
    keep = np.zeros(mesh.num_vertices, dtype=np.bool_)
    keep[reached] = True
    paths = shortest_paths(mesh, centers, radius * (1 + MARGIN), keep)
    pairs = Pairs.of(paths, mesh.num_vertices, reached, np.inf, vertices_are_targets=from_sources)
    if np.array_equal(target_vertex, source_vertex):
        pairs = pairs.symmetric()
    pairs = pairs.select(pairs.r <= radius)
    return pairs.in_frames(frames, target_vertex, source_vertex, source_area, radius)


def _vertex_list(mesh: TriMesh, vertices: ArrayLike, name: str) -> Int64[np.ndarray, " N"]:
    """The list as int64, checked to be ascending and in range."""
    array = np.asarray(vertices)
    if array.ndim != 1 or array.dtype.kind not in "iu" or len(array) == 0:
        raise MeshError(f"{name} must be a list of vertex indices, got {array.dtype} {array.shape}")
    array = array.astype(np.int64)
    if (np.diff(array) <= 0).any() or array[0] < 0 or array[-1] >= mesh.num_vertices:
        raise MeshError(f"{name} must ascend strictly within 0 … {mesh.num_vertices - 1}")
    return array
