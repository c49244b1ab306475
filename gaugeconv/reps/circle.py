"""The solutions of the kernel constraint on a circle between two sums of irreps, as sparse maps."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import torch
from jaxtyping import Int64
from torch import Tensor

from gaugeconv.reps.change import carrier
from gaugeconv.reps.field_type import Block, FieldType
from gaugeconv.reps.harmonics import Harmonic, harmonics
from gaugeconv.reps.sparse import SparseMap


class _Term(NamedTuple):
    """One solution between two blocks, for all pairs of their channels.

    Attributes:
        coordinate: (out channels, in channels) numbers of the coordinates.
        out, into, carried: the blocks of the output, of the input and of its carrier.
        harmonic: the solution.
    """

    coordinate: Tensor
    out: Block
    into: Block
    carried: Block
    harmonic: Harmonic

    @property
    def turned(self) -> int:
        """ν: the solution is the map with e^{iνθ} of u = ρ(φ − θ) x."""
        mu, order = self.harmonic.frequency, self.into.order
        return mu - order if self.harmonic.conjugate else mu + order


class CircleSpace:
    """All solutions between two types that consist of irreps, of one group; see `circle_space`.

    Attributes:
        size: their number.
        fan_in: (size,) how many solutions add to the same output component, each with the same part.
        orders: the angular orders |ν| of the moments, ascending.
        reached: for each of them the output components that its moments add to.
        highest: M, the highest |μ| that occurs.
        fourier: from (…, size) to (…, 2M + 1, out.dim, in.dim), the coefficients of 1, cos θ, sin θ,
            cos 2θ, … up to frequency M.
        moments: from (…, size) to (…, slots, carrier.dim, out.dim), what multiplies the moments: one
            slot for order 0, cos and sin for every other.
    """

    def __init__(self, in_type: FieldType, out_type: FieldType, max_frequency: int | None) -> None:
        terms, fan_in, self.size = _terms(in_type, out_type, max_frequency)
        self.fan_in = torch.cat(fan_in)
        self.orders = tuple(sorted({abs(term.turned) for term in terms}))
        self.reached = {n: _reached(out_type, terms, n) for n in self.orders}
        self.highest = max((abs(term.harmonic.frequency) for term in terms), default=0)
        first, slots = _places(tuple(range(self.highest + 1)))
        shape = (slots, out_type.dim, in_type.dim)
        self.fourier = _sparse(shape, (x for t in terms for x in _triples(t, shape, first, False)))
        turned, slots = _places(self.orders)
        wide = (slots, carrier(in_type).out_type.dim, out_type.dim)
        self.moments = _sparse(wide, (x for t in terms for x in _triples(t, wide, turned, True)))


@lru_cache(maxsize=256)
def circle_space(in_type: FieldType, out_type: FieldType, max_frequency: int | None) -> CircleSpace:
    """The solutions between two types with |μ| up to a largest frequency, computed once.

    Coordinates run over pairs of blocks (output outermost), output channels, input channels and the
    solutions in the order of `harmonics`.
    """
    return CircleSpace(in_type, out_type, max_frequency)


def _terms(
    in_type: FieldType, out_type: FieldType, max_frequency: int | None
) -> tuple[list[_Term], list[Tensor], int]:
    """The solutions, the fan-in of every coordinate, and the number of coordinates."""
    terms, fan_in, size = [], [], 0
    carried_blocks = carrier(in_type).out_type.blocks
    for out in out_type.blocks:
        start, total = size, 0
        for into, carried in zip(in_type.blocks, carried_blocks, strict=True):
            found = harmonics(out.irrep, into.irrep, max_frequency)
            shape = (out.multiplicity, into.multiplicity, len(found))
            numbers = size + torch.arange(shape[0] * shape[1] * shape[2]).reshape(shape)
            terms += [
                _Term(numbers[..., j], out, into, carried, found[j]) for j in range(len(found))
            ]
            size += numbers.numel()
            total += into.multiplicity * len(found)
        fan_in.append(torch.full((size - start,), float(total), dtype=torch.float64))
    return terms, fan_in, size


def _reached(out_type: FieldType, terms: list[_Term], order: int) -> Int64[Tensor, " n"]:
    """The columns of the output blocks to which moments of an order add."""
    first = {term.out.slice.start for term in terms if abs(term.turned) == order}
    columns = [
        range(b.slice.start, b.slice.stop) for b in out_type.blocks if b.slice.start in first
    ]
    return torch.tensor([c for run in columns for c in run])


Triple = tuple[Tensor, Tensor, float]
"""Flat targets and the coordinates that go there, of one shape, and the factor."""


def _triples(
    term: _Term, shape: tuple[int, int, int], first: dict[int, int], turned: bool
) -> Iterator[Triple]:
    """What a solution adds to the Fourier coefficients, or (turned) to what multiplies moments."""
    frequency = term.turned if turned else term.harmonic.frequency
    source = term.carried if turned else term.into
    row = torch.arange(term.out.slice.start, term.out.slice.stop, term.out.components)[:, None]
    column = torch.arange(source.slice.start, source.slice.stop, source.components)
    for part, matrix in enumerate(term.harmonic.parts(frequency)):
        for i in range(term.out.components):
            for j in range(source.components):
                slot = first[abs(frequency)] + part
                place = (column + j, row + i) if turned else (row + i, column + j)
                if matrix[i, j] != 0:
                    target = (slot * shape[1] + place[0]) * shape[2] + place[1]
                    yield target, term.coordinate, float(matrix[i, j])


def _sparse(shape: tuple[int, int, int], triples: Iterator[Triple]) -> SparseMap:
    """The map of all triples."""
    columns: tuple[list[Tensor], ...] = ([], [], [])
    for target, coordinate, value in triples:
        columns[0].append(target.flatten())
        columns[1].append(coordinate.flatten())
        columns[2].append(torch.full((coordinate.numel(),), value, dtype=torch.float64))
    nothing = torch.zeros(0)
    kinds = (torch.int64, torch.int64, torch.float64)
    joined = [torch.cat([nothing.to(k), *c]) for c, k in zip(columns, kinds, strict=True)]
    return SparseMap(shape, *joined)


def _places(frequencies: tuple[int, ...]) -> tuple[dict[int, int], int]:
    """The first slot of every frequency ≥ 0, and the number of slots: 0 has one, others have two."""
    first, slots = {}, 0
    for frequency in frequencies:
        first[frequency] = slots
        slots += 1 if frequency == 0 else 2
    return first, slots
