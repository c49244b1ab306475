"""exp against log on scanned and modelled meshes: exp_p(log_p q) = q."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.harness import data_folder
from benchmarks.mmp import ExactGeodesics
from gaugeconv.geometry import exp_map
from gaugeconv.geometry.curvature import angle_defect
from gaugeconv.geometry.logmap import PathTable, shortest_paths
from gaugeconv.mesh import TriMesh

EDGES, TOLERANCE, SAMPLE = 3.5, 1e-9, 500


def exp_log() -> dict[str, Any]:
    """exp(log q) = q on every mesh at R = 3.5 mean edges; the pairs that bend or tie against MMP."""
    figures: dict[str, Any] = {}
    for path in sorted(data_folder("meshes").glob("*.obj")):
        figures[path.stem] = _one_mesh(TriMesh.load(path))
    return figures


def _one_mesh(mesh: TriMesh) -> dict[str, Any]:
    radius = EDGES * mesh.mean_edge_length
    paths = shortest_paths(mesh, np.arange(mesh.num_vertices), radius)
    p, q = np.repeat(np.arange(mesh.num_vertices), np.diff(paths.ptr)), paths.vertex
    end = exp_map(mesh, p, paths.r[:, None] * _unit(paths.out)).position()
    error = np.linalg.norm(end - mesh.vertices[q], axis=1) / radius
    missed = np.flatnonzero(error > TOLERANCE)
    bent = _runs_through_a_pseudo_source(mesh, paths, p, missed, 1e-12 * radius)
    sample = np.random.default_rng(0).permutation(missed[bent])[:SAMPLE]
    others, tied, lengths = missed[~bent], 0, []
    for e in (*sample, *others):
        mmp = ExactGeodesics(mesh, p[e], radius).to(q[e])
        lengths.append(abs(mmp.length - paths.r[e]) / radius)
        if e in others:
            miss = error[e] * radius
            tied += _is_tie(mesh, p[e], q[e], paths.out[e], paths.r[e], miss, mmp.out)
    pairs = len(q) - mesh.num_vertices
    return {
        "vertices": mesh.num_vertices,
        "pairs": pairs,
        "straight_share": 1 - len(missed) / pairs,
        "worst_straight_error": float(np.delete(error, missed).max()),
        "bent_share": int(bent.sum()) / pairs,
        "tied_pairs": int(tied),
        "unexplained_pairs": len(others) - int(tied),
        "pairs_checked_by_mmp": len(lengths),
        "worst_length_against_mmp": float(max(lengths, default=0.0)),
    }


def _unit(angle: np.ndarray) -> np.ndarray:
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def _runs_through_a_pseudo_source(
    mesh: TriMesh, paths: PathTable, p: np.ndarray, pairs: np.ndarray, tolerance: float
) -> np.ndarray:
    """Whether r_ps + r_sq = r_pq for some saddle or boundary vertex s other than p and q.

    By lengths alone: neither directions nor the exponential map enter.
    """
    size = mesh.num_vertices
    pseudo = mesh.boundary_vertices | (angle_defect(mesh) < 1e-9)
    key, found = p * size + paths.vertex, np.zeros(len(pairs), dtype=bool)
    for part in np.array_split(np.arange(len(pairs)), max(1, len(pairs) // 20_000)):
        e = pairs[part]
        count = np.diff(paths.ptr)[p[e]]
        of = np.repeat(np.arange(len(e)), count)
        first = np.concatenate([[0], np.cumsum(count)[:-1]])
        ps = np.repeat(paths.ptr[p[e]] - first, count) + np.arange(count.sum())
        s, q = paths.vertex[ps].astype(np.int64), paths.vertex[e][of]
        use = pseudo[s] & (s != q) & (s != p[e][of]) & (paths.r[ps] < paths.r[e][of])
        of, ps, wanted = of[use], ps[use], (s * size + q)[use]
        sq = np.minimum(np.searchsorted(key, wanted), len(key) - 1)
        through = paths.r[ps] + paths.r[sq] <= paths.r[e][of] + tolerance
        found[part[of[(key[sq] == wanted) & through]]] = True
    return found


def _is_tie(
    mesh: TriMesh, p: int, q: int, direction: float, r: float, miss: float, other: float
) -> bool:
    """Whether two straight paths of length r lead to q, in directions on either side of the middle.

    Each is looked for by turning a path that misses by e through ± e / r, from first guesses: the
    middle turned by `miss` / r, and the `other` direction, by the other solver, and its mirror image.
    """

    def error(turn: float) -> float:
        end = exp_map(mesh, p, r * _unit(np.array([direction + turn]))).position()[0]
        return float(np.linalg.norm(end - mesh.vertices[q]))

    roots: list[float] = []
    aside = other - direction
    aside -= 2 * np.pi * np.round(aside / (2 * np.pi))
    for turn in (miss / r, -miss / r, aside, -aside):
        for _ in range(4):
            step = error(turn) / r
            turn = min(turn - step, turn, turn + step, key=error)
        if error(turn) <= TOLERANCE * EDGES * mesh.mean_edge_length:
            roots.append(turn)
    return len(roots) > 1 and max(roots) - min(roots) > TOLERANCE


ROWS = (exp_log,)
