"""`torch.ops.gaugeconv.aggregate` and its transpose, each of which is the other's derivative."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from gaugeconv.ops import cpu
from gaugeconv.ops.moments import MomentLayout, moment_layout
from gaugeconv.ops.tables import PairTables, table_arguments
from gaugeconv.reps import FieldType

_REST = (
    f"{table_arguments(adjoint=False)}, {table_arguments(adjoint=True)}, "
    "str in_type, str orders, SymInt sources"
)


@torch.library.custom_op(
    "gaugeconv::aggregate", mutates_args=(), schema=f"(Tensor x, {_REST}) -> Tensor"
)
def aggregate_op(x: Tensor, *rest: Any) -> Tensor:
    """Moments (B, P, width) of x (B, Q, in), in its dtype; sums are in the dtype of the tables.

    `orders` are the angular orders, separated by spaces. The tables of the adjoint are read by
    gradients on a GPU only.
    """
    tables, _, layout = _geometry(rest)
    if x.is_cuda:
        from gaugeconv.ops import gpu

        return gpu.aggregate(x, *tables[:5], layout)
    return cpu.aggregate(x.detach().to(tables.radial.dtype), tables, layout).to(x.dtype)


@torch.library.custom_op(
    "gaugeconv::aggregate_adjoint", mutates_args=(), schema=f"(Tensor moments, {_REST}) -> Tensor"
)
def aggregate_adjoint_op(moments: Tensor, *rest: Any) -> Tensor:
    """The transpose of `aggregate`: from (B, P, width) to (B, Q, in)."""
    tables, adjoint, layout = _geometry(rest)
    if moments.is_cuda:
        from gaugeconv.ops import gpu

        return gpu.aggregate_adjoint(moments, *adjoint[:5], layout)
    values = moments.detach().to(tables.radial.dtype)
    return cpu.aggregate_adjoint(values, tables, layout, rest[-1]).to(moments.dtype)


@aggregate_op.register_fake
def _(x: Tensor, *rest: Any) -> Tensor:
    tables, _, layout = _geometry(rest)
    return x.new_empty(x.shape[0], tables.ptr.shape[0] - 1, layout.width)


@aggregate_adjoint_op.register_fake
def _(moments: Tensor, *rest: Any) -> Tensor:
    return moments.new_empty(moments.shape[0], rest[-1], _geometry(rest)[2].in_type.dim)


def _geometry(rest: Sequence[Any]) -> tuple[PairTables, PairTables, MomentLayout]:
    """Tables, tables of the adjoint (of Nones where not given) and the layout."""
    count = len(PairTables._fields)
    tables, (in_type, orders, _) = PairTables(*rest[:count]), rest[2 * count :]
    rings = int(tables.radial.shape[0]) - 1  # a number also where PyTorch traces with symbols
    return tables, PairTables(*rest[count : 2 * count]), _layout(in_type, orders, rings)


@lru_cache(maxsize=256)
def _layout(in_type: str, orders: str, rings: int) -> MomentLayout:
    return moment_layout(FieldType(in_type), tuple(map(int, orders.split())), rings)


def _setup(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    del output
    ctx.save_for_backward(*inputs[1:-3])
    ctx.rest = inputs[-3:]


def _gradient(ctx: Any, dmoments: Tensor) -> tuple[Tensor | None, ...]:
    rest = *ctx.saved_tensors, *ctx.rest
    return aggregate_adjoint_op(dmoments, *rest), *[None] * len(rest)


def _adjoint_gradient(ctx: Any, dx: Tensor) -> tuple[Tensor | None, ...]:
    rest = *ctx.saved_tensors, *ctx.rest
    return aggregate_op(dx, *rest), *[None] * len(rest)


aggregate_op.register_autograd(_gradient, setup_context=_setup)
aggregate_adjoint_op.register_autograd(_adjoint_gradient, setup_context=_setup)
