"""Field types: which representations of the structure group a feature vector carries, and how they act.

Layout (docs/conventions.md): blocks in the order of the string; within a block the multiplicity is
outermost and the representation's components innermost.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from gaugeconv.errors import FieldTypeError, StructureGroupError
from gaugeconv.reps.elements import Element
from gaugeconv.reps.grammar import parse
from gaugeconv.reps.groups import StructureGroup
from gaugeconv.reps.irreps import Irrep
from gaugeconv.reps.representations import Representation


@dataclass(frozen=True)
class Block:
    """`multiplicity` copies of one representation, at columns `slice` of a feature."""

    multiplicity: int
    representation: Representation
    slice: slice

    @property
    def components(self) -> int:
        """Real dimension of one copy."""
        return self.representation.dim

    @property
    def irrep(self) -> Irrep:
        """The irrep that the block consists of.

        Raises:
            FieldTypeError: it is not one irrep, but for instance the regular representation.
        """
        if not self.representation.is_irrep:
            name = self.representation.name
            raise FieldTypeError(f"{name!r} is not one irrep: change to irreps first")
        return self.representation.irreps[0]

    @property
    def order(self) -> int:
        """Angular order of the irrep: 0 for the trivial one and for the sign of a reflection.

        Raises:
            FieldTypeError: the block is not one irrep.
        """
        return self.irrep.order

    def __str__(self) -> str:
        return f"{self.multiplicity}x{self.representation.name}"


@dataclass(frozen=True, init=False, repr=False)
class FieldType:
    """An immutable, hashable direct sum of representations, written like the formula.

    `FieldType("16x0 + 8x1 + 4x2")` is 16 scalars, 8 tangent vectors and 4 order-2 fields, stored
    in 16 + 16 + 8 = 40 real components. A multiplicity of 1 may be left out when writing.
    `FieldType(str(t), t.group) == t`.

    | group | representations |
    |---|---|
    | SO2 | `0`, `1`, `2`, … |
    | O2 | `0+`, `0-` (the sign), `1`, `2`, … |
    | C4 (any N) | `0` … `2` (to N/2), `reg`, `quoC2` (functions on K/C_2) |
    | D4 (any N) | `0+`, `0-`, `1`, `2+`, `2-` (parities at N/2 for even N), `reg`, `quoC2`, `quoD1` |

    All have `vec`, the representation of tangent vectors.

    Args:
        spec: terms "NxR" or "R" joined by "+" (N ≥ 1 copies of the representation R), or a FieldType.
        group: structure group or its name; SO2, or that of `spec`, when left out.

    Attributes:
        terms: the (multiplicity, name) pairs as written.
        group: the structure group.
        blocks: the same with the columns of each.
        dim: real components of one feature vector.
        orders: the distinct orders of all irreps in it, ascending.
        num_channels: sum of all multiplicities.

    Raises:
        FieldTypeError: the string cannot be read; it is quoted in the message.
        StructureGroupError: there is no such group, or `spec` is a type of another one.
    """

    terms: tuple[tuple[int, str], ...]
    group: StructureGroup
    blocks: tuple[Block, ...] = field(compare=False)
    dim: int = field(compare=False)
    orders: tuple[int, ...] = field(compare=False)
    num_channels: int = field(compare=False)

    def __init__(self, spec: str | FieldType, group: str | StructureGroup | None = None) -> None:
        if isinstance(spec, FieldType):
            if group is not None and StructureGroup.of(group) != spec.group:
                raise StructureGroupError(
                    f"{spec!r} is not a type of {group}: see `gaugeconv.reps.restriction` and `extension`"
                )
            values = vars(spec)
        else:
            if not isinstance(spec, str):
                raise FieldTypeError(f"a field type is a string like '8x0 + 4x1', got {spec!r}")
            values = _attributes(spec, StructureGroup.of("SO2" if group is None else group))
        for name, value in values.items():  # as a frozen dataclass does it
            object.__setattr__(self, name, value)

    def __str__(self) -> str:
        return " + ".join(f"{n}x{name}" for n, name in self.terms)

    def __repr__(self) -> str:
        return f"FieldType({str(self)!r}, group={self.group.name!r})"

    def __add__(self, other: FieldType) -> FieldType:
        """Direct sum: the blocks of `self`, then those of `other`; features are concatenated.

        Raises:
            StructureGroupError: the types are of different groups.
        """
        if other.group != self.group:
            raise StructureGroupError(f"cannot add {other!r} to {self!r}")
        return FieldType(f"{self} + {other}", self.group)

    @property
    def has_only_irreps(self) -> bool:
        """Whether every block is one irrep (none regular, say)."""
        return all(block.representation.is_irrep for block in self.blocks)

    def slices(self) -> tuple[slice, ...]:
        """The columns of every block, in the order written."""
        return tuple(block.slice for block in self.blocks)

    def multiplicity(self, irrep: int | str | Irrep) -> int:
        """Copies of an irrep over all blocks, those inside regular blocks included; 0 when there is none.

        Args:
            irrep: an order, its name ("0-"), or the irrep. Where irreps of an order have parities,
                the order alone means "+", so `multiplicity(0)` always counts the trivial irrep.
        """
        names = {str(irrep)} if isinstance(irrep, int | str) else {irrep.name}
        if isinstance(irrep, int):
            names.add(f"{irrep}+")
        return sum(
            b.multiplicity * sum(i.name in names for i in b.representation.irreps)
            for b in self.blocks
        )

    def action(
        self, gamma: Float[Tensor, "*batch"], reflect: Bool[Tensor, "*batch"] | None = None
    ) -> Float[Tensor, "*batch dim dim"]:
        """The representation matrix ρ(k) of k = R(γ) S^s, block-diagonal.

        Args:
            gamma: angles in radians, of any shape and floating dtype.
            reflect: s; no reflections when None.

        Raises:
            StructureGroupError: an element is not in the group.
        """
        k = self._member(gamma, reflect)
        result = gamma.new_zeros(*gamma.shape, self.dim, self.dim)
        for block in self.blocks:
            matrix = block.representation.action(k)
            for i in range(block.slice.start, block.slice.stop, block.components):
                columns = slice(i, i + block.components)
                result[..., columns, columns] = matrix
        return result

    def transform(
        self,
        x: Float[Tensor, "*batch V dim"],
        gamma: Float[Tensor, " V"],
        reflect: Bool[Tensor, " V"] | None = None,
    ) -> Float[Tensor, "*batch V dim"]:
        """ρ(k_v) x_v at every vertex v: how components change under a gauge change by k = R(γ) S^s.

        Args:
            x: features of this type.
            gamma: one angle per vertex, radians; cast to the dtype of x.
            reflect: s per vertex; no reflections when None.

        Raises:
            FieldTypeError: x does not have `dim` columns, or γ not one angle per row.
            StructureGroupError: an element is not in the group.
        """
        if x.shape[-1] != self.dim or x.shape[-2:-1] != gamma.shape:
            raise FieldTypeError(
                f"expected features (..., V, {self.dim}) for {str(self)!r} and γ (V,), "
                f"got {tuple(x.shape)} and {tuple(gamma.shape)}"
            )
        k = self._member(gamma, reflect)
        return torch.cat([b.representation.turn(x[..., b.slice], k) for b in self.blocks], dim=-1)

    def _member(self, gamma: Tensor, reflect: Tensor | None) -> Element:
        """The element, checked; rotations always belong to SO(2) and O(2)."""
        k = Element.of(gamma, reflect)
        return k if reflect is None and not self.group.is_finite else self.group.member(k)


@lru_cache(maxsize=1024)
def _attributes(spec: str, group: StructureGroup) -> dict[str, object]:
    """The attributes of the type that a string describes."""
    blocks, start = [], 0
    for multiplicity, rep in parse(spec, group):
        stop = start + multiplicity * rep.dim
        blocks.append(Block(multiplicity, rep, slice(start, stop)))
        start = stop
    orders = {irrep.order for block in blocks for irrep in block.representation.irreps}
    return {
        "terms": tuple((b.multiplicity, b.representation.name) for b in blocks),
        "group": group,
        "blocks": tuple(blocks),
        "dim": start,
        "orders": tuple(sorted(orders)),
        "num_channels": sum(block.multiplicity for block in blocks),
    }
