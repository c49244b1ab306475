"""Rows about the log map: accuracy against MMP, speed, growth with the mesh.

Times are of the processor, in one thread: what else runs on the machine hardly shows in them.
"""

from __future__ import annotations

import importlib
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from benchmarks.harness import data_folder
from benchmarks.mmp import ExactGeodesics, Geodesic
from benchmarks.other_log_maps import by_projection, by_vector_heat
from gaugeconv import TriMesh, neighborhoods, shapes
from gaugeconv.geometry import exp_map
from gaugeconv.geometry.logmap import shortest_paths

EDGES = 3.3  # the radius in mean edge lengths: about 45 neighbours
CENTERS, PER_CENTER = 40, 10
LENGTH_TOLERANCE, ANGLE_TOLERANCE = 1e-9, 1e-7  # of R; radians
SOURCES = 50  # that potpourri3d is timed on
GROWTH_EDGES = 2.65  # 32 neighbours on a torus
GROWTH = (200, 400, 800, 1416)  # vertices round the torus, twice as many as across

SCANS = ("spot", "bunny", "goathead", "fish", "mountain")
SHAPES: dict[str, Callable[[], TriMesh]] = {
    "irregular sphere": lambda: shapes.irregular_sphere(2562, 1),
    "torus": lambda: shapes.torus(64, 32),
    "jittered plane": lambda: shapes.plane(40, 40, jitter=0.2),
}


def log_map_accuracy() -> dict[str, Any]:
    """r, θ, transport against MMP, 400 pairs a mesh; to reach: 1e-9 R, 1e-7 rad for 99 %, else ties."""
    folder = data_folder("meshes")
    meshes = {name: TriMesh.load(folder / f"{name}.obj") for name in SCANS}
    meshes |= {name: make() for name, make in SHAPES.items()}
    return {"edges": EDGES, "meshes": {name: _accuracy(mesh) for name, mesh in meshes.items()}}


def _accuracy(mesh: TriMesh) -> dict[str, Any]:
    """Errors of three methods on the same random pairs.

    Where MMP takes another path of our length, the pair is tied: a straight walk of that length on the
    other side of our direction ends at the same vertex, or MMP's path goes through a vertex.
    """
    radius = EDGES * mesh.mean_edge_length
    rng = np.random.default_rng(0)
    centers = np.sort(rng.choice(mesh.num_vertices, CENTERS, replace=False))
    paths = shortest_paths(mesh, centers, radius)
    row = np.repeat(np.arange(CENTERS), np.diff(paths.ptr))
    apart = [np.flatnonzero((row == i) & (paths.r > 0)) for i in range(CENTERS)]
    chosen = np.concatenate([rng.permutation(e)[:PER_CENTER] for e in apart])
    p, q = centers[row[chosen]], paths.vertex[chosen]
    solvers = {center: ExactGeodesics(mesh, center, radius) for center in centers}
    exact = [solvers[start].to(end) for start, end in zip(p, q, strict=True)]
    ours = (paths.r[chosen], paths.out[chosen], paths.transport[chosen])
    length, angle = _differences(exact, *ours)
    length /= radius
    agree = (length <= LENGTH_TOLERANCE) & (angle.max(axis=0) <= ANGLE_TOLERANCE)
    bent = np.array([path.bends > 0 for path in exact])
    other = 2 * ours[1] - [path.out for path in exact]  # ours being the middle of two
    end = exp_map(mesh, p, ours[0][:, None] * np.stack([np.cos(other), np.sin(other)], axis=1))
    missed = np.linalg.norm(end.position() - mesh.vertices[q], axis=1) / radius
    tied = ~agree & ((missed <= LENGTH_TOLERANCE) | bent) & (length <= LENGTH_TOLERANCE)
    return {
        "vertices": mesh.num_vertices,
        "neighbors": len(row) / CENTERS,
        "pairs": len(chosen),
        "bent": float(bent.mean()),
        "exact windows": {
            "agree": float(agree.mean()),
            "tied": float(tied.mean()),
            "unexplained": int((~agree & ~tied).sum()),
            "worst_r_over_R": float(length.max()),
            "worst_theta_rad": float(angle[0, agree].max()),
            "worst_transport_rad": float(angle[1, agree].max()),
        },
        "vector heat, affine": _mean_errors(exact, agree, *by_vector_heat(mesh, radius, p, q)),
        "chord and projection": _mean_errors(exact, agree, *by_projection(mesh, p, q)),
    }


