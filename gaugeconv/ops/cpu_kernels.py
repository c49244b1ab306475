"""Compiled loops of the CPU aggregation; `gaugeconv.ops.cpu` says what the arrays hold.

Inner loops run over contiguous channels of row views, so that LLVM turns them into vector code;
index arithmetic inside them (out[start + d]) would not be vectorised.
"""

from __future__ import annotations

import numpy as np
from numba import njit

# fused multiply-adds and nothing else: sums keep their order
_FLAGS = {"contract"}


@njit(nogil=True)
def _first_ring(values):
    """The first k where b_k is not zero, or their number."""
    for k in range(values.size):
        if values[k] != 0:
            return k
    return values.size


@njit(cache=True, nogil=True)
def sort_by_ring(ptr, edge, radial, order, ranges):
    """Sorts the pairs of each row by the first b_k that is not zero (counting sort, stable).

    `edge` are the pairs row by row and `order` the same, sorted. `ranges[p, k]` becomes the first
    and one-past-last place in row p, after sorting, where b_k is not zero: short, for a basis with
    local support.
    """
    num = radial.shape[1]
    for p in range(ptr.size - 1):
        place = np.zeros(num + 2, dtype=np.int64)
        for i in range(ptr[p], ptr[p + 1]):
            place[_first_ring(radial[edge[i]]) + 1] += 1
        for k in range(num):
            place[k + 1] += place[k]
        for i in range(ptr[p], ptr[p + 1]):
            values = radial[edge[i]]
            k = _first_ring(values)
            order[ptr[p] + place[k]] = edge[i]
            for j in range(k, num):
                if values[j] != 0:
                    if ranges[p, j, 1] == 0:
                        ranges[p, j, 0] = place[k]
                    ranges[p, j, 0] = min(ranges[p, j, 0], place[k])
                    ranges[p, j, 1] = max(ranges[p, j, 1], place[k] + 1)
            place[k] += 1


@njit(nogil=True, fastmath=_FLAGS)
def _add_rows(out, rows, factor, start, stop):
    """Adds Σ_e factor[e] rows[e] to out, four rows at a time to save loads and stores of out."""
    e = start
    while e + 4 <= stop:
        f0, f1, f2, f3 = factor[e], factor[e + 1], factor[e + 2], factor[e + 3]
        r0, r1, r2, r3 = rows[e], rows[e + 1], rows[e + 2], rows[e + 3]
        for d in range(out.size):
            out[d] += f0 * r0[d] + f1 * r1[d] + f2 * r2[d] + f3 * r3[d]
        e += 4
    while e < stop:
        f0, r0 = factor[e], rows[e]
        for d in range(out.size):
            out[d] += f0 * r0[d]
        e += 1


@njit(nogil=True, fastmath=_FLAGS)
def _add_rows_twice(out_a, out_b, rows, factor_a, factor_b, start, stop):
    """The same for two outputs (cos and sin), reading the rows once."""
    e = start
    while e + 4 <= stop:
        a0, a1, a2, a3 = factor_a[e], factor_a[e + 1], factor_a[e + 2], factor_a[e + 3]
        b0, b1, b2, b3 = factor_b[e], factor_b[e + 1], factor_b[e + 2], factor_b[e + 3]
        r0, r1, r2, r3 = rows[e], rows[e + 1], rows[e + 2], rows[e + 3]
        for d in range(out_a.size):
            v0, v1, v2, v3 = r0[d], r1[d], r2[d], r3[d]
            out_a[d] += a0 * v0 + a1 * v1 + a2 * v2 + a3 * v3
            out_b[d] += b0 * v0 + b1 * v1 + b2 * v2 + b3 * v3
        e += 4
    while e < stop:
        a0, b0, r0 = factor_a[e], factor_b[e], rows[e]
        for d in range(out_a.size):
            out_a[d] += a0 * r0[d]
            out_b[d] += b0 * r0[d]
        e += 1


