"""Several signals on one mesh, aggregated as one signal of more channels.

What a pair costs whatever the channels, its angles, turns and loops, is then paid once for all of them,
and few channels still fill a register. Every block of the field type holds the signals one after the
other: B signals of type "2x0 + 1x1" become one of type "2Bx0 + Bx1".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gaugeconv.reps import FieldType

_MOST_CHANNELS = 512
"""Of the signals that are aggregated together: the turned features of a row must stay in a cache."""

Codes = tuple[np.ndarray, np.ndarray]
"""A layout as `aggregate_rows` reads it: blocks and segments."""


@dataclass(frozen=True, eq=False)
class JoinedSignals:
    """A run of signals as one.

    Attributes:
        signals: which of the batch.
        features: (1, Q, n · in) of n signals.
        codes: layout of the moments (n · width) of all of them.
    """

    signals: slice
    features: np.ndarray
    codes: Codes


def join_signals(x: Tensor, field_type: FieldType, codes: Codes) -> list[JoinedSignals]:
    """Signals (B, Q, in) in runs of nearly equal length that a cache can hold.

    Args:
        x: the signals.
        field_type: of each.
        codes: layout of the moments of one signal.
    """
    batch = x.shape[0]
    runs = min(-(-batch * field_type.dim // _MOST_CHANNELS), batch)
    joined = []
    for run in range(runs):
        signals = slice(batch * run // runs, batch * (run + 1) // runs)
        part = x[signals]
        joined.append(
            JoinedSignals(signals, _joined(part, field_type), _scaled(codes, part.shape[0]))
        )
    return joined


def _joined(x: Tensor, field_type: FieldType) -> np.ndarray:
    if x.shape[0] == 1:
        return x.numpy()
    blocks = [x[..., block.slice].transpose(0, 1).flatten(1) for block in field_type.blocks]
    return torch.cat(blocks, dim=1)[None].numpy()


def _scaled(codes: Codes, signals: int) -> Codes:
    """Columns of joined signals, from those of one; −1 still says that a block has no centre term."""
    blocks, segments = (code.copy() for code in codes)
    blocks[:, 1:] *= signals
    blocks[codes[0][:, 3] < 0, 3] = -1
    segments[:, 1:] *= signals
    return blocks, segments
