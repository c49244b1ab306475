"""Neighbourhoods put together and taken apart: several meshes as one, a range of targets alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate

import torch
from torch import Tensor

from gaugeconv.errors import GaugeConvError
from gaugeconv.geometry.neighborhoods import Neighborhoods

_PER_PAIR = ("source", "r", "theta", "transport", "flip", "weight")


def block_diagonal(parts: Sequence[Neighborhoods]) -> Neighborhoods:
    """Several neighbourhoods as one, block by block: rows and sources of mesh i follow those of i − 1.

    Features of the meshes are concatenated (`torch.cat`) and results split in the same way. Every
    mesh keeps its own radius: lengths are given in units of it, so that the result has radius 1, and
    weights in units of its square, which is all that a convolution looks at. Gauge behaviour as
    that of the parts. `frames` are None; vertex numbers go on from mesh to mesh.

    Args:
        parts: one or more neighbourhoods, of one device and dtype.

    Raises:
        GaugeConvError: there are none, or devices or dtypes differ.
    """
    kinds = {(p.r.device, p.r.dtype, p.ptr.dtype) for p in parts}
    if len(kinds) != 1:
        found = ", ".join(sorted(f"{r} with {i} on {d}" for d, r, i in kinds)) or "none"
        raise GaugeConvError(
            f"a batch needs neighbourhoods of one device and dtype, got {found}: move them with .to(...)"
        )

    vertices = [1 + _largest(part.target_vertex, part.source_vertex) for part in parts]
    pairs = [part.source.numel() for part in parts]
    targets, sources = [p.num_targets for p in parts], [p.num_sources for p in parts]
    return Neighborhoods(
        ptr=torch.cat((parts[0].ptr[:1], _end_to_end([p.ptr[1:] for p in parts], pairs))),
        target=_end_to_end([p.target for p in parts], targets),
        source=_end_to_end([p.source for p in parts], sources),
        r=torch.cat([p.r / p.radius for p in parts]),
        weight=torch.cat([p.weight / p.radius**2 for p in parts]),
        radius=1.0,
        num_sources=sum(sources),
        target_vertex=_end_to_end([p.target_vertex for p in parts], vertices),
        source_vertex=_end_to_end([p.source_vertex for p in parts], vertices),
        theta=torch.cat([p.theta for p in parts]),
        transport=torch.cat([p.transport for p in parts]),
        flip=torch.cat([p.flip for p in parts]),
    )


def target_rows(nb: Neighborhoods, start: int, stop: int) -> Neighborhoods:
    """The neighbourhoods of targets [start, stop) alone, from the same sources; a view of nb.

    Raises:
        GaugeConvError: the range is not within the targets.
    """
    if not 0 <= start <= stop <= nb.num_targets:
        raise GaugeConvError(f"targets {start} … {stop} of {nb.num_targets} do not exist")
    pairs = slice(int(nb.ptr[start]), int(nb.ptr[stop]))
    return replace(
        nb,
        ptr=nb.ptr[start : stop + 1] - nb.ptr[start],
        target=nb.target[pairs] - start,
        target_vertex=nb.target_vertex[start:stop],
        **{name: getattr(nb, name)[pairs] for name in _PER_PAIR},
        _memo={},
    )


def _largest(*indices: Tensor) -> int:
    """The largest of all indices, −1 where there are none."""
    return max((int(i.max()) for i in indices if i.numel() > 0), default=-1)


def _end_to_end(indices: Sequence[Tensor], counts: Sequence[int]) -> Tensor:
    """Index tensors concatenated, each raised by all counts before its own."""
    offsets = [0, *accumulate(counts)]
    return torch.cat([i + offset for i, offset in zip(indices, offsets, strict=False)])
