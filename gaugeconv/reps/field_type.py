"""Field types: which irreps of the structure group a feature vector carries, and how they act.

Layout (docs/conventions.md): blocks in the order of the string; within a block the multiplicity is
outermost and the irrep's components innermost; order m acts by R(mγ).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from gaugeconv.errors import FieldTypeError, StructureGroupError

_TERM = re.compile(r"\s*(?:(\d+)\s*x\s*)?(\d+)\s*")


@dataclass(frozen=True)
class Block:
    """`multiplicity` copies of the irrep of order `order`, at columns `slice` of a feature."""

    multiplicity: int
    order: int
    slice: slice

    @property
    def components(self) -> int:
        """Real dimension of one copy: 1 for order 0 and 2 for every other order."""
        return irrep_dim(self.order)


def irrep_dim(order: int) -> int:
    """Real dimension of the SO(2) irrep of an order: 1 for the trivial one, 2 otherwise."""
    return 1 if order == 0 else 2


@dataclass(frozen=True, init=False, repr=False)
class FieldType:
    """An immutable, hashable direct sum of irreps, written like the formula.

    `FieldType("16x0 + 8x1 + 4x2")` is 16 scalars, 8 tangent vectors and 4 order-2 fields, stored
    in 16 + 16 + 8 = 40 real components. A multiplicity of 1 may be left out when writing.
    `FieldType(str(t)) == t`.

    Args:
        spec: terms "NxM" or "M" joined by "+" (N ≥ 1 copies of order M ≥ 0), or a FieldType.
        group: structure group; "SO2" is the only one.

    Attributes:
        terms: the (multiplicity, order) pairs as written.
        group: the structure group.
        blocks: the same with the columns of each.
        dim: real components of one feature vector.
        orders: the distinct orders, ascending.
        num_channels: sum of all multiplicities: the number of invariants of a feature vector.

    Raises:
        FieldTypeError: the string cannot be read; it is quoted in the message.
        StructureGroupError: the group is not supported.
    """

    terms: tuple[tuple[int, int], ...]
    group: str
    blocks: tuple[Block, ...] = field(compare=False)
    dim: int = field(compare=False)
    orders: tuple[int, ...] = field(compare=False)
    num_channels: int = field(compare=False)

    def __init__(self, spec: str | FieldType, group: str = "SO2") -> None:
        if group != "SO2":
            raise StructureGroupError(
                f"structure group {group!r} is not supported; field types exist for 'SO2'"
            )
        terms = spec.terms if isinstance(spec, FieldType) else _parse(spec)
        blocks = _blocks(terms)
        values = {
            "terms": terms,
            "group": group,
            "blocks": blocks,
            "dim": blocks[-1].slice.stop,
            "orders": tuple(sorted({order for _, order in terms})),
            "num_channels": sum(multiplicity for multiplicity, _ in terms),
        }
        for name, value in values.items():  # as a frozen dataclass does it
            object.__setattr__(self, name, value)

    def __str__(self) -> str:
        return " + ".join(f"{n}x{m}" for n, m in self.terms)

    def __repr__(self) -> str:
        return f"FieldType({str(self)!r}, group={self.group!r})"

    def __add__(self, other: FieldType) -> FieldType:
        """Direct sum: the blocks of `self`, then those of `other`; features are concatenated."""
        return FieldType(f"{self} + {other}")

    def slices(self) -> tuple[slice, ...]:
        """The columns of every block, in the order written."""
        return tuple(block.slice for block in self.blocks)

    def multiplicity(self, order: int) -> int:
        """Copies of the irrep of an order, over all blocks; 0 when there is none."""
        return sum(n for n, m in self.terms if m == order)

    def action(self, gamma: Float[Tensor, "*batch"]) -> Float[Tensor, "*batch dim dim"]:
        """The representation matrix ρ(γ): block-diagonal, R(mγ) on every copy of order m.

        Args:
            gamma: angles in radians, of any shape and floating dtype.
        """
        result = gamma.new_zeros(*gamma.shape, self.dim, self.dim)
        for block in self.blocks:
            cos, sin = torch.cos(block.order * gamma), torch.sin(block.order * gamma)
            for i in range(block.slice.start, block.slice.stop, block.components):
                result[..., i, i] = cos
                if block.order > 0:
                    result[..., i + 1, i + 1] = cos
                    result[..., i, i + 1] = -sin
                    result[..., i + 1, i] = sin
        return result

    def transform(
        self, x: Float[Tensor, "*batch V dim"], gamma: Float[Tensor, " V"]
    ) -> Float[Tensor, "*batch V dim"]:
        """ρ(γ_v) x_v at every vertex v: how components change under a gauge change by γ.

        Args:
            x: features of this type.
            gamma: one angle per vertex, radians; cast to the dtype of x.

        Raises:
            FieldTypeError: x does not have `dim` columns, or γ not one angle per row.
        """
        if x.shape[-1] != self.dim or x.shape[-2:-1] != gamma.shape:
            raise FieldTypeError(
                f"expected features (..., V, {self.dim}) for {str(self)!r} and γ (V,), "
                f"got {tuple(x.shape)} and {tuple(gamma.shape)}"
            )
        parts = []
        for block in self.blocks:
            part = x[..., block.slice]
            if block.order > 0:
                angle = block.order * gamma
                cos, sin = torch.cos(angle).to(x)[:, None], torch.sin(angle).to(x)[:, None]
                a, b = part[..., 0::2], part[..., 1::2]
                part = torch.stack((cos * a - sin * b, sin * a + cos * b), dim=-1).flatten(-2)
            parts.append(part)
        return torch.cat(parts, dim=-1)


def _parse(spec: str) -> tuple[tuple[int, int], ...]:
    """(multiplicity, order) of every term of a type string."""
    if not isinstance(spec, str):
        raise FieldTypeError(f"a field type is a string like '8x0 + 4x1', got {spec!r}")
    terms = []
    for term in spec.split("+"):
        match = _TERM.fullmatch(term)
        if match is None or (multiplicity := int(match[1] or 1)) == 0:
            raise FieldTypeError(
                f"cannot read field type {spec!r} at {term.strip()!r}: write terms like '8x1' "
                "(multiplicity x order, both decimal, multiplicity at least 1) joined by '+'"
            )
        terms.append((multiplicity, int(match[2])))
    return tuple(terms)


def _blocks(terms: tuple[tuple[int, int], ...]) -> tuple[Block, ...]:
    """The blocks of a type, with their columns."""
    blocks, start = [], 0
    for multiplicity, order in terms:
        stop = start + multiplicity * irrep_dim(order)
        blocks.append(Block(multiplicity, order, slice(start, stop)))
        start = stop
    return tuple(blocks)
