"""The compiled propagation over many centres, in blocks and threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int64

from gaugeconv.errors import MeshError
from gaugeconv.geometry.records import new_scratch
from gaugeconv.geometry.sweep import propagate_many
from gaugeconv.mesh import TriMesh

BLOCK = 8192  # centres that one call of the compiled code takes on
LARGE = 4096  # vertices round a centre that are worth a thread


def sweep_blocks(
    mesh: TriMesh,
    surface: tuple[np.ndarray, np.ndarray],
    unit: float,
    centers: Int64[np.ndarray, " C"],
    reach: Float64[np.ndarray, " C"],
    keep: Bool[np.ndarray, " V"],
) -> list[list[np.ndarray]]:
    """Shortest paths of many centres, shared out to as many threads as PyTorch uses.

    Args:
        mesh: what the records are of, perhaps under other vertex numbers.
        surface: half-edge and vertex records of `surface_records`.
        unit: their unit of length.
        centers: vertices.
        reach: how far each looks, in the mesh's unit.
        keep: the vertices wanted.

    Returns:
        For each block of centres counts, vertices and the four columns of values of `propagate_many`.

    Raises:
        MeshError: the propagation does not settle.
    """
    limit = 3.0 * mesh.num_faces  # in mean edge lengths the sum of all edges: no path is longer
    density = keep.sum() / max(mesh.area / unit**2, 1e-300)
    worth = 1 if _expected(np.minimum(reach / unit, limit), density) > LARGE else 16
    threads = max(1, min(torch.get_num_threads(), len(centers) // worth))
    blocks = max(threads, -(-len(centers) // BLOCK))
    idle: SimpleQueue[tuple[tuple[np.ndarray, ...], int]] = SimpleQueue()
    for _ in range(threads):
        idle.put((new_scratch(mesh.num_vertices, 3 * mesh.num_faces), 0))

    def work(part: tuple[np.ndarray, np.ndarray]) -> list[np.ndarray]:
        chunk, radii = part[0], np.minimum(part[1] / unit, limit)
        guess = min(1.3 * _expected(radii, density), float(keep.sum())) + 16
        scratch, run = idle.get()
        try:
            counts, vertex, values, failed = propagate_many(
                *surface, *scratch, run, chunk, radii, keep, guess
            )
        finally:  # a stack that overflows takes a few runs more
            idle.put((scratch, run + len(chunk) + 64))
        if failed >= 0:
            raise MeshError(
                f"the geodesics from vertex {chunk[failed]} do not settle: its surroundings are too "
                "degenerate; see the needles and zero-area faces in mesh.report()"
            )
        values[0] *= unit
        return [counts, vertex, *values]

    parts = zip(np.array_split(centers, blocks), np.array_split(reach, blocks), strict=True)
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, parts))


def _expected(radii: Float64[np.ndarray, " C"], density: float) -> float:
    """Vertices within reach of a centre on a flat surface."""
    return float(np.pi * np.mean(radii**2) * density)
