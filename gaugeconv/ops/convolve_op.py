"""`torch.ops.gaugeconv.convolve` and its derivatives: the convolution as PyTorch knows it.

The operations take and return tensors, so that autograd, `torch.compile` and `torch.export` treat them
like any other. Geometry comes as the tensors of `PairTables`, types as strings. On the CPU the
compiled loops compute, on a GPU the Triton kernels. Every derivative is again one of the operations:
with T = ⟨dy, convolution of x with w⟩, linear in each of the three, `convolve` is ∂T/∂dy and
`convolve_backward` is (∂T/∂x, ∂T/∂w). So they can be differentiated any number of times.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from gaugeconv.errors import GaugeConvError
from gaugeconv.ops import cpu
from gaugeconv.ops.costs import backward_transforms, forward_transforms
from gaugeconv.ops.moments import ProductMap, product_map
from gaugeconv.ops.tables import PairTables, table_arguments
from gaugeconv.reps import FieldType

_KERNEL = (
    f"Tensor rings, Tensor center, {table_arguments(adjoint=False)}, "
    f"{table_arguments(adjoint=True)}, str in_type, str out_type"
)
# the tables are arguments one by one because PyTorch takes lists apart slowly


@torch.library.custom_op(
    "gaugeconv::convolve", mutates_args=(), schema=f"(Tensor x, {_KERNEL}) -> Tensor"
)
def convolve_op(x: Tensor, rings: Tensor, center: Tensor, *rest: Any) -> Tensor:
    """The convolution of x (B, Q, in), in its dtype; sums are in the dtype of the tables.

    The tables of the adjoint are needed for gradients only.
    """
    tables, _, maps = _geometry(rings, rest)
    coordinates = _coordinates(rings, center)
    if not x.is_cuda and forward_transforms(*maps, *_counts(tables, x)):
        return _transform_first(x, tables, maps[1], coordinates)
    y, _ = _multiply(x, tables, maps[0], coordinates, None)
    return y.to(x.dtype)


@torch.library.custom_op(
    "gaugeconv::convolve_backward",
    mutates_args=(),
    schema=f"(Tensor dy, Tensor x, {_KERNEL}, bool need_x, bool need_kernel) "
    "-> (Tensor, Tensor, Tensor)",
)
def convolve_backward_op(
    dy: Tensor, x: Tensor, rings: Tensor, center: Tensor, *rest: Any
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of x, rings and center from dy (B, P, out); empty tensors where not needed.

    Raises:
        GaugeConvError: the tables of the adjoint are missing.
    """
    need_x, need_kernel = rest[-2:]
    tables, adjoint, maps = _geometry(rings, rest[:-2])
    if adjoint is None:
        raise GaugeConvError(
            "gradients need the tables of the adjoint: make them with pair_tables(..., "
            "transposed=True), as gaugeconv.ops.convolve does"
        )
    coordinates = _coordinates(rings, center) if need_x else None
    if not x.is_cuda and backward_transforms(*maps, *_counts(tables, x)):
        dx = weights = None
        if coordinates is not None:
            dx = _transform_first(dy, adjoint, maps[0], coordinates)
        if need_kernel:
            _, weights = _multiply(x, tables, maps[0], None, dy)
    else:
        dx, weights = _multiply(dy, adjoint, maps[1], coordinates, x if need_kernel else None)
    dx = x.new_empty(0) if dx is None else dx.to(x.dtype)
    if weights is None:
        return dx, rings.new_empty(0), rings.new_empty(0)
    drings, dcenter = weights.to(rings.dtype).split([rings.numel(), center.numel()])
    return dx, drings.view_as(rings).clone(), dcenter.clone()


@convolve_op.register_fake
def _(x: Tensor, rings: Tensor, _center: Tensor, ptr: Tensor, *_rest: Any) -> Tensor:
    return x.new_empty(x.shape[0], ptr.shape[0] - 1, rings.shape[1])


@convolve_backward_op.register_fake
def _(
    _dy: Tensor, x: Tensor, rings: Tensor, center: Tensor, *rest: Any
) -> tuple[Tensor, Tensor, Tensor]:
    need_x, need_kernel = rest[-2:]
    return (
        x.new_empty(x.shape if need_x else (0,)),
        rings.new_empty(rings.shape if need_kernel else (0,)),
        rings.new_empty(center.shape if need_kernel else (0,)),
    )


