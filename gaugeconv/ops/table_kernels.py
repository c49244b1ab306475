"""Compiled loops that sort the pairs of a neighbourhood for the aggregation."""

from __future__ import annotations

import numpy as np
from numba import njit

CLUSTER = 256
"""Rows that are worked on together: what they read stays in the second-level cache."""


@njit(cache=True, nogil=True)
def cluster_rows(row, source, num_rows):
    """An order of the rows in which neighbours are near: rows i of a list of clusters.

    A cluster grows from a seed by breadth-first search over its pairs (row, source); what it
    reached beyond its size are the seeds of later ones. Sources and rows must be the same vertices.
    """
    ptr = np.zeros(num_rows + 2, dtype=np.int64)
    for e in range(row.size):
        ptr[row[e] + 2] += 1
    for p in range(num_rows):
        ptr[p + 2] += ptr[p + 1]
    read = np.zeros(row.size, dtype=np.int32)
    for e in range(row.size):
        read[ptr[row[e] + 1]] = source[e]
        ptr[row[e] + 1] += 1
    order = np.zeros(num_rows, dtype=np.int64)
    seen = np.zeros(num_rows, dtype=np.bool_)
    seeds = np.zeros(row.size + num_rows + 1, dtype=np.int32)
    done = end = 0
    for p in range(num_rows):
        waiting, seeds[0] = 1, p
        while waiting > 0:
            waiting -= 1
            seed = seeds[waiting]
            if seen[seed]:
                continue
            seen[seed], order[end] = True, seed
            start, end = done, end + 1
            while done < end and done - start < CLUSTER:
                for e in range(ptr[order[done]], ptr[order[done] + 1]):
                    q = read[e]
                    if not seen[q]:
                        seen[q], order[end] = True, q
                        end += 1
                done += 1
            for i in range(done, end):
                seen[order[i]], seeds[waiting] = False, order[i]
                waiting += 1
            end = done
    return order


@njit(nogil=True)
def _first_ring(values):
    """The first k where b_k is not zero, or their number."""
    for k in range(values.size):
        if values[k] != 0:
            return k
    return values.size


@njit(cache=True, nogil=True)
def sort_pairs(row, source, place, radial, ptr, order, read, weights, ranges):
    """Sorts pairs by place[row] and then by the first b_k that is not zero (counting sort, stable).

    Fills ptr (rows+1) and, pair by pair in the new order, `order` with the old number, `read` with
    the source and weights (num+1, E) with radial (E, num+1). ranges[i, k] are the first and
    one-past-last pair of row i where b_k is not zero: few, for a basis with local support.
    """
    rows, num = ptr.size - 1, radial.shape[1]
    free = np.zeros(rows * (num + 1) + 1, dtype=np.int64)
    for e in range(row.size):
        free[place[row[e]] * (num + 1) + _first_ring(radial[e]) + 1] += 1
    for i in range(free.size - 1):
        free[i + 1] += free[i]
    for i in range(rows + 1):
        ptr[i] = free[i * (num + 1)]
    for e in range(row.size):
        i, first = place[row[e]], _first_ring(radial[e])
        at = free[i * (num + 1) + first]
        free[i * (num + 1) + first] += 1
        order[at], read[at] = e, source[e]
        for k in range(first, num):
            weights[k, at] = radial[e, k]
            if radial[e, k] != 0:
                lo, hi, j = ranges[i, k, 0], ranges[i, k, 1], at - ptr[i]
                ranges[i, k, 0] = j if hi == 0 else min(lo, j)
                ranges[i, k, 1] = max(hi, j + 1)
