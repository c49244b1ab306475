"""Propagation over many centres into CSR arrays."""

import hashlib
from pathlib import Path

import numpy as np
from numba import njit

from gaugeconv.geometry import propagation, windows
from gaugeconv.geometry.propagation import propagate
from gaugeconv.geometry.windows import JIT, OVERFLOW, RUNAWAY, TOUCHED, WINDOW, middle


@njit(**JIT)
def _grown(array, used, need):
    if used + need <= array.shape[0]:
        return array
    bigger = np.empty((2 * array.shape[0] + need,) + array.shape[1:], array.dtype)  # noqa: RUF005
    bigger[:used] = array[:used]
    return bigger


@njit(**JIT)
def _store(at, row):
    row[0] = at.distance
    row[1] = middle(at.direction, at.direction_lo, at.direction_hi)
    row[2] = middle(at.back, at.back_lo, at.back_hi)
    row[3] = middle(at.transport, at.transport_lo, at.transport_hi)


def _source_stamp() -> int:
    """A negative number that changes whenever the code of the propagation does."""
    digest = hashlib.sha256()
    for module in (windows.__file__, propagation.__file__, __file__):
        digest.update(Path(module).read_bytes())
    return -int.from_bytes(digest.digest()[:7], "big")


def _compiled(stamp: int):
    """The entry point. numba's disk cache looks at a function's own file and its closure, not at the
    files of the functions that it calls: `stamp` in the closure keeps it from running stale code.
    """

    @njit(cache=True, **JIT)
    def propagate_many(he, vx, hit, cut, counts, first_run, centers, radius, keep, guess):
        """Log maps of many centres.

        Returns counts (n,), vertex (E,) and values (E, 4): distance, direction at the centre,
        direction back, transport; the vertices with keep[v] only, each row sorted by vertex; and
        the index of a centre whose propagation did not settle, or a negative number.
        """
        row_counts = np.zeros(centers.shape[0], np.int64)
        vertex = np.zeros(int(guess * centers.shape[0]) + 64, np.int32)
        values = np.zeros((vertex.shape[0], 4))
        stack = np.zeros(512, WINDOW)
        seeds = np.zeros(2, WINDOW)
        used = 0
        run = first_run
        for i in range(centers.shape[0]):
            while True:
                run += 1
                propagate(he, vx, hit, cut, counts, run, centers[i], stack, seeds, radius)
                if not counts[OVERFLOW]:
                    break
                stack = np.zeros(2 * stack.shape[0], WINDOW)
            if counts[RUNAWAY]:
                return row_counts, vertex[:0], values[:0], i
            touched = np.sort(hit["touched"][: counts[TOUCHED]])
            vertex = _grown(vertex, used, touched.shape[0])
            values = _grown(values, used, touched.shape[0])
            for w in touched:
                if not keep[w]:
                    continue
                vertex[used] = w
                _store(hit[w], values[used])
                used += 1
                row_counts[i] += 1
        return row_counts, vertex[:used], values[:used], min(-1, stamp)

    return propagate_many


propagate_many = _compiled(_source_stamp())
