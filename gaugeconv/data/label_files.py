"""Reading labels from text, npy, and the face property `label` of a PLY."""

from __future__ import annotations

from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from jaxtyping import Int64

from gaugeconv.data.ply_faces import read_face_property
from gaugeconv.errors import DataError
from gaugeconv.mesh import TriMesh


def read_labels(path: Path) -> Int64[np.ndarray, " N"]:
    """Reads one integer per line (.txt), an integer array (.npy) or a result (.npz).

    An .npz is what `gaugeconv segment` writes: its array `face_labels` is taken.

    Raises:
        DataError: the file is malformed or does not hold one-dimensional integers.
        OSError: it cannot be read.
    """
    if path.suffix == ".txt":
        return _read_text(path)
    if path.suffix in (".npy", ".npz"):
        return _as_labels(_read_numpy(path), path)
    raise DataError(f"{path}: labels are read from .txt, .npy or .npz")


def read_result_names(path: Path) -> list[str]:
    """The array `label_names` of an .npz that `gaugeconv segment` wrote; empty without one.

    Raises:
        DataError: the file is malformed.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            return (
                [str(name) for name in archive["label_names"]] if "label_names" in archive else []
            )
    except (ValueError, EOFError, BadZipFile) as error:
        raise DataError(f"{path} is not a segmentation result: {error}") from error


def read_ply_labels(path: Path) -> Int64[np.ndarray, " F"] | None:
    """Reads the face property `label` of a PLY; None when the file is no PLY or has none.

    Raises:
        DataError: the property is not an integer, or the file is malformed.
    """
    if path.suffix.lower() != ".ply":
        return None
    values = read_face_property(path, "label")
    return None if values is None else _as_labels(values, path)


def labels_per_face(
    values: Int64[np.ndarray, " N"], mesh: TriMesh, source: Path
) -> Int64[np.ndarray, " F"]:
    """Tells labels per face from labels per vertex by their count; returns labels per face.

    Args:
        values: what was read.
        mesh: the mesh they belong to.
        source: the file they come from; a PLY holds labels per face.

    Raises:
        DataError: the count fits neither faces nor vertices, or both.
    """
    faces, vertices = mesh.num_faces, mesh.num_vertices
    if values.size == faces and faces == vertices and source.suffix.lower() != ".ply":
        raise DataError(
            f"{source}: the mesh has as many faces as vertices ({faces}), so labels per face and "
            "per vertex look alike; store them as face property `label` in a PLY"
        )
    if values.size == faces:
        return values
    if values.size == vertices:
        return faces_from_vertices(values, mesh.faces)
    raise DataError(
        f"{source} has {values.size} labels, but its mesh has {faces} faces and {vertices} "
        "vertices: give one label per face or per vertex, in the order of the mesh file"
    )


def faces_from_vertices(
    labels: Int64[np.ndarray, " V"], faces: Int64[np.ndarray, "F 3"]
) -> Int64[np.ndarray, " F"]:
    """The label that two or three corners of a face agree on, else that of its first corner.

    −1 counts as a label of its own. Gauge invariant.
    """
    first, second, third = labels[faces].T
    return np.where(second == third, second, first)


def _read_text(path: Path) -> Int64[np.ndarray, " N"]:
    """One integer per line; blank lines at the end are ignored."""
    try:
        lines = path.read_text(encoding="utf-8").rstrip().splitlines()
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not a text file: one integer per line") from error
    values = np.zeros(len(lines), dtype=np.int64)
    for number, line in enumerate(lines):
        try:
            values[number] = int(line)
        except (ValueError, OverflowError) as error:
            raise DataError(
                f"{path}, line {number + 1}: {line[:40]!r} is not an integer; one label per line"
            ) from error
    return values


def _read_numpy(path: Path) -> np.ndarray:
    """The array of an .npy file, or `face_labels` of an .npz; never unpickles."""
    try:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as archive:
                return np.asarray(archive["face_labels"])
        # mapping checks the file's size against its header before any memory is set aside
        return np.array(np.load(path, mmap_mode="r", allow_pickle=False))
    except (ValueError, EOFError, KeyError, SyntaxError, OverflowError, BadZipFile) as error:
        raise DataError(f"{path} is not a label array: {error}") from error


def _as_labels(values: np.ndarray, path: Path) -> Int64[np.ndarray, " N"]:
    """Checks that values are one-dimensional integers."""
    if values.dtype.kind not in "iu" or values.ndim != 1:
        raise DataError(
            f"{path} holds {values.dtype} of shape {values.shape}; labels are a one-dimensional "
            "array of integers"
        )
    return values.astype(np.int64)
