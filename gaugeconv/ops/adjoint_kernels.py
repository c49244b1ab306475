"""Compiled loops of the transposed aggregation; `gaugeconv.ops.cpu` says what the arrays hold.

Moments travel along the pairs and become channels again. Two loops do it: a vertex gathers, or a row
sends and one call serves one range of receivers. Either way several calls may run at once and
every sum keeps its order.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from gaugeconv.files import source_stamp
from gaugeconv.ops import row_kernels, simd
from gaugeconv.ops.row_kernels import JIT, harmonic_rows, highest_order, set_harmonics
from gaugeconv.ops.simd import alternated, fma, lanes, load, spread, store, swapped, zero


@njit(**JIT)
def _pair_factors(factor, at, radial, e, segments, table, rows, dim):
    """What one pair multiplies columns of moments with, and where they begin; returns how many."""
    num, count = radial.shape[0] - 1, 0
    for k in range(num):
        weight, part = radial[k + 1, e], 0
        if weight == 0:
            continue
        for s in range(segments.shape[0]):
            for sine in range(1 + min(segments[s, 0], 1)):
                factor[count] = weight * table[rows[part]]
                at[count] = segments[s, 1] + (sine * num + k) * dim
                part += 1
                count += 1
    return count


@njit(**JIT)
def _set_message(v, dim, g, base, at, factor, count):
    """Sets v[i] = Σ_j factor[j] g[base + at[j] + i]."""
    width = lanes(v)
    if dim < width:
        for i in range(dim):
            v[i] = 0
            for j in range(count):
                v[i] += factor[j] * g[base + at[j] + i]
        return
    for start in range(0, dim, 4 * width):
        i0, i1 = min(start, dim - width), min(start + width, dim - width)
        i2, i3 = min(start + 2 * width, dim - width), min(start + 3 * width, dim - width)
        v0 = v1 = v2 = v3 = zero(v)
        for j in range(count):
            k, f = base + at[j], spread(factor, j)
            v0, v1 = fma(v0, load(g, k + i0), f), fma(v1, load(g, k + i1), f)
            v2, v3 = fma(v2, load(g, k + i2), f), fma(v3, load(g, k + i3), f)
        store(v, i0, v0)
        store(v, i1, v1)
        store(v, i2, v2)
        store(v, i3, v3)


@njit(**JIT)
def _add_center(v, g, base, blocks, weight, table):
    """Adds w b_0 ρ(−θ) g of the centre term to v; `table` holds the harmonics of θ."""
    if weight == 0:
        return
    for b in range(blocks.shape[0]):
        order, begin, end = blocks[b, 0], blocks[b, 1], blocks[b, 2]
        if blocks[b, 3] < 0:
            continue
        at = base + blocks[b, 3] - begin
        if order == 0:
            for i in range(begin, end):
                v[i] += weight * g[at + i]
        else:
            c, s = weight * table[2 * order - 1], weight * table[2 * order]
            for i in range(begin, end, 2):
                v[i] += c * g[at + i] + s * g[at + i + 1]
                v[i + 1] += c * g[at + i + 1] - s * g[at + i]


@njit(**JIT)
def _add_turned(out, to, v, blocks, table):
    """Adds ρ(α) v to out[to …]; `table` holds the harmonics of α."""
    width = lanes(v)
    for b in range(blocks.shape[0]):
        order, i, end = blocks[b, 0], blocks[b, 1], blocks[b, 2]
        if order == 0:
            for j in range(i, end):
                out[to + j] += v[j]
            continue
        c, s = spread(table, 2 * order - 1), alternated(spread(table, 2 * order))
        while i + width <= end:
            w = load(v, i)
            store(out, to + i, fma(fma(load(out, to + i), w, c), swapped(w), s))
            i += width
        cos, sin = table[2 * order - 1], table[2 * order]
        while i < end:
            out[to + i] += cos * v[i] - sin * v[i + 1]
            out[to + i + 1] += sin * v[i] + cos * v[i + 1]
            i += 2


def _compiled(stamp):
    """The entry point; `source_stamp` says why there is a stamp."""

    @njit(cache=True, **JIT)
    def send_moments(g, gather, first, last, lowest, end, tables, blocks, segments, out):
        """Adds ρ(…) Σ factor · moments of each pair of rows [first, last) to out[b, vertex, channel].

        The transpose of `aggregate_rows`. With `gather`, tables are those of the adjoint of what is
        transposed: row i reads g[b, source, column] and adds to its own target. Otherwise they are
        those of what is transposed itself: g[b, i - first, column] belongs to row i, and of the
        sources of its pairs those in [lowest, end) are added to. Blocks and segments as there.
        """
        ptr, source, radial, trig, _, target = tables
        dim, top, rows = out.shape[2], highest_order(blocks, segments), harmonic_rows(segments)
        factor = np.zeros(max(stamp, rows.size * radial.shape[0]), dtype=out.dtype)
        at = np.zeros(factor.size, dtype=np.int64)
        angle, turn = np.zeros((2, 2 * top + 1), dtype=out.dtype)
        v = np.zeros(max(dim, lanes(out)), dtype=out.dtype)
        moments, features = g.reshape(-1), out.reshape(-1)
        for p in range(first, last):
            for e in range(ptr[p], ptr[p + 1]):
                q = source[e]
                if gather:
                    come, go = q, target[p]
                    set_harmonics(angle, 0, top, trig[2, e], -trig[3, e])
                    set_harmonics(turn, 0, top, trig[0, e], trig[1, e])
                elif lowest <= q < end:
                    come, go = p - first, q
                    set_harmonics(angle, 0, top, trig[0, e], trig[1, e])
                    set_harmonics(turn, 0, top, trig[2, e], -trig[3, e])
                else:
                    continue
                count = _pair_factors(factor, at, radial, e, segments, angle, rows, dim)
                for b in range(g.shape[0]):
                    base = (b * g.shape[1] + come) * g.shape[2]
                    _set_message(v, dim, moments, base, at, factor, count)
                    _add_center(v, moments, base, blocks, radial[0, e], angle)
                    _add_turned(features, (b * out.shape[1] + go) * dim, v, blocks, turn)

    return send_moments


send_moments = _compiled(source_stamp(simd.__file__, row_kernels.__file__, __file__))
