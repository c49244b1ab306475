"""Helpers that all layers share: types of inputs, blocks as channels, invariants."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gaugeconv.errors import FieldTypeError
from gaugeconv.reps import Block, FieldType

NORM_EPS = 1e-6
"""Added to |z|² under the root of a smooth norm: its gradient is finite where z = 0."""


def check_features(x: Tensor, expected: FieldType) -> None:
    """Raises FieldTypeError unless the last axis of x holds features of the type."""
    if x.ndim == 0 or x.shape[-1] != expected.dim:
        raise FieldTypeError(
            f"expected features (..., {expected.dim}) of type '{expected}', got {tuple(x.shape)}"
        )


def channels(x: Float[Tensor, "*batch dim"], block: Block) -> Float[Tensor, "*batch c d"]:
    """One block of x with channels and irrep components as separate axes."""
    return x[..., block.slice].unflatten(-1, (block.multiplicity, block.components))


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
    parts = [
        x[..., block.slice] if block.order == 0 else smooth_norm(channels(x, block), eps)
        for block in field_type.blocks
    ]
    return torch.cat(parts, dim=-1)


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


def add_bias(
    x: Float[Tensor, "*batch dim"], bias: Float[Tensor, " scalars"], field_type: FieldType
) -> Float[Tensor, "*batch dim"]:
    """Adds a number to every order-0 channel, and nothing to any other.

    A bias on a component of order ≥ 1 would pick a direction in the arbitrary frame.
    """
    if bias.numel() == 0:
        return x
    parts, start = [], 0
    for block in field_type.blocks:
        if block.order == 0:
            parts.append(bias[start : start + block.multiplicity])
            start += block.multiplicity
        else:
            parts.append(bias.new_zeros(block.multiplicity * block.components))
    return x + torch.cat(parts)
