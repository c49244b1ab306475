"""Undirected edges of a face list: the one sort that everything topological is read off."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Int64


@dataclass(frozen=True, eq=False)
class EdgeTable:
    """Half-edges ``h = 3f + k`` grouped by the undirected edge they lie on.

    Faces with a repeated index are left out: they have no three edges.

    Attributes:
        faces: (F, 3) the face list.
        order: (H,) half-edges, those of one edge together, ascending within it.
        start: (E+1,) where each edge begins in ``order``.
        ends: (E, 2) the two vertices of each edge, smaller index first.
    """

    faces: Int64[np.ndarray, "F 3"]
    order: Int64[np.ndarray, " H"]
    start: Int64[np.ndarray, " E1"]
    ends: Int64[np.ndarray, "E 2"]

    @classmethod
    def of(cls, faces: Int64[np.ndarray, "F 3"]) -> EdgeTable:
        """Group the half-edges of ``faces`` (one stable sort)."""
        tail, head = faces.ravel(), faces[:, [1, 2, 0]].ravel()
        base = int(faces.max()) + 1
        key = np.minimum(tail, head) * base + np.maximum(tail, head)
        degenerate = repeated_index(faces)
        order = np.argsort(key, kind="stable")
        if degenerate.any():
            order = order[~degenerate[order // 3]]
        key = key[order]
        first = np.flatnonzero(np.diff(key, prepend=-1))
        start = np.append(first, len(order))
        ends = np.stack(np.divmod(key[first], base), axis=1)
        return cls(faces, order, start, ends)

    @property
    def num_edges(self) -> int:
        """Number of different undirected edges."""
        return len(self.ends)

    @cached_property
    def count(self) -> Int64[np.ndarray, " E"]:
        """How many half-edges lie on each edge: 1 at the boundary, 2 inside, more is a defect."""
        return np.diff(self.start)

    @cached_property
    def edge_of(self) -> Int64[np.ndarray, " G"]:
        """(3F,) the edge each half-edge lies on, -1 in a face with a repeated index."""
        out = np.full(self.faces.size, -1, dtype=np.int64)
        out[self.order] = np.repeat(np.arange(self.num_edges), self.count)
        return out

    @cached_property
    def pairs(self) -> Int64[np.ndarray, "I 2"]:
        """The two half-edges of every edge that has exactly two."""
        at = self.start[:-1][self.count == 2]
        return np.stack([self.order[at], self.order[at + 1]], axis=1)

    @cached_property
    def neighbours(self) -> Int64[np.ndarray, "N 2"]:
        """Half-edges that follow each other on one edge, however many it has."""
        follows = np.ones(len(self.order), dtype=bool)
        follows[self.start[1:] - 1] = False
        here = np.flatnonzero(follows)
        return np.stack([self.order[here], self.order[here + 1]], axis=1)

    @cached_property
    def same_direction(self) -> Bool[np.ndarray, " I"]:
        """Whether both half-edges of a pair run the same way: their faces are wound oppositely."""
        tail = self.faces.ravel()[self.pairs]
        return tail[:, 0] == tail[:, 1]

    def boundary(self) -> Int64[np.ndarray, " B"]:
        """Half-edges that are alone on their edge."""
        return self.order[self.start[:-1][self.count == 1]]

    def opposite(self, half_edge: Int64[np.ndarray, "*shape"]) -> Int64[np.ndarray, "*shape"]:
        """The corner of each half-edge's face that does not lie on it."""
        face, side = np.divmod(half_edge, 3)
        return self.faces[face, (side + 2) % 3]


def repeated_index(faces: Int64[np.ndarray, "F 3"]) -> Bool[np.ndarray, " F"]:
    """Which faces use one vertex twice."""
    a, b, c = faces.T
    return (a == b) | (b == c) | (c == a)
