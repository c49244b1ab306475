"""Nonlinearities that commute with every change of frames of the structure group exactly.

docs/layers.md has a table of these and of `FourierNonlinearity`, which commutes with rotations up to
an error that falls with its number of samples.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gaugeconv.errors import FieldTypeError, OptionError
from gaugeconv.nn.fields import (
    FieldModule,
    check_features,
    join_runs,
    num_invariants,
    run_invariants,
    runs,
    smooth_norm,
    split_runs,
)
from gaugeconv.reps import FieldType

Activation = Literal["relu", "elu", "gelu", "silu", "tanh"]
"""Functions of one number; all but "relu" and "elu" are infinitely often differentiable."""

_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": nn.functional.relu,
    "elu": nn.functional.elu,
    "gelu": nn.functional.gelu,
    "silu": nn.functional.silu,
    "tanh": torch.tanh,
}


def activation_function(name: Activation) -> Callable[[Tensor], Tensor]:
    """The function of that name.

    Raises:
        OptionError: there is none.
    """
    if name not in _ACTIVATIONS:
        raise OptionError(f"activation must be one of {tuple(_ACTIVATIONS)}, got {name!r}")
    return _ACTIVATIONS[name]


class GatedNonlinearity(FieldModule):
    """SiLU where the group permutes components, and a gate in (0, 1) on every other channel; covariant.

    That is SiLU on trivial, regular and quotient channels. The gates are the sigmoid of a linear
    function of all invariants at the vertex (see `invariants`), in the manner of Weiler & Cesa 2019,
    section 2.6.

    Args:
        in_type: type of the input and the output.
    """

    def __init__(self, in_type: str | FieldType) -> None:
        super().__init__(in_type)
        self.num_gates = sum(run.channels for run in runs(self.in_type) if not run.permutes)
        width = num_invariants(self.in_type)
        self.gate = nn.Linear(width, self.num_gates) if self.num_gates else None

    def forward(self, x: Float[Tensor, "*batch dim"]) -> Float[Tensor, "*batch dim"]:
        """Features of the same type.

        Raises:
            FieldTypeError: x is not of the type.
        """
        check_features(x, self.in_type)
        if self.gate is None:
            return nn.functional.silu(x)
        parts, kinds = split_runs(x, self.in_type), runs(self.in_type)
        gates = torch.sigmoid(self.gate(run_invariants(parts, self.in_type)))
        gate = iter(gates.split([run.channels for run in kinds if not run.permutes], dim=-1))
        gated = [
            nn.functional.silu(part) if run.permutes else part * next(gate)[..., None]
            for part, run in zip(parts, kinds, strict=True)
        ]
        return join_runs(gated)


class NormNonlinearity(FieldModule):
    """SiLU where the group permutes components, and z σ(a|z| + b) on every other channel; covariant.

    Each channel is scaled by a function of its own norm, with a and b learned per channel
    (norm nonlinearities of Weiler & Cesa 2019, section 2.6). Unlike the gates of
    `GatedNonlinearity`, which read all channels, this mixes nothing.

    Args:
        in_type: type of the input and the output.
    """

    def __init__(self, in_type: str | FieldType) -> None:
        super().__init__(in_type)
        channels = sum(run.channels for run in runs(self.in_type) if not run.permutes)
        self.scale = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Float[Tensor, "*batch dim"]) -> Float[Tensor, "*batch dim"]:
        """Features of the same type.

        Raises:
            FieldTypeError: x is not of the type.
        """
        check_features(x, self.in_type)
        found, start = [], 0
        for part, run in zip(split_runs(x, self.in_type), runs(self.in_type), strict=True):
            if run.permutes:
                found.append(nn.functional.silu(part))
                continue
            own = slice(start, start + run.channels)
            argument = self.scale[own] * smooth_norm(part) + self.bias[own]
            found.append(part * torch.sigmoid(argument)[..., None])
            start += run.channels
        return join_runs(found)


class PointwiseNonlinearity(FieldModule):
    """A function of one number, applied to every component; covariant.

    For trivial, regular and quotient types, whose components the group permutes: exact for all of
    C_N or D_N. Under other rotations, which `gaugeconv.reps.extension` defines, the function makes
    frequencies above N/2 that alias: an error that falls with N (docs/layers.md).

    Args:
        in_type: type of the input and the output.
        activation: which function.

    Raises:
        FieldTypeError: the group does not permute the components of a block.
        OptionError: no such function.
    """

    def __init__(self, in_type: str | FieldType, activation: Activation = "silu") -> None:
        super().__init__(in_type)
        for run in runs(self.in_type):
            if not run.permutes:
                name = run.representation.name
                raise FieldTypeError(
                    f"{self.in_type.group} does not permute the components of {name!r} in "
                    f"'{self.in_type}': use GatedNonlinearity or FourierNonlinearity"
                )
        self.activation = activation
        self._function = activation_function(activation)

    def forward(self, x: Float[Tensor, "*batch dim"]) -> Float[Tensor, "*batch dim"]:
        """Features of the same type.

        Raises:
            FieldTypeError: x is not of the type.
        """
        check_features(x, self.in_type)
        return self._function(x)

    def extra_repr(self) -> str:
        """The type and the function."""
        return f"{super().extra_repr()}, {self.activation}"
