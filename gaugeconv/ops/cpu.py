"""The fused operations on the CPU: aggregate a few hundred rows, multiply, go on.

No per-pair message is ever stored, and the moments only for one slab of rows at a time. The input
gradient is itself a convolution, from targets to sources (`gaugeconv.ops.tables`). Its moments also
give the weight gradient, so the backward pass aggregates once.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from gaugeconv.ops.adjoint_kernels import send_moments
from gaugeconv.ops.cpu_kernels import aggregate_rows
from gaugeconv.ops.moments import MomentLayout, ProductMap
from gaugeconv.ops.signal_kernels import separate_moments
from gaugeconv.ops.signals import JoinedSignals, join_signals
from gaugeconv.ops.tables import PairTables
from gaugeconv.ops.threads import run_tasks

_SLAB_BYTES = 1 << 20  # moments of one slab, which the next level of caches holds
_MIN_ROWS = 256  # fewer rows are not worth a call
_MAX_GROUPS = 32
_SUMS_BYTES = 64 << 20  # for the weight gradient, which every group sums by itself
_held = threading.local()


def multiply(
    x: Float[Tensor, "B Q in"],
    tables: PairTables,
    product: ProductMap,
    coordinates: Float[Tensor, " N"] | None,
    partner: Float[Tensor, "B P out"] | None,
) -> tuple[Float[Tensor, "B P out"] | None, Float[Tensor, " N"] | None]:
    """Moments · matrices of the coordinates, and the adjoint map of momentsᵀ · partner.

    The first is the convolution, or with the map and tables of the adjoint the gradient of its
    input; the second, with the input as partner, the gradient of the coordinates. Each is None
    where its argument is. Everything is of the dtype of the tables.

    Tasks are groups of rows that do not depend on the number of threads, and neither does any sum.
    """
    targets, x = tables.ptr.numel() - 1, x.contiguous()
    groups = min(_MAX_GROUPS, -(-x.shape[0] * targets // _MIN_ROWS), targets)
    joined = join_signals(x, product.layout.in_type, _codes(product.layout))
    y, factors, sums = None, [], None
    # outside of the tasks in numpy: PyTorch would set its threads spinning for each small step
    if coordinates is not None:
        y = x.new_empty(x.shape[0], targets, product.outputs[-1].stop)
        factors = [torch.from_numpy(m) for m in product.matrices(coordinates.numpy())]
    if partner is not None:
        size = sum(product.sizes)
        groups = min(groups, 2 + _SUMS_BYTES // (size * x.element_size()))
        sums = np.zeros((groups, size), dtype=x.numpy().dtype)

    def work(group: int) -> None:
        rows = range(targets * group // groups, targets * (group + 1) // groups)
        flats = [] if sums is None else [torch.from_numpy(m) for m in product.split(sums[group])]
        for slab, moments in _moment_slabs(joined, tables, product.layout, rows):
            at = tables.target[slab]
            left = None if y is None else x.new_empty(moments.shape[0], y.shape[2])
            right = None if partner is None else partner.index_select(1, at).flatten(0, 1)
            for b, (columns, slots) in enumerate(zip(product.inputs, product.outputs, strict=True)):
                part = moments[:, columns]
                if left is not None:
                    torch.mm(part, factors[b], out=left[:, slots])
                if right is not None:
                    flats[b].addmm_(part.T, right[:, slots])
            if y is not None and left is not None:
                y.index_copy_(1, at, left.unflatten(0, (x.shape[0], -1)))

    run_tasks(work, groups)
    return y, None if sums is None else torch.from_numpy(product.adjoint(sums.sum(axis=0)))


def transform_first(
    x: Float[Tensor, "B Q in"],
    tables: PairTables,
    product: ProductMap,
    coordinates: Float[Tensor, " N"],
) -> Float[Tensor, "B P out"]:
    """The same convolution as the transpose of its adjoint: multiply at the sources, then gather.

    `gaugeconv.ops.costs` says when that is cheaper. There is a row of products for every source.

    Args:
        x: features.
        tables: of the convolution.
        product: product map of the adjoint, from the output type to the input type.
        coordinates: of the kernel.
    """
    factors = [torch.from_numpy(m) for m in product.matrices(coordinates.numpy())]
    features = x.flatten(0, 1)
    z = x.new_zeros(features.shape[0], product.layout.width)

    def transform(rows: slice) -> None:
        for factor, columns, slots in zip(factors, product.inputs, product.outputs, strict=True):
            z[rows, columns].addmm_(features[rows, slots], factor.T)

    _run_rows(transform, z.shape[0])
    targets = tables.target.numel()
    y = x.new_zeros(x.shape[0], targets, product.layout.in_type.dim)
    moments, arrays, codes = (
        z.unflatten(0, x.shape[:2]).numpy(),
        _arrays(tables),
        _codes(product.layout),
    )

    def gather(rows: slice) -> None:
        send_moments(moments, True, rows.start, rows.stop, 0, 0, arrays, *codes, y.numpy())

    _run_rows(gather, targets)
    return y


def aggregate(
    x: Float[Tensor, "B Q in"], tables: PairTables, layout: MomentLayout
) -> Float[Tensor, "B P width"]:
    """The moments of x, as the layout says; see `gaugeconv.ops.aggregate`."""
    out = x.new_empty(x.shape[0], tables.ptr.numel() - 1, layout.width)
    *arrays, target = _arrays(tables)
    features, result, codes = x.contiguous().numpy(), out.numpy(), _codes(layout)

    def work(rows: slice) -> None:
        place = target[rows]
        aggregate_rows(features, rows.start, rows.stop, *arrays, *codes, place, result)

    _run_rows(work, out.shape[1])
    return out


def aggregate_adjoint(
    moments: Float[Tensor, "B P width"], tables: PairTables, layout: MomentLayout, num_sources: int
) -> Float[Tensor, "B Q in"]:
    """The transpose of `aggregate`, from the same tables."""
    out = moments.new_zeros(moments.shape[0], num_sources, layout.in_type.dim)
    arrays, codes, result = _arrays(tables), _codes(layout), out.numpy()
    in_order = moments.index_select(1, tables.target).numpy()
    rows = tables.target.numel()

    def send(part: slice) -> None:
        send_moments(in_order, False, 0, rows, part.start, part.stop, arrays, *codes, result)

    # a task goes through all pairs, and so there are few
    _run_rows(send, num_sources, _MAX_GROUPS // 4)
    return out


def _run_rows(work: Callable[[slice], None], rows: int, most: int = _MAX_GROUPS) -> None:
    """Calls work on ranges of rows, as tasks whose number does not depend on that of threads."""
    groups = min(most, -(-rows // _MIN_ROWS))
    run_tasks(lambda g: work(slice(rows * g // groups, rows * (g + 1) // groups)), groups)


def _moment_slabs(
    joined: list[JoinedSignals], tables: PairTables, layout: MomentLayout, rows: range
) -> Iterator[tuple[slice, Tensor]]:
    """Yields the moments (B · rows, width) of a slab of targets at a time, in one reused buffer."""
    batch, dtype = joined[-1].signals.stop, joined[0].features.dtype
    most = max(-(-_MIN_ROWS // batch), _SLAB_BYTES // (batch * layout.width * dtype.itemsize))
    step = -(-len(rows) // max(1, -(-len(rows) // most)))
    *arrays, _ = _arrays(tables)
    places, codes = np.arange(step), _codes(layout)
    for first in range(rows.start, rows.stop, max(1, step)):
        last = min(first + step, rows.stop)
        slab = _scratch("slab", (batch, last - first, layout.width), dtype)
        for run in joined:
            part, count = slab[run.signals], run.signals.stop - run.signals.start
            moments = part
            if count > 1:
                moments = _scratch("joined", (1, last - first, count * layout.width), dtype)
            aggregate_rows(run.features, first, last, *arrays, *run.codes, places, moments)
            if count > 1:
                separate_moments(moments, *codes, layout.num_rings, part)
        yield slice(first, last), torch.from_numpy(slab).flatten(0, 1)


def _scratch(use: str, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Memory of this thread, kept for its next call: fresh memory costs more than filling it."""
    name, size = f"{use} {dtype.name}", math.prod(shape)
    held: np.ndarray | None = getattr(_held, name, None)
    if held is None or held.size < size:
        held = np.zeros(size, dtype=dtype)
        setattr(_held, name, held)
    return held[:size].reshape(shape)


def _arrays(tables: PairTables) -> tuple[np.ndarray, ...]:
    return tuple(table.numpy() for table in tables)


@lru_cache(maxsize=256)
def _codes(layout: MomentLayout) -> tuple[np.ndarray, np.ndarray]:
    """The layout as arrays.

    Blocks are (order, start, stop, column of the centre term or −1), segments (order, start).
    """
    blocks = [
        (block.order, block.slice.start, block.slice.stop, at)
        for block, at in zip(layout.in_type.blocks, layout.center, strict=True)
    ]
    segments = list(zip(layout.orders, layout.starts, strict=True))
    return np.array(blocks, dtype=np.int64), np.array(segments, dtype=np.int64).reshape(-1, 2)
