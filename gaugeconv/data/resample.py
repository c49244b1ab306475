"""Other triangles for the same surface, and parts of a surface, with the faces they come from."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Bool, Float64, Int64

from gaugeconv.errors import DataError, GaugeConvError, MeshError
from gaugeconv.mesh import TriMesh
from gaugeconv.mesh.connectivity import face_components, several_fans
from gaugeconv.mesh.edges import EdgeTable

_SMALLEST_PIECE = 0.01
"""Share of the remaining area below which a piece that a cut leaves behind is dropped."""
_TRIES = 8
_NUDGE = 0.02
"""Mean edge lengths by which vertices are moved after each failed try."""


def refine(mesh: TriMesh) -> tuple[TriMesh, Int64[np.ndarray, " G"]]:
    """Cuts every face in four at the midpoints of its sides; the surface stays the same.

    Returns:
        The finer mesh, old vertices first, and for each of its faces the face that it lies in.
    """
    sides = np.sort(np.stack([mesh.faces, mesh.faces[:, [1, 2, 0]]], axis=2), axis=2)
    edges, index = np.unique(sides.reshape(-1, 2), axis=0, return_inverse=True)
    middle = mesh.num_vertices + index.reshape(-1, 3)
    a, b, c = mesh.faces.T
    ab, bc, ca = middle.T
    faces = np.stack([a, ab, ca, ab, b, bc, ca, bc, c, ab, bc, ca], axis=1).reshape(-1, 3)
    vertices = np.concatenate([mesh.vertices, mesh.vertices[edges].mean(axis=1)])
    return TriMesh(vertices, faces), np.repeat(np.arange(mesh.num_faces), 4)


def require_fast_simplification() -> Any:
    """The module `fast_simplification`.

    Raises:
        GaugeConvError: it is not installed.
    """
    try:
        import fast_simplification
    except ImportError as error:
        raise GaugeConvError(
            "decimation needs the package fast-simplification: pip install fast-simplification"
        ) from error
    return fast_simplification


def decimate(mesh: TriMesh, num_faces: int, rng: np.random.Generator | None = None) -> TriMesh:
    """A valid mesh of about `num_faces` faces near the same surface, by collapsing edges.

    Where a collapse leaves a defect, vertices are moved by a fiftieth of an edge and a few more faces
    are kept; where that does not help, on fingers of few faces for example, the surface is cut open
    there (`TriMesh.repaired`). Project labels with `project_labels`.

    Args:
        mesh: closed or not, of several components or one.
        num_faces: how many faces to aim at; a mesh with no more comes back as it is.
        rng: if given, vertices are moved from the start, so that every copy has other triangles.

    Raises:
        GaugeConvError: `fast_simplification` is not installed.
        MeshError: no try gives a valid mesh.
        DataError: fewer than four faces are asked for.
    """
    if num_faces < 4:
        raise DataError(f"decimating to {num_faces} faces leaves no surface; ask for at least 4")
    if mesh.num_faces <= num_faces:
        return mesh
    fast_simplification = require_fast_simplification()
    step = _NUDGE * mesh.mean_edge_length
    source = np.random.default_rng(0) if rng is None else rng
    tries = []
    for attempt in range(_TRIES):
        moves = attempt + (rng is not None)
        nudge = step * moves * source.standard_normal(mesh.vertices.shape)
        target = min(num_faces + attempt * (2 + num_faces // 100), mesh.num_faces - 1)
        points, faces = fast_simplification.simplify(
            mesh.vertices + nudge, mesh.faces.astype(np.int32), target_count=target
        )
        tries.append((np.asarray(points, dtype=np.float64), np.asarray(faces, dtype=np.int64)))
        coarse = _valid(*tries[-1])
        if coarse is not None:
            return coarse
    for vertices, triangles in tries:
        coarse = TriMesh(vertices, triangles, validate=False).repaired(compact=True).mesh
        if coarse.face_areas.min() > 0:
            return coarse
    raise MeshError(
        f"no decimation of {mesh.num_faces} to about {num_faces} faces is a valid mesh; "
        "ask for more faces"
    )


def crop(
    mesh: TriMesh, rng: np.random.Generator, share: float = 0.2
) -> tuple[TriMesh, Int64[np.ndarray, " G"]]:
    """Takes a part of the surface away, as a scan that ends or has a hole does.

    Half of the time everything beyond a random plane goes, half of the time a ball round a random
    vertex; either just large enough for the share. Crumbs below 1 % of the rest go too, and so do the
    faces at vertices where only a corner would hold two parts together. Faces keep their order.

    Args:
        mesh: the original.
        rng: the source of randomness.
        share: of the area to take away, in [0, 0.9].

    Returns:
        The rest, with the vertices that it uses, and for each of its faces the original one.

    Raises:
        DataError: the share is out of range.
    """
    if not 0 <= share <= 0.9:
        raise DataError(f"the share of the area to crop must be in [0, 0.9], got {share}")
    centers = mesh.vertices[mesh.faces].mean(axis=1)
    if rng.random() < 0.5:
        depth = centers @ rng.standard_normal(3)
    else:
        depth = -np.linalg.norm(centers - centers[rng.integers(mesh.num_faces)], axis=1)
    order = np.argsort(-depth, kind="stable")
    gone = np.zeros(mesh.num_faces, dtype=bool)
    taken = np.cumsum(mesh.face_areas[order])
    gone[order[: int(np.searchsorted(taken, share * mesh.area))]] = True
    kept = _without_loose_corners(mesh, ~gone)
    kept = _without_crumbs(mesh, kept)
    if kept.size == 0:  # a mesh of a few faces
        kept = np.arange(mesh.num_faces)
    used, faces = np.unique(mesh.faces[kept], return_inverse=True)
    return TriMesh(mesh.vertices[used], faces.reshape(-1, 3)), kept


def _without_loose_corners(mesh: TriMesh, kept: Bool[np.ndarray, " F"]) -> Int64[np.ndarray, " G"]:
    """Indices of faces, less those at vertices with several fans, until there are none."""
    left = np.flatnonzero(kept)
    while left.size:
        loose = np.zeros(mesh.num_vertices, dtype=bool)
        loose[several_fans(EdgeTable.of(mesh.faces[left]), mesh.num_vertices)] = True
        at_loose = loose[mesh.faces[left]].any(axis=1)
        if not at_loose.any():
            break
        left = left[~at_loose]
    return left


def _without_crumbs(mesh: TriMesh, kept: Int64[np.ndarray, " G"]) -> Int64[np.ndarray, " H"]:
    if kept.size == 0:
        return kept
    piece = face_components(mesh.faces[kept], mesh.num_vertices)
    area = np.bincount(piece, mesh.face_areas[kept])
    return kept[(area >= _SMALLEST_PIECE * area.sum())[piece]]


def _valid(vertices: Float64[np.ndarray, "V 3"], faces: Int64[np.ndarray, "F 3"]) -> TriMesh | None:
    """The mesh without unreferenced vertices; None if it has a defect or a face without area."""
    used, compact = np.unique(faces, return_inverse=True)
    try:
        mesh = TriMesh(vertices[used], compact.reshape(-1, 3))
    except MeshError:
        return None
    return mesh if mesh.face_areas.min() > 0 else None
