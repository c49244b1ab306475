"""Pairs (p, q) in intrinsic angles: what lies between shortest paths and neighbourhoods."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int64

from gaugeconv.geometry.frames import Frames
from gaugeconv.geometry.logmap import PathTable
from gaugeconv.geometry.neighborhoods import Neighborhoods
from gaugeconv.geometry.pair_kernels import opposite_pairs


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs sorted by target, then source, as rows of a list of targets and a list of sources.

    Attributes:
        ptr: (P+1,) pairs of each target. source: (E,) row of the source. r: (E,) distance.
        theta: (E,) direction at the target. transport: (E,) φ_{target←source}; both frameless.
    """

    ptr: Int64[np.ndarray, " P1"]
    source: Int64[np.ndarray, " E"]
    r: Float64[np.ndarray, " E"]
    theta: Float64[np.ndarray, " E"]
    transport: Float64[np.ndarray, " E"]

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
        row = np.full(num_vertices, -1)
        row[vertices] = np.arange(len(vertices))
        kept = (row[paths.vertex] >= 0) & (paths.r <= radius)
        center = np.repeat(np.arange(len(paths.ptr) - 1), np.diff(paths.ptr))[kept]
        other = row[paths.vertex[kept]]
        r, transport = paths.r[kept], paths.transport[kept]
        if not vertices_are_targets:
            ptr = _offsets(center, len(paths.ptr) - 1)
            return cls(ptr, other, r, paths.out[kept], transport)
        order = np.argsort(other, kind="stable")
        ptr = _offsets(other, len(vertices))
        theta = paths.back[kept][order]
        return cls(ptr, center[order], r[order], theta, -transport[order])

    @property
    def target(self) -> Int64[np.ndarray, " E"]:
        """(E,) row of the target of each pair."""
        return np.repeat(np.arange(len(self.ptr) - 1), np.diff(self.ptr))

    def select(self, kept: Bool[np.ndarray, " E"]) -> Pairs:
        """The pairs where `kept` is true, in the same order."""
        arrays = [getattr(self, f.name)[kept] for f in fields(self)[1:]]
        return Pairs(_offsets(self.target[kept], len(self.ptr) - 1), *arrays)

    def symmetric(self) -> Pairs:
        """With r_pq = r_qp, φ_pq + φ_qp = 0 mod 2π and every pair both ways.

        Targets and sources must be the same vertices.
        """
        opposite = opposite_pairs(self.ptr, self.source)
        if (opposite < 0).any():  # found from one side only, at the very edge of the search
            return self.select(opposite >= 0).symmetric()
        excess = self.transport + self.transport[opposite]
        excess -= 2 * np.pi * np.round(excess / (2 * np.pi))
        r = 0.5 * (self.r + self.r[opposite])
        return Pairs(self.ptr, self.source, r, self.theta, self.transport - 0.5 * excess)

    def in_frames(
        self,
        frames: Frames,
        target_vertex: Int64[np.ndarray, " P"],
        source_vertex: Int64[np.ndarray, " Q"],
        source_area: Float64[np.ndarray, " Q"],
        radius: float,
    ) -> Neighborhoods:
        """Neighbourhoods in the given gauge, each pair weighted by the area of its source."""
        offset_p = frames.offset[target_vertex][self.target]
        offset_q = frames.offset[source_vertex][self.source]
        same = target_vertex[self.target] == source_vertex[self.source]
        tensor = torch.from_numpy
        return Neighborhoods(
            ptr=tensor(self.ptr),
            target=tensor(self.target),
            source=tensor(self.source),
            r=tensor(self.r),
            theta=tensor(np.where(same, 0.0, self.theta + offset_p)),
            transport=tensor(np.where(same, 0.0, self.transport + offset_p - offset_q)),
            flip=torch.zeros(len(self.r), dtype=torch.bool),
            weight=tensor(source_area[self.source]),
            radius=float(radius),
            num_sources=len(source_vertex),
            target_vertex=tensor(target_vertex.copy()),
            source_vertex=tensor(source_vertex.copy()),
            frames=frames,
        )


def _offsets(row: Int64[np.ndarray, " E"], rows: int) -> Int64[np.ndarray, " R1"]:
    """CSR row starts of ascending row numbers."""
    return np.concatenate([[0], np.cumsum(np.bincount(row, minlength=rows))])
