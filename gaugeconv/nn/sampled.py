"""Any function of one number as a nonlinearity: on samples of the function that a field stands for."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from gaugeconv.errors import FieldTypeError
from gaugeconv.nn.fields import FieldModule, check_features
from gaugeconv.nn.nonlinearity import Activation, activation_function
from gaugeconv.reps import FieldType, Irrep, StructureGroup, to_irreps

OVERSAMPLING = 4
"""Samples per unit of the highest order by default (docs/layers.md has the errors)."""


class FourierNonlinearity(FieldModule):
    """A function of one number, applied to N samples over the group; covariant up to sampling.

    One copy of each irrep σ at a time: f(g) = Σ_σ ⟨σ(g) e_σ, x_σ⟩ is a function on the group, an
    inverse Fourier transform for SO2. Its values at the samples go through the activation a, and
    y_σ = mean of a(f(g)) σ(g) e_σ. The k-th copies of all irreps form one function; types with
    fewer copies of some irreps have zeros in their place.

    Changes of frame by the sampled rotations (multiples of 2π/N) commute exactly: all of them where the
    group is finite. Other angles commute up to the frequencies above N minus the highest order that
    the activation makes. That error falls like a power of N for "relu" and "elu", and faster than any
    power for smooth functions (docs/layers.md).

    Args:
        in_type: type of the input and the output.
        activation: the function a.
        samples: N, the number of rotations; for SO2 and O2 at least twice the highest order plus one.
            By default OVERSAMPLING times the highest order plus one for them, and all for C_N and D_N.

    Raises:
        FieldTypeError: too few samples, or for C_N and D_N another number than N.
        OptionError: no such function.
    """

    def __init__(
        self,
        in_type: str | FieldType,
        activation: Activation = "silu",
        samples: int | None = None,
    ) -> None:
        super().__init__(in_type)
        self.activation, self._function = activation, activation_function(activation)
        self._change = to_irreps(self.in_type)
        irreps, self._gather, self._scatter = _functions(self._change.out_type)
        group, highest = self.in_type.group, max(irrep.order for irrep in irreps)
        self.samples = _checked(samples, group, highest)
        self._transform = _sampled(irreps, self.samples)

    def forward(self, x: Float[Tensor, "*batch dim"]) -> Float[Tensor, "*batch dim"]:
        """Features of the same type.

        Raises:
            FieldTypeError: x is not of the type.
        """
        check_features(x, self.in_type)
        x = self._change(x)
        zero = x.new_zeros(*x.shape[:-1], 1)
        gather, scatter = self._gather.to(x.device), self._scatter.to(x.device)
        coefficients = torch.cat((x, zero), -1).index_select(-1, gather.flatten())
        transform = self._transform.to(x)
        values = self._function(coefficients.unflatten(-1, gather.shape) @ transform.T)
        back = (values @ transform) * (transform.shape[1] / transform.shape[0])
        return self._change.inverse(back.flatten(-2).index_select(-1, scatter))

    def extra_repr(self) -> str:
        """The type, the function and the number of samples."""
        return f"{super().extra_repr()}, {self.activation}, samples={self.samples}"


def _functions(
    field_type: FieldType,
) -> tuple[tuple[Irrep, ...], Int64[Tensor, "copies d"], Int64[Tensor, " dim"]]:
    """The distinct irreps; the columns of their k-th copies, or dim for none; and the way back."""
    columns: dict[Irrep, list[Tensor]] = {}
    for block in field_type.blocks:
        own = torch.arange(block.slice.start, block.slice.stop).unflatten(0, (-1, block.components))
        columns.setdefault(block.irrep, []).append(own)
    irreps = tuple(sorted(columns, key=lambda irrep: (irrep.order, -irrep.parity)))
    joined = [torch.cat(columns[irrep]) for irrep in irreps]
    gather = torch.full((max(map(len, joined)), sum(irrep.dim for irrep in irreps)), field_type.dim)
    start = 0
    for own in joined:
        gather[: len(own), start : start + own.shape[1]] = own
        start += own.shape[1]
    scatter = torch.zeros(field_type.dim + 1, dtype=torch.int64)
    scatter[gather.flatten()] = torch.arange(gather.numel())
    return irreps, gather, scatter[:-1]


def _checked(samples: int | None, group: StructureGroup, highest: int) -> int:
    """The number of rotations to sample."""
    if group.is_finite:
        if samples not in (None, group.rotations):
            raise FieldTypeError(
                f"{group} has {group.rotations} rotations to sample, not {samples}: leave samples out"
            )
        return group.rotations
    least = 2 * highest + 1
    if samples is None:
        return max(least, OVERSAMPLING * highest + 1)
    if samples < least:
        raise FieldTypeError(f"orders up to {highest} need at least {least} samples, got {samples}")
    return samples


def _sampled(irreps: tuple[Irrep, ...], samples: int) -> Float64[Tensor, "samples d"]:
    """σ(g) e_σ for every sample g, so scaled that white features give samples of unit variance.

    The rows times their number of columns over that of rows are a resolution of the identity.
    """
    k = irreps[0].group.samples(samples - 1)
    # |e|² = the irrep's dimension makes the mean of σ(g) e eᵀ σ(g)ᵀ the identity
    parts = [math.sqrt(irrep.dim) * irrep.action(k)[:, :, 0] for irrep in irreps]
    matrix = torch.cat(parts, dim=1)
    return matrix / math.sqrt(matrix.shape[1])
