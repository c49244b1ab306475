"""Nonlinearities that commute with every change of frames exactly, at all angles."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gaugeconv.errors import FieldTypeError
from gaugeconv.nn.fields import FieldModule, channels, check_features, invariants
from gaugeconv.reps import FieldType


class GatedNonlinearity(FieldModule):
    """SiLU on order 0, and a gate in (0, 1) on every channel of order ≥ 1; covariant.

    The gates are the sigmoid of a linear function of all invariants at the vertex (order-0 channels
    and smooth norms), in the manner of Weiler & Cesa 2019, section 2.6.

    Args:
        in_type: type of the input and the output.
    """

    def __init__(self, in_type: str | FieldType) -> None:
        super().__init__(in_type)
        self.num_gates = self.in_type.num_channels - self.in_type.multiplicity(0)
        self.gate = nn.Linear(self.in_type.num_channels, self.num_gates) if self.num_gates else None

    def forward(self, x: Float[Tensor, "*batch dim"]) -> Float[Tensor, "*batch dim"]:
        """Features of the same type.

        Raises:
            FieldTypeError: x is not of the type.
        """
        check_features(x, self.in_type)
        if self.gate is None:
            return nn.functional.silu(x)
        gates = torch.sigmoid(self.gate(invariants(x, self.in_type)))
        parts, start = [], 0
        for block in self.in_type.blocks:
            if block.order == 0:
                parts.append(nn.functional.silu(x[..., block.slice]))
            else:
                gate = gates[..., start : start + block.multiplicity, None]
                parts.append((channels(x, block) * gate).flatten(-2))
                start += block.multiplicity
        return torch.cat(parts, dim=-1)


class InvariantMix(FieldModule):
    """Adds a small perceptron of all invariants to the order-0 channels; covariant.

    This is how norms of vectors become scalars, which convolutions then carry on; order ≥ 1 passes
    through unchanged.

    Args:
        in_type: type of the input and the output.
        hidden: width of the hidden layer; twice the number of order-0 channels when left out.

    Raises:
        FieldTypeError: the type has no order-0 channel.
    """

    def __init__(self, in_type: str | FieldType, hidden: int | None = None) -> None:
        super().__init__(in_type)
        scalars = self.in_type.multiplicity(0)
        if scalars == 0:
            raise FieldTypeError(f"'{self.in_type}' has no order-0 channel to mix invariants into")
        hidden = 2 * scalars if hidden is None else hidden
        self.mlp = nn.Sequential(
            nn.Linear(self.in_type.num_channels, hidden), nn.SiLU(), nn.Linear(hidden, scalars)
        )

    def forward(self, x: Float[Tensor, "*batch dim"]) -> Float[Tensor, "*batch dim"]:
        """Features of the same type.

        Raises:
            FieldTypeError: x is not of the type.
        """
        mixed = self.mlp(invariants(x, self.in_type))
        parts, start = [], 0
        for block in self.in_type.blocks:
            part = x[..., block.slice]
            if block.order == 0:
                part = part + mixed[..., start : start + block.multiplicity]
                start += block.multiplicity
            parts.append(part)
        return torch.cat(parts, dim=-1)


class NormPool(FieldModule):
    """From fields to one invariant per channel: order 0 as it is, smooth norms of the rest.

    Gauge invariant; the output is of type "Nx0", N the number of channels. For heads.

    Args:
        in_type: type of the input.
    """

    def __init__(self, in_type: str | FieldType) -> None:
        super().__init__(in_type, FieldType(f"{FieldType(in_type).num_channels}x0"))

    def forward(self, x: Float[Tensor, "*batch dim"]) -> Float[Tensor, "*batch channels"]:
        """The invariants.

        Raises:
            FieldTypeError: x is not of the input type.
        """
        return invariants(x, self.in_type)


class FieldDropout(FieldModule):
    """Drops whole channels at each vertex while training; covariant for any one draw.

    Args:
        in_type: type of the input and the output.
        p: probability of dropping, in [0, 1).

    Raises:
        ValueError: p is outside [0, 1).
    """

    def __init__(self, in_type: str | FieldType, p: float = 0.1) -> None:
        super().__init__(in_type)
        if not 0 <= p < 1:
            raise ValueError(f"dropout probability must be in [0, 1), got {p}")
        self.p = p

    def forward(self, x: Float[Tensor, "*batch dim"]) -> Float[Tensor, "*batch dim"]:
        """Features with channels dropped; unchanged in evaluation mode.

        Raises:
            FieldTypeError: x is not of the type.
        """
        check_features(x, self.in_type)
        if not self.training or self.p == 0:
            return x
        ones = x.new_ones(*x.shape[:-1], self.in_type.num_channels)
        keep = nn.functional.dropout(ones, self.p)
        parts, start = [], 0
        for block in self.in_type.blocks:
            mask = keep[..., start : start + block.multiplicity]
            parts.append(mask.repeat_interleave(block.components, dim=-1))
            start += block.multiplicity
        return x * torch.cat(parts, dim=-1)

    def extra_repr(self) -> str:
        """The type and the probability."""
        return f"{super().extra_repr()}, p={self.p}"
