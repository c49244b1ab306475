"""Everything a mesh may be put through: it works with finite numbers, or is refused by name."""

from __future__ import annotations

import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from benchmarks.mutants import damaged_arrays, damaged_file
from benchmarks.plain_readers import positions_in_file
from benchmarks.watchdog import Result
from gaugeconv import Frames, GaugeConvError, TriMesh, log_map, neighborhoods, shapes
from gaugeconv.geometry import Neighborhoods, connection_laplacian, edge_transport, gauss_bonnet
from gaugeconv.geometry.exp_map import exp_map
from gaugeconv.mesh import DefectKind
from gaugeconv.mesh.io import load_face_labels, load_polygons

RADIUS = 2.0
"""In mean edge lengths."""

SMALL = 1000
"""The vector heat method takes seconds on meshes with more vertices."""

SAMPLED = 40
"""Vertices from which paths along edges are measured."""

REPAIRS: tuple[dict[str, Any], ...] = (
    {},
    {"compact": True},
    {"weld": 0.0},
    {"weld": 1e-3, "compact": True},
    {"mollify": True},
    {"cut_one_sided": False},
)


class Wrong(Exception):
    """A number that is not finite or breaks a rule."""


def require(condition: bool | np.bool_, message: str) -> None:
    if not condition:
        raise Wrong(message)


