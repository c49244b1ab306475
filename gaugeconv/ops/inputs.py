"""What the operations accept: checks with messages, autocast, reflecting transports."""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from gaugeconv.errors import FieldTypeError
from gaugeconv.geometry.neighborhoods import Neighborhoods
from gaugeconv.ops.tables import reflection_error
from gaugeconv.reps import FieldType, KernelSpace

HALVES = (torch.bfloat16, torch.float16)


def autocast(x: Tensor) -> Tensor:
    """X as autocast wants the inputs of matrix products: float32 becomes its dtype."""
    kind = x.device.type
    if x.dtype == torch.float32 and torch.is_autocast_enabled(kind):
        return x.to(torch.get_autocast_dtype(kind))
    return x


def unfold(
    x: Float[Tensor, "*batch Q in"], nb: Neighborhoods, in_type: FieldType
) -> tuple[Float[Tensor, "*batch Q2 in"], Neighborhoods]:
    """Reflecting transports as rotations of reflected features: (x, nb) with twice the sources.

    The sources become [x ; ρ(S) x], and a pair that reflects reads from the second half. Gives
    (x, nb) back where no transport reflects.

    Raises:
        StructureGroupError: a transport reflects and the group of in_type does not.
    """
    if not nb.memo("ops.any-flip", lambda: bool(nb.flip.any())):
        return x, nb

    def double() -> Neighborhoods:
        return replace(
            nb,
            source=nb.source + nb.num_sources * nb.flip.to(nb.source.dtype),
            flip=torch.zeros_like(nb.flip),
            num_sources=2 * nb.num_sources,
            source_vertex=torch.cat((nb.source_vertex, nb.source_vertex)),
            _memo={},
        )

    zeros = x.new_zeros(nb.num_sources)
    reflected = in_type.transform(x, zeros, torch.ones_like(zeros, dtype=torch.bool))
    return torch.cat((x, reflected), dim=-2), nb.memo("ops.unfolded", double)


def check_kernel(x: Tensor, rings: Tensor, center: Tensor, space: KernelSpace) -> None:
    """Raises the error that names what does not fit."""
    space.check(rings, center)
    allowed = (x.dtype, torch.float32) if x.dtype in HALVES else (x.dtype,)
    if rings.dtype not in allowed or center.dtype != rings.dtype:
        raise FieldTypeError(
            f"features are {x.dtype} and the kernel {rings.dtype}: convert one, for instance with "
            "layer.to(x.dtype)"
        )
    if x.device != rings.device:
        raise FieldTypeError(
            f"features are on {x.device} and the kernel on {rings.device}: "
            "move them to one device with .to(device)"
        )


def check_features(x: Tensor, nb: Neighborhoods, in_type: FieldType) -> None:
    """Raises the error that names why x is not of the type on the sources of nb."""
    expected = (nb.num_sources, in_type.dim)
    if x.ndim < 2 or tuple(x.shape[-2:]) != expected:
        raise FieldTypeError(
            f"expected features (..., {expected[0]}, {expected[1]}) of type "
            f"'{in_type}' on {expected[0]} source vertices, got {tuple(x.shape)}"
        )
    if x.device != nb.ptr.device:
        raise FieldTypeError(
            f"features are on {x.device} and the neighbourhoods on {nb.ptr.device}: "
            "move them to one device with .to(device)"
        )


def require_rotations(nb: Neighborhoods) -> None:
    """Raises StructureGroupError if a transport reflects, as the tables of the fused kernels do."""
    if nb.memo("ops.any-flip", lambda: bool(nb.flip.any())):
        raise reflection_error(nb.flip)
