"""COSEG and the human bodies of Maron et al., as their authors and as MeshCNN distribute them.

Sidi et al., *Unsupervised Co-Segmentation of a Set of Shapes* (2011), and Wang et al., *Active
Co-Analysis of a Set of Shapes* (2012); Maron et al., *Convolutional Neural Networks on Surfaces via
Seamless Toric Covers* (2017); Hanocka et al., *MeshCNN* (2019).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Int64

from gaugeconv.data.sets.source import (
    LabelCode,
    PublicSet,
    Shape,
    labels_of,
    mesh_files,
    read_mesh,
    seeded_split,
    with_face_labels,
)
from gaugeconv.errors import DataError

BODY_PARTS = (
    "head", "hand", "lower arm", "upper arm", "torso", "upper leg", "lower leg", "foot",
)  # fmt: skip
"""Parts 1 … 8 of the human bodies."""
_TRAIN_SHARE = 0.85
_POSES = (
    "bouncing", "handstand", "march1", "squat1", "crane", "jumping", "march2", "squat2",
)  # fmt: skip


def read_coseg(src: Path, category: str | None, seed: int) -> PublicSet | None:
    """`shapes/ID.off` and `gt/ID.seg` with one number per face, below the category or right here."""
    base = src if category is None else src / category
    meshes = mesh_files(base / "shapes")
    if not meshes or not (base / "gt").is_dir():
        return None
    files = {path.stem: (path, base / "gt" / f"{path.stem}.seg") for path in meshes}
    code = LabelCode.of_files(label for _, label in files.values())

    def load(name: str) -> Shape:
        return with_face_labels(*files[name], code)

    return PublicSet(
        code.names, seeded_split(list(files), round(_TRAIN_SHARE * len(files)), seed), load
    )


def read_meshcnn(src: Path, category: str | None, _seed: int) -> PublicSet | None:
    """MeshCNN's layout of a segmentation set: `train`, `test` and `seg/NAME.eseg`."""
    return _meshcnn(src if category is None else src / category, ())


def read_meshcnn_bodies(src: Path, _category: str | None, _seed: int) -> PublicSet | None:
    """The same with the names of the eight parts of a body."""
    return _meshcnn(src, BODY_PARTS)


def read_bodies(src: Path, _category: str | None, _seed: int) -> PublicSet | None:
    """The authors' layout: `meshes/{train,test}/…` and `segs/{train,test}/…`."""
    if not (src / "meshes").is_dir() or not (src / "segs").is_dir():
        return None
    files: dict[str, tuple[Path, Path]] = {}
    splits: dict[str, list[str]] = {"train": [], "test": []}
    for split, name, mesh, label in _body_files(src):
        files[name] = (mesh, label)
        splits[split].append(name)
    if not files:
        return None
    code = LabelCode.of_files((label for _, label in files.values()), BODY_PARTS)

    def load(name: str) -> Shape:
        return with_face_labels(*files[name], code)

    return PublicSet(code.names, splits, load)


def _body_files(src: Path) -> Iterator[tuple[str, str, Path, Path]]:
    """Split, name, mesh and labels; three of the sources have one label file for all their meshes."""
    meshes, labels = src / "meshes", src / "segs"
    for path in mesh_files(meshes / "train" / "adobe"):
        file = labels / "train" / "adobe" / f"{path.stem}.txt"
        yield "train", f"adobe_{path.stem}", path, file
    for source in ("faust", "scape"):
        file = labels / "train" / source / f"{source}_corrected.txt"
        for path in mesh_files(meshes / "train" / source):
            yield "train", f"{source}_{path.stem}", path, file
    for pose in _POSES:
        file = labels / "train" / "mit" / f"mit_{pose}_corrected.txt"
        for path in mesh_files(meshes / "train" / "MIT_animation" / f"meshes_{pose}" / "meshes"):
            yield "train", f"mit_{pose}_{path.stem}", path, file
    for path in mesh_files(meshes / "test" / "shrec"):
        number = path.stem.partition("_")[0]  # 12_fix_orientation takes the place of 12
        file = labels / "test" / "shrec" / f"shrec_{number}_full.txt"
        replaced = path.with_name(f"{number}_fix_orientation{path.suffix}")
        if file.is_file() and (path == replaced or not replaced.exists()):
            yield "test", f"shrec_{number}", path, file


def _meshcnn(base: Path, names: tuple[str, ...]) -> PublicSet | None:
    """Meshes in `train` and `test`, one number per edge in `seg/NAME.eseg`."""
    splits = {split: mesh_files(base / split) for split in ("train", "test")}
    if not any(splits.values()) or not (base / "seg").is_dir():
        return None
    files = {path.stem: path for meshes in splits.values() for path in meshes}
    labels = {name: base / "seg" / f"{name}.eseg" for name in files}
    code = LabelCode.of_files(labels.values(), names)

    def load(name: str) -> Shape:
        mesh = read_mesh(files[name])
        side, count = first_seen_edges(mesh.faces)
        at_edges = labels_of(labels[name], code, count, "edges")
        return Shape(mesh, _majority_of_three(at_edges[side]))

    stems = {split: [path.stem for path in meshes] for split, meshes in splits.items()}
    if repeated := set(stems["train"]) & set(stems["test"]):
        raise DataError(f"{base}: {sorted(repeated)[0]} is in train and again in test")
    return PublicSet(code.names, stems, load)


def first_seen_edges(faces: Int64[np.ndarray, "F 3"]) -> tuple[Int64[np.ndarray, "F 3"], int]:
    """Edges numbered as they first occur on a walk over faces and their sides 01, 12, 20.

    Returns:
        (F, 3) the edge of every side, and the number of edges.
    """
    sides = np.sort(np.stack([faces, faces[:, [1, 2, 0]]], axis=2).reshape(-1, 2), axis=1)
    _, first, index = np.unique(sides, axis=0, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))
    return rank[index.ravel()].reshape(-1, 3).astype(np.int64), len(first)


def _majority_of_three(labels: Int64[np.ndarray, "F 3"]) -> Int64[np.ndarray, " F"]:
    """The label that two or three sides agree on, else that of the first."""
    first, second, third = labels.T
    return np.where(second == third, second, first)
