"""Loading and saving: one entry each, errors that name the file, whole files or none."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path

import numpy as np
import trimesh
from jaxtyping import Int64
from numpy.typing import ArrayLike
from trimesh.exchange.stl import export_stl

from gaugeconv.errors import MeshError
from gaugeconv.files import atomic_path
from gaugeconv.mesh.inputs import as_array
from gaugeconv.mesh.ply_reader import read_ply
from gaugeconv.mesh.ply_writer import write_ply
from gaugeconv.mesh.polygons import FileContent, triangulate
from gaugeconv.mesh.text_formats import read_obj, read_off, write_obj, write_off
from gaugeconv.mesh.tri_mesh import TriMesh

SUFFIXES = (".ply", ".obj", ".off", ".stl")
"""File types that can be read and written; upper case is fine too."""


def load_mesh(path: str | PathLike[str], validate: bool = True) -> TriMesh:
    """Read a mesh; vertices and faces keep the file's order, unreferenced vertices included.

    Polygons are cut into triangles, several objects in one file are concatenated, STL gives
    three vertices for each triangle.

    Raises:
        MeshError: missing, empty, corrupt, of another type, without triangles, or with defects
            (the latter only if ``validate``); the message names the file.
    """
    path = Path(path)
    try:
        content = _read(path)
        return TriMesh(content.vertices, triangulate(content)[0], validate=validate)
    except MeshError as error:
        raise type(error)(f"{path}: {error}") from error


def load_face_labels(path: str | PathLike[str]) -> Int64[np.ndarray, " F"] | None:
    """The face property ``label`` of a PLY file, one for each face of ``load_mesh(path)``.

    Returns:
        (F,) integers, or None if the file has no labels or is of another type.

    Raises:
        MeshError: as ``load_mesh``.
    """
    path = Path(path)
    if path.suffix.lower() != ".ply":
        return None
    try:
        content = _read(path)
        if content.labels is None:
            return None
        return content.labels[triangulate(content)[1]]
    except MeshError as error:
        raise type(error)(f"{path}: {error}") from error


def load_polygons(path: str | PathLike[str]) -> Int64[np.ndarray, " F"]:
    """The polygon, counted in the file, that each face of ``load_mesh(path)`` was cut from.

    Raises:
        MeshError: as ``load_mesh``.
    """
    path = Path(path)
    try:
        return triangulate(_read(path))[1]
    except MeshError as error:
        raise type(error)(f"{path}: {error}") from error


def save_mesh(
    mesh: TriMesh,
    path: str | PathLike[str],
    face_labels: ArrayLike | None = None,
    face_colors: ArrayLike | None = None,
) -> None:
    """Write ``mesh`` under a temporary name beside ``path``, then rename it.

    PLY, OBJ and OFF read back as the same bits; STL holds single-precision triangles.

    Raises:
        MeshError: an intrinsic mesh, an unknown suffix, labels or colours that do not fit the
            faces or the format, or a folder that cannot be written to.
    """
    path = Path(path)
    try:
        suffix = _known_suffix(path)
    except MeshError as error:
        raise MeshError(f"{path}: {error}") from error
    if suffix != ".ply" and (face_labels is not None or face_colors is not None):
        raise MeshError(f"{path}: only .ply files hold face labels and colours")
    vertices, faces = mesh.vertices, mesh.faces
    if suffix == ".stl" and np.abs(vertices).max() > np.finfo(np.float32).max:
        raise MeshError(f"{path}: coordinates exceed single precision, which is all STL holds")
    labels = _per_face(face_labels, mesh, (), np.iinfo(np.int32), "face_labels")
    colors = _per_face(face_colors, mesh, (3,), np.iinfo(np.uint8), "face_colors")
    try:
        with atomic_path(path) as temporary:
            if suffix == ".ply":
                write_ply(temporary, vertices, faces, labels, colors)
            elif suffix == ".obj":
                write_obj(temporary, vertices, faces)
            elif suffix == ".off":
                write_off(temporary, vertices, faces)
            else:
                soup = trimesh.Trimesh(vertices, faces, process=False)
                temporary.write_bytes(export_stl(soup))
    except OSError as error:
        raise MeshError(f"{path}: cannot be written: {error.strerror or error}") from error


def _read(path: Path) -> FileContent:
    """Polygons of a file; messages do not name it yet."""
    suffix = _known_suffix(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise MeshError(f"cannot be read: {error.strerror or error}; check the path") from error
    if not data.strip():
        raise MeshError("the file is empty; write or fetch it again")
    readers = {".ply": read_ply, ".obj": read_obj, ".off": read_off, ".stl": _read_stl}
    content = readers[suffix](data)
    if len(content.sizes) == 0:
        raise MeshError(
            f"the file has {len(content.vertices)} vertices and no faces; "
            "point clouds, curves and empty scenes are not meshes"
        )
    return content


def _read_stl(data: bytes) -> FileContent:
    """Triangle soup through trimesh; several solids are concatenated in the file's order."""
    try:
        with _quiet_trimesh():
            loaded = trimesh.load(io.BytesIO(data), file_type="stl", process=False)
    except Exception as error:  # trimesh raises whatever its parsers happen to raise
        raise MeshError(f"the STL file is corrupt: {error}") from error
    solids = loaded.geometry.values() if isinstance(loaded, trimesh.Scene) else [loaded]
    parts = [
        np.asarray(solid.triangles, dtype=np.float64).reshape(-1, 3)
        for solid in solids
        if isinstance(solid, trimesh.Trimesh)
    ]
    vertices = np.concatenate([np.zeros((0, 3)), *parts])
    return FileContent(vertices, np.arange(len(vertices)), np.full(len(vertices) // 3, 3))


@contextmanager
def _quiet_trimesh() -> Iterator[None]:
    """No warnings and no log lines from trimesh: what matters becomes an error."""
    log = logging.getLogger("trimesh")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # numpy may only warn where a number cannot be read, and drop the rest of the text
            warnings.filterwarnings("error", message="string or file could not be read")
            yield
    finally:
        log.setLevel(level)


def _known_suffix(path: Path) -> str:
    suffix = path.suffix.lower()
    if path.is_dir():
        raise MeshError("it is a folder; give the path of a mesh file")
    if suffix not in SUFFIXES:
        raise MeshError(f"unsupported file type {suffix!r}; use one of {', '.join(SUFFIXES)}")
    return suffix


def _per_face(
    values: ArrayLike | None,
    mesh: TriMesh,
    shape: tuple[int, ...],
    limits: np.iinfo,
    name: str,
) -> np.ndarray | None:
    """Integers for each face, checked against the type they will be stored as."""
    if values is None:
        return None
    array = as_array(values, name)
    wanted = (mesh.num_faces, *shape)
    if array.shape != wanted or array.dtype.kind not in "iu":
        raise MeshError(
            f"{name} must be integers of shape {wanted}, not {array.dtype} of shape {array.shape}"
        )
    if array.min() < limits.min or array.max() > limits.max:
        raise MeshError(f"{name} must lie in [{limits.min}, {limits.max}]")
    return array.astype(limits.dtype)