@njit(nogil=True, fastmath=_FLAGS)
def _add_rotated(out, x, cos, sin):
    """Adds R x to out on every pair of components, R = [[cos, -sin], [sin, cos]]."""
    for j in range(x.size // 2):
        a, b = x[2 * j], x[2 * j + 1]
        out[2 * j] += cos * a - sin * b
        out[2 * j + 1] += sin * a + cos * b


@njit(nogil=True, fastmath=_FLAGS)
def _set_rotated(out, x, cos, sin):
    """Sets out = R x on every pair of components."""
    for j in range(x.size // 2):
        a, b = x[2 * j], x[2 * j + 1]
        out[2 * j] = cos * a - sin * b
        out[2 * j + 1] = sin * a + cos * b


@njit(nogil=True)
def _copy(out, x):
    """Sets out = x; a slice assignment takes seconds to compile."""
    for d in range(x.size):
        out[d] = x[d]


@njit(nogil=True, fastmath=_FLAGS)
def _harmonics(table, cos, sin):
    """table[2m], table[2m + 1] = cos mα, sin mα for m = 0, 1, … by repeated rotation."""
    table[0, : cos.size] = 1
    table[1, : cos.size] = 0
    for m in range(1, table.shape[0] // 2):
        c0, s0, c1, s1 = table[2 * m - 2], table[2 * m - 1], table[2 * m], table[2 * m + 1]
        for e in range(cos.size):
            c1[e] = c0[e] * cos[e] - s0[e] * sin[e]
            s1[e] = s0[e] * cos[e] + c0[e] * sin[e]


@njit(nogil=True, fastmath=_FLAGS)
def _gather(x, source, blocks, turn, u):
    """u_e = ρ(φ_e − θ_e) x_q for the pairs of one target."""
    for e in range(source.size):
        row, value = x[source[e]], u[e]
        for b in range(blocks.shape[0]):
            order, start, stop = blocks[b, 0], blocks[b, 1], blocks[b, 2]
            if order == 0:
                _copy(value[start:stop], row[start:stop])
            else:
                cos, sin = turn[2 * order, e], turn[2 * order + 1, e]
                _set_rotated(value[start:stop], row[start:stop], cos, sin)


@njit(nogil=True, fastmath=_FLAGS)
def _ring_moments(out, segment, u, radial, ranges, angle, factor):
    """Σ_e w_e b_k u_e {1 | cos nθ_e, sin nθ_e} for one output order n and all rings."""
    order, start, dim = segment[0], segment[1], u.shape[1]
    num = radial.shape[0] - 1
    for k in range(num):
        first, last, weight = ranges[k + 1, 0], ranges[k + 1, 1], radial[k + 1]
        at = start + k * dim
        if order == 0:
            _add_rows(out[at : at + dim], u, weight, first, last)
        else:
            cos, sin, fa, fb = angle[2 * order], angle[2 * order + 1], factor[0], factor[1]
            for e in range(first, last):
                fa[e] = weight[e] * cos[e]
                fb[e] = weight[e] * sin[e]
            after = at + num * dim
            a, b = out[at : at + dim], out[after : after + dim]
            _add_rows_twice(a, b, u, fa, fb, first, last)


@njit(nogil=True, fastmath=_FLAGS)
def _center_moments(out, x, source, blocks, weight, ranges, angle, turn):
    """Σ_e w_e b_0 ρ(φ_e) x_q, the blocks whose order the output has."""
    for e in range(ranges[0, 0], ranges[0, 1]):
        row, w = x[source[e]], weight[e]
        for b in range(blocks.shape[0]):
            order, start, stop, at = blocks[b, 0], blocks[b, 1], blocks[b, 2], blocks[b, 3]
            if at < 0:
                continue
            if order == 0:
                o, v = out[at : at + stop - start], row[start:stop]
                for d in range(v.size):
                    o[d] += w * v[d]
            else:
                # φ = θ + (φ − θ)
                c, s = angle[2 * order, e], angle[2 * order + 1, e]
                p, q = turn[2 * order, e], turn[2 * order + 1, e]
                cos, sin = w * (c * p - s * q), w * (s * p + c * q)
                _add_rotated(out[at : at + stop - start], row[start:stop], cos, sin)


@njit(cache=True, nogil=True, fastmath=_FLAGS)
def aggregate_rows(x, first, last, ptr, source, radial, trig, ranges, blocks, segments, out):
    """Moments of rows [first, last), row i being target i % P of batch item i // P."""
    num_targets = ptr.size - 1
    degree = 0
    for i in range(first, last):
        p = i % num_targets
        degree = max(degree, ptr[p + 1] - ptr[p])
    top = max(blocks[:, 0].max(), segments[:, 0].max())
    u = np.zeros((degree, x.shape[2]), dtype=x.dtype)
    angle = np.zeros((2 * top + 2, degree), dtype=x.dtype)
    turn = np.zeros((2 * top + 2, degree), dtype=x.dtype)
    factor = np.zeros((2, degree), dtype=x.dtype)
    for i in range(first, last):
        p = i % num_targets
        features, row = x[i // num_targets], out[i - first]
        a, z = ptr[p], ptr[p + 1]
        row[:] = 0
        _harmonics(angle, trig[0, a:z], trig[1, a:z])
        _harmonics(turn, trig[2, a:z], trig[3, a:z])
        _gather(features, source[a:z], blocks, turn, u)
        for s in range(segments.shape[0]):
            _ring_moments(row, segments[s], u, radial[:, a:z], ranges[p], angle, factor)
        weight = radial[0, a:z]
        _center_moments(row, features, source[a:z], blocks, weight, ranges[p], angle, turn)
