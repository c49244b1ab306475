"""Chains of vertices, joined by edges or by shortest geodesics, as steps of parallel transport."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float64, Int64
from numpy.typing import ArrayLike

from gaugeconv.errors import MeshError
from gaugeconv.geometry.logmap import shortest_paths
from gaugeconv.mesh import TriMesh
from gaugeconv.mesh.connectivity import vertex_components


def checked_path(mesh: TriMesh, path: ArrayLike) -> Int64[np.ndarray, " N"]:
    """The path as int64, checked to be a list of at least one vertex of the mesh."""
    array = np.asarray(path)
    if array.ndim != 1 or array.dtype.kind not in "iu" or len(array) == 0:
        raise MeshError(
            f"a path is a list of one or more vertex indices, got {array.dtype} {array.shape}"
        )
    bad = np.flatnonzero((array < 0) | (array >= mesh.num_vertices))
    if len(bad):
        raise MeshError(
            f"step {bad[0]} of the path is vertex {array[bad[0]]}, "
            f"but the mesh has vertices 0 … {mesh.num_vertices - 1}"
        )
    return array.astype(np.int64)


def halfedges_along(
    mesh: TriMesh, vertices: Int64[np.ndarray, " N"]
) -> tuple[Int64[np.ndarray, " M"], Bool[np.ndarray, " M"]]:
    """A half-edge on every step of the path, and whether it runs the way of the step."""
    halfedges, heads = mesh.halfedges, mesh.halfedges.head
    steps = [(int(u), int(v)) for u, v in pairwise(vertices)]
    half_edge = np.zeros(len(steps), dtype=np.int64)
    forward = np.zeros(len(steps), dtype=np.bool_)
    for k, (u, v) in enumerate(steps):
        out, back = halfedges.of_vertex(u), halfedges.of_vertex(v)
        candidates = np.concatenate([out[heads[out] == v], back[heads[back] == u]])
        if len(candidates) == 0:
            raise MeshError(
                f"step {k} of the path: no edge joins vertices {u} and {v}; name every vertex on "
                'the way, or pass along="geodesics"'
            )
        half_edge[k] = candidates[0]
        forward[k] = halfedges.tail[candidates[0]] == u
    return half_edge, forward


def geodesic_steps(mesh: TriMesh, vertices: Int64[np.ndarray, " N"]) -> Float64[np.ndarray, " M"]:
    """Frameless φ_{u←v} of every step u → v, along the shortest geodesic between them.

    The search starts at two edge lengths and doubles, so a step costs about what its length asks for.

    Raises:
        MeshError: no path joins the ends of a step.
    """
    start, end = vertices[:-1], vertices[1:]
    _check_joined(mesh, start, end)
    transport = np.zeros(len(start))
    pending = np.flatnonzero(start != end)
    radius, longest = 2 * mesh.mean_edge_length, float(mesh.edge_lengths.sum())
    while len(pending):
        found, angle = _look_up(mesh, start[pending], end[pending], radius)
        transport[pending[found]] = angle[found]
        pending = pending[~found]
        if len(pending) and radius > longest:
            k = pending[0]
            raise MeshError(
                f"step {k} of the path: no geodesic was found from vertex {start[k]} to {end[k]}; "
                "see the needles and zero-area faces in mesh.report()"
            )
        radius *= 2
    return transport


def _look_up(
    mesh: TriMesh, start: Int64[np.ndarray, " M"], end: Int64[np.ndarray, " M"], radius: float
) -> tuple[Bool[np.ndarray, " M"], Float64[np.ndarray, " M"]]:
    """Whether each end lies within `radius` of its start, and φ_{start←end} where it does."""
    centers = np.unique(start)
    keep = np.zeros(mesh.num_vertices, dtype=np.bool_)
    keep[end] = True
    paths = shortest_paths(mesh, centers, radius, keep)
    center = np.repeat(centers, np.diff(paths.ptr))
    # rows, and vertices within them, ascend; the sentinel makes the search end inside
    known = np.append(center * mesh.num_vertices + paths.vertex, mesh.num_vertices**2)
    wanted = start * mesh.num_vertices + end
    row = np.searchsorted(known, wanted)
    return known[row] == wanted, np.append(paths.transport, 0.0)[row]


def _check_joined(
    mesh: TriMesh, start: Int64[np.ndarray, " M"], end: Int64[np.ndarray, " M"]
) -> None:
    """Raises unless both ends of every step lie on one component."""
    component = vertex_components(mesh.faces, mesh.num_vertices)
    apart = (component[start] != component[end]) | ((component[start] < 0) & (start != end))
    if apart.any():
        k = int(np.argmax(apart))
        raise MeshError(
            f"step {k} of the path: vertices {start[k]} and {end[k]} lie on different components"
        )
