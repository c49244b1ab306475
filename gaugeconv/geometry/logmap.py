"""Logarithmic maps: exact, around one vertex or around many in parallel threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int64

from gaugeconv.errors import MeshError
from gaugeconv.geometry.frames import Frames, frames_on
from gaugeconv.geometry.sweep import propagate_many
from gaugeconv.geometry.tangent import TangentSpaces
from gaugeconv.geometry.windows import HALFEDGE, VERTEX, new_scratch
from gaugeconv.mesh import TriMesh
from gaugeconv.mesh.connectivity import referenced


@dataclass(frozen=True, eq=False)
class LogMap:
    """log_p at one centre p, for every vertex within the radius, the centre itself included.

    Attributes:
        center: the vertex p.
        vertex: (N,) vertices q, ascending.
        r: (N,) geodesic distance p → q in the mesh's unit. Gauge invariant.
        theta: (N,) initial direction in p's frame, radians; θ → θ + γ_p.
        transport: (N,) φ_{p←q}, radians; φ → φ + γ_p − γ_q.
    """

    center: int | np.integer
    vertex: Int64[np.ndarray, " N"]
    r: Float64[np.ndarray, " N"]
    theta: Float64[np.ndarray, " N"]
    transport: Float64[np.ndarray, " N"]


@dataclass(frozen=True, eq=False)
class PathTable:
    """Shortest paths center → vertex in CSR form, in intrinsic (frameless) angles.

    Attributes:
        ptr: (C+1,) rows by centre. vertex: (E,) ascending in each row. r: (E,) lengths.
        out: (E,) direction at the centre. back: (E,) direction at the vertex, back along the path.
        transport: (E,) φ_{center←vertex}.
    """

    ptr: Int64[np.ndarray, " C1"]
    vertex: Int64[np.ndarray, " E"]
    r: Float64[np.ndarray, " E"]
    out: Float64[np.ndarray, " E"]
    back: Float64[np.ndarray, " E"]
    transport: Float64[np.ndarray, " E"]


def log_map(
    mesh: TriMesh, center: int | np.integer, radius: float, frames: Frames | None = None
) -> LogMap:
    """The exact logarithmic map of `center` up to distance `radius`; empty if no face uses it.

    Args:
        mesh: the surface.
        center: a vertex index.
        radius: cut-off R > 0 in the mesh's unit of length.
        frames: the gauge for θ and transport; canonical frames when None.

    Raises:
        MeshError: the mesh is defective, `center` is out of range or `radius` is not positive.
    """
    if not isinstance(center, int | np.integer) or not 0 <= center < mesh.num_vertices:
        raise MeshError(f"center {center} is not a vertex: the mesh has {mesh.num_vertices}")
    paths = shortest_paths(mesh, np.array([center]), radius)
    offset = frames_on(mesh, frames).offset
    theta = paths.out + offset[center]
    theta[paths.vertex == center] = 0.0
    transport = paths.transport + offset[center] - offset[paths.vertex]
    return LogMap(center, paths.vertex, paths.r, theta, transport)


def shortest_paths(
    mesh: TriMesh,
    centers: Int64[np.ndarray, " C"],
    radius: float,
    keep: Bool[np.ndarray, " V"] | None = None,
) -> PathTable:
    """Exact shortest paths from every centre to the vertices within `radius` that `keep` marks.

    Vertices that no face uses are neither centres nor reached: they have empty rows.
    Centres are shared out to as many threads as PyTorch uses; the result does not depend on them.

    Raises:
        MeshError: `radius` is not positive and finite, or the propagation does not settle.
    """
    if not (np.isfinite(radius) and radius > 0):
        raise MeshError(f"radius must be positive and finite, got {radius!r}")
    surface, unit = _surface(mesh)
    used = referenced(mesh.faces, mesh.num_vertices)
    keep = used if keep is None else keep & used
    threads = max(1, min(torch.get_num_threads(), len(centers) // 16))
    chunks = np.array_split(centers.astype(np.int64), threads)
    reach = min(radius / unit, 3.0 * mesh.num_faces)  # the sum of all edges: no path is longer
    density = mesh.num_vertices / max(mesh.area / unit**2, 1e-300)
    guess = min(1.3 * np.pi * reach**2 * density + 16, mesh.num_vertices)
    guess *= max(keep.mean(), 1 / mesh.num_vertices)

    def work(chunk: Int64[np.ndarray, " c"]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        scratch = new_scratch(mesh.num_vertices, 3 * mesh.num_faces)
        counts, vertex, values, failed = propagate_many(
            *surface, *scratch, 0, chunk, reach, keep, guess
        )
        if failed >= 0:
            raise MeshError(
                f"the geodesics from vertex {chunk[failed]} do not settle: its surroundings are too "
                "degenerate; see the needles and zero-area faces in mesh.report()"
            )
        return counts, vertex, values

    with ThreadPoolExecutor(threads) as pool:
        parts = list(pool.map(work, chunks))
    counts = np.concatenate([part[0] for part in parts])
    vertex = np.concatenate([part[1] for part in parts]).astype(np.int64)
    values = np.concatenate([part[2] for part in parts])
    ptr = np.concatenate([[0], np.cumsum(counts)])
    r, out, back, transport = (np.ascontiguousarray(column) for column in values.T)
    return PathTable(ptr, vertex, r * unit, out, back, transport)


def _surface(mesh: TriMesh) -> tuple[tuple[np.ndarray, np.ndarray], float]:
    """The arrays that propagation reads, in units of the mean edge length, and that unit."""
    halfedges = mesh.halfedges
    spaces = TangentSpaces.of(mesh)
    unit = mesh.mean_edge_length
    records = np.zeros(3 * mesh.num_faces, HALFEDGE)
    records["length"] = mesh.edge_lengths.reshape(-1) / unit
    records["corner"] = mesh.corner_angles.reshape(-1)
    records["angle"] = spaces.angle
    records["twin"] = halfedges.twin
    records["tail"] = halfedges.tail
    records["wheel"] = halfedges.wheel
    side = np.roll(records["length"].reshape(-1, 3), 1, axis=1).reshape(-1) / records["length"]
    records["along"] = side * np.cos(records["corner"])
    records["height"] = side * np.sin(records["corner"])
    vertices = np.zeros(mesh.num_vertices + 1, VERTEX)
    vertices["wheel"] = halfedges.wheel_ptr
    vertices["total"][:-1] = spaces.total
    vertices["scale"][:-1] = spaces.scale
    vertices["boundary"][:-1] = halfedges.is_boundary
    return (records, vertices), unit
