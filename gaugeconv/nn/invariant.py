"""Layers that read invariants, or treat every channel as a whole."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from gaugeconv.errors import FieldTypeError, OptionError
from gaugeconv.nn.fields import (
    FieldModule,
    check_features,
    invariants,
    join_runs,
    lift,
    num_invariants,
    run_invariants,
    runs,
    split_runs,
)
from gaugeconv.reps import FieldType, irreps


class InvariantMix(FieldModule):
    """Adds a small perceptron of all invariants to the trivial irreps; covariant.

    This is how norms of vectors become scalars, which convolutions then carry on; a regular channel
    gets one number for all of its components, and what the group moves passes through unchanged.

    Args:
        in_type: type of the input and the output.
        hidden: width of the hidden layer; twice the number of trivial irreps when left out.

    Raises:
        FieldTypeError: the type has no trivial irrep.
    """

    def __init__(self, in_type: str | FieldType, hidden: int | None = None) -> None:
        super().__init__(in_type)
        scalars = self.in_type.multiplicity(0)
        if scalars == 0:
            raise FieldTypeError(
                f"'{self.in_type}' has no trivial irrep (order 0) to mix invariants into"
            )
        hidden = 2 * scalars if hidden is None else hidden
        width = num_invariants(self.in_type)
        self.mlp = nn.Sequential(nn.Linear(width, hidden), nn.SiLU(), nn.Linear(hidden, scalars))

    def forward(self, x: Float[Tensor, "*batch dim"]) -> Float[Tensor, "*batch dim"]:
        """Features of the same type.

        Raises:
            FieldTypeError: x is not of the type.
        """
        check_features(x, self.in_type)
        parts, kinds = split_runs(x, self.in_type), runs(self.in_type)
        mixed = self.mlp(run_invariants(parts, self.in_type))
        added = mixed.split([run.channels * run.num_fixed for run in kinds], dim=-1)
        return join_runs(
            [
                part + lift(values, run) if run.num_fixed else part
                for part, values, run in zip(parts, added, kinds, strict=True)
            ]
        )


class NormPool(FieldModule):
    """From fields to invariants, trivial irreps as they are and smooth norms of the rest; for heads.

    Gauge invariant; the output consists of trivial irreps, as many as `num_invariants` counts.

    Args:
        in_type: type of the input.
    """

    def __init__(self, in_type: str | FieldType) -> None:
        field_type = FieldType(in_type)
        trivial = irreps(field_type.group, 0)[0].name
        out_type = FieldType(f"{num_invariants(field_type)}x{trivial}", field_type.group)
        super().__init__(field_type, out_type)

    def forward(self, x: Float[Tensor, "*batch dim"]) -> Float[Tensor, "*batch n"]:
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
        OptionError: p is outside [0, 1).
    """

    def __init__(self, in_type: str | FieldType, p: float = 0.1) -> None:
        super().__init__(in_type)
        if not 0 <= p < 1:
            raise OptionError(f"dropout probability must be in [0, 1), got {p}")
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
        masks = keep.split([run.channels for run in runs(self.in_type)], dim=-2)
        parts = split_runs(x, self.in_type)
        return join_runs([part * mask for part, mask in zip(parts, masks, strict=True)])

    def extra_repr(self) -> str:
        """The type and the probability."""
        return f"{super().extra_repr()}, p={self.p}"
