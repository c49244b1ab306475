"""Changes of basis: to irreps and back, to a subgroup, to SO(2) or O(2), to what operators carry.

For the regular representation `to_irreps` and its inverse are the Fourier pair of the finite group.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import groupby

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from gaugeconv.errors import FieldTypeError, StructureGroupError
from gaugeconv.reps.field_type import Block, FieldType
from gaugeconv.reps.groups import StructureGroup
from gaugeconv.reps.irreps import Irrep, decompose

Rows = Float64[Tensor, "_rows _d"]


@dataclass(frozen=True, eq=False)
class BasisChange:
    """A linear map between features of two types that acts on every copy of a block alike.

    Its matrix has orthonormal rows or columns, so `inverse` undoes it wherever it loses nothing; it
    commutes with every element that both groups have.

    Attributes:
        in_type, out_type: the types.
        matrices: for each block of in_type the (rows, d) matrix for one copy.
        sizes: how many of the rows go to each of the output blocks made from it.
    """

    in_type: FieldType
    out_type: FieldType
    matrices: tuple[Rows, ...]
    sizes: tuple[tuple[int, ...], ...]
    is_identity: bool

    def __call__(self, x: Float[Tensor, "*batch in"]) -> Float[Tensor, "*batch out"]:
        """Features of the output type."""
        _check(x, self.in_type)
        if self.is_identity:
            return x
        parts = []
        for block, matrix, sizes in zip(
            self.in_type.blocks, self.matrices, self.sizes, strict=True
        ):
            copies = x[..., block.slice].unflatten(-1, (block.multiplicity, block.components))
            parts += [p.flatten(-2) for p in (copies @ matrix.to(x).T).split(sizes, dim=-1)]
        return torch.cat(parts, dim=-1)

    def inverse(self, y: Float[Tensor, "*batch out"]) -> Float[Tensor, "*batch in"]:
        """Features of the input type: the transposed map."""
        _check(y, self.out_type)
        if self.is_identity:
            return y
        widths = [b.multiplicity * s for b, sizes in self._blocks() for s in sizes]
        pieces = iter(y.split(widths, dim=-1))
        parts = []
        for (block, sizes), matrix in zip(self._blocks(), self.matrices, strict=True):
            copies = [next(pieces).unflatten(-1, (block.multiplicity, s)) for s in sizes]
            if copies:
                parts.append((torch.cat(copies, dim=-1) @ matrix.to(y)).flatten(-2))
            else:
                parts.append(y.new_zeros(*y.shape[:-1], block.multiplicity * block.components))
        return torch.cat(parts, dim=-1)

    @cached_property
    def matrix(self) -> Float64[Tensor, "out in"]:
        """The map of a whole feature vector."""
        return self(torch.eye(self.in_type.dim, dtype=torch.float64)).T

    def _blocks(self) -> Iterator[tuple[Block, tuple[int, ...]]]:
        return zip(self.in_type.blocks, self.sizes, strict=True)


def _check(x: Tensor, expected: FieldType) -> None:
    """Raises FieldTypeError unless the last axis holds features of the type."""
    if x.shape[-1:] != (expected.dim,):
        raise FieldTypeError(f"expected features (..., {expected.dim}), got {tuple(x.shape)}")


Image = tuple[str, Rows]
"""The name of an irrep of the output group, and the rows that compute its components."""


def _change(
    field_type: FieldType, group: StructureGroup, images: Callable[[Block], list[Image]]
) -> BasisChange:
    """The change that maps one copy of each block to the given irreps."""
    terms, matrices, sizes = [], [], []
    for block in field_type.blocks:
        found = images(block)
        rows = [matrix for _, matrix in found]
        empty = torch.zeros(0, block.components, dtype=torch.float64)
        matrices.append(torch.cat(rows) if rows else empty)
        runs = [(name, list(run)) for name, run in groupby(found, key=lambda image: image[0])]
        sizes.append(tuple(sum(len(matrix) for _, matrix in run) for _, run in runs))
        terms += [f"{block.multiplicity * len(run)}x{name}" for name, run in runs]
    if not terms:
        raise StructureGroupError(f"nothing of {field_type!r} extends to {group}")
    out_type = FieldType(" + ".join(terms), group)
    same = all(len(s) == 1 and torch.equal(m, torch.eye(m.shape[1]).to(m))
               for s, m in zip(sizes, matrices, strict=True))  # fmt: skip
    return BasisChange(field_type, out_type, tuple(matrices), tuple(sizes), same)


def _rows(found: tuple[Irrep, ...], basis: Tensor) -> Iterator[tuple[Irrep, Rows]]:
    """Each irrep with the rows of Qᵀ that compute its components."""
    return zip(found, basis.T.split([irrep.dim for irrep in found]), strict=True)


@lru_cache(maxsize=256)
def to_irreps(field_type: FieldType) -> BasisChange:
    """The same features as a direct sum of irreps; the Fourier transform for `reg`.

    Each block becomes blocks of its irreps, in ascending order, in which the copies of the block are
    outermost. Types that consist of irreps stay as they are.
    """

    def images(block: Block) -> list[Image]:
        rep = block.representation
        return [(irrep.name, rows) for irrep, rows in _rows(rep.irreps, rep.basis)]

    return _change(field_type, field_type.group, images)


@lru_cache(maxsize=256)
def restriction(field_type: FieldType, group: str | StructureGroup) -> BasisChange:
    """The same features under a subgroup, as a direct sum of its irreps.

    Raises:
        StructureGroupError: `group` is not a subgroup of the type's.
    """
    group = StructureGroup.of(group)
    if not group.is_subgroup_of(field_type.group):
        raise StructureGroupError(f"{group} is not a subgroup of {field_type.group}")

    def images(block: Block) -> list[Image]:
        rep = block.representation
        found, basis = decompose(group, rep.action, max(i.order for i in rep.irreps))
        return [(irrep.name, rows) for irrep, rows in _rows(found, basis)]

    return _change(field_type, group, images)


@lru_cache(maxsize=256)
def extension(field_type: FieldType) -> BasisChange:
    """Features of C_N or D_N as features of SO(2) or O(2), by Fourier interpolation.

    Every irrep goes to the one of the same order; for odd N nothing is lost. The irreps of order N/2
    (even N) have no extension and are dropped: use odd N, or transports snapped to the group.

    Raises:
        StructureGroupError: nothing is left.
    """
    group = StructureGroup.of("O2" if field_type.group.reflections else "SO2")

    def images(block: Block) -> list[Image]:
        rep = block.representation
        return [
            (irrep.name, rows)
            for irrep, rows in _rows(rep.irreps, rep.basis)
            if irrep.order == 0 or irrep.dim == 2
        ]

    return _change(field_type, group, images)


@lru_cache(maxsize=256)
def carrier(field_type: FieldType) -> BasisChange:
    """Features of any group as features of SO(2) on which rotations of the group act alike.

    This is what `gaugeconv.ops.aggregate` carries along transports that lie in the group. A
    one-dimensional irrep of order N/2 becomes the first component of an order-N/2 feature, which
    these rotations multiply by ±1; parities are forgotten, for reflecting transports the operator
    applies S beforehand.
    """
    first = torch.tensor([[1.0], [0.0]], dtype=torch.float64)

    def images(block: Block) -> list[Image]:
        rep = block.representation
        return [
            (str(irrep.order), first @ rows if irrep.order > 0 and irrep.dim == 1 else rows)
            for irrep, rows in _rows(rep.irreps, rep.basis)
        ]

    return _change(field_type, StructureGroup.of("SO2"), images)
