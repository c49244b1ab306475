"""Signals carried from a grid to other points of the sphere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from gaugeconv.errors import DataError
from gaugeconv.sphere.grids import SphereGrid

_CHUNK = 1 << 23  # pairs of a point and a face looked at together


@dataclass(frozen=True, eq=False)
class Interpolation:
    """Linear interpolation on the triangles of a grid, second order for smooth signals.

    Attributes:
        corners: (M, 3) grid points that each target reads.
        shares: (M, 3) their weights, non-negative, summing to 1.
        num_sources: points of the grid.
    """

    corners: Int64[np.ndarray, "M 3"]
    shares: Float64[np.ndarray, "M 3"]
    num_sources: int

    @classmethod
    def between(cls, source: SphereGrid, points: Float64[np.ndarray, "M 3"]) -> Interpolation:
        """From a grid to unit vectors, each read from the triangle that its ray leaves through."""
        mesh = source.mesh
        corners = mesh.vertices[mesh.faces]
        # inward normals of the planes through the origin and an edge; a face's own rays are inside
        # of all three (faces of one plane, as on an equiangular grid, cannot be told apart by it)
        sides = np.stack([np.cross(corners[:, k], corners[:, (k + 1) % 3]) for k in range(3)])
        step = max(1, _CHUNK // sides[0].size)
        face = np.concatenate(
            [
                (points[i : i + step] @ sides.transpose(0, 2, 1)).min(axis=0).argmax(axis=1)
                for i in range(0, len(points), step)
            ]
        )
        chosen = corners[face].transpose(0, 2, 1)
        shares = np.linalg.solve(chosen, points[:, :, None])[:, :, 0]
        shares = np.clip(shares, 0.0, None)
        return cls(mesh.faces[face], shares / shares.sum(1, keepdims=True), source.num_points)

    def __call__(self, signal: Float[Tensor, "*batch N"]) -> Float[Tensor, "*batch M"]:
        """Values at the targets of a signal given on the grid.

        Raises:
            DataError: the signal has another number of points.
        """
        if signal.ndim == 0 or signal.shape[-1] != self.num_sources:
            raise DataError(
                f"the signal has shape {tuple(signal.shape)}, the grid {self.num_sources} points"
            )
        shares = torch.as_tensor(self.shares).to(signal)
        corners = torch.as_tensor(self.corners, device=signal.device)
        return (signal[..., corners] * shares).sum(-1)
