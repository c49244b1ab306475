"""Nonlinearities that commute with every change of frames exactly, at all angles."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gaugeconv.errors import FieldTypeError
from gaugeconv.nn.fields import (
    FieldModule,
    check_features,
    invariants,
    join_runs,
    run_invariants,
    runs,
    split_runs,
)
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
        parts = split_runs(x, self.in_type)
        gates = torch.sigmoid(self.gate(run_invariants(parts)))
        sizes = [c for c, d in runs(self.in_type) if d > 1]
        gate = iter(gates.split(sizes, dim=-1))
        gated = [
            nn.functional.silu(part) if part.shape[-1] == 1 else part * next(gate)[..., None]
            for part in parts
        ]
        return join_runs(gated)


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
        check_features(x, self.in_type)
        parts = split_runs(x, self.in_type)
        mixed = self.mlp(run_invariants(parts))
        sizes = [c for c, d in runs(self.in_type) if d == 1]
        added = iter(mixed.split(sizes, dim=-1))
        return join_runs([p if p.shape[-1] > 1 else p + next(added)[..., None] for p in parts])


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
        ones = x.new_ones(*x.shape[:-1], self.in_type.num_channels, 1)
        keep = nn.functional.dropout(ones, self.p)
        masks = keep.split([c for c, _ in runs(self.in_type)], dim=-2)
        parts = split_runs(x, self.in_type)
        return join_runs([part * mask for part, mask in zip(parts, masks, strict=True)])

    def extra_repr(self) -> str:
        """The type and the probability."""
        return f"{super().extra_repr()}, p={self.p}"
