"""A hierarchy of coarser vertex sets with exact neighbourhoods within and between them.

Every distance, direction and transport is measured on the full mesh, so that a network on the
hierarchy sees the same surface whatever the resolution. One propagation per level yields it all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float64, Int64
from numpy.typing import ArrayLike

from gaugeconv.errors import GaugeConvError, MeshError
from gaugeconv.geometry.frames import Frames
from gaugeconv.geometry.level_search import Describe, LevelPaths, search_level
from gaugeconv.geometry.neighborhoods import Neighborhoods
from gaugeconv.geometry.pairs import Pairs
from gaugeconv.geometry.sampling import Metric, farthest_point_sample

NEIGHBORS = 20
"""Pairs per vertex within a level, where no radius is given."""


@dataclass(frozen=True, eq=False)
class Level:
    """One vertex set of a hierarchy, in order from fine to coarse.

    Attributes:
        vertices: (N,) mesh vertices, ascending.
        within: neighbourhoods among them, radius R_l.
        surface: from all mesh vertices to them, radius R_l, for features of the surface; None where
            they were described.
        down: from the next finer level to this one; None on the finest level.
        up: from this one to the next finer level; from the finest to all mesh vertices.
        described: (N, d) what `describe` made of `surface`; without columns where nothing did.

    `down` and `up` hold the same pairs, each in its own direction, so that `nn.GaugePool` on one and
    `nn.GaugeUnpool` on the other are adjoint.
    """

    vertices: Int64[np.ndarray, " N"]
    within: Neighborhoods
    surface: Neighborhoods | None
    down: Neighborhoods | None
    up: Neighborhoods
    described: Float64[np.ndarray, "N d"]


def build_hierarchy(
    frames: Frames,
    sizes: Sequence[int],
    radii: Sequence[float] | None = None,
    crossing: float = 0.6,
    *,
    metric: Metric = "edges",
    describe: Describe | None = None,
) -> list[Level]:
    """Levels of at most `sizes` farthest points, fine to coarse, each a subset of the one before.

    Args:
        frames: the gauge, on a mesh with positions.
        sizes: number of vertices per level, descending; a smaller mesh keeps all it has.
        radii: R_l per level, in units of √(total area); for about `NEIGHBORS` pairs each when None.
        crossing: radius of the neighbourhoods between levels, as a fraction of R_l ≤ 1.
        metric: how distances are measured when choosing vertices, see `farthest_point_sample`; those of
            the neighbourhoods are always exact.
        describe: see `hierarchy_of`.

    Returns:
        Levels whose neighbourhoods transform under gauge changes as `Neighborhoods` says. A vertex set
        depends on the shape alone; its vertices' areas share out the surface smoothly.

    Raises:
        MeshError: a defective mesh, or one without positions.
        GaugeConvError: a size below 1, sizes that ascend, as many radii as there are not sizes, radii or
            a crossing out of range, or no such metric.
    """
    if min(sizes, default=0) < 1 or any(a < b for a, b in pairwise(sizes)):
        raise GaugeConvError(
            f"sizes must descend from fine to coarse and be at least 1, got {tuple(sizes)}"
        )
    sample = farthest_point_sample(frames.mesh, sizes[0], metric)
    sets = [sample[:size] for size in sizes]
    return hierarchy_of(frames, sets, radii, crossing, describe=describe)


def hierarchy_of(
    frames: Frames,
    vertex_sets: Sequence[ArrayLike],
    radii: Sequence[float] | None = None,
    crossing: float = 0.6,
    *,
    describe: Describe | None = None,
) -> list[Level]:
    """Levels on vertex sets of the caller's choice, the index map of a decimation for example.

    Args:
        frames: the gauge; positions are not needed.
        vertex_sets: mesh vertices of every level, fine to coarse, in any order and not necessarily
            nested. Rows of a level are its vertices in ascending order: entry k of a list is in row
            `numpy.searchsorted(level.vertices, list[k])`.
        radii, crossing: as for `build_hierarchy`.
        describe: makes (n, d) numbers of `surface`, row by row. It is called with a part of the rows
            at a time, which are then forgotten: `surface` alone has as many pairs as the mesh
            vertices times those of the level that see each, too many for a mesh of a million.

    Returns:
        As `build_hierarchy` does.

    Raises:
        MeshError: a defective mesh, or a list that is empty, repeats a vertex or is out of range.
        GaugeConvError: as many radii as there are not levels, or radii or a crossing out of range.
    """
    mesh = frames.mesh
    sets = [_vertex_set(mesh.num_vertices, level, k) for k, level in enumerate(vertex_sets)]
    fractions = [np.sqrt(NEIGHBORS / (np.pi * len(s))) for s in sets] if radii is None else radii
    if len(fractions) != len(sets) or not all(0 < f < np.inf for f in fractions):
        raise GaugeConvError(f"{len(sets)} levels need as many positive radii, got {radii}")
    if not 0 < crossing <= 1:
        raise GaugeConvError(f"crossing is a fraction of the radius in (0, 1], got {crossing}")
    finer = np.arange(mesh.num_vertices)
    finer_area: Float64[np.ndarray, " M"] | None = None
    levels = []
    for vertices, fraction in zip(sets, fractions, strict=True):
        radius = float(fraction) * float(np.sqrt(mesh.area))
        lengths = radius, crossing * radius
        found = search_level(frames, vertices, finer, *lengths, describe)
        levels.append(_level(found, frames, vertices, finer, finer_area, *lengths))
        finer, finer_area = vertices, found.area
    return levels


def _vertex_set(size: int, vertices: ArrayLike, level: int) -> Int64[np.ndarray, " N"]:
    """The list in ascending order, checked."""
    array = np.asarray(vertices)
    if array.ndim != 1 or array.dtype.kind not in "iu" or len(array) == 0:
        raise MeshError(
            f"level {level} must be a list of vertex indices, got {array.dtype} {array.shape}"
        )
    array = np.sort(array.astype(np.int64))
    if array[0] < 0 or array[-1] >= size or (np.diff(array) == 0).any():
        raise MeshError(
            f"level {level} must name different vertices within 0 … {size - 1}, got "
            f"{array[0]} … {array[-1]} with {int((np.diff(array) == 0).sum())} repetitions"
        )
    return array


def _level(
    found: LevelPaths,
    frames: Frames,
    vertices: Int64[np.ndarray, " N"],
    finer: Int64[np.ndarray, " M"],
    finer_area: Float64[np.ndarray, " M"] | None,
    radius: float,
    crossing: float,
) -> Level:
    """Reads the neighbourhoods of one level off the paths from its vertices."""
    paths, size = found.paths, frames.mesh.num_vertices
    within = Pairs.of(paths, size, vertices, np.inf, vertices_are_targets=False).symmetric()
    within = within.select(within.r <= radius)
    up = Pairs.of(paths, size, finer, crossing, vertices_are_targets=True)
    down = None
    if finer_area is not None:
        pairs = Pairs.of(paths, size, finer, crossing, vertices_are_targets=False)
        down = pairs.in_frames(frames, vertices, finer, finer_area, crossing)
    return Level(
        vertices,
        within.in_frames(frames, vertices, vertices, found.area, radius),
        found.surface,
        down,
        up.in_frames(frames, finer, vertices, found.area, crossing),
        found.described,
    )
