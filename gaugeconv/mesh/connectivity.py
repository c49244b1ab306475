"""Components, orientation, fans and boundary loops of any face list, manifold or not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int64
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order, connected_components

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
    upper = _sheets(table, np.arange(len(f)))
    plain = connected(f, g, num_faces)
    one_sided = upper[:num_faces] == upper[num_faces:]
    _, first, size = np.unique(plain, return_index=True, return_counts=True)
    against = ~one_sided & (upper[:num_faces] != upper[first[plain]])
    majority = np.bincount(plain, weights=against) > size / 2
    flipped = np.flatnonzero(~one_sided & (against != majority[plain]))
    edges = table.ends[table.count == 2][table.same_direction & one_sided[f]]
    return Orientation(flipped, edges, len(np.unique(plain[one_sided])))


def cuts_to_orient(table: EdgeTable) -> Bool[np.ndarray, " I"]:
    """Which of ``table.pairs`` to cut so that what remains joined can be wound consistently.

    Winding spreads breadth-first from the first face of each component; the cuts are where it
    contradicts itself, far from there. None where the component is orientable.
    """
    if not table.same_direction.any():
        return table.same_direction
    num_faces = len(table.faces)
    f, g = (table.pairs // 3).T
    component = connected(f, g, num_faces)
    root = np.unique(component, return_index=True)[1]
    ends = np.concatenate([f, np.full(len(root), num_faces)]), np.concatenate([g, root])
    graph = coo_array((np.ones(len(ends[0])), ends), shape=(num_faces + 1,) * 2).tocsr()
    parent = breadth_first_order(graph, num_faces, directed=False)[1]
    branch = np.flatnonzero((parent[f] == g) | (parent[g] == f))
    key = np.minimum(f, g)[branch] * num_faces + np.maximum(f, g)[branch]
    branch = branch[np.unique(key, return_index=True)[1]]  # two faces may share several edges
    sheet = _sheets(table, branch)[:num_faces]
    turned = sheet != sheet[root[component]]
    return table.same_direction ^ turned[f] ^ turned[g]


def face_components(faces: Int64[np.ndarray, "F 3"], num_vertices: int) -> Int64[np.ndarray, " F"]:
    """Component of every face, numbered from 0; faces that share a vertex are connected."""
    label = connected(faces[:, [0, 1]].ravel(), faces[:, [1, 2]].ravel(), num_vertices)
    return np.unique(label[faces[:, 0]], return_inverse=True)[1].astype(np.int64)


def several_fans(table: EdgeTable, num_vertices: int) -> Int64[np.ndarray, " N"]:
    """Vertices whose faces fall into parts that meet only at the vertex.

    Works for any winding: two corners at a vertex are connected if their faces share an edge
    there, however many faces that edge has.
    """
    tail = table.faces.ravel()
    label = corner_fans(table, table.neighbours)
    vertex_of_fan = np.full(int(label.max()) + 1, num_vertices)
    vertex_of_fan[label[table.order]] = tail[table.order]
    return np.flatnonzero(np.bincount(vertex_of_fan)[:num_vertices] > 1)


def corner_fans(table: EdgeTable, joined: Int64[np.ndarray, "I 2"]) -> Int64[np.ndarray, " G"]:
    """(3F,) the fan of every corner, where fans are joined across the given edges only.

    Args:
        table: any winding.
        joined: pairs of half-edges on one edge, whose faces belong together.
    """
    h, g = joined.T
    tail = table.faces.ravel()
    opposite_way = tail[h] != tail[g]
    # The corner at the end of a half-edge is the half-edge that starts there.
    h_end, g_end = next_half_edge(h), next_half_edge(g)
    return connected(
        np.concatenate([h, h_end]),
        np.concatenate([np.where(opposite_way, g_end, g), np.where(opposite_way, g, g_end)]),
        len(tail),
    )


def count_boundary_loops(table: EdgeTable, num_vertices: int) -> int:
    """Connected pieces of the boundary; each is a closed loop on a manifold mesh."""
    ends = table.ends[table.count == 1]
    if len(ends) == 0:
        return 0
    label = connected(ends[:, 0], ends[:, 1], num_vertices)
    return len(np.unique(label[ends[:, 0]]))


def vertex_components(
    faces: Int64[np.ndarray, "F 3"], num_vertices: int
) -> Int64[np.ndarray, " V"]:
    """(V,) component of every vertex, that of its faces; −1 where no face uses it."""
    component = np.full(num_vertices, -1)
    component[faces] = face_components(faces, num_vertices)[:, None]
    return component


def referenced(faces: Int64[np.ndarray, "F 3"], num_vertices: int) -> Bool[np.ndarray, " V"]:
    """Which vertices some face uses."""
    used = np.zeros(num_vertices, dtype=bool)
    used[faces] = True
    return used


def _sheets(table: EdgeTable, joining: Int64[np.ndarray, " N"]) -> Int64[np.ndarray, " D"]:
    """(2F,) components of the orientation double cover, joined by some of ``table.pairs`` alone."""
    num_faces = len(table.faces)
    f, g = (table.pairs[joining] // 3).T
    other = np.where(table.same_direction[joining], num_faces, 0)
    return connected(
        np.concatenate([f, f + num_faces]),
        np.concatenate([g + other, g + num_faces - other]),
        2 * num_faces,
    )


def next_half_edge(half_edge: Int64[np.ndarray, " H"]) -> Int64[np.ndarray, " H"]:
    """The half-edge that follows in the same face; half-edge 3f + i leaves corner i of face f."""
    return np.where(half_edge % 3 == 2, half_edge - 2, half_edge + 1)


def connected(
    first: Int64[np.ndarray, " N"], second: Int64[np.ndarray, " N"], size: int
) -> Int64[np.ndarray, " S"]:
    """Component label of each of ``size`` nodes joined by the given pairs."""
    graph = coo_array((np.ones(len(first), dtype=np.int8), (first, second)), shape=(size, size))
    return connected_components(graph, directed=False)[1].astype(np.int64)
