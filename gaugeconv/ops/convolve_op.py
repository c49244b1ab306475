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

from gaugeconv.ops import cpu
from gaugeconv.ops.costs import backward_transforms, forward_transforms
from gaugeconv.ops.moments import ProductMap, product_map
from gaugeconv.ops.tables import PairTables
from gaugeconv.reps import FieldType

Tensors = Sequence[Tensor]
_KERNEL = (
    "Tensor rings, Tensor center, Tensor[] tables, Tensor[] adjoint, str in_type, str out_type"
)


@torch.library.custom_op(
    "gaugeconv::convolve", mutates_args=(), schema=f"(Tensor x, {_KERNEL}) -> Tensor"
)
def convolve_op(
    x: Tensor,
    rings: Tensor,
    center: Tensor,
    tables: Tensors,
    adjoint: Tensors,
    in_type: str,
    out_type: str,
) -> Tensor:
    """The convolution of x (B, Q, in), in its dtype; sums are in the dtype of the tables.

    `adjoint` may be empty where no gradient is wanted; on the CPU one of several ways needs it.
    """
    coordinates = _coordinates(rings, center)
    maps = _maps(rings, in_type, out_type)
    if adjoint and not x.is_cuda and forward_transforms(*maps, *_counts(tables, x)):
        return _transform_first(x, adjoint, maps[1], coordinates, tables[0].numel() - 1)
    y, _ = _multiply(x, tables, maps[0], coordinates, None)
    return y.to(x.dtype)


@torch.library.custom_op(
    "gaugeconv::convolve_backward",
    mutates_args=(),
    schema=f"(Tensor dy, Tensor x, {_KERNEL}, bool need_x, bool need_kernel) "
    "-> (Tensor, Tensor, Tensor)",
)
def convolve_backward_op(
    dy: Tensor,
    x: Tensor,
    rings: Tensor,
    center: Tensor,
    tables: Tensors,
    adjoint: Tensors,
    in_type: str,
    out_type: str,
    need_x: bool,
    need_kernel: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of x, rings and center from dy (B, P, out); empty tensors where not needed.

    Raises:
        GaugeConvError: the tables of the adjoint are missing.
    """
    coordinates = _coordinates(rings, center) if need_x else None
    maps = _maps(rings, in_type, out_type)
    if not x.is_cuda and backward_transforms(*maps, *_counts(tables, x)):
        dx = weights = None
        if coordinates is not None:
            dx = _transform_first(dy, tables, maps[0], coordinates, x.shape[1])
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
def _(x: Tensor, rings: Tensor, _center: Tensor, tables: Tensors, *_rest: Any) -> Tensor:
    return x.new_empty(x.shape[0], tables[0].shape[0] - 1, rings.shape[1])


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
def _types(in_type: str, out_type: str) -> tuple[FieldType, FieldType]:
    return FieldType(in_type), FieldType(out_type)


def _maps(rings: Tensor, in_type: str, out_type: str) -> tuple[ProductMap, ProductMap]:
    """The product maps of the convolution and of its adjoint."""
    types = _types(in_type, out_type)
    return product_map(*types, rings.shape[0]), product_map(*types, rings.shape[0], True)


def _counts(tables: Tensors, x: Tensor) -> tuple[int, int, int]:
    """Pairs, targets and sources."""
    return tables[1].numel(), tables[0].numel() - 1, x.shape[1]


def _coordinates(rings: Tensor, center: Tensor) -> Tensor:
    """The coordinates of a kernel in one tensor."""
    return torch.cat((rings.flatten(), center))


def _multiply(
    x: Tensor,
    tables: Tensors,
    product: ProductMap,
    coordinates: Tensor | None,
    partner: Tensor | None,
) -> tuple[Any, Tensor | None]:
    """`cpu.multiply` or the GPU's."""
    if x.is_cuda:
        from gaugeconv.ops import gpu

        return gpu.multiply(x, PairTables(*tables)[:5], product, coordinates, partner)
    dtype = tables[2].dtype
    values = [None if t is None else t.detach().to(dtype) for t in (coordinates, partner)]
    return cpu.multiply(x.detach().to(dtype), PairTables(*tables), product, *values)


def _transform_first(
    x: Tensor, adjoint: Tensors, product: ProductMap, coordinates: Tensor, rows: int
) -> Tensor:
    """`cpu.transform_first`, in the dtype of the tables and back in that of x."""
    values = [t.detach().to(adjoint[2].dtype) for t in (x, coordinates)]
    y = cpu.transform_first(values[0], PairTables(*adjoint), product, values[1], rows)
    return y.to(x.dtype)


def _keep(ctx: Any, tensors: Tensors, tables: Tensors, adjoint: Tensors, *rest: Any) -> None:
    """Keeps the inputs of an operation, and nothing that is computed from them."""
    ctx.save_for_backward(*tensors, *tables, *adjoint)
    ctx.ends = len(tensors), len(tensors) + len(tables)
    ctx.rest = rest


def _kept(ctx: Any) -> tuple[Tensors, tuple[Any, ...]]:
    """The features and kernels of `_keep`, and the arguments that follow them in a call."""
    a, b = ctx.ends
    saved = ctx.saved_tensors
    return saved[:a], (list(saved[a:b]), list(saved[b:]), *ctx.rest)


def _setup(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    del output
    _keep(ctx, inputs[:3], *inputs[3:])


def _setup_backward(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    del output
    _keep(ctx, inputs[:4], *inputs[4:8])
    ctx.need_x, ctx.need_kernel = inputs[8:]


def _no_gradients(rest: tuple[Any, ...]) -> tuple[Any, ...]:
    """What a derivative gives back for tables and types."""
    tables, adjoint, *types = rest
    return [None] * len(tables), [None] * len(adjoint), *[None] * len(types)


def _gradients(ctx: Any, dy: Tensor) -> tuple[Any, ...]:
    """(∂T/∂x, ∂T/∂w)."""
    (x, rings, center), rest = _kept(ctx)
    need_x, *need = ctx.needs_input_grad[:3]
    dx, drings, dcenter = convolve_backward_op(dy, x, rings, center, *rest, need_x, any(need))
    kernel = (drings, dcenter) if any(need) else (None, None)
    return (dx if need_x else None, *kernel, *_no_gradients(rest))


def _second_gradients(ctx: Any, gx: Tensor, grings: Tensor, gcenter: Tensor) -> tuple[Any, ...]:
    """Derivatives of ⟨gx, ∂T/∂x⟩ + ⟨gw, ∂T/∂w⟩ = T(dy, gx, w) + T(dy, x, gw)."""
    (dy, x, rings, center), rest = _kept(ctx)
    ddy = dx = drings = dcenter = None
    if ctx.need_x:
        ddy = convolve_op(gx, rings, center, *rest)
        _, drings, dcenter = convolve_backward_op(dy, gx, rings, center, *rest, False, True)
    if ctx.need_kernel:
        second = convolve_op(x, grings, gcenter, *rest)
        ddy = second if ddy is None else ddy + second
        dx, _, _ = convolve_backward_op(dy, x, grings, gcenter, *rest, True, False)
    return (ddy, dx, drings, dcenter, *_no_gradients(rest), None, None)


convolve_op.register_autograd(_gradients, setup_context=_setup)
convolve_backward_op.register_autograd(_second_gradients, setup_context=_setup_backward)
