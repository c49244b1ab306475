"""Coarser vertex sets on a spherical grid, with the neighbourhoods within and between them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from gaugeconv.errors import DataError
from gaugeconv.geometry import Frames, Neighborhoods, neighborhoods
from gaugeconv.geometry.sampling import farthest_point_sample
from gaugeconv.sphere.grids import SphereGrid, from_points

CROSSING = 0.75
"""Radius of the neighbourhoods between levels, as a fraction of the coarser level's."""


@dataclass(frozen=True, eq=False)
class SphereLevel:
    """One set of vertices of a grid's mesh; all geometry is measured on that mesh.

    Attributes:
        vertices: (N,) ascending.
        within: neighbourhoods among them, radius R.
        down: from the next finer set (the whole grid for the first level) to this one.
        up: from this one back to the next finer set.
        weights: (N,) shares of the sphere's area, summing to 1.
    """

    vertices: Int64[np.ndarray, " N"]
    within: Neighborhoods
    down: Neighborhoods
    up: Neighborhoods
    weights: Float[Tensor, " N"]

    def to(self, device: torch.device | str) -> SphereLevel:
        """The same level with all tensors on a device."""
        within, down, up = (nb.to(device) for nb in (self.within, self.down, self.up))
        return SphereLevel(self.vertices, within, down, up, self.weights.to(device))


@dataclass(frozen=True, eq=False)
class SpherePyramid:
    """A grid and its levels, fine to coarse.

    Attributes:
        grid: all points.
        levels: the coarser sets.
    """

    grid: SphereGrid
    levels: tuple[SphereLevel, ...]

    def to(self, device: torch.device | str) -> SpherePyramid:
        """The same pyramid with all tensors on a device."""
        levels = tuple(level.to(device) for level in self.levels)
        return SpherePyramid(self.grid, levels)


def cap_radius(num_points: int, neighbors: float) -> float:
    """R of the flat disk that holds `neighbors` of N equally spread points: πR² = 4π·neighbors/N."""
    return math.sqrt(4.0 * neighbors / num_points)


def sphere_pyramid(
    grid: SphereGrid,
    sizes: tuple[int, ...],
    *,
    neighbors: float = 32.0,
    nested: bool = False,
    frames: Frames | None = None,
) -> SpherePyramid:
    """Coarser sets of the grid's points, with exact log maps and transport on its mesh.

    Args:
        grid: the points.
        sizes: points per level, descending.
        neighbors: neighbours of a point within its own level. With fewer, kernels are narrower than the
            points' spacing can resolve, and turned signals give other features.
        nested: take the first points of the grid, which on an icosphere are the coarser icospheres
            (sizes 10·4ⁿ + 2) and keep its symmetry; else farthest points.
        frames: the gauge; canonical frames when None.

    Raises:
        DataError: sizes that do not descend, or exceed the grid.
    """
    if list(sizes) != sorted(sizes, reverse=True) or not 4 <= min(sizes, default=0):
        raise DataError(f"sizes of levels must descend and be at least 4, got {sizes}")
    if sizes[0] > grid.num_points:
        raise DataError(f"a level of {sizes[0]} points does not fit {grid.num_points} points")
    mesh = grid.mesh
    frames = Frames.canonical(mesh) if frames is None else frames
    order = np.arange(sizes[0]) if nested else farthest_point_sample(mesh, sizes[0])
    finer, finer_area = np.arange(grid.num_points), grid.weights
    levels = []
    for size in sizes:
        vertices = np.sort(order[:size])
        area = from_points(grid.points[vertices]).weights
        radius = cap_radius(size, neighbors)
        reach = CROSSING * radius
        levels.append(
            SphereLevel(
                vertices,
                _between(frames, radius, vertices, vertices, area),
                _between(frames, reach, vertices, finer, finer_area),
                _between(frames, reach, finer, vertices, area),
                torch.from_numpy(area / area.sum()),
            )
        )
        finer, finer_area = vertices, area
    return SpherePyramid(grid, tuple(levels))


def _between(
    frames: Frames,
    radius: float,
    targets: Int64[np.ndarray, " P"],
    sources: Int64[np.ndarray, " Q"],
    area: Float64[np.ndarray, " Q"],
) -> Neighborhoods:
    """Neighbourhoods from some vertices to others; `area` is what each source stands for."""
    return neighborhoods(
        frames.mesh, radius, frames, targets=targets, sources=sources, source_area=area
    )
