"""Half-edge connectivity of an oriented manifold mesh."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int64

from gaugeconv.mesh.edges import EdgeTable
from gaugeconv.mesh.wheel_kernels import walk_wheels


@dataclass(frozen=True, eq=False)
class HalfEdges:
    """Half-edge ``h = 3f + k`` runs from ``faces[f, k]`` to ``faces[f, (k + 1) % 3]``.

    All arrays are read-only. Purely combinatorial, hence gauge invariant.

    Attributes:
        tail: (3F,) vertex where the half-edge starts.
        twin: (3F,) the half-edge that runs the other way, -1 at the boundary.
        wheel_ptr: (V+1,) the wheel of vertex v is ``wheel[wheel_ptr[v]:wheel_ptr[v+1]]``.
        wheel: (3F,) outgoing half-edges, counter-clockwise about the normal of the winding. A
            boundary vertex starts at its clockwise-most one (the one without a twin), an
            interior vertex at its half-edge of smallest index.
        is_boundary: (V,) whether the vertex lies on the boundary; False if unreferenced.
    """

    tail: Int64[np.ndarray, " H"]
    twin: Int64[np.ndarray, " H"]
    wheel_ptr: Int64[np.ndarray, " V1"]
    wheel: Int64[np.ndarray, " H"]
    is_boundary: Bool[np.ndarray, " V"]

    @property
    def head(self) -> Int64[np.ndarray, " H"]:
        """(3F,) vertex where each half-edge ends."""
        return self.tail.reshape(-1, 3)[:, [1, 2, 0]].ravel()

    @property
    def num_edges(self) -> int:
        """Number of undirected edges."""
        return (len(self.twin) + int(np.count_nonzero(self.twin < 0))) // 2

    def of_vertex(self, vertex: int | np.integer) -> Int64[np.ndarray, " D"]:
        """Outgoing half-edges of ``vertex``, counter-clockwise; empty if unreferenced."""
        return self.wheel[self.wheel_ptr[vertex] : self.wheel_ptr[vertex + 1]]


def build_halfedges(table: EdgeTable, num_vertices: int) -> HalfEdges | None:
    """Half-edges of the faces in ``table``, whose edges must be sound; None if a fan is not.

    Args:
        table: at most two half-edges on every edge, and two of them run opposite ways.
        num_vertices: V.

    Returns:
        The half-edges, or None where the faces round some vertex form several fans.
    """
    tail = table.faces.ravel().copy()
    twin = np.full(len(tail), -1, dtype=np.int64)
    first, second = table.pairs.T
    twin[first], twin[second] = second, first
    ptr, wheel, single_fan = walk_wheels(tail, twin, num_vertices)
    if not single_fan.all():
        return None
    is_boundary = np.zeros(num_vertices, dtype=bool)
    is_boundary[tail[table.boundary()]] = True
    is_boundary[table.faces[:, [1, 2, 0]].ravel()[table.boundary()]] = True
    for array in (tail, twin, ptr, wheel, is_boundary):
        array.setflags(write=False)
    return HalfEdges(tail, twin, ptr, wheel, is_boundary)
