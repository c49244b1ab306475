"""The fused operations on neighbourhoods: tables of the geometry, made once or block by block."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from jaxtyping import Float
from torch import Tensor

from gaugeconv.geometry.batch import target_rows
from gaugeconv.geometry.neighborhoods import Neighborhoods
from gaugeconv.ops.aggregate_op import aggregate_op
from gaugeconv.ops.convolve_op import convolve_op
from gaugeconv.ops.tables import PairTables, compute_dtype, make_pair_tables, pair_tables
from gaugeconv.ops.threads import run_tasks
from gaugeconv.reps import FieldType, KernelSpace, RadialBasis

_table_bytes = 2 << 30
_BLOCK_BYTES = 32 << 20  # of each thread
_NO_TABLES = (None,) * len(PairTables._fields)


@contextmanager
def use_table_memory(num_bytes: int) -> Iterator[None]:
    """Limits, inside a with-block, the memory that a neighbourhood's tables may take at inference.

    The tables (36 bytes per pair with 3 rings in float32) are made once and kept with the
    neighbourhood as long as they are smaller; otherwise a convolution without gradients goes through
    its targets in blocks whose tables it forgets. That takes 1.4 times as long on a million vertices
    (docs/operator.md) and gives the same up to rounding. Holds in the whole process; 2 GB where
    nothing is said.

    Args:
        num_bytes: the limit, for each neighbourhood, radial basis and dtype.
    """
    global _table_bytes
    before, _table_bytes = _table_bytes, num_bytes
    try:
        yield
    finally:
        _table_bytes = before


def convolve(
    x: Float[Tensor, "B Q in"],
    rings: Float[Tensor, "num out in"],
    center: Float[Tensor, " num_center"],
    nb: Neighborhoods,
    space: KernelSpace,
) -> Float[Tensor, "B P out"]:
    """The convolution of `gaugeconv.ops.convolve`, with one batch axis and checked arguments."""
    gradient = torch.is_grad_enabled() and any(t.requires_grad for t in (x, rings, center))
    dtype = compute_dtype(x.dtype)
    types = str(space.in_type), str(space.out_type)
    size = _bytes_per_pair(space.basis, dtype) * nb.source.numel()
    if not gradient and not torch.compiler.is_compiling() and size > _table_bytes:
        return _convolve_in_blocks(x, rings, center, nb, space)
    tables = pair_tables(nb, space.basis, dtype)
    adjoint: tuple[Tensor | None, ...] = _NO_TABLES
    if gradient:
        adjoint = pair_tables(nb, space.basis, dtype, transposed=True)
    y: Tensor = convolve_op(x, rings, center, *tables, *adjoint, *types)
    return y


def aggregate(
    x: Float[Tensor, "B Q in"],
    nb: Neighborhoods,
    basis: RadialBasis,
    in_type: FieldType,
    orders: tuple[int, ...],
) -> Float[Tensor, "B P width"]:
    """The moments of `gaugeconv.ops.aggregate`, with one batch axis and checked arguments."""
    dtype = compute_dtype(x.dtype)
    tables = pair_tables(nb, basis, dtype)
    adjoint: tuple[Tensor | None, ...] = _NO_TABLES
    if torch.is_grad_enabled() and x.requires_grad and x.is_cuda:
        adjoint = pair_tables(nb, basis, dtype, transposed=True)
    rotated = " + ".join(f"{block.multiplicity}x{block.order}" for block in in_type.blocks)
    angular = " ".join(map(str, orders))
    m: Tensor = aggregate_op(x, *tables, *adjoint, rotated, angular, nb.num_sources)
    return m


def _convolve_in_blocks(
    x: Tensor, rings: Tensor, center: Tensor, nb: Neighborhoods, space: KernelSpace
) -> Tensor:
    """The same, a few targets at a time, with tables that are forgotten."""
    dtype = compute_dtype(x.dtype)
    size = _bytes_per_pair(space.basis, dtype) * nb.source.numel()
    step = max(1, nb.num_targets * min(_BLOCK_BYTES, _table_bytes) // size)
    y = x.new_empty(x.shape[0], nb.num_targets, space.out_type.dim)
    types = str(space.in_type), str(space.out_type)

    def work(block: int) -> None:
        start, stop = block * step, min((block + 1) * step, nb.num_targets)
        part = target_rows(nb, start, stop)
        tables = make_pair_tables(part, space.basis, dtype, transposed=False)
        y[:, start:stop] = convolve_op(x, rings, center, *tables, *_NO_TABLES, *types)

    blocks = -(-nb.num_targets // step)
    if x.device.type == "cpu":
        run_tasks(work, blocks)
    else:
        for block in range(blocks):
            work(block)
    return y


def _bytes_per_pair(basis: RadialBasis, dtype: torch.dtype) -> int:
    """Of the tables: radial and angular factors, and the source."""
    return dtype.itemsize * (basis.num + 5) + 4
