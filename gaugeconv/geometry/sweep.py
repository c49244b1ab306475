"""Propagation over many centres into CSR arrays."""

import numpy as np
from numba import njit

from gaugeconv.files import source_stamp
from gaugeconv.geometry import pending, propagation, records, windows
from gaugeconv.geometry.propagation import propagate
from gaugeconv.geometry.records import JIT, OVERFLOW, RUNAWAY, SEED, TOUCHED, WINDOW
from gaugeconv.geometry.windows import middle


@njit(**JIT)
def _grown(vertex, values, used, need):
    if used + need <= vertex.shape[0]:
        return vertex, values
    size = 2 * vertex.shape[0] + need
    more_vertex = np.zeros(size, vertex.dtype)
    more_values = np.zeros((4, size))
    more_vertex[:used] = vertex[:used]
    more_values[:, :used] = values[:, :used]
    return more_vertex, more_values


@njit(**JIT)
def _store(at, values, e):
    values[0, e] = at.distance
    values[1, e] = middle(at.direction, at.direction_lo, at.direction_hi)
    values[2, e] = middle(at.back, at.back_lo, at.back_hi)
    values[3, e] = middle(at.transport, at.transport_lo, at.transport_hi)


def _compiled(stamp: int):
    """The entry point; `source_stamp` says why there is a stamp."""

    @njit(cache=True, **JIT)
    def propagate_many(he, vx, hit, cut, counts, first_run, centers, reach, keep, guess):
        """Log maps of many centres, each up to its own reach.

        Returns counts (n,), vertex (E,) and values (4, E): distance, direction at the centre,
        direction back, transport; the vertices with keep[v] only, each row sorted by vertex; and
        the index of a centre whose propagation did not settle, or a negative number.
        """
        row_counts = np.zeros(centers.shape[0], np.int64)
        vertex = np.zeros(int(guess * centers.shape[0]) + 64, np.int32)
        values = np.zeros((4, vertex.shape[0]))
        stack = np.zeros(512, WINDOW)
        seed = np.zeros(1, SEED)
        used = 0
        run = first_run
        for i in range(centers.shape[0]):
            while True:
                run += 1
                propagate(he, vx, hit, cut, counts, run, centers[i], stack, seed[0], reach[i])
                if not counts[OVERFLOW]:
                    break
                stack = np.zeros(2 * stack.shape[0], WINDOW)
            if counts[RUNAWAY]:
                return row_counts, vertex[:0], values[:, :0], i
            touched = np.sort(hit["touched"][: counts[TOUCHED]])
            vertex, values = _grown(vertex, values, used, touched.shape[0])
            for w in touched:
                if not keep[w]:
                    continue
                vertex[used] = w
                _store(hit[w], values, used)
                used += 1
                row_counts[i] += 1
        return row_counts, vertex[:used], values[:, :used], min(-1, stamp)

    return propagate_many


propagate_many = _compiled(
    source_stamp(
        records.__file__, pending.__file__, windows.__file__, propagation.__file__, __file__
    )
)
