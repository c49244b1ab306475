"""Meshes of trimesh, meshio and PyVista, in and out, with values at vertices and faces.

Vertices keep their order. Polygons are cut into triangles; values of a polygon go to each of its
triangles. Nothing is welded or repaired.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import numpy as np
import trimesh
from jaxtyping import Int64
from numpy.typing import ArrayLike

from gaugeconv.errors import MeshError
from gaugeconv.mesh import TriMesh
from gaugeconv.mesh.polygons import FileContent, triangulate

Values = Mapping[str, ArrayLike]


@dataclass(frozen=True, eq=False)
class MeshValues:
    """A mesh and named values on it.

    Attributes:
        mesh: the surface.
        at_vertices: arrays of V rows by name.
        at_faces: arrays of F rows by name.
    """

    mesh: TriMesh
    at_vertices: dict[str, np.ndarray] = field(default_factory=dict)
    at_faces: dict[str, np.ndarray] = field(default_factory=dict)


def from_trimesh(source: trimesh.Trimesh, validate: bool = True) -> MeshValues:
    """A `trimesh.Trimesh` with its vertex and face attributes.

    Raises:
        MeshError: the mesh has defects (only if `validate`); the message names them.
    """
    mesh = TriMesh(source.vertices, source.faces, validate=validate)
    at_vertices, at_faces = dict(source.vertex_attributes), dict(source.face_attributes)
    return MeshValues(mesh, _arrays(at_vertices), _arrays(at_faces))


def to_trimesh(
    mesh: TriMesh, at_vertices: Values | None = None, at_faces: Values | None = None
) -> trimesh.Trimesh:
    """The mesh as a `trimesh.Trimesh`, unprocessed, with values as vertex and face attributes.

    Raises:
        MeshError: the mesh has no positions, or values are not one row per vertex or face.
    """
    values = _checked(mesh, at_vertices, at_faces)
    return trimesh.Trimesh(
        mesh.vertices.copy(),
        mesh.faces.copy(),
        process=False,
        vertex_attributes=dict[str, ArrayLike](values.at_vertices),
        face_attributes=dict[str, ArrayLike](values.at_faces),
    )


def from_meshio(source: Any, validate: bool = True) -> MeshValues:
    """A `meshio.Mesh`: its triangles, quads and polygons, with point and cell data.

    Points, lines and other cells are left out.

    Raises:
        MeshError: solid cells, no polygons, or a mesh with defects (the latter only if `validate`).
    """
    solid = sorted({block.type for block in source.cells if block.dim == 3})
    if solid:
        raise MeshError(f"cells of type {', '.join(solid)} are solids: take their surface first")
    flat = [k for k, block in enumerate(source.cells) if block.dim == 2]
    for block in (source.cells[k] for k in flat):
        if block.type not in ("triangle", "quad", "polygon"):
            raise MeshError(f"cells of type {block.type} are curved: linearise the mesh first")
    polygons = [np.asarray(cell) for k in flat for cell in source.cells[k].data]
    at_cells = {
        name: np.concatenate([np.asarray(blocks[k]) for k in flat])
        for name, blocks in source.cell_data.items()
        if flat
    }
    return _from_polygons(_in_space(source.points), polygons, source.point_data, at_cells, validate)


def to_meshio(
    mesh: TriMesh, at_vertices: Values | None = None, at_faces: Values | None = None
) -> Any:
    """The mesh as a `meshio.Mesh`, with values as point and cell data.

    Raises:
        MeshError: the mesh has no positions, or values are not one row per vertex or face.
        ModuleNotFoundError: meshio is not installed.
    """
    values = _checked(mesh, at_vertices, at_faces)
    return _library("meshio").Mesh(
        mesh.vertices.copy(),
        [("triangle", mesh.faces.copy())],
        point_data=values.at_vertices,
        cell_data={name: [array] for name, array in values.at_faces.items()},
    )


def from_pyvista(source: Any, validate: bool = True) -> MeshValues:
    """A `pyvista.PolyData`: its polygons, with point and cell data.

    Raises:
        MeshError: it has lines, points or strips besides, on which cell data would not fit; no
            polygons; or defects (the latter only if `validate`).
    """
    counts = source.n_lines, source.n_verts, source.n_strips
    if any(counts):
        raise MeshError(
            f"the PolyData has {counts[0]} lines, {counts[1]} points and {counts[2]} strips besides "
            "its faces: remove them, or triangulate the strips"
        )
    flat, polygons = np.asarray(source.faces), []
    start = 0
    while start < len(flat):
        polygons.append(flat[start + 1 : start + 1 + flat[start]])
        start += 1 + int(flat[start])
    points, cells = dict(source.point_data.items()), dict(source.cell_data.items())
    return _from_polygons(source.points, polygons, points, cells, validate)


def to_pyvista(
    mesh: TriMesh, at_vertices: Values | None = None, at_faces: Values | None = None
) -> Any:
    """The mesh as a `pyvista.PolyData`, with values as point and cell data.

    Raises:
        MeshError: the mesh has no positions, or values are not one row per vertex or face.
        ModuleNotFoundError: PyVista is not installed.
    """
    values = _checked(mesh, at_vertices, at_faces)
    result = _library("pyvista").PolyData.from_regular_faces(mesh.vertices, mesh.faces)
    for name, array in values.at_vertices.items():
        result.point_data[name] = array
    for name, array in values.at_faces.items():
        result.cell_data[name] = array
    return result


def _from_polygons(
    points: ArrayLike,
    polygons: list[Int64[np.ndarray, " _"]],
    at_points: Mapping[str, Any],
    at_cells: Mapping[str, Any],
    validate: bool,
) -> MeshValues:
    """A mesh cut from polygons, and the values that go with it."""
    if not polygons:
        raise MeshError("the mesh has no polygons; point clouds and curves are not meshes")
    sizes = np.array([len(polygon) for polygon in polygons], dtype=np.int64)
    corners = np.concatenate(polygons).astype(np.int64)
    vertices = np.asarray(points, dtype=np.float64)
    faces, owner = triangulate(FileContent(vertices, corners, sizes))
    mesh = TriMesh(vertices, faces, validate=validate)
    at_faces = {name: array[owner] for name, array in _arrays(at_cells).items()}
    return MeshValues(mesh, _arrays(at_points), at_faces)


def _in_space(points: ArrayLike) -> np.ndarray:
    """Points with three coordinates; the third is zero where there are two."""
    array = np.asarray(points, dtype=np.float64)
    return np.pad(array, ((0, 0), (0, 1))) if array.shape[1:] == (2,) else array


def _arrays(values: Mapping[str, Any]) -> dict[str, np.ndarray]:
    return {name: np.array(value) for name, value in values.items()}


def _checked(mesh: TriMesh, at_vertices: Values | None, at_faces: Values | None) -> MeshValues:
    """The values as arrays of one row per vertex or face."""
    found = MeshValues(mesh, _arrays(at_vertices or {}), _arrays(at_faces or {}))
    for kind, count, arrays in (
        ("vertices", mesh.num_vertices, found.at_vertices),
        ("faces", mesh.num_faces, found.at_faces),
    ):
        for name, array in arrays.items():
            if array.shape[:1] != (count,):
                raise MeshError(
                    f"{name!r} has shape {array.shape}, but the mesh has {count} {kind}: give a row each"
                )
    return found


def _library(name: str) -> Any:
    """An optional library.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"this needs the package {name}: pip install {name}", name=name
        ) from error
