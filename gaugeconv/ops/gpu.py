"""The aggregation and the fused convolution on a GPU, with Triton: plain functions on tensors.

The steps are those of `gaugeconv.ops.cpu`: the moments of a slab of rows, then one matrix product for
each output block. No atomics are used and every sum has a fixed order, so results are deterministic.
Features may be float32, float64, bfloat16 or float16; tables are in the dtype of the sums, float32
for all but float64. Triton's interpreter runs the same functions on CPU tensors.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Float, Int
from torch import Tensor

from gaugeconv.ops.moments import MomentLayout, ProductMap, num_parts

Tables = Sequence[Tensor]
"""The first five of `gaugeconv.ops.tables.PairTables`: rows stand in their own order on a GPU."""

_SLAB_BYTES = 64 << 20  # moments at a time: few launches, and much of them stays in the L2 cache
_BLOCK_E = 16  # pairs at a time


@dataclass(frozen=True)
class _Plan:
    """How programs share the columns of a layout.

    `tiles` are (order, start, stop, column in the centre term or −1) of runs of input columns,
    `factors` (n, part, k − 1, first column) of the ring moments, padded with column −1. `align`
    divides every column that a tile or factor starts or ends at.
    """

    tiles: Tensor
    factors: Tensor
    num_factors: int
    block_d: int
    block_f: int
    align: int


@lru_cache(maxsize=256)
def _plan(layout: MomentLayout, device: torch.device) -> _Plan:
    blocks = layout.in_type.blocks
    widest = max(block.slice.stop - block.slice.start for block in blocks)
    block_d = _power_of_two(widest, 64)
    tiles = []
    for block, center in zip(blocks, layout.center, strict=True):
        for start in range(block.slice.start, block.slice.stop, block_d):
            at = center + start - block.slice.start if center >= 0 else -1
            tiles.append((block.order, start, min(start + block_d, block.slice.stop), at))
    factors = [
        (order, part, k, first + (part * layout.num_rings + k) * layout.in_type.dim)
        for order, first in zip(layout.orders, layout.starts, strict=True)
        for part in range(num_parts(order))
        for k in range(layout.num_rings)
    ]
    block_f = _power_of_two(len(factors), 32)  # from 64 on, Triton 3.9 may fail to compile
    padding = -len(factors) % block_f if factors else block_f
    columns = [n for _, *tile in tiles for n in tile if n >= 0] + [at for *_, at in factors]
    return _Plan(
        tiles=torch.tensor(tiles, dtype=torch.int32, device=device),
        factors=torch.tensor(factors + padding * [(0, 0, 0, -1)], dtype=torch.int32, device=device),
        num_factors=len(factors),
        block_d=block_d,
        block_f=block_f,
        align=math.gcd(16, *columns),
    )


def _power_of_two(size: int, most: int) -> int:
    """The block for `size` things: at least what a matrix unit takes, at most what a program does."""
    return min(most, max(16, 1 << (size - 1).bit_length()))


def aggregate(
    x: Float[Tensor, "B Q in"],
    ptr: Int[Tensor, " P1"],
    source: Int[Tensor, " E"],
    radial: Float[Tensor, "num_functions E"],
    trig: Float[Tensor, "4 E"],
    ranges: Int[Tensor, "P num_functions 2"],
    layout: MomentLayout,
) -> Float[Tensor, "B P width"]:
    """The moments of x, as the layout says, in the dtype of x; see `gaugeconv.ops.aggregate`."""
    out = x.new_empty(x.shape[0], len(ptr) - 1, layout.width)
    tables = ptr, source, radial, trig, ranges
    _moments(x.contiguous(), tables, layout, 0, out.flatten(0, 1))
    return out


def aggregate_adjoint(
    moments: Float[Tensor, "B P width"],
    ptr: Int[Tensor, " Q1"],
    target: Int[Tensor, " E"],
    radial: Float[Tensor, "num_functions E"],
    trig: Float[Tensor, "4 E"],
    ranges: Int[Tensor, "Q num_functions 2"],
    layout: MomentLayout,
) -> Float[Tensor, "B Q in"]:
    """The transpose of `aggregate`, from the tables of the adjoint."""
    from gaugeconv.ops.gpu_kernels import adjoint_kernel

    rows, dim = len(ptr) - 1, layout.in_type.dim
    out = moments.new_empty(moments.shape[0], rows, dim)
    plan = _plan(layout, out.device)
    programs = out.shape[0] * rows * len(plan.tiles)
    if programs == 0:
        return out
    with torch.cuda.device_of(out):
        adjoint_kernel[(programs,)](
            moments.contiguous(), out, ptr, target, radial, trig, ranges, plan.tiles, plan.factors,
            rows, moments.shape[1], len(target), dim, layout.width, len(radial), len(plan.tiles),
            plan.num_factors, BLOCK_E=_BLOCK_E, BLOCK_D=plan.block_d, ALIGN=plan.align,
            num_warps=plan.block_d // 16, enable_fp_fusion=True,
        )  # fmt: skip
    return out


def _moments(x: Tensor, tables: Tables, layout: MomentLayout, first: int, out: Tensor) -> None:
    """Fills out (rows, width) with the moments of rows first, first + 1, …, over batch and targets."""
    from gaugeconv.ops.gpu_kernels import moments_kernel

    ptr, source, radial = tables[:3]
    plan = _plan(layout, x.device)
    factor_tiles = len(plan.factors) // plan.block_f
    programs = len(out) * len(plan.tiles) * factor_tiles
    if programs == 0:
        return
    with torch.cuda.device_of(x):
        moments_kernel[(programs,)](
            x, out, *tables, plan.tiles, plan.factors,
            first, len(ptr) - 1, x.shape[1], len(source), x.shape[2], layout.width, len(radial),
            len(plan.tiles), factor_tiles, max(layout.orders, default=0),
            BLOCK_E=_BLOCK_E, BLOCK_F=plan.block_f, BLOCK_D=plan.block_d, ALIGN=plan.align,
            PRECISION=_precision(x.dtype), num_warps=plan.block_f * plan.block_d // 256,
            enable_fp_fusion=True,
        )  # fmt: skip


def _precision(dtype: torch.dtype) -> str:
    """How Triton's dot multiplies: three TF32 products for float32, one where features are halves."""
    if torch.version.cuda is None or dtype == torch.float64:
        return "ieee"
    return "tf32x3" if dtype == torch.float32 else "tf32"