def _differences(
    exact: list[Geodesic], r: np.ndarray, theta: np.ndarray, transport: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """|Δr| in the mesh's unit, and |Δθ|, |Δφ| mod 2π."""
    length = np.abs(r - [path.length for path in exact])
    turns = np.stack(
        [theta - [path.out for path in exact], transport - [path.transport for path in exact]]
    )
    return length, np.abs(turns - 2 * np.pi * np.round(turns / (2 * np.pi)))


def _mean_errors(
    exact: list[Geodesic], use: np.ndarray, r: np.ndarray, theta: np.ndarray, transport: np.ndarray
) -> dict[str, float]:
    """Means over the pairs in `use`, whose shortest path is unique."""
    length, angle = _differences(exact, r, theta, transport)
    length /= [path.length for path in exact]
    return {
        "mean_r_percent": 100 * float(length[use].mean()),
        "mean_theta_degrees": float(np.degrees(angle[0, use].mean())),
        "mean_transport_degrees": float(np.degrees(angle[1, use].mean())),
        "worst_r_percent": 100 * float(length[use].max()),
        "worst_theta_degrees": float(np.degrees(angle[0, use].max())),
        "worst_transport_degrees": float(np.degrees(angle[1, use].max())),
    }


@contextmanager
def _one_thread() -> Any:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def log_map_speed() -> dict[str, Any]:
    """µs per source, one thread; to reach: ≤ 30 at 20k and 80k, ≥ 200 × faster than potpourri3d at 5k."""
    folder = data_folder("meshes")
    meshes: dict[str, tuple[Callable[[], TriMesh], bool, int]] = {
        "torus 5k": (lambda: shapes.torus(100, 50), True, 5),
        "torus 20k": (lambda: shapes.torus(200, 100), True, 5),
        "bunny": (lambda: TriMesh.load(folder / "bunny.obj"), True, 5),
        "sphere 20k, random order": (lambda: shapes.irregular_sphere(20_000, 1), False, 3),
        "torus 80k": (lambda: shapes.torus(400, 200), False, 3),
        "torus 1M": (lambda: shapes.torus(1416, 708), False, 1),
    }
    with _one_thread():
        neighborhoods(shapes.torus(20, 10), edges=EDGES)  # compiles
        rows = {name: _speed(make(), *rest) for name, (make, *rest) in meshes.items()}
    return {"edges": EDGES, "meshes": rows}


def _speed(mesh: TriMesh, with_heat: bool, repeats: int) -> dict[str, float]:
    """Medians; the two sides take turns."""
    size, radius = mesh.num_vertices, EDGES * mesh.mean_edge_length
    everything = np.arange(size)
    ours: list[float] = []
    whole: list[float] = []
    heat: list[float] = []
    centers = np.random.default_rng(0).choice(size, SOURCES, replace=False)
    solver = _heat_solver(mesh) if with_heat else None
    pairs = 0
    for _ in range(repeats):
        start = time.process_time()
        pairs = len(shortest_paths(mesh, everything, radius).r)
        middle = time.process_time()
        neighborhoods(mesh, radius)
        end = time.process_time()
        ours.append((middle - start) / size)
        whole.append((end - middle) / size)
        if solver is not None:
            start = time.process_time()
            for center in centers:
                solver.compute_log_map(center)
                solver.transport_tangent_vector(center, [1.0, 0.0])
            heat.append((time.process_time() - start) / SOURCES)
    figures = {
        "vertices": size,
        "neighbors": pairs / size,
        "log_map_us": 1e6 * statistics.median(ours),
        "neighborhoods_us": 1e6 * statistics.median(whole),
    }
    if heat:
        figures["potpourri3d_us"] = 1e6 * statistics.median(heat)
        figures["ratio"] = statistics.median(heat) / statistics.median(ours)
    return figures


def _heat_solver(mesh: TriMesh) -> Any:
    """potpourri3d with its factorisations made, which are not counted."""
    potpourri3d: Any = importlib.import_module("potpourri3d")
    solver = potpourri3d.MeshVectorHeatSolver(np.array(mesh.vertices), np.array(mesh.faces))
    solver.compute_log_map(0)
    solver.transport_tangent_vector(0, [1.0, 0.0])
    return solver


def growth_neighborhoods() -> dict[str, Any]:
    """20k … 1M vertices, 32 neighbours, one thread; to reach: time per vertex within 1.5 ×, ≤ 8 GB."""
    rows = [_grown(around) for around in GROWTH]
    times = [row["us_per_vertex"] for row in rows]
    return {"edges": GROWTH_EDGES, "sizes": rows, "slowest_over_fastest": max(times) / min(times)}


def _grown(around: int) -> dict[str, float]:
    """One size in a process of its own, whose peak is that of nothing else."""
    program = (
        "import time, torch; torch.set_num_threads(1)\n"
        "from benchmarks.harness import peak_memory_gb\n"
        "from gaugeconv import neighborhoods, shapes\n"
        f"neighborhoods(shapes.torus(20, 10), edges={GROWTH_EDGES})\n"
        f"mesh = shapes.torus({around}, {around // 2})\n"
        "start = time.process_time()\n"
        f"nb = neighborhoods(mesh, edges={GROWTH_EDGES})\n"
        "seconds = time.process_time() - start\n"
        "print(mesh.num_vertices, nb.r.numel(), seconds, peak_memory_gb())\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    vertices, pairs, seconds, peak = (float(word) for word in run.stdout.split())
    return {
        "vertices": int(vertices),
        "neighbors": pairs / vertices,
        "us_per_vertex": 1e6 * seconds / vertices,
        "peak_gb": peak,
    }


ROWS = (log_map_accuracy, log_map_speed, growth_neighborhoods)