def exercise(mesh: TriMesh) -> dict[str, Any]:
    """Frames, neighbourhoods, log and exp maps, transport, curvature; some facts about them.

    A one-sided mesh has neighbourhoods only.

    Raises:
        Wrong: a result is not finite, or breaks a rule that holds on every mesh.
        GaugeConvError: the mesh is refused.
    """
    kinds = {defect.kind for defect in mesh.report().defects}
    one_sided = DefectKind.NON_ORIENTABLE in kinds
    require(not kinds - {DefectKind.NON_ORIENTABLE}, "accepted, but the report names a defect")
    radius = RADIUS * mesh.mean_edge_length
    nb = neighborhoods(mesh, radius)
    used = np.unique(mesh.faces)
    _rows(mesh, nb, used)
    _bounds(mesh, nb)
    facts: dict[str, Any] = {"neighbors": round(nb.r.numel() / len(used), 1)}
    if one_sided:
        return facts
    frames = Frames.canonical(mesh)
    if mesh.has_positions:
        basis = np.stack([frames.e1, frames.e2, frames.normal], axis=1)
        gram = np.einsum("vai,vbi->vab", basis, basis)
        require(np.abs(gram - np.eye(3)).max() < 1e-6, "frames are not orthonormal")
    _maps(mesh, int(used[0]), radius, frames)
    require(np.isfinite(edge_transport(mesh, frames)).all(), "edge transport is not finite")
    residual = gauss_bonnet(mesh).residual
    require(abs(residual) < 1e-6 * mesh.num_faces, f"Gauss–Bonnet is off by {residual:.1e}")
    laplacian = connection_laplacian(mesh, 1, frames)
    require(np.isfinite(laplacian.data).all(), "the connection Laplacian is not finite")
    if mesh.num_vertices <= SMALL:
        facts["vector_heat"] = _vector_heat(mesh, radius, used[:: 1 + len(used) // 3])
    return facts


def _rows(mesh: TriMesh, nb: Neighborhoods, used: np.ndarray) -> None:
    """Every vertex of a face has a row of finite numbers, itself among its neighbours."""
    radius = nb.radius
    for name in ("r", "theta", "transport", "weight"):
        require(bool(getattr(nb, name).isfinite().all()), f"{name} is not finite")
    require(nb.num_targets == nb.num_sources == mesh.num_vertices, "rows are missing")
    require(bool(((nb.r >= 0) & (nb.r <= radius)).all()), "r lies outside 0 … R")
    require(bool((nb.weight >= 0).all()), "weights are negative")
    per_vertex = nb.ptr.diff().numpy()
    require(bool((per_vertex[used] > 0).all()), "a vertex is not its own neighbour")
    require(int(per_vertex.sum()) == int(per_vertex[used].sum()), "unused vertices have neighbours")


def _vector_heat(mesh: TriMesh, radius: float, targets: np.ndarray) -> str:
    """Whether the vector heat method takes the mesh. What crashes it must not get there."""
    try:
        nb = neighborhoods(mesh, radius, targets=targets, method="vector-heat")
    except GaugeConvError:
        return "refused"
    require(bool((nb.r + nb.theta + nb.transport).isfinite().all()), "vector heat is not finite")
    return "works"


def _bounds(mesh: TriMesh, nb: Neighborhoods) -> None:
    """A geodesic is no shorter than its chord and no longer than a path along edges."""
    r, p, q = nb.r.numpy(), nb.target.numpy(), nb.source.numpy()
    if mesh.has_positions:
        scale = 1.0 / nb.radius
        chord = np.linalg.norm((mesh.vertices[p] - mesh.vertices[q]) * scale, axis=1)
        require((r * scale >= chord - 1e-9).all(), "r is less than the chord")
    some = np.unique(np.linspace(0, mesh.num_vertices - 1, SAMPLED).astype(np.int64))
    tail, head = mesh.faces.ravel(), mesh.faces[:, [1, 2, 0]].ravel()
    lengths = coo_array(
        (mesh.edge_lengths.ravel() / nb.radius, (tail, head)), shape=(nb.num_sources,) * 2
    )
    along = dijkstra(lengths.tocsr(), directed=False, indices=some, limit=1.0)
    row = np.full(mesh.num_vertices, -1)
    row[some] = np.arange(len(some))
    here = row[p] >= 0
    exact = np.full(along.shape, np.inf)
    exact[row[p[here]], q[here]] = r[here] / nb.radius
    used = np.zeros(mesh.num_vertices, dtype=bool)
    used[mesh.faces] = True
    reached = np.isfinite(along) & used[some][:, None] & used
    require((exact[reached] <= along[reached] + 1e-9).all(), "r exceeds a path along edges")


def _maps(mesh: TriMesh, center: int, radius: float, frames: Frames) -> None:
    """log_p, and exp_p of it; longer vectors as well."""
    log = log_map(mesh, center, radius, frames)
    require(center in log.vertex, "a vertex is not in its own log map")
    directions = np.stack([np.cos(log.theta), np.sin(log.theta)], axis=1)
    for reach in (1.0, 3.0):
        end = exp_map(mesh, center, reach * log.r[:, None] * directions, frames)
        numbers = (end.barycentric, end.direction, end.transport, end.length, end.remaining)
        require(all(np.isfinite(one).all() for one in numbers), "exp is not finite")
        require(end.barycentric.min() >= 0, "exp ends outside its face")


def warm_up() -> None:
    """Compiles what is compiled on first use."""
    exercise(shapes.icosphere(1))


def outcome(make: Callable[[], TriMesh]) -> Result:
    """How a mesh fares: "works", "refused" or "failed", with the facts or the reason."""
    began = time.perf_counter()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            mesh = make()
            found: Result = {
                "outcome": "works",
                "vertices": mesh.num_vertices,
                "faces": mesh.num_faces,
                **exercise(mesh),
            }
    except GaugeConvError as error:
        found = {"outcome": "refused", "error": f"{type(error).__name__}: {error}"}
    except Exception:
        found = {"outcome": "failed", "error": traceback.format_exc(limit=-4)}
    return {**found, "seconds": round(time.perf_counter() - began, 3)}


def repaired_outcome(make: Callable[[], TriMesh], **options: Any) -> Result:
    """How the repaired mesh fares."""
    steps: list[str] = []

    def repaired() -> TriMesh:
        repair = make().repaired(**options)
        steps.extend(map(str, repair.steps))
        again = repair.mesh.repaired(**{**options, "weld": None})
        require(again.mesh is repair.mesh, "the repair can be repaired")
        return repair.mesh

    return {**outcome(repaired), "steps": steps}


def try_file(job: tuple[str, str]) -> Result:
    """A mesh file "as it is", "repaired" or "welded"; its vertices must keep their order."""
    path, how = job
    file = Path(path)

    def load() -> TriMesh:
        mesh = TriMesh.load(file, validate=how == "as it is")
        order = np.array_equal(mesh.vertices, positions_in_file(file))
        require(order, "vertices are not those of the file in its order")
        return mesh

    if how == "as it is":
        result = outcome(load)
    else:
        result = repaired_outcome(load, weld=0.0 if how == "welded" else None)
    if "error" in result:
        result["error"] = result["error"].replace(f"{path}: ", "")
    return result


def try_mutant(seed: int) -> Result:
    """A damaged mesh or, one time in four, a damaged file; as it is and repaired."""
    rng = np.random.default_rng(seed)
    options = REPAIRS[rng.integers(len(REPAIRS))]
    if seed % 4:
        vertices, faces = damaged_arrays(rng)
        make = lambda validate: TriMesh(vertices, faces, validate=validate)  # noqa: E731
        return _both(make, options)
    suffix, content = damaged_file(rng)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"mutant{suffix}")
        path.write_bytes(content)

        def load(validate: bool) -> TriMesh:
            mesh = TriMesh.load(path, validate=validate)
            require(len(load_polygons(path)) == mesh.num_faces, "polygons do not fit the faces")
            labels = load_face_labels(path)
            require(labels is None or len(labels) == mesh.num_faces, "labels do not fit the faces")
            return mesh

        return _both(load, options)


def _both(make: Callable[[bool], TriMesh], options: dict[str, Any]) -> Result:
    plain = outcome(lambda: make(True))
    repaired = repaired_outcome(lambda: make(False), **options)
    if plain["outcome"] == "works" and repaired["outcome"] == "refused" and not options:
        repaired = {**repaired, "outcome": "failed", "error": f"sound, but {repaired['error']}"}
    return {**plain, "repaired": repaired}
