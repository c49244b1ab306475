"""Whether neighbourhoods from a file are what compiled kernels may read without checks of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from gaugeconv.geometry.neighborhoods import Neighborhoods

PER_PAIR = ("target", "source", "r", "theta", "transport", "flip", "weight")
"""The tensors of `Neighborhoods` with one number per pair."""


def is_consistent(nb: Neighborhoods) -> bool:
    """Whether compiled kernels can trust the indices."""
    pairs, rows = nb.source.shape, nb.ptr.numel() - 1
    if not (_has_types(nb) and nb.ptr.ndim == nb.source.ndim == 1 and rows >= 0):
        return False
    count = nb.ptr.diff()
    return (
        (rows,) == nb.target_vertex.shape
        and (nb.num_sources,) == nb.source_vertex.shape
        and all(getattr(nb, name).shape == pairs for name in PER_PAIR)
        and int(nb.ptr[0]) == 0
        and int(nb.ptr[-1]) == pairs[0]  # so that what follows repeats no more often
        and bool((count >= 0).all())
        and torch.equal(
            nb.target,
            torch.repeat_interleave(torch.arange(rows, dtype=nb.target.dtype), count),
        )
        and bool(((nb.source >= 0) & (nb.source < nb.num_sources)).all())
    )


def _has_types(nb: Neighborhoods) -> bool:
    """Whether indices are integers, lengths and angles real numbers, and flips booleans."""
    real = {getattr(nb, name).dtype for name in ("r", "theta", "transport", "weight")}
    indices = {
        getattr(nb, name).dtype
        for name in ("ptr", "target", "source", "target_vertex", "source_vertex")
    }
    return (
        nb.flip.dtype == torch.bool
        and real in ({torch.float32}, {torch.float64})
        and indices <= {torch.int32, torch.int64}
    )
