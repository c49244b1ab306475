"""One entry point for the convolution, whatever computes it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.util import find_spec
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from gaugeconv.errors import FieldTypeError, StructureGroupError
from gaugeconv.geometry.neighborhoods import Neighborhoods
from gaugeconv.ops import reference
from gaugeconv.ops.cpu import FusedConvolution
from gaugeconv.reps import KernelSpace

Backend = Literal["auto", "cpu", "torch", "torch-scatter"]

_backend: ContextVar[Backend] = ContextVar("gaugeconv_backend", default="auto")


@contextmanager
def use_backend(backend: Backend) -> Iterator[None]:
    """Chooses what computes convolutions inside a with-block (per thread and task).

    Args:
        backend: "cpu", the fused kernels; "torch" or "torch-scatter", the readable reference with
            that library's segment sums; "auto", the fused kernels for float32 and float64 on the
            CPU and otherwise the reference, with torch-scatter where it is installed.

    Raises:
        ValueError: no such backend.
        ModuleNotFoundError: torch-scatter is asked for and not installed.
    """
    token = _backend.set(_checked(backend))
    try:
        yield
    finally:
        _backend.reset(token)


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
    x is of the input type in the sources'. Differentiable in x, rings and center.

    Args:
        x: features of the sources, of type `space.in_type`.
        rings: the matrices W_k.
        center: coordinates of the intertwiner C.
        nb: neighbourhoods, on the device of x; their dtype may differ.
        space: the kernels' space: types and radial basis.
        backend: see `use_backend`, whose choice holds when this is None.

    Raises:
        FieldTypeError: a shape, dtype or device does not fit.
        StructureGroupError: a transport reflects, which SO(2) features cannot follow.
        ValueError: no such backend, or it cannot run on these tensors.
    """
    _check_input(x, rings, center, nb, space)
    chosen = _resolve(_backend.get() if backend is None else _checked(backend), x)
    if chosen == "cpu":
        flat = x[None] if x.ndim == 2 else x.flatten(0, -3)
        y: Tensor = FusedConvolution.apply(flat, rings, center, nb, space)
        return y.reshape(*x.shape[:-2], *y.shape[-2:])
    return reference.convolve(x, rings, center, nb, space, chosen)


def _checked(backend: Backend) -> Backend:
    if backend not in get_args(Backend):
        raise ValueError(f"backend must be one of {get_args(Backend)}, got {backend!r}")
    if backend == "torch-scatter" and not _has_torch_scatter():
        raise ModuleNotFoundError(
            "backend 'torch-scatter' needs the package torch-scatter: install gaugeconv[scatter], "
            "or use backend 'torch'"
        )
    return backend


def _has_torch_scatter() -> bool:
    return find_spec("torch_scatter") is not None


def _resolve(backend: Backend, x: Tensor) -> Literal["cpu", "torch", "torch-scatter"]:
    """The backend that runs, "auto" decided."""
    fits = x.device.type == "cpu" and x.dtype in (torch.float32, torch.float64)
    if backend == "cpu" and not fits:
        raise ValueError(
            f"backend 'cpu' computes float32 and float64 on the CPU, got {x.dtype} on {x.device}"
        )
    if backend != "auto":
        return backend
    if fits:
        return "cpu"
    return "torch-scatter" if _has_torch_scatter() else "torch"


def _check_input(
    x: Tensor, rings: Tensor, center: Tensor, nb: Neighborhoods, space: KernelSpace
) -> None:
    """Raises the error that names what does not fit."""
    space.check(rings, center)
    expected = (nb.num_sources, space.in_type.dim)
    if x.ndim < 2 or tuple(x.shape[-2:]) != expected:
        raise FieldTypeError(
            f"expected features (..., {expected[0]}, {expected[1]}) of type "
            f"'{space.in_type}' on {expected[0]} source vertices, got {tuple(x.shape)}"
        )
    if x.dtype != rings.dtype or x.dtype != center.dtype:
        raise FieldTypeError(
            f"features are {x.dtype} and the kernel {rings.dtype}: convert one, for instance with "
            "layer.to(x.dtype)"
        )
    if not x.device == rings.device == nb.ptr.device:
        raise FieldTypeError(
            f"features are on {x.device}, the kernel on {rings.device} and the neighbourhoods on "
            f"{nb.ptr.device}: move them to one device with .to(device)"
        )
    if nb.memo("ops.any-flip", lambda: bool(nb.flip.any())):
        raise StructureGroupError(
            f"{int(nb.flip.sum())} transports reflect (the mesh is not orientable): SO2 features "
            "have no reflection; they need a structure group that has"
        )
