"""Compiled look-up of the opposite pair (q, p) of every pair (p, q)."""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def opposite_pairs(ptr, source):
    """For pair e = (p, q) the index of (q, p), or −1. Rows are sorted by source."""
    opposite = np.full(source.shape[0], -1, np.int64)
    for p in range(ptr.shape[0] - 1):
        for e in range(ptr[p], ptr[p + 1]):
            q = source[e]
            lo = ptr[q]
            hi = ptr[q + 1]
            while lo < hi:
                middle = (lo + hi) // 2
                if source[middle] < p:
                    lo = middle + 1
                else:
                    hi = middle
            if lo < ptr[q + 1] and source[lo] == p:
                opposite[e] = lo
    return opposite
