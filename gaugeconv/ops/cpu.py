"""The fused convolution on the CPU: aggregate a few hundred rows, multiply, go on.

No per-pair message is ever stored, and the moments only for one slab of rows at a time. The input
gradient is itself a convolution, from targets to sources: with θ' = θ − φ, φ' = −φ and K(r)ᵀ its
summand ρ(φ − θ)ᵀ K(r)ᵀ η(θ)ᵀ dy_p has the same form η'(θ') K(r)ᵀ ρ'(φ' − θ'). Its moments also
give the weight gradient, so the backward pass aggregates once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gaugeconv.geometry.neighborhoods import Neighborhoods
from gaugeconv.ops import reference
from gaugeconv.ops.cpu_kernels import aggregate_rows, sort_by_ring
from gaugeconv.ops.moments import MomentLayout, ProductMap, product_map
from gaugeconv.ops.threads import run_tasks
from gaugeconv.reps import KernelSpace, RadialBasis

_SLAB_BYTES = 1 << 20  # moments of one slab stay in the second-level cache
_MIN_ROWS = 64  # fewer rows are not worth a call
_MAX_GROUPS = 32
_SUMS_BYTES = 64 << 20  # for the weight gradient, which every group sums by itself


@dataclass(frozen=True)
class EdgeTables:
    """What the kernels read of the geometry, pairs row by row and, in a row, ring by ring.

    Attributes:
        ptr: (P+1,) pairs of row p.
        source: (E,) int32 row that the pair reads.
        radial: (num+1, E) w_e b_k(r_e) / (πR²), k = 0 … num.
        trig: (4, E) cos θ, sin θ, cos(φ − θ), sin(φ − θ).
        ranges: (P, num+1, 2) int32 the pairs of each row between which b_k is not zero.
    """

    ptr: np.ndarray
    source: np.ndarray
    radial: np.ndarray
    trig: np.ndarray
    ranges: np.ndarray


def edge_tables(
    nb: Neighborhoods, basis: RadialBasis, dtype: torch.dtype, transposed: bool
) -> EdgeTables:
    """Tables of a neighbourhood (of its adjoint when transposed), computed once and kept in it."""
    key = ("ops.cpu.tables", basis, dtype, transposed)
    return nb.memo(key, lambda: _make_tables(nb, basis, dtype, transposed))


def _make_tables(
    nb: Neighborhoods, basis: RadialBasis, dtype: torch.dtype, transposed: bool
) -> EdgeTables:
    """Tables in the dtype of the features, from values in the dtype of the geometry."""
    if transposed:
        ptr, edge = nb.transposed()
    else:
        ptr, edge = nb.ptr, torch.arange(nb.target.numel())
    radial = reference.radial_weights(nb, basis).to(dtype)
    order = torch.empty_like(edge)
    ranges = np.zeros((ptr.numel() - 1, basis.num + 1, 2), dtype=np.int32)
    sort_by_ring(ptr.numpy(), edge.numpy(), radial.numpy(), order.numpy(), ranges)
    theta, turn = nb.theta[order], (nb.transport - nb.theta)[order]
    if transposed:
        theta, turn = -turn, -theta
    trig = torch.stack((theta.cos(), theta.sin(), turn.cos(), turn.sin())).to(dtype)
    source = (nb.target if transposed else nb.source)[order].to(torch.int32)
    radial = radial[order].T.contiguous()
    return EdgeTables(ptr.numpy(), source.numpy(), radial.numpy(), trig.numpy(), ranges)


@lru_cache(maxsize=256)
def _kernel_layout(layout: MomentLayout) -> tuple[np.ndarray, np.ndarray]:
    """The layout as arrays.

    Blocks are (order, start, stop, column in the centre term or −1), segments (order, start).
    """
    center = {segment.order: segment.center for segment in layout.segments}
    blocks = []
    for block in layout.in_type.blocks:
        start, stop = block.slice.start, block.slice.stop
        at = center.get(block.order, -1)
        blocks.append((block.order, start, stop, at))
        if at >= 0:
            center[block.order] = at + stop - start
    segments = [(segment.order, segment.start) for segment in layout.segments]
    return np.array(blocks, dtype=np.int64), np.array(segments, dtype=np.int64)


def moment_slabs(
    x: Tensor, tables: EdgeTables, layout: MomentLayout, rows: range
) -> Iterator[tuple[slice, Tensor]]:
    """Yields the moments (rows, width) of a slab of rows at a time, in one reused buffer.

    Rows run over batch items and, within each, over targets.

    Args:
        x: (B, Q, in.dim) contiguous features.
        tables: geometry, of the dtype of x.
        layout: columns of the moments.
        rows: which rows.
    """
    blocks, segments = _kernel_layout(layout)
    step = max(_MIN_ROWS, _SLAB_BYTES // (layout.width * x.element_size()))
    buffer = torch.empty(min(step, len(rows)), layout.width, dtype=x.dtype)
    values, out = x.detach().numpy(), buffer.numpy()
    geometry = (tables.ptr, tables.source, tables.radial, tables.trig, tables.ranges)
    for first in range(rows.start, rows.stop, step):
        last = min(first + step, rows.stop)
        slab = out[: last - first]
        aggregate_rows(values, first, last, *geometry, blocks, segments, slab)
        yield slice(first, last), buffer[: last - first]


class FusedConvolution(torch.autograd.Function):
    """y = convolution of x (B, Q, in.dim) with a kernel's coordinates; see `convolve`."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        rings: Tensor,
        center: Tensor,
        nb: Neighborhoods,
        space: KernelSpace,
    ) -> Tensor:
        """Aggregates and multiplies slab by slab; keeps only its inputs."""
        ctx.save_for_backward(x, rings, center)
        ctx.nb, ctx.space = nb, space
        pm = product_map(space.in_type, space.out_type, space.basis.num)
        tables = edge_tables(nb, space.basis, x.dtype, False)
        matrices = pm.matrices(_flat(rings, center))
        y = x.new_empty(x.shape[0], nb.num_targets, space.out_type.dim)
        _multiply(x.contiguous(), tables, pm, matrices, y)
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Input and weight gradients from one aggregation of dy towards the sources."""
        x, rings, center = ctx.saved_tensors
        dy, nb, space = grads[0], ctx.nb, ctx.space
        if torch.is_grad_enabled():  # create_graph=True: go through differentiable operations
            return _differentiable_backward(ctx, dy)
        pm = product_map(space.in_type, space.out_type, space.basis.num, transposed=True)
        tables = edge_tables(nb, space.basis, x.dtype, True)
        need_x, need_weights = ctx.needs_input_grad[0], any(ctx.needs_input_grad[1:3])
        matrices = pm.matrices(_flat(rings, center)) if need_x else None
        dx = torch.empty_like(x, memory_format=torch.contiguous_format) if need_x else None
        flat = _multiply(dy.contiguous(), tables, pm, matrices, dx, x.contiguous(), need_weights)
        if flat is None:
            return dx, None, None, None, None
        weights = torch.from_numpy(pm.adjoint(flat))
        drings, dcenter = weights[: rings.numel()].view_as(rings), weights[rings.numel() :]
        return dx, drings, dcenter, None, None


def _multiply(
    x: Tensor,
    tables: EdgeTables,
    pm: ProductMap,
    matrices: list[np.ndarray] | None,
    out: Tensor | None,
    partner: Tensor | None = None,
    want_flat: bool = False,
) -> np.ndarray | None:
    """Fills out = moments · matrices and returns momentsᵀ · partner, flat, where wanted.

    Tasks are groups of rows that do not depend on the number of threads, and neither does any sum.
    """
    total = x.shape[0] * (tables.ptr.size - 1)
    groups = min(_MAX_GROUPS, -(-total // _MIN_ROWS))
    if want_flat:
        groups = min(groups, 2 + _SUMS_BYTES // (sum(pm.sizes) * x.element_size()))
    # outside of the tasks in numpy: PyTorch would set its threads spinning for each small step
    dtype = tables.radial.dtype
    sums = np.zeros((groups, sum(pm.sizes)), dtype=dtype) if want_flat else None
    factors = None if matrices is None else [torch.from_numpy(m) for m in matrices]
    left = None if out is None else out.view(-1, out.shape[-1])
    right = None if partner is None else partner.detach().view(-1, partner.shape[-1])

    def work(group: int) -> None:
        rows = range(total * group // groups, total * (group + 1) // groups)
        flats = [] if sums is None else [torch.from_numpy(m) for m in pm.split(sums[group])]
        for slab, moments in moment_slabs(x, tables, pm.layout, rows):
            for b, (columns, slots) in enumerate(zip(pm.inputs, pm.outputs, strict=True)):
                part = moments[:, columns]
                if factors is not None and left is not None:
                    torch.mm(part, factors[b], out=left[slab, slots])
                if flats and right is not None:
                    flats[b].addmm_(part.T, right[slab, slots])

    run_tasks(work, groups)
    return None if sums is None else sums.sum(axis=0)


def _flat(rings: Tensor, center: Tensor) -> np.ndarray:
    """The coordinates of a kernel in one array."""
    return np.concatenate((rings.detach().numpy().ravel(), center.detach().numpy()))


def _differentiable_backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
    """The same gradients through the reference, for derivatives of derivatives."""
    x, rings, center = inputs = ctx.saved_tensors
    wanted = [t for t, need in zip(inputs, ctx.needs_input_grad, strict=False) if need]
    y = reference.convolve(x, rings, center, ctx.nb, ctx.space)
    found = iter(torch.autograd.grad(y, wanted, dy, create_graph=True))
    return (*(next(found) if need else None for need in ctx.needs_input_grad[:3]), None, None)
