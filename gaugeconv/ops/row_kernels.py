"""Compiled loops over the pairs and channels of one row of an aggregation.

A row of moments is a small matrix product, factors (parts, pairs) times turned features (pairs,
in.dim), whose sums stay in registers over the pairs of a row. A run of channels that is no multiple
of a register ends with one that overlaps its predecessor and sets the same numbers again.

Arrays are flat, because numba counts references to every view. `table` holds the harmonics of one
angle per pair: 1, cos α, sin α, cos 2α, sin 2α, … at table[e · span …], padded to whole registers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from gaugeconv.ops.simd import alternated, fma, lanes, load, mul, spread, store, swapped, zero

# fused multiply-adds and nothing else: sums keep their order
JIT: dict[str, Any] = {"nogil": True, "fastmath": {"contract"}}


@njit(**JIT)
def harmonic_rows(segments):
    """Which harmonics the parts are: 1 for angular order 0, cos nα and sin nα for order n."""
    rows = np.zeros(2 * segments.shape[0], dtype=np.int64)
    count = 0
    for s in range(segments.shape[0]):
        order = segments[s, 0]
        for row in range(max(0, 2 * order - 1), 2 * order + 1):
            rows[count] = row
            count += 1
    return rows[:count]


@njit(**JIT)
def highest_order(blocks, segments):
    """The highest order of the features and of the moments."""
    top = 0
    for b in range(blocks.shape[0]):
        top = max(top, blocks[b, 0])
    for s in range(segments.shape[0]):
        top = max(top, segments[s, 0])
    return top


@njit(**JIT)
def set_harmonics(table, at, top, cos, sin):
    """Sets the harmonics of one angle up to order `top`, from its cosine and sine."""
    c, s = cos, sin
    table[at] = 1
    for m in range(top):
        table[at + 2 * m + 1], table[at + 2 * m + 2] = c, s
        c, s = c * cos - s * sin, s * cos + c * sin


@njit(**JIT)
def set_turned(u, step, x, base, dim, source, start, blocks, table, span, count):
    """Sets u_e = ρ(α_e) x_q for pairs e < count of one row."""
    width = lanes(x)
    for e in range(count):
        to, at = e * step, base + source[start + e] * dim
        for b in range(blocks.shape[0]):
            order, begin, end = blocks[b, 0], blocks[b, 1], blocks[b, 2]
            k = e * span + 2 * order - 1
            if end - begin < width:
                _set_few_turned(u, to, x, at, order, begin, end, table, k)
            elif order == 0:
                for i in range(begin, end, width):
                    i = min(i, end - width)
                    store(u, to + i, load(x, at + i))
            else:
                c, s = spread(table, k), alternated(spread(table, k + 1))
                for i in range(begin, end, width):
                    i = min(i, end - width)
                    v = load(x, at + i)
                    store(u, to + i, fma(mul(v, c), swapped(v), s))


@njit(**JIT)
def _set_few_turned(u, to, x, at, order, begin, end, table, k):
    """The same for one pair and a block of less than a register."""
    if order == 0:
        for i in range(begin, end):
            u[to + i] = x[at + i]
    else:
        cos, sin = table[k], table[k + 1]
        for i in range(begin, end, 2):
            a, b = x[at + i], x[at + i + 1]
            u[to + i] = cos * a - sin * b
            u[to + i + 1] = sin * a + cos * b


@njit(**JIT)
def set_ring_factors(factor, table, span, radial, k, start, first, last):
    """Sets factor[e] = w_e b_k times the harmonics of pair e, for pairs [first, last)."""
    width = lanes(table)
    for e in range(first, last):
        weight = spread(radial, k * (radial.shape[1]) + start + e)
        for i in range(e * span, (e + 1) * span, width):
            store(factor, i, mul(load(table, i), weight))


@njit(**JIT)
def set_ring_sums(out, at, u, step, factor, span, rows, first, last):
    """Sets out[at[part] + i] = Σ_e factor[e, rows[part]] u[e, i] for all parts, pairs [first, last)."""
    part = 0
    while part + 5 <= rows.size:
        _five_parts(out, at, u, step, factor, span, rows, part, first, last)
        part += 5
    while part + 2 <= rows.size:
        _two_parts(out, at, u, step, factor, span, rows, part, first, last)
        part += 2
    if part < rows.size:
        _one_part(out, at, u, step, factor, span, rows, part, first, last)


@njit(**JIT)
def _five_parts(out, at, u, step, factor, span, rows, part, first, last):
    """Five parts, and two registers of channels at a time, from i and from j on."""
    width, f0, f1, f2 = lanes(u), rows[part], rows[part + 1], rows[part + 2]
    f3, f4 = rows[part + 3], rows[part + 4]
    for start in range(0, step, 2 * width):
        i, j = min(start, step - width), min(start + width, step - width)
        a0 = a1 = a2 = a3 = a4 = b0 = b1 = b2 = b3 = b4 = zero(u)
        for e in range(first, last):
            v, w, f = load(u, e * step + i), load(u, e * step + j), e * span
            s = spread(factor, f + f0)
            a0, b0 = fma(a0, v, s), fma(b0, w, s)
            s = spread(factor, f + f1)
            a1, b1 = fma(a1, v, s), fma(b1, w, s)
            s = spread(factor, f + f2)
            a2, b2 = fma(a2, v, s), fma(b2, w, s)
            s = spread(factor, f + f3)
            a3, b3 = fma(a3, v, s), fma(b3, w, s)
            s = spread(factor, f + f4)
            a4, b4 = fma(a4, v, s), fma(b4, w, s)
        _store_two(out, at[part], i, j, a0, b0)
        _store_two(out, at[part + 1], i, j, a1, b1)
        _store_two(out, at[part + 2], i, j, a2, b2)
        _store_two(out, at[part + 3], i, j, a3, b3)
        _store_two(out, at[part + 4], i, j, a4, b4)


@njit(**JIT)
def _two_parts(out, at, u, step, factor, span, rows, part, first, last):
    """Two parts."""
    width, f0, f1 = lanes(u), rows[part], rows[part + 1]
    for start in range(0, step, 2 * width):
        i, j = min(start, step - width), min(start + width, step - width)
        a0 = a1 = b0 = b1 = zero(u)
        for e in range(first, last):
            v, w, f = load(u, e * step + i), load(u, e * step + j), e * span
            s = spread(factor, f + f0)
            a0, b0 = fma(a0, v, s), fma(b0, w, s)
            s = spread(factor, f + f1)
            a1, b1 = fma(a1, v, s), fma(b1, w, s)
        _store_two(out, at[part], i, j, a0, b0)
        _store_two(out, at[part + 1], i, j, a1, b1)


@njit(**JIT)
def _one_part(out, at, u, step, factor, span, rows, part, first, last):
    """One part."""
    width, f0 = lanes(u), rows[part]
    for start in range(0, step, 2 * width):
        i, j = min(start, step - width), min(start + width, step - width)
        a0 = b0 = zero(u)
        for e in range(first, last):
            s = spread(factor, e * span + f0)
            a0, b0 = fma(a0, load(u, e * step + i), s), fma(b0, load(u, e * step + j), s)
        _store_two(out, at[part], i, j, a0, b0)


@njit(**JIT)
def _store_two(out, at, i, j, a, b):
    """Stores a at channels i … and b at j … ."""
    store(out, at + i, a)
    store(out, at + j, b)


@njit(**JIT)
def set_center(out, base, u, step, blocks, radial, start, table, span, first, last):
    """The centre term, block by block: Σ_e w_e b_0 R u_e, R by the angle of e. Few pairs have one."""
    for b in range(blocks.shape[0]):
        order, begin, end = blocks[b, 0], blocks[b, 1], blocks[b, 2]
        if blocks[b, 3] < 0:
            continue
        to = base + blocks[b, 3] - begin
        for i in range(begin, end):
            out[to + i] = 0
        for e in range(first, last):
            k, weight = e * step, radial[0, start + e]
            if order == 0:
                for i in range(begin, end):
                    out[to + i] += weight * u[k + i]
            else:
                t = e * span + 2 * order - 1
                c, s = weight * table[t], weight * table[t + 1]
                for i in range(begin, end, 2):
                    out[to + i] += c * u[k + i] - s * u[k + i + 1]
                    out[to + i + 1] += s * u[k + i] + c * u[k + i + 1]
