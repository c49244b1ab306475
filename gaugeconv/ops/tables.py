"""What the fused kernels read of a neighbourhood, computed once and kept with it."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from gaugeconv.errors import StructureGroupError
from gaugeconv.geometry.neighborhoods import Neighborhoods
from gaugeconv.ops.reference import CHUNK, radial_weights
from gaugeconv.ops.table_kernels import cluster_rows, sort_pairs
from gaugeconv.reps import RadialBasis


class PairTables(NamedTuple):
    """The pairs, row by row and, in a row, by the first ring that is not zero.

    On the CPU rows stand in an order in which those that read the same features are near.

    Attributes:
        ptr: (P+1,) int64 pairs of row i.
        source: (E,) int32 row of the features that the pair reads.
        radial: (num+1, E) w_e b_k(r_e) / (πR²), k = 0 … num.
        trig: (4, E) cos θ, sin θ, cos(φ − θ), sin(φ − θ).
        ranges: (P, num+1, 2) int32 the pairs of each row between which b_k is not zero.
        target: (P,) int64 which target row i is.
    """

    ptr: Int[Tensor, " P1"]
    source: Int[Tensor, " E"]
    radial: Float[Tensor, "num_functions E"]
    trig: Float[Tensor, "4 E"]
    ranges: Int[Tensor, "P num_functions 2"]
    target: Int[Tensor, " P"]


def table_arguments(adjoint: bool) -> str:
    """Tables as arguments of a registered operation; those of the adjoint may be None."""
    kind, prefix = ("Tensor?", "adjoint_") if adjoint else ("Tensor", "")
    return ", ".join(f"{kind} {prefix}{name}" for name in PairTables._fields)


def compute_dtype(dtype: torch.dtype) -> torch.dtype:
    """The type of tables and sums for features of a type: float32 for all that are smaller."""
    return torch.float64 if dtype == torch.float64 else torch.float32


def pair_tables(
    nb: Neighborhoods, basis: RadialBasis, dtype: torch.dtype, transposed: bool = False
) -> PairTables:
    """Tables of a neighbourhood, or of its adjoint, in which a convolution runs backwards.

    The adjoint's rows are the sources; its angles are θ' = θ − φ and φ' = −φ, for the adjoint of
    η(θ) K(r) ρ(φ − θ) is ρ(θ − φ) K(r)ᵀ η(−θ).

    Args:
        nb: the neighbourhoods; gauge fixing, as their angles are.
        basis: radial functions.
        dtype: float32 or float64.
        transposed: whether to return the adjoint's.

    Raises:
        StructureGroupError: a transport reflects.
    """
    key = ("ops.tables", basis, dtype, transposed)
    return nb.memo(key, lambda: make_pair_tables(nb, basis, dtype, transposed))


def make_pair_tables(
    nb: Neighborhoods, basis: RadialBasis, dtype: torch.dtype, transposed: bool
) -> PairTables:
    """`pair_tables`, computed anew."""
    radial = radial_weights(nb, basis, dtype)
    theta, turn = nb.theta, nb.transport - nb.theta
    row, other, counts = nb.target, nb.source, (nb.num_targets, nb.num_sources)
    if transposed:
        theta, turn = -turn, -theta
        row, other, counts = other, row, counts[::-1]
    return PairTables(*sorted_pairs(row, other, radial, theta, turn, nb.flip, *counts))


def reflection_error(flip: Bool[Tensor, " E"]) -> StructureGroupError:
    """The error for transports that reflect features which cannot be."""
    return StructureGroupError(
        f"{int(flip.sum())} transports reflect (the surface is one-sided, or some frames are mirrored): "
        "the features need a structure group with reflections"
    )


@torch.library.custom_op(
    "gaugeconv::sorted_pairs",
    mutates_args=(),
    schema="(Tensor row, Tensor source, Tensor radial, Tensor theta, Tensor turn, Tensor flip, "
    "SymInt rows, SymInt sources) -> (Tensor, Tensor, Tensor, Tensor, Tensor, Tensor)",
)
def sorted_pairs(
    row: Tensor,
    source: Tensor,
    radial: Tensor,
    theta: Tensor,
    turn: Tensor,
    flip: Tensor,
    rows: int,
    sources: int,
) -> tuple[Tensor, ...]:
    """The tables of pairs (row, source) with radial (E, num+1), θ and φ − θ, unsorted."""
    if flip.any():
        raise reflection_error(flip)
    sort = _sorted_on_cpu if row.device.type == "cpu" else _sorted_anywhere
    target, ptr, order, *rest = sort(row, source, radial, rows, sources)
    trig = radial.new_empty(4, row.numel())
    for start in range(0, row.numel(), CHUNK):
        part = slice(start, start + CHUNK)
        for i, angle in enumerate((theta, turn)):
            values = angle.index_select(0, order[part])
            torch.cos(values, out=trig[2 * i, part])
            torch.sin(values, out=trig[2 * i + 1, part])
    read, weights, ranges = rest
    return ptr, read, weights, trig, ranges, target


@sorted_pairs.register_fake
def _(row: Tensor, _source: Tensor, radial: Tensor, *rest: Any) -> tuple[Tensor, ...]:
    (pairs, functions), rows = radial.shape, rest[-2]
    return (
        row.new_empty(rows + 1, dtype=torch.int64),
        row.new_empty(pairs, dtype=torch.int32),
        radial.new_empty(functions, pairs),
        radial.new_empty(4, pairs),
        row.new_empty(rows, functions, 2, dtype=torch.int32),
        row.new_empty(rows, dtype=torch.int64),
    )


def _sorted_on_cpu(
    row: Tensor, source: Tensor, radial: Tensor, rows: int, sources: int
) -> tuple[Tensor, ...]:
    """target, ptr, old numbers of the pairs, source, radial and ranges; see `PairTables`."""
    indices = row.contiguous().numpy(), source.contiguous().numpy()
    target = torch.arange(rows)
    if rows == sources:
        target = torch.from_numpy(cluster_rows(*indices, rows))
    place = torch.empty_like(target)
    place[target] = torch.arange(rows)
    ptr = torch.zeros(rows + 1, dtype=torch.int64)
    order = torch.zeros(row.numel(), dtype=torch.int64)
    read = torch.zeros(row.numel(), dtype=torch.int32)
    weights = torch.zeros(radial.shape[::-1], dtype=radial.dtype)
    ranges = torch.zeros(rows, radial.shape[1], 2, dtype=torch.int32)
    arrays = (place, radial.contiguous(), ptr, order, read, weights, ranges)
    sort_pairs(*indices, *(t.numpy() for t in arrays))
    return target, ptr, order, read, weights, ranges


def _sorted_anywhere(
    row: Tensor, source: Tensor, radial: Tensor, rows: int, _sources: int
) -> tuple[Tensor, ...]:
    """The same by PyTorch's own operations, with rows as they are."""
    row, near, num = row.long(), radial != 0, radial.shape[1]
    first_ring = torch.where(near.any(1), near.int().argmax(1), num)
    order = torch.argsort(row * (num + 1) + first_ring, stable=True)
    ptr = row.new_zeros(rows + 1)
    torch.cumsum(torch.bincount(row, minlength=rows), 0, out=ptr[1:])
    row, near = row[order], near[order]
    place = (torch.arange(row.numel(), device=row.device) - ptr[row])[:, None]
    index = row[:, None].expand(near.shape)
    last = place.new_zeros(rows, num)
    last = last.scatter_reduce(0, index, torch.where(near, place + 1, 0), "amax")
    begin = last.scatter_reduce(0, index, torch.where(near, place, last[row]), "amin")
    ranges = torch.stack((begin, last), dim=-1).to(torch.int32)
    read = source.to(torch.int32)[order]
    target = torch.arange(rows, device=row.device)
    return target, ptr, order, read, radial[order].T.contiguous(), ranges
