"""Farthest point sampling by the length of edge paths, compiled with numba."""

import heapq

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def farthest_points(ptr, neighbor, length, distance, first, count):
    """Picks `count` vertices, each the farthest from all before it.

    Args:
        ptr, neighbor, length: the edge graph in CSR form.
        distance: (V,) −1 for vertices never to be picked, otherwise a start value: larger than any
            path, it orders vertices that no pick has reached yet. Overwritten.
        first: the first pick.
        count: how many.

    Each pick spreads by Dijkstra only as far as it is nearer than all before it, so that all picks
    together cost about log(count) passes over the mesh.
    """
    picked = np.zeros(count, np.int64)
    vertex = first
    for i in range(count):
        picked[i] = vertex
        distance[vertex] = 0.0
        heap = [(0.0, vertex)]
        while len(heap) > 0:
            d, v = heapq.heappop(heap)
            if d > distance[v]:
                continue
            for k in range(ptr[v], ptr[v + 1]):
                w = neighbor[k]
                candidate = d + length[k]
                if candidate < distance[w]:
                    distance[w] = candidate
                    heapq.heappush(heap, (candidate, w))
        vertex = np.argmax(distance)
    return picked
