"""Helpers that all layers share: types of inputs, blocks as channels, invariants."""

from __future__ import annotations

from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gaugeconv.errors import FieldTypeError
from gaugeconv.reps import FieldType

NORM_EPS = 1e-6
"""Added to |z|² under the root of a smooth norm: its gradient is finite where z = 0."""


def check_features(x: Tensor, expected: FieldType) -> None:
    """Raises FieldTypeError unless the last axis of x holds features of the type."""
    if x.ndim == 0 or x.shape[-1] != expected.dim:
        raise FieldTypeError(
            f"expected features (..., {expected.dim}) of type '{expected}', got {tuple(x.shape)}"
        )


@lru_cache(maxsize=256)
def runs(field_type: FieldType) -> tuple[tuple[int, int], ...]:
    """(channels, components per channel) of neighbouring blocks taken together where both are 1 or 2.

    Operations that treat all orders m ≥ 1 alike take one step per run instead of one per block.
    """
    found: list[tuple[int, int]] = []
    for block in field_type.blocks:
        if found and found[-1][1] == block.components:
            found[-1] = (found[-1][0] + block.multiplicity, block.components)
        else:
            found.append((block.multiplicity, block.components))
    return tuple(found)


def split_runs(
    x: Float[Tensor, "*batch dim"], field_type: FieldType
) -> list[Float[Tensor, "*batch _c _d"]]:
    """The runs of x, with channels and irrep components as separate axes.

    One split, because its gradient is one concatenation; slices would each fill a tensor like x.
    """
    sizes = runs(field_type)
    parts = x.split([c * d for c, d in sizes], dim=-1)
    return [part.unflatten(-1, size) for part, size in zip(parts, sizes, strict=True)]


def join_runs(parts: list[Float[Tensor, "*batch _c _d"]]) -> Float[Tensor, "*batch dim"]:
    """The inverse of `split_runs`."""
    return torch.cat([part.flatten(-2) for part in parts], dim=-1)


def run_invariants(
    parts: list[Float[Tensor, "*batch _c _d"]], eps: float = NORM_EPS
) -> Float[Tensor, "*batch channels"]:
    """`invariants` of features that are split into runs."""
    return torch.cat([p[..., 0] if p.shape[-1] == 1 else smooth_norm(p, eps) for p in parts], -1)


def smooth_norm(z: Float[Tensor, "*batch c d"], eps: float = NORM_EPS) -> Float[Tensor, "*batch c"]:
    """sqrt(|z|² + eps): gauge invariant, smooth, with zero gradient at z = 0."""
    return (z.square().sum(-1) + eps).sqrt()


def invariants(
    x: Float[Tensor, "*batch dim"], field_type: str | FieldType, eps: float = NORM_EPS
) -> Float[Tensor, "*batch channels"]:
    """One gauge invariant number per channel: order 0 as it is, smooth norms of the rest.

    Args:
        x: features of the type.
        field_type: the type of x; the result has `field_type.num_channels` columns, in its order.
        eps: see `smooth_norm`.

    Raises:
        FieldTypeError: x is not of that type.
    """
    field_type = FieldType(field_type)
    check_features(x, field_type)
    return run_invariants(split_runs(x, field_type), eps)


class FieldModule(nn.Module):
    """A layer from fields of `in_type` to fields of `out_type`, covariant unless it says otherwise.

    Args:
        in_type: type of the input.
        out_type: type of the output; the input's when left out.
    """

    def __init__(self, in_type: str | FieldType, out_type: str | FieldType | None = None) -> None:
        super().__init__()
        self.in_type = FieldType(in_type)
        self.out_type = self.in_type if out_type is None else FieldType(out_type)

    def extra_repr(self) -> str:
        """The types."""
        if self.in_type == self.out_type:
            return f"'{self.in_type}'"
        return f"'{self.in_type}' -> '{self.out_type}'"


def bias_vector(bias: Float[Tensor, " scalars"], field_type: FieldType) -> Float[Tensor, " dim"]:
    """A number for every order-0 channel, and zero for every other component.

    A bias on a component of order ≥ 1 would pick a direction in the arbitrary frame.
    """
    parts, start = [], 0
    for channels, components in runs(field_type):
        if components == 1:
            parts.append(bias[start : start + channels])
            start += channels
        else:
            parts.append(bias.new_zeros(channels * components))
    return torch.cat(parts)
