"""Triton kernels of the aggregation; `gaugeconv.ops.gpu` says what the arrays hold.

One program works on one row and one tile of columns, all of one irrep order. It takes BLOCK_E pairs
at a time; every sum has a fixed order and is in the type of the tables, float32 or float64.
"""

from __future__ import annotations

import triton
import triton.language as tl

_SIZES = ["num_rows", "num_features", "num_pairs"]  # differ from mesh to mesh


@triton.jit
def _record(at):
    """The four integers at a pointer, or at each of a block of pointers."""
    return tl.load(at), tl.load(at + 1), tl.load(at + 2), tl.load(at + 3)


@triton.jit
def _multiple(cos, sin, n):
    """The cosine and sine of n times an angle."""
    cos_n = tl.full(cos.shape, 1.0, cos.dtype)
    sin_n = tl.full(sin.shape, 0.0, sin.dtype)
    for _ in range(n):
        cos_n, sin_n = cos_n * cos - sin_n * sin, sin_n * cos + cos_n * sin
    return cos_n, sin_n


@triton.jit
def _pairs(source, trig, num_pairs, first, end, BLOCK_E: tl.constexpr):
    """Numbers of the next pairs, which of them exist, the rows they read, and their four `trig`."""
    e = first + tl.arange(0, BLOCK_E)
    valid = e < end
    rows = tl.load(source + e, mask=valid, other=0).to(tl.int64)
    c0 = tl.load(trig + e, mask=valid, other=0.0)
    s0 = tl.load(trig + num_pairs + e, mask=valid, other=0.0)
    c1 = tl.load(trig + 2 * num_pairs + e, mask=valid, other=0.0)
    s1 = tl.load(trig + 3 * num_pairs + e, mask=valid, other=0.0)
    return e, valid, rows, c0, s0, c1, s1