def multiply(
    x: Float[Tensor, "B Q in"],
    tables: Tables,
    product: ProductMap,
    coordinates: Float[Tensor, " N"] | None,
    partner: Float[Tensor, "B P out"] | None,
) -> tuple[Float[Tensor, "B P out"] | None, Float[Tensor, " N"] | None]:
    """Moments · matrices of the coordinates, and the adjoint map of momentsᵀ · partner.

    The first is the convolution, or with the map and tables of the adjoint the gradient of its input;
    the second, with the input as partner, the gradient of the coordinates. Each is None where its
    argument is. Moments exist for one slab of rows at a time.
    """
    x, layout, targets = x.contiguous(), product.layout, len(tables[0]) - 1
    rows = x.shape[0] * targets
    step = max(1, min(rows, _SLAB_BYTES // (layout.width * x.element_size())))
    index, sign, back_index, back_sign = _on_device(product, x.device)
    y, right, flat, matrices, sums = None, None, None, [], []
    if coordinates is not None:
        matrices = _split((coordinates[index] * sign).to(x.dtype), product)
        y = x.new_empty(rows, product.outputs[-1].stop)
    if partner is not None:
        right = partner.flatten(0, 1)
        flat = torch.zeros(sum(product.sizes), dtype=tables[2].dtype, device=x.device)
        sums = _split(flat, product)
    buffer = x.new_empty(step, layout.width)
    for first in range(0, rows, step):
        slab = slice(first, min(first + step, rows))
        moments = buffer[: slab.stop - first]
        _moments(x, tables, layout, first, moments)
        for b, (columns, slots) in enumerate(zip(product.inputs, product.outputs, strict=True)):
            if y is not None:
                torch.mm(moments[:, columns], matrices[b], out=y[slab, slots])
            if right is not None:
                sums[b] += moments[:, columns].T @ right[slab, slots]
    if y is not None:
        y = y.view(x.shape[0], targets, y.shape[1])
    return y, None if flat is None else (flat[back_index] * back_sign).sum(dim=0)


@lru_cache(maxsize=256)
def _on_device(product: ProductMap, device: torch.device) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Index and sign of every matrix entry, and those of the adjoint map."""
    index, back_index = (
        torch.from_numpy(i).to(device) for i in (product.index, product.back_index)
    )
    sign, back_sign = (
        torch.from_numpy(s).to(device, torch.float32) for s in (product.sign, product.back_sign)
    )
    return index, sign, back_index, back_sign


def _split(flat: Tensor, product: ProductMap) -> list[Tensor]:
    """Views of the matrices in the concatenation of all of them."""
    parts = flat.split(product.sizes)
    return [part.view(shape) for part, shape in zip(parts, product.shapes, strict=True)]
