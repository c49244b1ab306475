"""Pairs (p, q) in intrinsic angles: what lies between shortest paths and neighbourhoods."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int64

from gaugeconv.geometry.frames import Frames
from gaugeconv.geometry.logmap import PathTable
from gaugeconv.geometry.neighborhoods import Neighborhoods
from gaugeconv.geometry.pair_kernels import make_symmetric

SLAB = 1 << 14  # pairs turned into frames at a time, few enough for the cache


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs sorted by target, then source, as rows of a list of targets and a list of sources.

    Attributes:
        ptr: (P+1,) pairs of each target. source: (E,) row of the source. r: (E,) distance.
        theta: (E,) direction at the target. transport: (E,) φ_{target←source}; both frameless.
        flip: (E,) whether the transport reflects.
    """

    ptr: Int64[np.ndarray, " P1"]
    source: Int64[np.ndarray, " E"]
    r: Float64[np.ndarray, " E"]
    theta: Float64[np.ndarray, " E"]
    transport: Float64[np.ndarray, " E"]
    flip: Bool[np.ndarray, " E"]

    @classmethod
    def of(
        cls,
        paths: PathTable,
        num_vertices: int,
        vertices: Int64[np.ndarray, " N"],
        radius: float,
        vertices_are_targets: bool,
    ) -> Pairs:
        """The pairs of the paths' centres with the given vertices (ascending), up to `radius`."""
        if len(vertices) == num_vertices and radius == np.inf and not vertices_are_targets:
            return cls(paths.ptr, paths.vertex, paths.r, paths.out, paths.transport, paths.flip)
        row = np.full(num_vertices, -1)
        row[vertices] = np.arange(len(vertices))
        kept = (row[paths.vertex] >= 0) & (paths.r <= radius)
        center = np.repeat(np.arange(len(paths.ptr) - 1), np.diff(paths.ptr))[kept]
        other = row[paths.vertex[kept]]
        r, transport, flip = paths.r[kept], paths.transport[kept], paths.flip[kept]
        if not vertices_are_targets:
            ptr = _offsets(center, len(paths.ptr) - 1)
            return cls(ptr, other, r, paths.out[kept], transport, flip)
        order = np.argsort(other, kind="stable")
        ptr = _offsets(other, len(vertices))
        theta, inverse = paths.back[kept], np.where(flip, transport, -transport)
        return cls(ptr, center[order], r[order], theta[order], inverse[order], flip[order])

    @property
    def target(self) -> Int64[np.ndarray, " E"]:
        """(E,) row of the target of each pair."""
        return np.repeat(np.arange(len(self.ptr) - 1), np.diff(self.ptr))

    def select(self, kept: Bool[np.ndarray, " E"]) -> Pairs:
        """The pairs where `kept` is true, in the same order."""
        if kept.all():
            return self
        arrays = [getattr(self, f.name)[kept] for f in fields(self)[1:]]
        return Pairs(_offsets(self.target[kept], len(self.ptr) - 1), *arrays)

    def symmetric(self) -> Pairs:
        """With r_pq = r_qp, T_pq T_qp = 1 for T = R(φ) S^flip, and every pair both ways.

        Targets and sources must be the same vertices.
        """
        names = ("flip", "r", "theta", "transport")
        mended = replace(self, **{name: getattr(self, name).copy() for name in names})
        values = (getattr(mended, name) for name in names)
        found = make_symmetric(self.ptr, self.source, *values)
        # one found from one side only lies at the very edge of the search
        return mended.select(found)

    def in_frames(
        self,
        frames: Frames,
        target_vertex: Int64[np.ndarray, " P"],
        source_vertex: Int64[np.ndarray, " Q"],
        source_area: Float64[np.ndarray, " Q"],
        radius: float,
    ) -> Neighborhoods:
        """Neighbourhoods in the given gauge, each pair weighted by the area of its source."""
        weight = source_area[self.source]
        return self.weighted(frames, target_vertex, source_vertex, weight, radius)

    def weighted(
        self,
        frames: Frames,
        target_vertex: Int64[np.ndarray, " P"],
        source_vertex: Int64[np.ndarray, " Q"],
        weight: Float64[np.ndarray, " E"],
        radius: float,
        dtype: torch.dtype = torch.float64,
        index_dtype: torch.dtype = torch.int64,
    ) -> Neighborhoods:
        """Neighbourhoods in the given gauge and dtypes, with one weight for each pair."""
        real, index = _numpy_dtype(dtype), _numpy_dtype(index_dtype)
        rows = len(self.ptr) - 1
        theta, transport = np.zeros((2, len(self.r)), dtype=real)
        flip = np.zeros(len(self.r), dtype=np.bool_)
        target = np.repeat(np.arange(rows, dtype=index), np.diff(self.ptr))
        for start in range(0, len(self.r), SLAB):
            at = slice(start, start + SLAB)
            p, q = target_vertex[target[at]], source_vertex[self.source[at]]
            angle, flip[at] = frames.transport(p, q, self.transport[at], self.flip[at])
            transport[at] = np.where(p == q, 0.0, angle)
            theta[at] = np.where(p == q, 0.0, frames.direction(p, self.theta[at]))
        tensor = torch.from_numpy
        return Neighborhoods(
            ptr=tensor(self.ptr.astype(index)),
            target=tensor(target),
            source=tensor(self.source.astype(index, copy=False)),
            r=tensor(self.r.astype(real, copy=False)),
            theta=tensor(theta),
            transport=tensor(transport),
            flip=tensor(flip),
            weight=tensor(weight.astype(real, copy=False)),
            radius=float(radius),
            num_sources=len(source_vertex),
            target_vertex=tensor(target_vertex.astype(index)),
            source_vertex=tensor(source_vertex.astype(index)),
            frames=frames,
        )


def _numpy_dtype(dtype: torch.dtype) -> np.dtype:
    return torch.zeros(0, dtype=dtype).numpy().dtype


def _offsets(row: Int64[np.ndarray, " E"], rows: int) -> Int64[np.ndarray, " R1"]:
    """CSR row starts of ascending row numbers."""
    return np.concatenate([[0], np.cumsum(np.bincount(row, minlength=rows))])
