"""From a dataset folder to the layouts that other projects read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Int64

from gaugeconv.data.folder import DatasetFolder, LabelledMesh
from gaugeconv.data.sets.convert import Progress
from gaugeconv.data.sets.segmented import first_seen_edges
from gaugeconv.errors import DataError
from gaugeconv.files import atomic_path

Layout = Literal["psb", "meshcnn"]


def export_folder(
    dataset: DatasetFolder,
    out: str | os.PathLike[str],
    layout: Layout,
    progress: Progress = lambda _done, _total: None,
) -> Path:
    """Writes the meshes and face labels of a dataset as another project has them.

    "psb": NAME.off and NAME_labels.txt with the faces of every part; the split is lost.
    "meshcnn": {train,val,test}/NAME.obj, and in seg and sseg the labels of edges, an edge between two
    parts taking that of its first face; classes.txt. MeshCNN itself reads train and test.

    Args:
        dataset: what to write.
        out: a folder that does not exist yet or is empty.
        layout: which.
        progress: told after every mesh.

    Raises:
        DataError: the folder is not empty; the layout cannot hold the labels.
        OSError: it cannot be written.
    """
    folder = Path(out)
    if folder.is_dir() and any(folder.iterdir()):
        raise DataError(f"{folder} is not empty; choose another folder")
    if layout == "psb" and (bad := [name for name in dataset.label_names if name.isdigit()]):
        raise DataError(f"the label {bad[0]!r} is a number, which this layout takes for a face")
    folder.mkdir(parents=True, exist_ok=True)
    for done, (split, item) in enumerate(_items(dataset), start=1):
        if layout == "psb":
            _write_psb(folder, item, dataset.label_names)
        else:
            _write_meshcnn(folder, split, item, len(dataset.label_names))
        progress(done, len(dataset.items))
    if layout == "meshcnn":
        _write(folder / "classes.txt", (str(k) for k in range(len(dataset.label_names))))
    return folder


def _items(dataset: DatasetFolder) -> Iterator[tuple[str, LabelledMesh]]:
    for split, names in dataset.splits.items():
        for name in names:
            yield split, dataset.load(name)


def _write_psb(folder: Path, item: LabelledMesh, label_names: tuple[str, ...]) -> None:
    item.mesh.save(folder / f"{item.name}.off")
    lines = []
    for label, part in enumerate(label_names):
        faces = np.flatnonzero(item.face_labels == label) + 1
        if faces.size:
            lines += [part, " ".join(map(str, faces))]
    _write(folder / f"{item.name}_labels.txt", lines)


def _write_meshcnn(folder: Path, split: str, item: LabelledMesh, num_labels: int) -> None:
    for name in (split, "seg", "sseg"):
        (folder / name).mkdir(exist_ok=True)
    item.mesh.save(folder / split / f"{item.name}.obj")
    side, count = first_seen_edges(item.mesh.faces)
    first, touched = _edge_labels(side, count, item.face_labels, num_labels)
    _write(folder / "seg" / f"{item.name}.eseg", map(str, first))
    _write(folder / "sseg" / f"{item.name}.seseg", (" ".join(map(str, row)) for row in touched))


def _edge_labels(
    side: Int64[np.ndarray, "F 3"],
    count: int,
    labels: Int64[np.ndarray, " F"],
    num_labels: int,
) -> tuple[Int64[np.ndarray, " E"], Int64[np.ndarray, "E K"]]:
    """The label of every edge's first face, and 1 for every label of its faces."""
    per_side = np.repeat(labels, 3)
    edges = side.reshape(-1)
    first = per_side[np.unique(edges, return_index=True)[1]]
    touched = np.zeros((count, num_labels), dtype=np.int64)
    known = per_side >= 0
    touched[edges[known], per_side[known]] = 1
    return first, touched


def _write(path: Path, lines: Iterator[str] | list[str]) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
