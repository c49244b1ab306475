"""Components, orientation, fans and boundary loops of any face list, manifold or not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int64
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from gaugeconv.mesh.edges import EdgeTable


@dataclass(frozen=True, eq=False)
class Orientation:
    """Result of trying to wind all faces consistently.

    Attributes:
        flipped: (N,) faces to reverse; in each component the fewer, and of two equal halves the
            one without the first face. Faces of one-sided components are not listed.
        one_sided_edges: (M, 2) vertex pairs across which the faces of one-sided components
            disagree as they are wound now.
        num_one_sided: components without a consistent winding.
    """

    flipped: Int64[np.ndarray, " N"]
    one_sided_edges: Int64[np.ndarray, "M 2"]
    num_one_sided: int


def orient(table: EdgeTable) -> Orientation:
    """Find a consistent winding through the orientation double cover.

    Every face has two sheets. Two faces that meet at an edge join equal sheets if they are wound
    alike and opposite sheets if not; a component is one-sided exactly if its sheets connect. Edges
    with three or more faces join nothing.
    """
    none = np.zeros(0, dtype=np.int64)
    if not table.same_direction.any():
        return Orientation(none, none.reshape(0, 2), 0)
    num_faces = len(table.faces)
    f, g = (table.pairs // 3).T
    other = np.where(table.same_direction, num_faces, 0)
    upper = _labels(
        np.concatenate([f, f + num_faces]), np.concatenate([g + other, g + num_faces - other]),
        2 * num_faces,
    )  # fmt: skip
    plain = _labels(f, g, num_faces)
    one_sided = upper[:num_faces] == upper[num_faces:]
    _, first, size = np.unique(plain, return_index=True, return_counts=True)
    against = ~one_sided & (upper[:num_faces] != upper[first[plain]])
    majority = np.bincount(plain, weights=against) > size / 2
    flipped = np.flatnonzero(~one_sided & (against != majority[plain]))
    edges = table.ends[table.count == 2][table.same_direction & one_sided[f]]
    return Orientation(flipped, edges, len(np.unique(plain[one_sided])))


def face_components(faces: Int64[np.ndarray, "F 3"], num_vertices: int) -> Int64[np.ndarray, " F"]:
    """Component of every face, numbered from 0; faces that share a vertex are connected."""
    label = _labels(faces[:, [0, 1]].ravel(), faces[:, [1, 2]].ravel(), num_vertices)
    return np.unique(label[faces[:, 0]], return_inverse=True)[1].astype(np.int64)


def several_fans(table: EdgeTable, num_vertices: int) -> Int64[np.ndarray, " N"]:
    """Vertices whose faces fall into parts that meet only at the vertex.

    Works for any winding: two corners at a vertex are connected if their faces share an edge
    there, however many faces that edge has.
    """
    inner = np.ones(len(table.order), dtype=bool)
    inner[table.start[1:] - 1] = False
    here = np.flatnonzero(inner)
    h, g = table.order[here], table.order[here + 1]
    tail = table.faces.ravel()
    opposite_way = tail[h] != tail[g]
    # The corner at the end of a half-edge is the half-edge that starts there.
    h_end, g_end = _next(h), _next(g)
    label = _labels(
        np.concatenate([h, h_end]),
        np.concatenate([np.where(opposite_way, g_end, g), np.where(opposite_way, g, g_end)]),
        len(tail),
    )
    vertex_of_fan = np.full(int(label.max()) + 1, num_vertices)
    vertex_of_fan[label[table.order]] = tail[table.order]
    return np.flatnonzero(np.bincount(vertex_of_fan)[:num_vertices] > 1)


def count_boundary_loops(table: EdgeTable, num_vertices: int) -> int:
    """Connected pieces of the boundary; each is a closed loop on a manifold mesh."""
    ends = table.ends[table.count == 1]
    if len(ends) == 0:
        return 0
    label = _labels(ends[:, 0], ends[:, 1], num_vertices)
    return len(np.unique(label[ends[:, 0]]))


def referenced(faces: Int64[np.ndarray, "F 3"], num_vertices: int) -> Bool[np.ndarray, " V"]:
    """Which vertices some face uses."""
    used = np.zeros(num_vertices, dtype=bool)
    used[faces] = True
    return used


def _next(half_edge: Int64[np.ndarray, " H"]) -> Int64[np.ndarray, " H"]:
    return np.where(half_edge % 3 == 2, half_edge - 2, half_edge + 1)


def _labels(
    first: Int64[np.ndarray, " N"], second: Int64[np.ndarray, " N"], size: int
) -> Int64[np.ndarray, " S"]:
    """Component label of each of ``size`` nodes joined by the given pairs."""
    graph = coo_array((np.ones(len(first), dtype=np.int8), (first, second)), shape=(size, size))
    return connected_components(graph, directed=False)[1].astype(np.int64)
