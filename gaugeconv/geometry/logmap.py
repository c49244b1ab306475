"""Logarithmic maps: exact, around one vertex or around many in parallel threads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from jaxtyping import Bool, Float64, Int64
from numpy.typing import ArrayLike

from gaugeconv.errors import MeshError
from gaugeconv.geometry.double_cover import double_cover
from gaugeconv.geometry.frames import Frames, frames_on
from gaugeconv.geometry.locality import numbered_nearby, renumbered
from gaugeconv.geometry.pair_kernels import renumber_rows
from gaugeconv.geometry.records import TIE
from gaugeconv.geometry.surface import surface_records
from gaugeconv.geometry.sweep_blocks import sweep_blocks
from gaugeconv.mesh import TriMesh
from gaugeconv.mesh.connectivity import referenced

WORTH_ORDERING = 1024  # centres for which it pays to order the mesh


@dataclass(frozen=True, eq=False)
class LogMap:
    """log_p at one centre p, for every vertex within the radius, the centre itself included.

    Attributes:
        center: the vertex p.
        vertex: (N,) vertices q, ascending.
        r: (N,) geodesic distance p → q in the mesh's unit. Gauge invariant.
        theta: (N,) initial direction in p's frame, radians; θ → θ + γ_p.
        transport: (N,) φ_{p←q}, radians; φ → φ + γ_p − γ_q.
        flip: (N,) whether the transport is R(φ) S with S = diag(1, −1): q is reached from the other
            side of its frame. False on an oriented mesh with frames that follow the winding.
    """

    center: int | np.integer
    vertex: Int64[np.ndarray, " N"]
    r: Float64[np.ndarray, " N"]
    theta: Float64[np.ndarray, " N"]
    transport: Float64[np.ndarray, " N"]
    flip: Bool[np.ndarray, " N"]


@dataclass(frozen=True, eq=False)
class PathTable:
    """Shortest paths center → vertex in CSR form, in intrinsic (frameless) angles.

    Angles are counter-clockwise in the winding; on a one-sided mesh, in the local orientation of the
    vertex they are measured at (`DoubleCover`).

    Attributes:
        ptr: (C+1,) rows by centre. vertex: (E,) ascending in each row. r: (E,) lengths.
        out: (E,) direction at the centre. back: (E,) direction at the vertex, back along the path.
        transport: (E,) φ_{center←vertex}. flip: (E,) whether it reflects: R(φ) S.
    """

    ptr: Int64[np.ndarray, " C1"]
    vertex: Int64[np.ndarray, " E"]
    r: Float64[np.ndarray, " E"]
    out: Float64[np.ndarray, " E"]
    back: Float64[np.ndarray, " E"]
    transport: Float64[np.ndarray, " E"]
    flip: Bool[np.ndarray, " E"]

    def select(self, kept: Bool[np.ndarray, " E"]) -> PathTable:
        """The paths where `kept` is true, in the same order."""
        ptr = np.concatenate([[0], np.cumsum(kept)])[self.ptr]
        return PathTable(ptr, *(getattr(self, f.name)[kept] for f in fields(self)[1:]))

    @classmethod
    def joined(cls, tables: Sequence[PathTable]) -> PathTable:
        """The rows of all tables, one or more, one after the other."""
        if len(tables) == 1:
            return tables[0]
        starts = np.cumsum([0, *(table.ptr[-1] for table in tables)])
        ptr = [t.ptr[1:] + start for t, start in zip(tables, starts[:-1], strict=True)]
        columns = (np.concatenate([getattr(t, f.name) for t in tables]) for f in fields(cls)[1:])
        return cls(np.concatenate([[0], *ptr]), *columns)


def log_map(
    mesh: TriMesh, center: int | np.integer, radius: float, frames: Frames | None = None
) -> LogMap:
    """The exact logarithmic map of `center` up to distance `radius`; empty if no face uses it.

    For many centres `neighborhoods` is faster by far: every call reads the whole mesh.

    Args:
        mesh: the surface; it may be one-sided.
        center: a vertex index.
        radius: cut-off R > 0 in the mesh's unit of length.
        frames: the gauge for θ and transport; canonical frames when None.

    Raises:
        MeshError: the mesh is defective, `center` is out of range or `radius` is not positive.
    """
    if not isinstance(center, int | np.integer) or not 0 <= center < mesh.num_vertices:
        raise MeshError(f"center {center} is not a vertex: the mesh has {mesh.num_vertices}")
    paths = shortest_paths(mesh, np.array([center]), radius)
    gauge = frames_on(mesh, frames, mirrored=True)
    at_p, at_q = np.full(len(paths.vertex), int(center)), paths.vertex
    theta = np.where(at_q == center, 0.0, gauge.direction(at_p, paths.out))
    transport, flip = gauge.transport(at_p, at_q, paths.transport, paths.flip)
    return LogMap(center, at_q, paths.r, theta, transport, flip)


def shortest_paths(
    mesh: TriMesh,
    centers: Int64[np.ndarray, " C"],
    radius: ArrayLike,
    keep: Bool[np.ndarray, " V"] | None = None,
) -> PathTable:
    """Exact shortest paths from every centre to the vertices within `radius` that `keep` marks.

    Vertices that no face uses are neither centres nor reached: they have empty rows.
    Centres are shared out to as many threads as PyTorch uses; the result does not depend on them.

    Args:
        mesh: the surface; it may be one-sided.
        centers: vertices.
        radius: of all centres, or (C,) one for each, in the mesh's unit.
        keep: the vertices wanted; all when None.

    Raises:
        MeshError: `radius` is not positive and finite, or the propagation does not settle.
    """
    return next(path_tables(mesh, centers, radius, keep))


def path_tables(
    mesh: TriMesh,
    centers: Int64[np.ndarray, " C"],
    radius: ArrayLike,
    keep: Bool[np.ndarray, " V"] | None = None,
    parts: int = 1,
) -> Iterator[PathTable]:
    """The rows of `shortest_paths` in that many tables, one after the other to spare memory.

    Raises:
        MeshError: see `shortest_paths`.
    """
    reach = np.broadcast_to(np.asarray(radius, dtype=np.float64), centers.shape)
    bad = np.flatnonzero(~(np.isfinite(reach) & (reach > 0)))
    if len(bad):
        raise MeshError(f"radius must be positive and finite, got {reach[bad[0]]}")
    used = referenced(mesh.faces, mesh.num_vertices)
    keep = used if keep is None else keep & used
    cover = double_cover(mesh)
    if cover is None:
        yield from _on_oriented(mesh, centers, reach, keep, parts)
        return
    for paths in _on_oriented(cover.mesh, centers, reach, np.tile(keep, 2), parts):
        yield _folded(paths, cover.turn)


def _on_oriented(
    mesh: TriMesh,
    centers: Int64[np.ndarray, " C"],
    reach: Float64[np.ndarray, " C"],
    keep: Bool[np.ndarray, " V"],
    parts: int,
) -> Iterator[PathTable]:
    """Paths on an oriented mesh, whose vertices are renumbered for the search where that pays."""
    surface, unit = surface_records(mesh)
    number = numbered_nearby(mesh) if len(centers) >= WORTH_ORDERING else None
    if number is not None:
        surface, vertex = renumbered(surface, number), np.argsort(number)
        keep = keep[vertex]
    for chosen in np.array_split(np.arange(len(centers)), parts):
        near, radii = centers[chosen], reach[chosen]
        if number is None:
            yield _gathered(sweep_blocks(mesh, surface, unit, near, radii, keep))
            continue
        row = np.argsort(number[near], kind="stable")
        paths = _gathered(sweep_blocks(mesh, surface, unit, number[near[row]], radii[row], keep))
        columns = (paths.r, paths.out, paths.back, paths.transport)
        ptr, names, values = renumber_rows(paths.ptr, paths.vertex, columns, row, vertex)
        yield PathTable(ptr, names, *values, paths.flip)  # type: ignore[call-arg]


def _gathered(blocks: list[list[np.ndarray]]) -> PathTable:
    """One table of all blocks, which are emptied column by column to spare memory."""

    def columns() -> Iterator[np.ndarray]:
        for dtype in (np.int64, np.int64, *4 * (np.float64,)):
            yield np.concatenate([block.pop(0) for block in blocks], dtype=dtype)

    counts, vertex, r, out, back, transport = columns()
    ptr = np.concatenate([[0], np.cumsum(counts)])
    return PathTable(ptr, vertex, r, out, back, transport, np.zeros(len(r), dtype=np.bool_))


def _folded(paths: PathTable, turn: Float64[np.ndarray, " V"]) -> PathTable:
    """Paths on the double cover as paths on the mesh: of the two to a vertex, the shorter.

    Where they tie, the one on the sheet of the vertex's own orientation.
    """
    size = len(turn)
    flip, vertex = paths.vertex >= size, paths.vertex % size
    center = np.repeat(np.arange(len(paths.ptr) - 1), np.diff(paths.ptr))
    order = np.lexsort((flip, vertex, center))
    twice = (np.diff(center[order]) == 0) & (np.diff(vertex[order]) == 0)
    first = np.flatnonzero(twice)
    shorter = paths.r[order[first + 1]] < paths.r[order[first]] * (1 - TIE)
    dropped = np.zeros(len(order), dtype=np.bool_)
    dropped[first + ~shorter] = True
    kept = order[~dropped]
    counts = np.bincount(center[kept], minlength=len(paths.ptr) - 1)
    flip, vertex, back = flip[kept], vertex[kept], paths.back[kept]
    turned = turn[vertex]
    return replace(
        paths,
        ptr=np.concatenate([[0], np.cumsum(counts)]),
        vertex=vertex,
        r=paths.r[kept],
        out=paths.out[kept],
        back=np.where(flip, turned - back, back),
        transport=paths.transport[kept] + np.where(flip, turned, 0.0),
        flip=flip,
    )
