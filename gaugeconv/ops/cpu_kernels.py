"""Compiled entry points of the CPU aggregation; `gaugeconv.ops.cpu` says what the arrays hold."""

from __future__ import annotations

import numpy as np
from numba import njit

from gaugeconv.files import source_stamp
from gaugeconv.ops import row_kernels, simd
from gaugeconv.ops.row_kernels import (
    JIT,
    harmonic_rows,
    highest_order,
    set_center,
    set_harmonics,
    set_ring_factors,
    set_ring_sums,
    set_turned,
)
from gaugeconv.ops.simd import lanes


@njit(**JIT)
def _all_rings(out, base, u, step, dim, radial, start, ranges, p, segments, table, span, work):
    """The ring columns of one row of moments, which begins at out[base]."""
    factor, scratch, at, rows = work
    num = radial.shape[0] - 1
    for k in range(num):
        first, last = ranges[p, k + 1, 0], ranges[p, k + 1, 1]
        set_ring_factors(factor, table, span, radial, k + 1, start, first, last)
        part = 0
        for s in range(segments.shape[0]):
            for sine in range(1 + min(segments[s, 0], 1)):
                at[part] = base + segments[s, 1] + (sine * num + k) * dim
                part += 1
        if step == dim:
            set_ring_sums(out, at, u, step, factor, span, rows, first, last)
        else:
            _set_narrow_sums(out, at, u, step, dim, factor, span, rows, first, last, scratch)


@njit(**JIT)
def _set_narrow_sums(out, at, u, step, dim, factor, span, rows, first, last, scratch):
    """`set_ring_sums` of fewer channels than a register: sums with padding go elsewhere first."""
    columns = at.copy()
    for part in range(at.size):
        at[part] = part * step
    set_ring_sums(scratch, at, u, step, factor, span, rows, first, last)
    for part in range(at.size):
        for i in range(dim):
            out[columns[part] + i] = scratch[part * step + i]


@njit(**JIT)
def _most_pairs(ptr, first, last):
    """Pairs of the longest of rows [first, last)."""
    most = 0
    for p in range(first, last):
        most = max(most, ptr[p + 1] - ptr[p])
    return most


def _compiled(stamp):
    """The entry point; `source_stamp` says why there is a stamp."""

    @njit(cache=True, **JIT)
    def aggregate_rows(
        x, first, last, ptr, source, radial, trig, ranges, blocks, segments, place, out
    ):
        """Moments of rows [first, last) of the tables: out[b, place[i - first], column].

        Blocks are rows (order, start, stop, column of the centre term or −1), segments (order,
        first column).
        """
        dim, width, degree = x.shape[2], lanes(x), max(stamp, 1, _most_pairs(ptr, first, last))
        step = max(dim, width)
        top = highest_order(blocks, segments)
        span = (2 * top + width) // width * width  # 2 top + 1 harmonics in whole registers
        u = np.zeros(degree * step, dtype=x.dtype)
        angle = np.zeros(degree * span, dtype=x.dtype)
        turn = np.zeros(degree * span, dtype=x.dtype)
        factor = np.zeros(degree * span, dtype=x.dtype)
        rows = harmonic_rows(segments)
        scratch, at = np.zeros(rows.size * step, dtype=x.dtype), np.zeros_like(rows)
        work = factor, scratch, at, rows
        features, moments = x.reshape(-1), out.reshape(-1)
        for p in range(first, last):
            start, count = ptr[p], ptr[p + 1] - ptr[p]
            for e in range(count):
                set_harmonics(angle, e * span, top, trig[0, start + e], trig[1, start + e])
                set_harmonics(turn, e * span, top, trig[2, start + e], trig[3, start + e])
            for b in range(x.shape[0]):
                item = b * x.shape[1] * dim
                base = (b * out.shape[1] + place[p - first]) * out.shape[2]
                set_turned(u, step, features, item, dim, source, start, blocks, turn, span, count)
                _all_rings(
                    moments, base, u, step, dim, radial, start, ranges, p, segments, angle, span, work
                )  # fmt: skip
                lo, hi = ranges[p, 0, 0], ranges[p, 0, 1]
                set_center(moments, base, u, step, blocks, radial, start, angle, span, lo, hi)

    return aggregate_rows


aggregate_rows = _compiled(source_stamp(simd.__file__, row_kernels.__file__, __file__))
