"""One entry point for the convolution, whatever computes it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from gaugeconv.errors import OptionError, StructureGroupError
from gaugeconv.geometry.neighborhoods import Neighborhoods
from gaugeconv.ops import fused, reference
from gaugeconv.ops.inputs import (
    HALVES,
    autocast,
    check_features,
    check_kernel,
    require_rotations,
    unfold,
)
from gaugeconv.ops.moments import moment_layout
from gaugeconv.ops.tables import compute_dtype
from gaugeconv.reps import FieldType, KernelSpace, RadialBasis

Backend = Literal["auto", "fused", "torch", "torch-scatter"]
_HAS_TRITON = find_spec("triton") is not None
_HAS_TORCH_SCATTER = find_spec("torch_scatter") is not None

_backend: Backend = "auto"  # a plain global, which `torch.compile` watches


@contextmanager
def use_backend(backend: Backend) -> Iterator[None]:
    """Chooses what computes convolutions inside a with-block, in the whole process.

    Args:
        backend: "fused", compiled loops on the CPU and Triton kernels on a GPU; "torch" or
            "torch-scatter", the readable reference with that library's segment sums; "auto", the
            fused kernels where they can run and otherwise the reference, with torch-scatter where
            it is installed.

    Raises:
        OptionError: no such backend.
        ModuleNotFoundError: torch-scatter is asked for and not installed.
    """
    global _backend
    before, _backend = _backend, _checked(backend)
    try:
        yield
    finally:
        _backend = before


def convolve(
    x: Float[Tensor, "*batch Q in"],
    rings: Float[Tensor, "num out in"],
    center: Float[Tensor, " num_center"],
    nb: Neighborhoods,
    space: KernelSpace,
    backend: Backend | None = None,
) -> Float[Tensor, "*batch P out"]:
    """Gauge equivariant convolution with a steerable kernel (docs/conventions.md).

    y_p = 1/(πR²) Σ_e w_e η(θ_e) K(r_e) ρ(φ_e − θ_e) x_q over the pairs e = (p, q), with
    K(r) = b_0(r) C + Σ_k b_k(r) W_k. Covariant: y is of the output type in the targets' gauge when
    x is of the input type in the sources'. Differentiable in x, rings and center, any number of
    times. Features of 16 bits are summed in float32; under autocast x becomes such and the kernel
    stays as it is.

    Args:
        x: features of the sources, of type `space.in_type`.
        rings: the matrices W_k, in the dtype of x, or in float32 where x has 16 bits.
        center: coordinates of the intertwiner C, likewise.
        nb: neighbourhoods, on the device of x; their dtype may differ.
        space: the kernels' space: types and radial basis.
        backend: see `use_backend`, whose choice holds when this is None.

    Raises:
        FieldTypeError: a shape, dtype or device does not fit.
        StructureGroupError: a transport reflects, which SO(2) features cannot follow.
        OptionError: no such backend, or it cannot run on these tensors.
    """
    x = autocast(x)
    check_kernel(x, rings, center, space)
    check_features(x, nb, space.in_type)
    chosen = _resolve(_backend if backend is None else _checked(backend), x)
    if chosen == "fused":
        y = fused.convolve(_flat(x), rings, center, nb, space)
        return y.reshape(*x.shape[:-2], *y.shape[-2:])
    require_rotations(nb)
    dtype = compute_dtype(x.dtype)
    y = reference.convolve(x.to(dtype), rings.to(dtype), center.to(dtype), nb, space, chosen)
    return y.to(x.dtype)


def aggregate(
    x: Float[Tensor, "*batch Q in"],
    nb: Neighborhoods,
    basis: RadialBasis,
    in_type: FieldType,
    orders: tuple[int, ...],
    backend: Backend | None = None,
) -> Float[Tensor, "*batch P width"]:
    """Moments of a field over every neighbourhood: what any kernel's product then multiplies.

    With u_e = ρ_in(φ_e − θ_e) x_q for the pairs e = (p, q), the moments of target p are, for each
    angular order n and ring k = 1 … num, Σ_e w_e b_k(r_e) cos(nθ_e) u_e / (πR²) and (n ≥ 1) the
    same with sin(nθ_e); and last the centre term Σ_e w_e b_0(r_e) ρ_in(φ_e) x_q / (πR²).
    `moment_layout(in_type, orders, basis.num)` says which column is which and takes them apart.
    A change of gauge at the sources leaves the moments alone when x changes with it; at a target
    it turns each pair (cos, sin) and each irrep of in_type. Differentiable in x.

    Args:
        x: features of the sources.
        nb: neighbourhoods, on the device of x.
        basis: radial functions.
        in_type: type of x, a sum of irreps.
        orders: angular orders, ascending.
        backend: see `use_backend`, whose choice holds when this is None.

    Raises:
        FieldTypeError: a shape or device does not fit, or the orders are not ascending.
        StructureGroupError: a transport reflects and the group of in_type does not; or that group is
            finite: `reps.carrier` turns such features into those of SO(2) or O(2).
        OptionError: no such backend, or it cannot run on these tensors.
    """
    if in_type.group.is_finite:
        raise StructureGroupError(
            f"moments of {in_type.group} features are not computed: turn them into features of SO2 "
            "or O2 with reps.carrier"
        )
    x = autocast(x)
    layout = moment_layout(in_type, orders, basis.num)
    check_features(x, nb, in_type)
    chosen = _resolve(_backend if backend is None else _checked(backend), x)
    if in_type.group.reflections:
        x, nb = unfold(x, nb, in_type)
    if chosen == "fused":
        y = fused.aggregate(_flat(x), nb, basis, in_type, orders)
        return y.reshape(*x.shape[:-2], *y.shape[-2:])
    require_rotations(nb)
    y = reference.aggregate(x.to(compute_dtype(x.dtype)), nb, basis, layout, chosen)
    return y.to(x.dtype)


def _flat(x: Tensor) -> Tensor:
    """The same with one batch axis."""
    return x[None] if x.ndim == 2 else x.flatten(0, -3)


def _checked(backend: Backend) -> Backend:
    if backend not in get_args(Backend):
        raise OptionError(f"backend must be one of {get_args(Backend)}, got {backend!r}")
    if backend == "torch-scatter" and not _HAS_TORCH_SCATTER:
        raise ModuleNotFoundError(
            "backend 'torch-scatter' needs the package torch-scatter: install gaugeconv[scatter], "
            "or use backend 'torch'"
        )
    return backend


def _resolve(backend: Backend, x: Tensor) -> Literal["fused", "torch", "torch-scatter"]:
    """The backend that runs, "auto" decided."""
    known = x.dtype in (torch.float32, torch.float64, *HALVES)
    fits = known and (x.device.type == "cpu" or (x.device.type == "cuda" and _HAS_TRITON))
    if backend == "fused" and not fits:
        raise OptionError(
            "backend 'fused' computes floating-point features on the CPU, and with Triton on "
            f"CUDA devices; got {x.dtype} on {x.device}"
        )
    if backend != "auto":
        return backend
    if fits:
        return "fused"
    return "torch-scatter" if _HAS_TORCH_SCATTER else "torch"
