"""What every reader of a public set gives, and what readers share."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int64

from gaugeconv.data.archives import read_arrays
from gaugeconv.errors import DataError, MeshError
from gaugeconv.mesh import TriMesh
from gaugeconv.mesh.io import SUFFIXES


@dataclass(frozen=True, eq=False)
class Shape:
    """One mesh as the set has it, defects and all, with labels of one kind or another.

    Attributes:
        mesh: not validated.
        face_labels: (F,), −1 where there is none; None where labels belong to vertices or the mesh.
        vertex_labels: (V,), likewise.
        class_label: of the whole mesh, or None.
    """

    mesh: TriMesh
    face_labels: Int64[np.ndarray, " F"] | None = None
    vertex_labels: Int64[np.ndarray, " V"] | None = None
    class_label: int | None = None


@dataclass(frozen=True)
class PublicSet:
    """A public set that was found on disk.

    Attributes:
        label_names: the name of label 0, 1, …
        splits: the names of the meshes of "train" and "test".
        load: reads the mesh of a name.
    """

    label_names: tuple[str, ...]
    splits: Mapping[str, Sequence[str]]
    load: Callable[[str], Shape]


Reader = Callable[[Path, str | None, int], PublicSet | None]
"""Of folder, category and seed of the split; None where the folder has another layout."""


def natural(path: Path) -> tuple[list[int | str], str]:
    """A sort key that puts 2.off before 10.off."""
    parts = re.split(r"(\d+)", path.stem)
    return [int(part) if k % 2 else part for k, part in enumerate(parts)], path.suffix


def mesh_files(folder: Path) -> list[Path]:
    """The meshes of a folder, in natural order; none where there is no folder."""
    if not folder.is_dir():
        return []
    found = [path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES]
    return sorted((path for path in found if not path.name.startswith(".")), key=natural)


def first_meshes(folders: Iterable[Path]) -> list[Path]:
    """The meshes of the first folder that has any."""
    return next((found for folder in folders if (found := mesh_files(folder))), [])


def read_archive(path: Path, labels: str) -> tuple[TriMesh, Int64[np.ndarray, " N"]]:
    """The arrays `vertices`, `faces` and the named labels of an .npz; the mesh is not validated.

    Raises:
        DataError: the file is missing or damaged.
    """
    try:
        arrays = read_arrays(path, "a mesh with labels", "vertices", "faces", labels)
    except FileNotFoundError as error:
        raise DataError(f"{path} is missing, the set is incomplete") from error
    for name in ("faces", labels):
        if name not in arrays or arrays[name].dtype.kind not in "iu":
            raise DataError(f"{path} is not a mesh with labels: it needs integers called {name}")
    if "vertices" not in arrays:
        raise DataError(f"{path} is not a mesh with labels: it has no vertices")
    try:
        mesh = TriMesh(arrays["vertices"], arrays["faces"].astype(np.int64), validate=False)
    except MeshError as error:
        raise MeshError(f"{path}: {error}") from error
    return mesh, arrays[labels].astype(np.int64)


def read_mesh(path: Path) -> TriMesh:
    """A mesh whose defects are looked at later."""
    return TriMesh.load(path, validate=False)


def read_numbers(path: Path) -> Int64[np.ndarray, " N"]:
    """Whole numbers separated by white space, also as 3.0 or 3.000000e+00.

    Raises:
        DataError: the file is missing or holds anything else; the message names the line.
    """
    numbers: list[int] = []
    for row, line in enumerate(read_text(path).splitlines(), start=1):
        for word in line.split():
            try:
                value = float(word)
            except ValueError:
                value = math.nan
            if not value.is_integer() or abs(value) > 2**53:
                raise DataError(f"{path}, line {row}: {word[:40]!r} is not a whole number")
            numbers.append(int(value))
    return np.array(numbers, dtype=np.int64)


def read_text(path: Path) -> str:
    """The text of a file.

    Raises:
        DataError: it is missing or binary, or cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise DataError(f"{path} is missing, the set is incomplete") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not a text file") from error


class LabelCode:
    """Numbers as a set uses them ↔ labels 0, 1, …; negative numbers stand for no label."""

    def __init__(self, values: Iterable[int], names: Sequence[str] = ()) -> None:
        self.values = np.array(sorted({value for value in values if value >= 0}), dtype=np.int64)
        known = len(names) == len(self.values)
        self.names = tuple(names) if known else tuple(f"part {value}" for value in self.values)

    @classmethod
    def of_files(cls, files: Iterable[Path], names: Sequence[str] = ()) -> LabelCode:
        """All numbers in the files; `names` in their order where there are as many."""
        found: set[int] = set()
        for path in dict.fromkeys(files):
            found.update(np.unique(read_numbers(path)).tolist())
        return cls(found, names)

    def encode(self, numbers: Int64[np.ndarray, " N"]) -> Int64[np.ndarray, " N"]:
        """Labels of numbers that the code was made of; −1 for negative ones."""
        return np.where(numbers < 0, -1, np.searchsorted(self.values, numbers))


def labels_of(path: Path, code: LabelCode, count: int, element: str) -> Int64[np.ndarray, " N"]:
    """The labels in a file of one number per element.

    Raises:
        DataError: there are more or fewer.
    """
    labels = code.encode(read_numbers(path))
    if len(labels) != count:
        raise DataError(f"{path} has {len(labels)} labels, but its mesh has {count} {element}")
    return labels


def with_face_labels(mesh_file: Path, label_file: Path, code: LabelCode) -> Shape:
    """A mesh and the labels of its faces, one number for each.

    Raises:
        DataError: the labels are missing, malformed, or not as many as the faces.
        MeshError: the mesh cannot be read.
    """
    mesh = read_mesh(mesh_file)
    return Shape(mesh, labels_of(label_file, code, mesh.num_faces, "faces"))


def seeded_split(names: Sequence[str], train: int, seed: int) -> dict[str, list[str]]:
    """The first `train` names of a random order, and the others."""
    order = np.random.default_rng(seed).permutation(len(names))
    shuffled = [names[k] for k in order]
    return {"train": shuffled[:train], "test": shuffled[train:]}


def numbered(size: int) -> tuple[str, ...]:
    """The names of labels that are mere numbers, from 0."""
    return tuple(str(number) for number in range(size))