@lru_cache(maxsize=256)
def both_product_maps(in_type: str, out_type: str, num_rings: int) -> tuple[ProductMap, ProductMap]:
    """The product maps of a convolution and of its adjoint."""
    types = FieldType(in_type), FieldType(out_type)
    return product_map(*types, num_rings), product_map(*types, num_rings, transposed=True)


def _geometry(
    rings: Tensor, rest: Sequence[Any]
) -> tuple[PairTables, PairTables | None, tuple[ProductMap, ProductMap]]:
    """Tables, tables of the adjoint if given, and product maps."""
    count = len(PairTables._fields)
    adjoint = None if rest[count] is None else PairTables(*rest[count : 2 * count])
    return PairTables(*rest[:count]), adjoint, both_product_maps(*rest[-2:], rings.shape[0])


def _counts(tables: PairTables, x: Tensor) -> tuple[int, int, int]:
    """Pairs, targets and sources."""
    return tables.source.numel(), tables.target.numel(), x.shape[1]


def _coordinates(rings: Tensor, center: Tensor) -> Tensor:
    """The coordinates of a kernel in one tensor."""
    return torch.cat((rings.flatten(), center))


def _multiply(
    x: Tensor,
    tables: PairTables,
    product: ProductMap,
    coordinates: Tensor | None,
    partner: Tensor | None,
) -> tuple[Any, Tensor | None]:
    """`cpu.multiply` or the GPU's."""
    if x.is_cuda:
        from gaugeconv.ops import gpu

        return gpu.multiply(x, tables[:5], product, coordinates, partner)
    dtype = tables.radial.dtype
    values = [None if t is None else t.detach().to(dtype) for t in (coordinates, partner)]
    return cpu.multiply(x.detach().to(dtype), tables, product, *values)


def _transform_first(
    x: Tensor, tables: PairTables, product: ProductMap, coordinates: Tensor
) -> Tensor:
    """`cpu.transform_first`, in the dtype of the tables and back in that of x."""
    dtype = tables.radial.dtype
    values, kernel = x.detach().to(dtype), coordinates.detach().to(dtype)
    return cpu.transform_first(values, tables, product, kernel).to(x.dtype)


def _setup(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    """Keeps the inputs, and nothing that is computed from them."""
    del output
    ctx.save_for_backward(*inputs[:-2])
    ctx.types = inputs[-2:]


def _setup_backward(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    _setup(ctx, inputs[:-2], output)
    ctx.need_x, ctx.need_kernel = inputs[-2:]


def _gradients(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
    """(∂T/∂x, ∂T/∂w)."""
    x, rings, center, *tables = ctx.saved_tensors
    need_x, *need = ctx.needs_input_grad[:3]
    rest = *tables, *ctx.types
    dx, drings, dcenter = convolve_backward_op(dy, x, rings, center, *rest, need_x, any(need))
    kernel = (drings, dcenter) if any(need) else (None, None)
    return (dx if need_x else None, *kernel, *[None] * len(rest))


def _second_gradients(
    ctx: Any, gx: Tensor, grings: Tensor, gcenter: Tensor
) -> tuple[Tensor | None, ...]:
    """Derivatives of ⟨gx, ∂T/∂x⟩ + ⟨gw, ∂T/∂w⟩ = T(dy, gx, w) + T(dy, x, gw)."""
    dy, x, rings, center, *tables = ctx.saved_tensors
    rest = *tables, *ctx.types
    ddy = dx = drings = dcenter = None
    if ctx.need_x:
        ddy = convolve_op(gx, rings, center, *rest)
        _, drings, dcenter = convolve_backward_op(dy, gx, rings, center, *rest, False, True)
    if ctx.need_kernel:
        second = convolve_op(x, grings, gcenter, *rest)
        ddy = second if ddy is None else ddy + second
        dx, _, _ = convolve_backward_op(dy, x, grings, gcenter, *rest, True, False)
    return (ddy, dx, drings, dcenter, *[None] * (len(rest) + 2))


convolve_op.register_autograd(_gradients, setup_context=_setup)
convolve_backward_op.register_autograd(_second_gradients, setup_context=_setup_backward)
