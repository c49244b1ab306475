"""`torch.ops.gaugeconv.aggregate` and its transpose, each of which is the other's derivative."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from gaugeconv.ops import cpu
from gaugeconv.ops.moments import MomentLayout, moment_layout
from gaugeconv.ops.tables import PairTables
from gaugeconv.reps import FieldType

Tensors = Sequence[Tensor]
_REST = "Tensor[] tables, Tensor[] adjoint, str in_type, str orders, SymInt sources"


@torch.library.custom_op(
    "gaugeconv::aggregate", mutates_args=(), schema=f"(Tensor x, {_REST}) -> Tensor"
)
def aggregate_op(
    x: Tensor,
    tables: Tensors,
    _adjoint: Tensors,
    in_type: str,
    orders: str,
    _sources: int,
) -> Tensor:
    """Moments (B, P, width) of x (B, Q, in), in its dtype; sums are in the dtype of the tables.

    `orders` are the angular orders, separated by spaces.
    The tables of the adjoint are read by gradients on a GPU only.
    """
    layout = _layout(tables, in_type, orders)
    if x.is_cuda:
        from gaugeconv.ops import gpu

        return gpu.aggregate(x, *PairTables(*tables)[:5], layout)
    values = x.detach().to(tables[2].dtype)
    return cpu.aggregate(values, PairTables(*tables), layout).to(x.dtype)


@torch.library.custom_op(
    "gaugeconv::aggregate_adjoint", mutates_args=(), schema=f"(Tensor moments, {_REST}) -> Tensor"
)
def aggregate_adjoint_op(
    moments: Tensor,
    tables: Tensors,
    adjoint: Tensors,
    in_type: str,
    orders: str,
    sources: int,
) -> Tensor:
    """The transpose of `aggregate`: from (B, P, width) to (B, Q, in)."""
    layout = _layout(tables, in_type, orders)
    if moments.is_cuda:
        from gaugeconv.ops import gpu

        return gpu.aggregate_adjoint(moments, *PairTables(*adjoint)[:5], layout)
    values = moments.detach().to(tables[2].dtype)
    return cpu.aggregate_adjoint(values, PairTables(*tables), layout, sources).to(moments.dtype)


@aggregate_op.register_fake
def _(x: Tensor, tables: Tensors, _adjoint: Tensors, *rest: Any) -> Tensor:
    in_type, orders, _ = rest
    width = _layout(tables, in_type, orders).width
    return x.new_empty(x.shape[0], tables[0].shape[0] - 1, width)


@aggregate_adjoint_op.register_fake
def _(moments: Tensor, _tables: Tensors, _adjoint: Tensors, *rest: Any) -> Tensor:
    in_type, _, sources = rest
    return moments.new_empty(moments.shape[0], sources, FieldType(in_type).dim)


def _layout(tables: Tensors, in_type: str, orders: str) -> MomentLayout:
    rings = int(tables[2].shape[0]) - 1  # a number also where PyTorch traces with symbols
    return moment_layout(FieldType(in_type), tuple(map(int, orders.split())), rings)


def _setup(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    del output
    _, tables, adjoint, *ctx.rest = inputs
    ctx.save_for_backward(*tables, *adjoint)
    ctx.end = len(tables)


def _arguments(ctx: Any) -> tuple[Any, ...]:
    saved = ctx.saved_tensors
    return list(saved[: ctx.end]), list(saved[ctx.end :]), *ctx.rest


def _no_gradients(ctx: Any) -> tuple[Any, ...]:
    """What a derivative gives back for all inputs but the first."""
    tables, adjoint, *rest = _arguments(ctx)
    return [None] * len(tables), [None] * len(adjoint), *[None] * len(rest)


def _gradient(ctx: Any, dmoments: Tensor) -> tuple[Any, ...]:
    return aggregate_adjoint_op(dmoments, *_arguments(ctx)), *_no_gradients(ctx)


def _adjoint_gradient(ctx: Any, dx: Tensor) -> tuple[Any, ...]:
    return aggregate_op(dx, *_arguments(ctx)), *_no_gradients(ctx)


aggregate_op.register_autograd(_gradient, setup_context=_setup)
aggregate_adjoint_op.register_autograd(_adjoint_gradient, setup_context=_setup)
