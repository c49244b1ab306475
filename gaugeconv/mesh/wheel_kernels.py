"""Compiled walk round the vertices of an oriented mesh."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def walk_wheels(tail, twin, num_vertices):
    """Outgoing half-edges of every vertex in counter-clockwise order.

    Args:
        tail: (3F,) int64, start vertex of each half-edge.
        twin: (3F,) int64, opposite half-edge or -1.
        num_vertices: V.

    Returns:
        ``ptr`` (V+1,), ``wheel`` (3F,) and ``single_fan`` (V,) bool: whether one walk met every
        outgoing half-edge. Where it is False the wheel of that vertex is not usable.
    """
    ptr = np.zeros(num_vertices + 1, dtype=np.int64)
    for h in range(tail.size):
        ptr[tail[h] + 1] += 1
    for v in range(num_vertices):
        ptr[v + 1] += ptr[v]

    # The walk starts at a half-edge without a twin (nothing lies clockwise of it), else anywhere.
    start = np.full(num_vertices, -1, dtype=np.int64)
    for h in range(tail.size):
        v = tail[h]
        if start[v] < 0 or (twin[h] < 0 and twin[start[v]] >= 0):
            start[v] = h

    wheel = np.full(tail.size, -1, dtype=np.int64)
    single_fan = np.ones(num_vertices, dtype=np.bool_)
    for v in range(num_vertices):
        h = start[v]
        filled = ptr[v]
        while filled < ptr[v + 1]:
            wheel[filled] = h
            filled += 1
            previous = h + 2 if h % 3 == 0 else h - 1
            h = twin[previous]
            if h < 0 or h == start[v]:
                break
        single_fan[v] = filled == ptr[v + 1]
    return ptr, wheel, single_fan