@triton.jit
def _rotated(at, mask, order, cos, sin):
    """Components at the block of pointers `at`, a row for each pair, turned by [[cos, −sin], [sin, cos]].

    Order 0 is multiplied by cos alone: what is not finite must not reach the next channel.
    """
    x = tl.load(at, mask=mask, other=0.0).to(cos.dtype)
    a, b = tl.split(tl.reshape(x, (x.shape[0], x.shape[1] // 2, 2)))
    cos, sin = cos[:, None], sin[:, None]
    first = cos * a - tl.where(order > 0, sin * b, 0.0)
    second = cos * b + tl.where(order > 0, sin * a, 0.0)
    return tl.reshape(tl.join(first, second), x.shape)


@triton.jit
def _ring_factors(radial, num_pairs, e, valid, cos, sin, order, part, ring, used, top):
    """w_e b_k(r_e) {cos nθ_e | sin nθ_e}: a row for each (n, part, k), a column for each pair."""
    at = radial + (ring + 1)[:, None] * num_pairs + e[None, :]
    weight = tl.load(at, mask=used[:, None] & valid[None, :], other=0.0)
    wave = tl.where((order == 0)[:, None], tl.full(weight.shape, 1.0, weight.dtype), 0.0)
    cos_n, sin_n = cos, sin
    for n in range(1, top + 1):
        of_n = tl.where((part == 0)[:, None], cos_n[None, :], sin_n[None, :])
        wave = tl.where((order == n)[:, None], of_n, wave)
        cos_n, sin_n = cos_n * cos - sin_n * sin, sin_n * cos + cos_n * sin
    return weight * wave


@triton.jit
def _center_sum(
    x, dim, source, radial, trig, num_pairs, first, last, order, column, inside,
    BLOCK_E: tl.constexpr,
):  # fmt: skip
    """Σ_e w_e b_0(r_e) ρ(φ_e) x_q over pairs first … last − 1, for the columns of a tile."""
    total = tl.zeros((BLOCK_E, column.shape[0]), radial.dtype.element_ty)
    for at in range(first, last, BLOCK_E):
        e, valid, rows, c0, s0, c1, s1 = _pairs(source, trig, num_pairs, at, last, BLOCK_E)
        cos, sin = _multiple(c0 * c1 - s0 * s1, s0 * c1 + c0 * s1, order)
        weight = tl.load(radial + e, mask=valid, other=0.0)
        mask = valid[:, None] & inside[None, :]
        values = x + rows[:, None] * dim + column[None, :]
        total += _rotated(values, mask, order, weight * cos, weight * sin)
    return tl.sum(total, axis=0)


@triton.jit
def _plus_product(total, a, b, PRECISION: tl.constexpr):
    """Total + a b, on the matrix units but for float64, whose tl.dot Triton 3.7 cannot compile."""
    if total.dtype == tl.float64:
        return total + tl.sum(a[:, :, None] * b[None, :, :], axis=1)
    return tl.dot(a, b, total, input_precision=PRECISION, out_dtype=total.dtype)


@triton.jit(do_not_specialize=[*_SIZES, "first_row"])
def moments_kernel(
    x, out, ptr, source, radial, trig, ranges, tiles, factors,
    first_row, num_rows, num_features, num_pairs, dim, width, num_functions, num_tiles,
    factor_tiles, top,
    BLOCK_E: tl.constexpr, BLOCK_F: tl.constexpr, BLOCK_D: tl.constexpr,
    ALIGN: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """Moments of rows first_row, first_row + 1, …; row i is target i % num_rows of item i // num_rows.

    Ring moments are the product of ring factors (BLOCK_F, pairs) and turned features (pairs, BLOCK_D).
    """
    local = tl.program_id(0) // (num_tiles * factor_tiles)
    tile, factor_tile = tl.program_id(0) % num_tiles, tl.program_id(0) // num_tiles % factor_tiles
    row, num_pairs = local.to(tl.int64) + first_row, tl.cast(num_pairs, tl.int64)
    target = row % num_rows
    order, start, stop, center = _record(tiles + tile * 4)
    start, size = tl.multiple_of(start, ALIGN), tl.multiple_of(stop - start, ALIGN)
    column = tl.arange(0, BLOCK_D)
    inside = column < size
    x += row // num_rows * num_features * dim + start
    out += local.to(tl.int64) * width
    factor = factor_tile * BLOCK_F + tl.arange(0, BLOCK_F)
    harmonic, part, ring, place = _record(factors + factor * 4)
    used, place = place >= 0, tl.multiple_of(place, ALIGN)
    begin, end = tl.load(ptr + target), tl.load(ptr + target + 1)
    total = tl.zeros((BLOCK_F, BLOCK_D), radial.dtype.element_ty)
    for first in range(begin, end, BLOCK_E):
        e, valid, rows, c0, s0, c1, s1 = _pairs(source, trig, num_pairs, first, end, BLOCK_E)
        cos, sin = _multiple(c1, s1, order)
        values = x + rows[:, None] * dim + column[None, :]
        u = _rotated(values, valid[:, None] & inside[None, :], order, cos, sin)
        f = _ring_factors(radial, num_pairs, e, valid, c0, s0, harmonic, part, ring, used, top)
        total = _plus_product(total, f, u, PRECISION)
    at = out + place[:, None] + start + column[None, :]
    tl.store(at, total.to(out.dtype.element_ty), mask=used[:, None] & inside[None, :])
    if (center >= 0) & (factor_tile == 0):
        near, far, _, _ = _record(ranges + target * num_functions * 2)
        value = _center_sum(
            x, dim, source, radial, trig, num_pairs, begin + near, begin + far, order, column, inside,
            BLOCK_E,
        )  # fmt: skip
        middle = out + tl.multiple_of(center, ALIGN) + column
        tl.store(middle, value.to(out.dtype.element_ty), mask=inside)


@triton.jit(do_not_specialize=_SIZES)
def adjoint_kernel(
    moments, out, ptr, target, radial, trig, ranges, tiles, factors,
    num_rows, num_features, num_pairs, dim, width, num_functions, num_tiles, num_factors,
    BLOCK_E: tl.constexpr, BLOCK_D: tl.constexpr, ALIGN: tl.constexpr,
):  # fmt: skip
    """The transpose of `moments_kernel`: row i is source i % num_rows of item i // num_rows.

    With the angles of the adjoint, θ' = θ − φ and φ' − θ' = −θ, a pair adds ρ(θ') Σ_f factor_f m_f
    and w b_0 ρ(φ') m_center, m the moments of its target.
    """
    row = (tl.program_id(0) // num_tiles).to(tl.int64)
    source, num_pairs = row % num_rows, tl.cast(num_pairs, tl.int64)
    order, start, stop, center = _record(tiles + tl.program_id(0) % num_tiles * 4)
    start, size = tl.multiple_of(start, ALIGN), tl.multiple_of(stop - start, ALIGN)
    column = tl.arange(0, BLOCK_D)
    inside = column < size
    moments += row // num_rows * num_features * width
    begin, end = tl.load(ptr + source), tl.load(ptr + source + 1)
    total = tl.zeros((BLOCK_E, BLOCK_D), radial.dtype.element_ty)
    for first in range(begin, end, BLOCK_E):
        e, valid, rows, c0, s0, c1, s1 = _pairs(target, trig, num_pairs, first, end, BLOCK_E)
        cos, sin = _multiple(c0, s0, order)
        mask = valid[:, None] & inside[None, :]
        values = moments + rows[:, None] * width + start + column[None, :]
        for i in range(num_factors):
            harmonic, part, ring, place = _record(factors + i * 4)
            cos_n, sin_n = _multiple(c1, -s1, harmonic)
            weight = tl.load(radial + (ring + 1) * num_pairs + e, mask=valid, other=0.0)
            weight *= tl.where(part == 0, cos_n, sin_n)
            at = values + tl.multiple_of(place, ALIGN)
            total += _rotated(at, mask, order, weight * cos, weight * sin)
    value = tl.sum(total, axis=0)
    if center >= 0:
        near, far, _, _ = _record(ranges + source * num_functions * 2)
        at = moments + tl.multiple_of(center, ALIGN)
        value += _center_sum(
            at, width, target, radial, trig, num_pairs, begin + near, begin + far, order, column,
            inside, BLOCK_E,
        )  # fmt: skip
    tl.store(out + row * dim + start + column, value.to(out.dtype.element_ty), mask=inside)
