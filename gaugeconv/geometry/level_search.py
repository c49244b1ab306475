"""The paths of one level of a hierarchy, searched in parts so that memory stays bounded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from gaugeconv.geometry.frames import Frames
from gaugeconv.geometry.logmap import PathTable, path_tables
from gaugeconv.geometry.neighborhoods import Neighborhoods
from gaugeconv.geometry.pair_search import MARGIN
from gaugeconv.geometry.pairs import Pairs

PAIRS_AT_ONCE = 1 << 20
"""About so many pairs of a level's vertices with the mesh's are held at a time."""

Describe = Callable[[Neighborhoods], Float64[np.ndarray, "_ _"]]
"""From neighbourhoods of some of a level's vertices in the whole mesh to a row of numbers for each."""


@dataclass(frozen=True, eq=False)
class LevelPaths:
    """What is read off the shortest paths from a level's vertices to all of the mesh.

    Attributes:
        paths: those to the level's own vertices, and to the next finer ones within the crossing.
        area: (N,) the share of the surface that each vertex stands for.
        surface: neighbourhoods of all of them in the whole mesh; None where they were described.
        described: (N, d) what `describe` made of those; without columns where nothing did.
    """

    paths: PathTable
    area: Float64[np.ndarray, " N"]
    surface: Neighborhoods | None
    described: Float64[np.ndarray, "N d"]


def search_level(
    frames: Frames,
    vertices: Int64[np.ndarray, " N"],
    finer: Int64[np.ndarray, " M"],
    radius: float,
    crossing: float,
    describe: Describe | None,
) -> LevelPaths:
    """Searches once, in parts of `PAIRS_AT_ONCE` pairs where the neighbourhoods are described.

    The result does not depend on the parts, to the bit.

    Args:
        frames: the gauge.
        vertices: the level's, ascending.
        finer: those of the next finer level.
        radius, crossing: lengths R_l, and that of pairs with `finer`.
        describe: called with a part of the neighbourhoods at a time; None keeps them all.
    """
    mesh = frames.mesh
    own, near = np.zeros((2, mesh.num_vertices), dtype=np.bool_)
    own[vertices], near[finer] = True, True
    shares = _Shares(mesh.num_vertices, radius)
    kept: list[PathTable] = []
    described = []
    kept_surface, row = None, 0
    parts = 1 if describe is None else _num_parts(frames, vertices, radius)
    for paths in path_tables(mesh, vertices, radius * (1 + MARGIN), parts=parts):
        rows = vertices[row : row + len(paths.ptr) - 1]
        row += len(rows)
        shares.add(paths)
        surface = _surface(paths, frames, rows, radius)
        if describe is None:
            kept_surface = surface
        described.append(np.zeros((len(rows), 0)) if describe is None else describe(surface))
        at = paths.vertex
        kept.append(paths.select(own[at] | (near[at] & (paths.r <= crossing))))
    table = PathTable.joined(kept)
    del kept
    area = shares.areas(mesh.vertex_areas)
    return LevelPaths(table, area, kept_surface, np.concatenate(described))


def _num_parts(frames: Frames, vertices: Int64[np.ndarray, " N"], radius: float) -> int:
    """Parts of about as many pairs as there may be, each of one vertex at least."""
    size, share = frames.mesh.num_vertices, np.pi * radius**2 / frames.mesh.area
    pairs = len(vertices) * size * min(1.0, share)
    return min(len(vertices), 1 + int(pairs / PAIRS_AT_ONCE))


def _surface(
    paths: PathTable, frames: Frames, rows: Int64[np.ndarray, " n"], radius: float
) -> Neighborhoods:
    """Neighbourhoods of the paths' centres in the whole mesh."""
    everything = np.arange(frames.mesh.num_vertices)
    pairs = Pairs.of(paths, len(everything), everything, radius, vertices_are_targets=False)
    return pairs.in_frames(frames, rows, everything, frames.mesh.vertex_areas, radius)


class _Shares:
    """How each mesh vertex shares its area among the centres that see it, nearer ones more, none at R.

    Smooth in all distances, where a Voronoi partition would jump between tied centres.
    """

    def __init__(self, num_vertices: int, radius: float) -> None:
        self._radius = radius
        self._total = np.zeros(num_vertices)
        self._parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def add(self, paths: PathTable) -> None:
        """Notes the paths of some centres."""
        share = np.clip(1 - paths.r / self._radius, 0.0, None) ** 4
        np.add.at(self._total, paths.vertex, share)
        self._parts.append((paths.ptr, paths.vertex.astype(np.int32), share))

    def areas(self, vertex_areas: Float64[np.ndarray, " V"]) -> Float64[np.ndarray, " N"]:
        """The area of every centre."""
        per_share = self._total  # 0 where every centre is at R already
        per_share[per_share == 0] = 1.0
        found = []
        for ptr, vertex, share in self._parts:
            center = np.repeat(np.arange(len(ptr) - 1), np.diff(ptr))
            weighted = share / per_share[vertex] * vertex_areas[vertex]
            found.append(np.bincount(center, weighted, minlength=len(ptr) - 1))
        return np.concatenate(found)
