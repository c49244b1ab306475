"""From a public set on disk to a dataset folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from gaugeconv.data.folder import DatasetFolder, LabelledMesh
from gaugeconv.data.label_files import faces_from_vertices
from gaugeconv.data.sets.kinds import KINDS, WITH_CATEGORIES
from gaugeconv.data.sets.source import PublicSet, Shape
from gaugeconv.errors import DataError, MeshError
from gaugeconv.mesh import TriMesh

Progress = Callable[[int, int], None]
"""Told of meshes done and meshes in all."""
_APART = 1e-4
"""Mean edge lengths by which vertices at one place are moved apart."""


def open_public_set(
    kind: str, src: str | os.PathLike[str], category: str | None = None, seed: int = 0
) -> PublicSet:
    """Finds out which layout of the set a folder has.

    Args:
        kind: a name in `KINDS`.
        src: the folder.
        category: of PSB or COSEG, where the folder holds several.
        seed: of the split of a set that has none of its own.

    Raises:
        DataError: no such kind or folder, a category where there are none, or the folder has none of the
            layouts; the message says what is expected and where to get it.
    """
    if kind not in KINDS:
        raise DataError(f"no public set is called {kind!r}; there are {', '.join(KINDS)}")
    if category is not None and kind not in WITH_CATEGORIES:
        raise DataError(
            f"{kind} has no categories to choose from: only {', '.join(WITH_CATEGORIES)}"
        )
    known, folder = KINDS[kind], Path(src)
    if folder.is_dir():
        for reader in known.readers:
            if (found := reader(folder, category, seed)) is not None:
                return found
    problem = "does not look like" if folder.is_dir() else "is not a folder with"
    raise DataError(
        f"{folder} {problem} {known.title}: expected {known.layouts}. Get it from {known.where}"
    )


def convert_public_set(
    kind: str,
    src: str | os.PathLike[str],
    out: str | os.PathLike[str],
    category: str | None = None,
    seed: int = 0,
    progress: Progress = lambda _done, _total: None,
) -> DatasetFolder:
    """Writes a public set as a dataset folder.

    Every vertex stays. Vertices at one place are moved apart by 1e-4 mean edge lengths; other defects
    are mended as `TriMesh.repaired` says, which may drop doubled faces and cut edges and vertices.

    Args:
        kind, src, category, seed: see `open_public_set`.
        out: the folder to write; it must not hold a dataset yet.
        progress: told after every mesh.

    Raises:
        DataError: the set is not there, incomplete or damaged.
        MeshError: a mesh cannot be read or mended; the message names it.
    """
    found = open_public_set(kind, src, category, seed)
    names = [name for split in found.splits.values() for name in split]

    def items() -> Iterator[LabelledMesh]:
        for done, name in enumerate(names, start=1):
            yield labelled(name, found.load(name))
            progress(done, len(names))

    return DatasetFolder.write(out, items(), found.label_names, found.splits)


def labelled(name: str, shape: Shape) -> LabelledMesh:
    """A shape with a valid mesh and a label on every face.

    Raises:
        DataError: labels do not fit the mesh.
        MeshError: the mesh cannot be mended.
    """
    _check_counts(name, shape)
    mesh, faces, vertices = _mended(name, shape.mesh)
    per_vertex = None if shape.vertex_labels is None else shape.vertex_labels[vertices]
    if shape.face_labels is not None:
        per_face = shape.face_labels[faces]
    elif per_vertex is not None:
        per_face = faces_from_vertices(per_vertex, mesh.faces)
    else:
        per_face = np.full(mesh.num_faces, -1 if shape.class_label is None else shape.class_label)
    return LabelledMesh(name, mesh, per_face, per_vertex, shape.class_label)


def _check_counts(name: str, shape: Shape) -> None:
    for labels, count, element in (
        (shape.face_labels, shape.mesh.num_faces, "faces"),
        (shape.vertex_labels, shape.mesh.num_vertices, "vertices"),
    ):
        if labels is not None and len(labels) != count:
            raise DataError(f"{name} has {len(labels)} labels, but its mesh has {count} {element}")


def _mended(name: str, mesh: TriMesh) -> tuple[TriMesh, np.ndarray, np.ndarray]:
    """A valid mesh, and the face and vertex of the given one that each of its own comes from."""
    try:
        apart = _separated(mesh)
        if apart.report().ok:
            every = np.arange(mesh.num_faces), np.arange(mesh.num_vertices)
            return TriMesh(apart.vertices, apart.faces), *every
        repair = apart.repaired()
    except MeshError as error:
        raise type(error)(f"{name}: {error}") from error
    return repair.mesh, repair.face_map, repair.vertex_map


def _separated(mesh: TriMesh) -> TriMesh:
    """Moves the ends of edges without length a little, the same way each time."""
    tiny = mesh.edge_lengths <= _APART * 1e-3 * mesh.mean_edge_length
    if not tiny.any():
        return mesh
    ends = np.unique([mesh.faces[tiny], mesh.faces[:, [1, 2, 0]][tiny]])
    vertices = mesh.vertices.copy()
    step = _APART * mesh.mean_edge_length
    vertices[ends] += step * np.random.default_rng(0).standard_normal((len(ends), 3))
    return TriMesh(vertices, mesh.faces, validate=False)
