"""Surfaces of ribosomal RNA, every vertex labelled by its place in an aligned sequence.

Poulenard, Rakotosaona, Ponty & Ovsjanikov, *Effective Rotation-invariant Point CNN with Spherical
Harmonics Kernels* (2019).
"""

from __future__ import annotations

from pathlib import Path

from gaugeconv.data.manifest import check_name
from gaugeconv.data.sets.source import (
    LabelCode,
    PublicSet,
    Shape,
    labels_of,
    numbered,
    read_archive,
    read_mesh,
    read_text,
)

LABELS = 259


def read_npz(src: Path, _category: str | None, _seed: int) -> PublicSet | None:
    """`npz/ID.npz` with vertices, faces and labels per vertex; `train.txt` and `test.txt`."""
    if not (src / "npz").is_dir() or not (src / "train.txt").is_file():
        return None

    def load(name: str) -> Shape:
        mesh, labels = read_archive(src / "npz" / f"{name}.npz", "labels")
        return Shape(mesh, vertex_labels=labels)

    return PublicSet(numbered(LABELS), _listed_splits(src), load)


def read_files(src: Path, _category: str | None, _seed: int) -> PublicSet | None:
    """`off/ID.off` and `labels/ID.txt` with one number per vertex; `train.txt` and `test.txt`."""
    if not (src / "off").is_dir() or not (src / "labels").is_dir():
        return None
    if not (src / "train.txt").is_file():
        return None
    code = LabelCode(range(LABELS), numbered(LABELS))

    def load(name: str) -> Shape:
        mesh = read_mesh(src / "off" / f"{name}.off")
        file = src / "labels" / f"{name}.txt"
        return Shape(mesh, vertex_labels=labels_of(file, code, mesh.num_vertices, "vertices"))

    return PublicSet(code.names, _listed_splits(src), load)


def _listed_splits(src: Path) -> dict[str, list[str]]:
    """The names in train.txt and test.txt, without file endings.

    Raises:
        DataError: a list is missing, or a name could not be that of a file here.
    """
    splits = {
        split: [Path(line).stem for line in read_text(src / f"{split}.txt").split()]
        for split in ("train", "test")
    }
    for names in splits.values():
        for name in names:
            check_name(name)
    return splits
