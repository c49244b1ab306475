"""Reading labels from text, .npy and .npz; those inside a PLY are the mesh reader's business."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Int64

from gaugeconv.data.archives import read_array, read_arrays
from gaugeconv.errors import DataError
from gaugeconv.files import atomic_path
from gaugeconv.mesh import TriMesh
from gaugeconv.mesh.io import load_polygons


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


def write_labels(path: Path, labels: Int64[np.ndarray, " N"]) -> None:
    """Writes one integer per line (.txt) or an integer array (.npy), whole or not at all.

    Raises:
        DataError: another suffix.
        OSError: it cannot be written.
    """
    if path.suffix not in (".txt", ".npy"):
        raise DataError(f"{path}: labels are written to .txt or .npy")
    with atomic_path(path) as temporary:
        if path.suffix == ".npy":
            np.save(temporary, labels)
        else:
            np.savetxt(temporary, labels, fmt="%d")


def read_result_names(path: Path) -> list[str]:
    """The array `label_names` of an .npz that `gaugeconv segment` wrote; empty without one.

    Raises:
        DataError: the file is malformed.
    """
    found = read_arrays(path, "a segmentation result", "label_names")
    return [str(name) for array in found.values() for name in array.ravel()]


def labels_per_face(
    values: Int64[np.ndarray, " N"], mesh: TriMesh, source: Path, mesh_file: Path
) -> Int64[np.ndarray, " F"]:
    """Tells labels per face, per polygon and per vertex apart by their count.

    Only for files beside the mesh, which do not say what they hold; a PLY does.

    Args:
        values: what was read.
        mesh: the mesh they belong to.
        source: the file they come from.
        mesh_file: the mesh's file; faces may have been cut from its polygons.

    Returns:
        (F,) one label per face of the mesh.

    Raises:
        DataError: the count fits neither faces, polygons nor vertices, or more than one of them.
        MeshError: the mesh's file cannot be read.
    """
    faces, vertices, polygon = mesh.num_faces, mesh.num_vertices, load_polygons(mesh_file)
    polygons = int(polygon.max()) + 1
    if values.size == vertices and vertices in (faces, polygons):
        raise DataError(
            f"{source}: the mesh has as many faces as vertices ({vertices}), so labels per face and "
            "per vertex look alike; store them as face property `label` in a PLY"
        )
    if values.size == faces:
        return values
    if values.size == polygons:
        return values[polygon]
    if values.size == vertices:
        return faces_from_vertices(values, mesh.faces)
    cut = "" if polygons == faces else f" cut from {polygons} polygons"
    raise DataError(
        f"{source} has {values.size} labels, but its mesh has {faces} faces{cut} and {vertices} "
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
    """The array of an .npy file, or `face_labels` of an .npz."""
    if path.suffix == ".npy":
        return read_array(path, "a label array")
    found = read_arrays(path, "a label array", "face_labels")
    if not found:
        raise DataError(f"{path} is not a label array: it has no face_labels")
    return found["face_labels"]


def _as_labels(values: np.ndarray, path: Path) -> Int64[np.ndarray, " N"]:
    """Checks that values are one-dimensional integers."""
    if values.dtype.kind not in "iu" or values.ndim != 1:
        raise DataError(
            f"{path} holds {values.dtype} of shape {values.shape}; labels are a one-dimensional "
            "array of integers"
        )
    return values.astype(np.int64)
