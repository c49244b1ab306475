"""SHREC 2011: watertight shapes in thirty classes.

Lian et al., *SHREC '11 Track: Shape Retrieval on Non-rigid 3D Watertight Meshes* (2011).
"""

from __future__ import annotations

import re
from pathlib import Path

from gaugeconv.data.sets.source import (
    PublicSet,
    Shape,
    first_meshes,
    mesh_files,
    read_mesh,
    read_text,
    seeded_split,
)
from gaugeconv.errors import DataError

_TRAIN = 10  # of the 20 of every class


def read_class_folders(src: Path, _category: str | None, _seed: int) -> PublicSet | None:
    """`CLASS/train/*.obj` and `CLASS/test/*.obj`, here or in `shrec_16`, as MeshCNN has them."""
    base = src / "shrec_16" if (src / "shrec_16").is_dir() else src
    classes = sorted(path.name for path in base.iterdir() if (path / "train").is_dir())
    files: dict[str, tuple[Path, int]] = {}
    splits: dict[str, list[str]] = {"train": [], "test": []}
    for label, name in enumerate(classes):
        for split, names in splits.items():
            for path in mesh_files(base / name / split):
                files[f"{name}_{path.stem}"] = (path, label)
                names.append(f"{name}_{path.stem}")
    return _classified(tuple(classes), splits, files)


def read_category_list(src: Path, _category: str | None, seed: int) -> PublicSet | None:
    """`T0.off` … and a `.txt` or `.cla` list: `CLASS 0 COUNT`, then the numbers of its meshes."""
    lists = [src / name for name in ("categories.txt", "test.cla", "raw/categories.txt")]
    listing = next((path for path in lists if path.is_file()), None)
    meshes = first_meshes((src, src / "raw", src / "SHREC11_test_database_new"))
    if listing is None or not meshes:
        return None
    by_number = {int(m[1]): path for path in meshes if (m := re.fullmatch(r"T?(\d+)", path.stem))}
    members = _members(listing)
    missing = [n for numbers in members.values() for n in numbers if n not in by_number]
    if missing:
        raise DataError(f"{listing} names mesh {missing[0]}, which is not in {meshes[0].parent}")
    classes = tuple(name.removesuffix("_test") for name in members)
    files: dict[str, tuple[Path, int]] = {}
    splits: dict[str, list[str]] = {"train": [], "test": []}
    for label, numbers in enumerate(members.values()):
        names = [f"{classes[label]}_T{number}" for number in numbers]
        files |= {n: (by_number[k], label) for n, k in zip(names, numbers, strict=True)}
        for split, chosen in seeded_split(names, _TRAIN, seed + label).items():
            splits[split] += chosen
    return _classified(classes, splits, files)


def _members(listing: Path) -> dict[str, list[int]]:
    """The mesh numbers of every class, after two lines of heading."""
    members: dict[str, list[int]] = {}
    current: list[int] | None = None
    for line in read_text(listing).splitlines()[2:]:
        words = line.split()
        number = len(words) == 1 and words[0].isdecimal() and len(words[0]) < 19
        if number and current is not None:
            current.append(int(words[0]))
        elif words:
            current = members.setdefault(words[0], [])
    return members


def _classified(
    classes: tuple[str, ...],
    splits: dict[str, list[str]],
    files: dict[str, tuple[Path, int]],
) -> PublicSet | None:
    """A set of whole meshes with classes, if there are any."""
    if not files:
        return None

    def load(name: str) -> Shape:
        path, label = files[name]
        return Shape(read_mesh(path), class_label=label)

    return PublicSet(classes, splits, load)
