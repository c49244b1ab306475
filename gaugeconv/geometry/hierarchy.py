"""A hierarchy of coarser vertex sets with exact neighbourhoods within and between them.

Every distance, direction and transport is measured on the full mesh, so that a network on the
hierarchy sees the same surface whatever the resolution. One propagation per level yields it all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from gaugeconv.geometry.connect import MARGIN
from gaugeconv.geometry.frames import Frames
from gaugeconv.geometry.logmap import PathTable, shortest_paths
from gaugeconv.geometry.neighborhoods import Neighborhoods
from gaugeconv.geometry.pairs import Pairs
from gaugeconv.geometry.sampling import farthest_point_sample


@dataclass(frozen=True, eq=False)
class Level:
    """One vertex set of a hierarchy, in order from fine to coarse.

    Attributes:
        vertices: (N,) mesh vertices, ascending.
        within: neighbourhoods among them, radius R_l.
        surface: from all mesh vertices to them, radius R_l, for features of the surface.
        down: from the next finer level to this one; None on the finest level.
        up: from this one to the next finer level; from the finest to all mesh vertices.
    """

    vertices: Int64[np.ndarray, " N"]
    within: Neighborhoods
    surface: Neighborhoods
    down: Neighborhoods | None
    up: Neighborhoods


def build_hierarchy(
    frames: Frames, sizes: tuple[int, ...], radii: tuple[float, ...], crossing: float
) -> list[Level]:
    """Levels of at most `sizes` farthest points, fine to coarse.

    Args:
        frames: the gauge, on a mesh with positions.
        sizes: number of vertices per level, descending; a smaller mesh keeps all it has.
        radii: R_l per level, in units of √(total area).
        crossing: radius of the neighbourhoods between levels, as a fraction of R_l ≤ 1.

    Returns:
        Levels whose neighbourhoods transform under gauge changes as `Neighborhoods` says. A vertex set
        depends on the shape alone; its vertices' areas share out the surface smoothly.
    """
    mesh = frames.mesh
    sample = farthest_point_sample(mesh, sizes[0])
    finer = np.arange(mesh.num_vertices)
    finer_area: Float64[np.ndarray, " M"] | None = None
    levels = []
    for size, fraction in zip(sizes, radii, strict=True):
        vertices = np.sort(sample[:size])
        radius = fraction * float(np.sqrt(mesh.area))
        paths = shortest_paths(mesh, vertices, radius * (1 + MARGIN))
        area = _shared_areas(paths, mesh.vertex_areas, radius)
        levels.append(
            _level(paths, frames, vertices, area, finer, finer_area, radius, crossing * radius)
        )
        finer, finer_area = vertices, area
    return levels


def _level(
    paths: PathTable,
    frames: Frames,
    vertices: Int64[np.ndarray, " N"],
    area: Float64[np.ndarray, " N"],
    finer: Int64[np.ndarray, " M"],
    finer_area: Float64[np.ndarray, " M"] | None,
    radius: float,
    crossing: float,
) -> Level:
    """Reads the four neighbourhoods of one level off the paths from its vertices."""
    mesh = frames.mesh
    size, everything = mesh.num_vertices, np.arange(mesh.num_vertices)
    within = Pairs.of(paths, size, vertices, np.inf, vertices_are_targets=False).symmetric()
    within = within.select(within.r <= radius)
    surface = Pairs.of(paths, size, everything, radius, vertices_are_targets=False)
    up = Pairs.of(paths, size, finer, crossing, vertices_are_targets=True)
    down = None
    if finer_area is not None:
        pairs = Pairs.of(paths, size, finer, crossing, vertices_are_targets=False)
        down = pairs.in_frames(frames, vertices, finer, finer_area, crossing)
    return Level(
        vertices,
        within.in_frames(frames, vertices, vertices, area, radius),
        surface.in_frames(frames, vertices, everything, mesh.vertex_areas, radius),
        down,
        up.in_frames(frames, finer, vertices, area, crossing),
    )


def _shared_areas(
    paths: PathTable, vertex_areas: Float64[np.ndarray, " V"], radius: float
) -> Float64[np.ndarray, " N"]:
    """Each vertex shares its area among the centres that see it, nearer ones more, none at R.

    Smooth in all distances, where a Voronoi partition would jump between tied centres.
    """
    center = np.repeat(np.arange(len(paths.ptr) - 1), np.diff(paths.ptr))
    share = np.clip(1 - paths.r / radius, 0.0, None) ** 4
    total = np.bincount(paths.vertex, share, minlength=len(vertex_areas))[paths.vertex]
    share /= np.where(total > 0, total, 1.0)  # 0 where every centre is at R already
    return np.bincount(center, share * vertex_areas[paths.vertex], minlength=len(paths.ptr) - 1)
