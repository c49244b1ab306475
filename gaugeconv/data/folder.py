"""A labelled dataset as a folder of ordinary files.

DIR/labels.json            {"labels": ["foot", "hand", ...]}
DIR/split.json             {"train": [names], "val": [names], "test": [names]}
DIR/meshes/NAME.ply        or .obj, .off, .stl; faces of a PLY may carry an int `label`
DIR/labels/NAME.npy|.txt   one integer per face or per vertex; goes before the PLY's labels
DIR/classes.json           {"NAME": "hand", ...}, where whole meshes have a label; may be left out
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int64

from gaugeconv.data.label_files import labels_per_face, read_labels, write_labels
from gaugeconv.data.manifest import (
    check_name,
    check_range,
    read_classes,
    read_label_names,
    read_splits,
)
from gaugeconv.errors import DataError
from gaugeconv.files import atomic_path
from gaugeconv.mesh import TriMesh
from gaugeconv.mesh.io import SUFFIXES as MESH_SUFFIXES
from gaugeconv.mesh.io import load_face_labels

LABEL_SUFFIXES = (".npy", ".txt")


@dataclass(frozen=True, eq=False)
class LabelledMesh:
    """A mesh with one label per face, and per vertex or as a whole where the dataset says so.

    Attributes:
        name: the name of the item in its dataset.
        mesh: the surface.
        face_labels: (F,), −1 for an unlabelled face.
        vertex_labels: (V,), −1 for an unlabelled vertex; None where labels belong to faces.
        class_label: the label of the whole mesh; None where it has none.
    """

    name: str
    mesh: TriMesh
    face_labels: Int64[np.ndarray, " F"]
    vertex_labels: Int64[np.ndarray, " V"] | None = None
    class_label: int | None = None


class DatasetFolder:
    """A folder of labelled meshes, in files that any tool can write.

    ``labels.json``: ``{"labels": [names]}``, the name of label 0, 1, …
    ``split.json``: ``{"train": [names], "val": [names], "test": [names]}``; each may be left out.
    ``meshes/NAME.ply``, ``.obj``, ``.off`` or ``.stl``: the mesh of a name.
    ``labels/NAME.npy`` or ``.txt``: one integer per face (or polygon) or per vertex, told apart by their
    count, −1 where there is no label. Without such a file, the face property ``label`` of the PLY is
    taken.
    ``classes.json``: ``{name: label}`` for datasets of shapes to be told apart; where it names a mesh
    that has no other labels, all its faces have that one.

    Opening it checks label names, splits and that every mesh exists; `load` reads a mesh.

    Args:
        path: the folder.

    Raises:
        DataError: a file is missing or malformed, a name could leave the folder, is in two splits
            or has no mesh.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        if not self.path.is_dir():
            raise DataError(f"{path} is not a folder; a dataset is a folder with labels.json")
        self.label_names: tuple[str, ...] = read_label_names(self._inside("labels.json"))
        self.splits: dict[str, tuple[str, ...]] = read_splits(self._inside("split.json"))
        self._meshes = {
            name: self._mesh_file(name) for names in self.splits.values() for name in names
        }
        self.classes: dict[str, int] = read_classes(self._inside("classes.json"), self.label_names)

    @property
    def items(self) -> dict[str, Path]:
        """The mesh file of every name in a split."""
        return dict(self._meshes)

    def names(self, split: str) -> tuple[str, ...]:
        """The names of one split.

        Raises:
            DataError: the dataset has no such split, or it is empty.
        """
        names = self.splits.get(split, ())
        if not names:
            raise DataError(
                f"{self.path / 'split.json'} names no meshes for the split {split!r}; "
                f"it has {', '.join(self.splits) or 'none'}"
            )
        return names

    def load(self, name: str) -> LabelledMesh:
        """Reads one mesh and its labels; labels per vertex become labels per face by majority.

        Raises:
            DataError: no such name; labels missing, misaligned or out of range.
            MeshError: the mesh is malformed.
        """
        if name not in self._meshes:
            raise DataError(f"{name!r} is in no split of {self.path / 'split.json'}")
        path, of_mesh = self._meshes[name], self.classes.get(name)
        mesh = TriMesh.load(path)
        at_vertices = None
        label_file = self._find("labels", name, LABEL_SUFFIXES)
        if label_file is not None:
            values = read_labels(label_file)
            labels = labels_per_face(values, mesh, label_file, path)
            if values.size == mesh.num_vertices:
                check_range(values, label_file, self.label_names, "vertex")
                at_vertices = values
        elif (inside := load_face_labels(path)) is not None:
            labels = inside
        elif of_mesh is not None:
            labels = np.full(mesh.num_faces, of_mesh)
        else:
            raise DataError(
                f"{name} has no labels: {path} has no int face property `label`, and neither "
                f"{self.path / 'labels' / name}.npy nor .txt exists; add one of them"
            )
        check_range(labels, label_file or path, self.label_names)
        return LabelledMesh(name, mesh, labels, at_vertices, of_mesh)

    @staticmethod
    def write(
        path: str | os.PathLike[str],
        items: Iterable[LabelledMesh],
        label_names: Sequence[str],
        splits: Mapping[str, Sequence[str]],
    ) -> DatasetFolder:
        """Writes a dataset with labels inside binary PLY files, those of vertices beside them.

        The JSON files come last, so that an interrupted folder cannot be taken for a whole one.

        Args:
            path: the folder; it must not hold a dataset yet.
            items: the meshes, read one at a time.
            label_names: the name of label 0, 1, …
            splits: names of "train", "val" and "test".

        Raises:
            DataError: the folder holds a dataset, or what was written is not one.
            OSError: it cannot be written.
        """
        folder = Path(path)
        if (folder / "labels.json").exists():
            raise DataError(f"{folder} already holds a dataset; choose another folder")
        (folder / "meshes").mkdir(parents=True, exist_ok=True)
        classes = {}
        for item in items:
            _write_item(folder, item, label_names)
            if item.class_label is not None:
                classes[item.name] = label_names[item.class_label]
        if classes:
            _write_json(folder / "classes.json", classes)
        named = {split: list(names) for split, names in splits.items()}
        _write_json(folder / "split.json", named)
        _write_json(folder / "labels.json", {"labels": list(label_names)})
        return DatasetFolder(folder)

    def _inside(self, *parts: str) -> Path:
        """A path below the folder, symbolic links followed.

        Raises:
            DataError: a link leads out of the folder.
        """
        path = self.path.joinpath(*parts)
        if not path.resolve().is_relative_to(self.path.resolve()):
            raise DataError(f"{path} is a link out of the dataset; copy the file into the folder")
        return path

    def _mesh_file(self, name: str) -> Path:
        """The mesh of a name.

        Raises:
            DataError: there is none.
        """
        found = self._find("meshes", name, MESH_SUFFIXES)
        if found is None:
            raise DataError(
                f"split.json names {name}, but {self.path / 'meshes' / name} does not exist as "
                f"{', '.join(MESH_SUFFIXES)}: add the mesh or remove the name"
            )
        return found

    def _find(self, folder: str, name: str, suffixes: Sequence[str]) -> Path | None:
        """The file NAME with one of the suffixes, if there is one.

        Raises:
            DataError: there are several, or the name or a link leads out of the dataset.
        """
        check_name(name)
        candidates = [self._inside(folder, name + suffix) for suffix in suffixes]
        found = [path for path in candidates if path.is_file()]
        if len(found) > 1:
            raise DataError(
                f"{' and '.join(map(str, found))} are two files for one item: remove one"
            )
        return found[0] if found else None


def _write_item(folder: Path, item: LabelledMesh, label_names: Sequence[str]) -> None:
    """Writes one mesh with its labels, checked."""
    check_name(item.name)
    source = folder / "meshes" / item.name
    check_range(item.face_labels, source, label_names)
    if item.vertex_labels is not None:
        check_range(item.vertex_labels, source, label_names, "vertex")
        (folder / "labels").mkdir(exist_ok=True)
        write_labels(folder / "labels" / f"{item.name}.npy", item.vertex_labels)
    item.mesh.save(folder / "meshes" / f"{item.name}.ply", face_labels=item.face_labels)


def _write_json(path: Path, content: Mapping[str, object]) -> None:
    """Writes a small JSON file, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
