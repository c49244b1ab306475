"""Compiled loops over pairs: opposites, the distance of the k-th nearest, other numbers of vertices."""

import math

import numpy as np
from numba import njit

TWO_PI = 2 * math.pi


@njit(cache=True, nogil=True)
def make_symmetric(ptr, source, flip, r, theta, transport):
    """Makes r_pq = r_qp and T_pq T_qp = 1 in place; returns where the opposite pair was found.

    T = R(φ) S^flip. Rows are sorted by source, so the partners of the pairs of q are met in order. Where
    the two have come by different sheets of a one-sided surface, (q, p) takes the path of (p, q), p < q.
    """
    found = np.zeros(source.shape[0], np.bool_)
    following = ptr[:-1].copy()
    for p in range(ptr.shape[0] - 1):
        for e in range(ptr[p], ptr[p + 1]):
            q = source[e]
            f = following[q]
            while f < ptr[q + 1] and source[f] < p:
                f += 1
            following[q] = f
            if f == ptr[q + 1] or source[f] != p:
                continue
            found[e] = True
            if f < e:  # done from the other side
                continue
            r[e] = r[f] = 0.5 * (r[e] + r[f])
            if flip[f] != flip[e]:
                flip[f] = flip[e]
                transport[f] = transport[e] if flip[e] else -transport[e]
                turned = transport[e] - theta[e] if flip[e] else theta[e] - transport[e]
                theta[f] = turned + math.pi
            excess = transport[e] - transport[f] if flip[e] else transport[e] + transport[f]
            excess -= TWO_PI * np.rint(excess / TWO_PI)
            angle = transport[e] - 0.5 * excess
            transport[f] = angle if flip[e] else -angle
            transport[e] = angle
    return found


@njit(cache=True, nogil=True)
def nearest_distance(ptr, r, count):
    """Of each row the distance of rank count[row] in ascending order; 0 where that is 0."""
    distance = np.zeros(ptr.shape[0] - 1)
    for row in range(distance.shape[0]):
        if count[row] > 0:
            distance[row] = np.sort(r[ptr[row] : ptr[row + 1]])[count[row] - 1]
    return distance


@njit(cache=True, nogil=True)
def renumber_rows(ptr, vertex, columns, row, label):
    """Rows in other places and vertices under other names: ptr, vertices, columns (4, E).

    Row i becomes row[i] and vertex v becomes label[v]; each row is sorted by vertex again.
    """
    new_ptr = np.zeros_like(ptr)
    for i in range(row.shape[0]):
        new_ptr[row[i] + 1] = ptr[i + 1] - ptr[i]
    new_ptr = np.cumsum(new_ptr)
    new_vertex = np.zeros_like(vertex)
    new_columns = np.zeros((len(columns), vertex.shape[0]))
    for i in range(row.shape[0]):
        count = ptr[i + 1] - ptr[i]
        key = label[vertex[ptr[i] : ptr[i + 1]]] * count + np.arange(count)
        start = new_ptr[row[i]]
        for e, named in enumerate(np.sort(key)):
            new_vertex[start + e] = named // count
            old = ptr[i] + named % count
            for c in range(len(columns)):
                new_columns[c, start + e] = columns[c][old]
    return new_ptr, new_vertex, new_columns
