"""Building neighbourhoods: exact log map and transport for every pair within the radius."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Int64
from numpy.typing import ArrayLike

from gaugeconv.errors import MeshError
from gaugeconv.geometry.frames import Frames
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
) -> Neighborhoods:
    """All pairs (p, q) with geodesic distance ≤ R, with exact log_p(q) and transport φ_{p←q}.

    Args:
        mesh: the surface, of which every path is measured at full resolution.
        radius: R > 0, in the mesh's unit of length.
        frames: the gauge; canonical frames when None.
        targets, sources: ascending vertex indices to restrict p and q to; all vertices when None.
        source_area: (Q,) area that each source stands for, the quadrature weight. By default the
            barycentric vertex area; needed when `sources` is given.

    Returns:
        Neighborhoods in float64. r and weight are gauge invariant; θ and φ transform as
        `Neighborhoods.change_gauge` says. A referenced vertex is its own neighbour with r = θ = φ = 0;
        an unreferenced one has no neighbours. r_pq = r_qp and φ_pq + φ_qp = 0 mod 2π hold exactly
        when targets and sources are the same vertices.

    Raises:
        MeshError: defective mesh, bad radius, or vertex lists that are not ascending or out of range.
    """
    frames = frames or Frames.canonical(mesh)
    everything = np.arange(mesh.num_vertices)
    target_vertex = everything if targets is None else _vertex_list(mesh, targets, "targets")
    source_vertex = everything if sources is None else _vertex_list(mesh, sources, "sources")
    if source_area is None:
        if sources is not None:
            raise MeshError("give source_area with sources: the area that each of them stands for")
        source_area = mesh.vertex_areas
    area = np.asarray(source_area, dtype=np.float64)
    if area.shape != source_vertex.shape:
        raise MeshError(f"source_area has shape {area.shape}, expected {source_vertex.shape}")
    from_sources = len(source_vertex) < len(target_vertex)  # propagate from the fewer
    centers, reached = (
        (source_vertex, target_vertex) if from_sources else (target_vertex, source_vertex)
    )
    keep = np.zeros(mesh.num_vertices, dtype=np.bool_)
    keep[reached] = True
    paths = shortest_paths(mesh, centers, radius * (1 + MARGIN), keep & referenced(mesh))
    pairs = Pairs.of(paths, mesh.num_vertices, reached, np.inf, vertices_are_targets=from_sources)
    if np.array_equal(target_vertex, source_vertex):
        pairs = pairs.symmetric()
    pairs = pairs.select(pairs.r <= radius)
    return pairs.in_frames(frames, target_vertex, source_vertex, area, radius)


def referenced(mesh: TriMesh) -> Bool[np.ndarray, " V"]:
    """(V,) whether any face uses the vertex."""
    mask = np.zeros(mesh.num_vertices, dtype=np.bool_)
    mask[mesh.faces] = True
    return mask


def _vertex_list(mesh: TriMesh, vertices: ArrayLike, name: str) -> Int64[np.ndarray, " N"]:
    """The list as int64, checked to be ascending and in range."""
    array = np.asarray(vertices)
    if array.ndim != 1 or array.dtype.kind not in "iu" or len(array) == 0:
        raise MeshError(f"{name} must be a list of vertex indices, got {array.dtype} {array.shape}")
    array = array.astype(np.int64)
    if (np.diff(array) <= 0).any() or array[0] < 0 or array[-1] >= mesh.num_vertices:
        raise MeshError(f"{name} must ascend strictly within 0 … {mesh.num_vertices - 1}")
    return array
