"""The Labelled Princeton Segmentation Benchmark.

Meshes and their numbers: Chen, Golovinskiy & Funkhouser, *A Benchmark for 3D Mesh Segmentation* (2009);
labels: Kalogerakis, Hertzmann & Singh, *Learning 3D Mesh Segmentation and Labeling* (2010).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from jaxtyping import Int64

from gaugeconv.data.sets.source import (
    LabelCode,
    PublicSet,
    Shape,
    first_meshes,
    labels_of,
    read_archive,
    read_mesh,
    read_text,
    seeded_split,
)
from gaugeconv.errors import DataError
from gaugeconv.files import read_json_object

CATEGORIES = (
    "Human", "Cup", "Glasses", "Airplane", "Ant", "Chair", "Octopus", "Table", "Teddy", "Hand",
    "Plier", "Fish", "Bird", "Spring", "Armadillo", "Bust", "Mech", "Bearing", "Vase", "FourLeg",
)  # fmt: skip
"""Category k, from 0, has the meshes 20 k + 1 … 20 k + 20."""

TRAIN_SHARE = 0.6  # 12 of 20
_LISTED = "_labels.txt"


def read_npz(src: Path, category: str | None, seed: int) -> PublicSet | None:
    """`categories.json` (ids and label names) and `npz/ID.npz` with vertices, faces, face_labels."""
    if not (src / "categories.json").is_file() or not (src / "npz").is_dir():
        return None
    try:
        table = read_json_object(src / "categories.json")
        ids = {name: sorted(map(int, entry["ids"])) for name, entry in table.items()}
        labels = {name: tuple(map(str, entry["labels"])) for name, entry in table.items()}
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise DataError(f"{src / 'categories.json'} is damaged: {error!r}") from error
    if category not in ids:
        asked = "give one of them" if category is None else f"there is no {category!r}"
        raise DataError(f"{src} has the categories {', '.join(ids)}; {asked}")
    names = {f"{category}_{number:03d}": number for number in ids[category]}

    def load(name: str) -> Shape:
        return Shape(*read_archive(src / "npz" / f"{names[name]}.npz", "face_labels"))

    splits = seeded_split(list(names), round(TRAIN_SHARE * len(names)), seed)
    return PublicSet(labels[category], splits, load)


def read_files(src: Path, category: str | None, seed: int) -> PublicSet | None:
    """`ID.off` with `ID_labels.txt` (names and faces), or one number per face in `ID.seg` or `.txt`.

    Meshes lie in the folder, in `off` or `meshes` or in one named like the category; label files beside
    them or in `labels`, `seg` or `gt`.
    """
    named = () if category is None else (src / category,)
    meshes = first_meshes([*named, src / "off", src / "meshes", src])
    meshes = _of_category(meshes, category)
    if not meshes:
        return None
    places = [meshes[0].parent, *named, src / "labels", src / "seg", src / "gt", src]
    found = {path: _label_file(path.stem, places) for path in meshes}
    files = {path: label for path, label in found.items() if label is not None}
    if not files:
        return None
    if missing := [path.name for path in meshes if path not in files]:
        raise DataError(f"{src}: {len(missing)} meshes have no labels, the first is {missing[0]}")
    if any(label.name.endswith(_LISTED) for label in files.values()):
        label_names, labels = _by_parts(files)
    else:
        label_names, labels = _by_numbers(files)
    prefix = f"{category}_" if category else ""
    names = {prefix + path.stem: path for path in files}

    def load(name: str) -> Shape:
        mesh = read_mesh(names[name])
        return Shape(mesh, labels(names[name], mesh.num_faces))

    splits = seeded_split(list(names), round(TRAIN_SHARE * len(names)), seed)
    return PublicSet(label_names, splits, load)


_Labels = Callable[[Path, int], Int64[np.ndarray, " F"]]
"""The labels of a mesh's file with so many faces."""


def _by_parts(files: dict[Path, Path]) -> tuple[tuple[str, ...], _Labels]:
    """Label names and labels where files list the faces of every part."""
    parts = sorted({part for label in files.values() for part in _read_parts(label)})
    return tuple(parts), lambda path, count: _labels_of_parts(files[path], parts, count)


def _by_numbers(files: dict[Path, Path]) -> tuple[tuple[str, ...], _Labels]:
    """Label names and labels where files hold one number per face."""
    code = LabelCode.of_files(files.values())
    return code.names, lambda path, count: labels_of(files[path], code, count, "faces")


def _of_category(meshes: list[Path], category: str | None) -> list[Path]:
    """Those that the category's numbers name, where the folder holds other numbers as well."""
    if category not in CATEGORIES or not all(path.stem.isdecimal() for path in meshes):
        return meshes
    first = 20 * CATEGORIES.index(category) + 1
    chosen = [path for path in meshes if first <= int(path.stem) < first + 20]
    return chosen or meshes


def _label_file(stem: str, places: list[Path]) -> Path | None:
    """The labels of a mesh; those with names before those without."""
    for ending in (_LISTED, ".seg", ".txt"):
        for place in places:
            if (place / (stem + ending)).is_file():
                return place / (stem + ending)
    return None


def _read_parts(path: Path) -> dict[str, list[int]]:
    """The faces of every part, counted from 1: a line with a name, then lines with numbers.

    Raises:
        DataError: a face number comes before any name.
    """
    parts: dict[str, list[int]] = {}
    current: list[int] | None = None
    for row, line in enumerate(read_text(path).splitlines(), start=1):
        words = line.split()
        if not words:
            continue
        if not all(word.isdecimal() and len(word) < 19 for word in words):
            current = parts.setdefault(line.strip(), [])
        elif current is None:
            raise DataError(f"{path}, line {row}: faces before the name of a part")
        else:
            current += map(int, words)
    return parts


def _labels_of_parts(path: Path, parts: list[str], num_faces: int) -> Int64[np.ndarray, " F"]:
    labels = np.full(num_faces, -1)
    for part, numbers in _read_parts(path).items():
        faces = np.array(numbers, dtype=np.int64) - 1
        if faces.size and not (0 <= faces.min() and faces.max() < num_faces):
            raise DataError(f"{path}: {part!r} names a face that is not in 1 … {num_faces}")
        labels[faces] = parts.index(part)
    return labels
