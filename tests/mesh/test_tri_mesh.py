from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch

from gaugeconv.errors import GaugeConvError, MeshError
from gaugeconv.mesh import TriMesh, shapes

SQUARE = np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
HALVES = np.array([[0, 1, 2], [0, 2, 3]])


@pytest.mark.parametrize(
    "convert",
    [
        lambda a: a,
        lambda a: a.tolist(),
        lambda a: np.asfortranarray(a),
        lambda a: a[::-1][::-1],
        torch.from_numpy,
        lambda a: torch.from_numpy(a.astype(float)).requires_grad_() if a.dtype == float else a,
        lambda a: a.astype(np.float32) if a.dtype == float else a.astype(np.uint8),
        lambda a: torch.from_numpy(a).to(torch.bfloat16 if a.dtype == float else torch.int32),
    ],
    ids=["numpy", "lists", "fortran", "strided", "torch", "grad", "float32-uint8", "bf16-int32"],
)
def test_arrays_lists_and_tensors_are_accepted(convert: Any) -> None:
    mesh = TriMesh(convert(SQUARE), convert(HALVES))
    assert mesh.vertices.dtype == np.float64
    assert mesh.faces.dtype == np.int64
    assert mesh.vertices.flags.c_contiguous and mesh.faces.flags.c_contiguous
    assert (mesh.vertices == SQUARE).all()
    assert (mesh.faces == HALVES).all()
    assert (mesh.num_vertices, mesh.num_faces) == (4, 2)


def test_input_arrays_are_copied() -> None:
    vertices, faces = SQUARE.copy(), HALVES.copy()
    mesh = TriMesh(vertices, faces)
    vertices[:] = 7
    faces[:] = 0
    assert (mesh.vertices == SQUARE).all() and (mesh.faces == HALVES).all()
    assert vertices.flags.writeable and faces.flags.writeable


@pytest.mark.parametrize(
    "name",
    [
        *("vertices", "faces", "edge_lengths", "corner_angles", "face_areas", "vertex_areas"),
        *("face_normals", "vertex_normals", "boundary_vertices"),
    ],
)
def test_every_array_is_read_only(name: str) -> None:
    array = getattr(TriMesh(SQUARE, HALVES), name)
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 0


def test_attributes_cannot_be_set() -> None:
    with pytest.raises(AttributeError, match="immutable"):
        TriMesh(SQUARE, HALVES).faces = HALVES  # type: ignore[misc]


def test_copies_are_equal() -> None:
    mesh = TriMesh(SQUARE, HALVES)
    assert copy.deepcopy(mesh).content_hash() == mesh.content_hash()


BAD_ARRAYS = {
    "nan": (
        [[0, 0, np.nan], [1, 0, 0], [0, 1, 0]],
        [[0, 1, 2]],
        "NaN or infinite.*1 vertex \\(0\\)",
    ),
    "inf": ([[0, 0, 0], [np.inf, 0, 0], [0, 1, 0]], [[0, 1, 2]], "1 vertex \\(1\\)"),
    "negative index": (SQUARE, [[0, 1, 2], [0, 2, -1]], r"\[0, 4\).*1 face \(1\).*\[0, 2, -1\]"),
    "index too large": (SQUARE, [[0, 1, 4]], r"\[0, 4\).*1 face \(0\)"),
    "uint64 overflow": (SQUARE, np.array([[0, 1, 2**64 - 1]], np.uint64), r"1 face \(0\)"),
    "float faces": (SQUARE, HALVES.astype(float), "integer type, not float64"),
    "bool faces": (SQUARE, HALVES.astype(bool), "integer type, not bool"),
    "complex vertices": (SQUARE * 1j, HALVES, "real numbers, not complex"),
    "text vertices": ([["a", "b", "c"]], HALVES, "real numbers"),
    "flat vertices": (SQUARE.ravel(), HALVES, r"shape \(V, 3\), not \(12,\)"),
    "2-D vertices": (SQUARE[:, :2], HALVES, r"shape \(V, 3\), not \(4, 2\)"),
    "quads": (SQUARE, [[0, 1, 2, 3]], r"shape \(F, 3\), not \(1, 4\)"),
    "ragged faces": (SQUARE, [[0, 1, 2], [0, 2]], "faces cannot be read"),
    "no vertices": (np.zeros((0, 3)), np.zeros((0, 3), int), "empty"),
    "no faces": (SQUARE, np.zeros((0, 3), int), "no faces"),
    "no faces list": (SQUARE, [], "no faces"),
    "too large": (SQUARE * 1e160, HALVES, "rescale.*3 vertices"),
    "too small": (SQUARE * 1e-160, HALVES, "rescale"),
    "too small beside a vertex in no face": (
        np.concatenate([SQUARE * 1e-160, [[1, 1, 1]]]),
        HALVES,
        "mean edge length is .*rescale",
    ),
}


@pytest.mark.parametrize("validate", [True, False])
@pytest.mark.parametrize("name", BAD_ARRAYS)
def test_arrays_that_are_no_mesh_are_refused_even_unvalidated(name: str, validate: bool) -> None:
    vertices, faces, message = BAD_ARRAYS[name]
    with pytest.raises(MeshError, match=message):
        TriMesh(vertices, faces, validate=validate)


def test_many_offenders_are_counted_and_the_first_named() -> None:
    vertices = np.full((100, 3), np.nan)
    with pytest.raises(MeshError, match=r"100 vertices \(0, 1, 2, 3, 4, …\)"):
        TriMesh(vertices, [[0, 1, 2]])


def test_mesh_errors_are_value_errors_of_the_family() -> None:
    assert issubclass(MeshError, GaugeConvError) and issubclass(MeshError, ValueError)


def test_an_intrinsic_mesh_has_measures_but_no_positions() -> None:
    mesh = TriMesh.from_edge_lengths([[0, 1, 2], [0, 2, 3]], [[3, 4, 5], [5, 4, 3]])
    assert not mesh.has_positions
    assert mesh.num_vertices == 4
    assert mesh.area == pytest.approx(12.0)
    assert mesh.mean_edge_length == 4.0
    assert mesh.corner_angles[0, 1] == pytest.approx(np.pi / 2, abs=1e-15)
    assert "intrinsic" in repr(mesh)
    for name in ("vertices", "face_normals", "vertex_normals"):
        with pytest.raises(MeshError, match="no vertex positions"):
            getattr(mesh, name)


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        ([[3, 4]], r"shape \(1, 3\) like faces"),
        ([[3, 4, np.nan]], r"1 face \(0\)"),
        ([[3, 4, -5]], "negative"),
        ([["a", "b", "c"]], "real numbers"),
        ([[3e160, 4e160, 5e160]], "rescale"),
    ],
)
def test_lengths_that_are_none_are_refused(lengths: list, message: str) -> None:
    with pytest.raises(MeshError, match=message):
        TriMesh.from_edge_lengths([[0, 1, 2]], lengths, validate=False)


def test_an_intrinsic_index_beyond_all_corners_is_refused() -> None:
    with pytest.raises(MeshError, match=r"\[0, 3\)"):
        TriMesh.from_edge_lengths([[0, 1, 10**15]], [[1, 1, 1]])


def test_unvalidated_meshes_raise_where_half_edges_are_needed() -> None:
    mesh = TriMesh(SQUARE, [[0, 1, 2], [0, 1, 2]], validate=False)
    assert mesh.face_areas.tolist() == [0.5, 0.5]
    assert mesh.euler_characteristic == 3 - 3 + 2
    for name in ("halfedges", "boundary_vertices"):
        with pytest.raises(MeshError, match=r"earlier one: 1 face \(1\)"):
            getattr(mesh, name)


def test_topology_counts_leave_out_unreferenced_vertices() -> None:
    ball = shapes.icosphere(1)
    vertices = np.concatenate([ball.vertices, ball.vertices + 5, [[9, 9, 9]]])
    mesh = TriMesh(vertices, np.concatenate([ball.faces, ball.faces + ball.num_vertices]))
    assert mesh.num_components == 2
    assert mesh.euler_characteristic == 4
    assert not mesh.boundary_vertices.any()
    assert mesh.vertex_areas[-1] == 0.0


def test_content_hash_depends_on_content_alone() -> None:
    mesh = TriMesh(SQUARE, HALVES)
    assert mesh.content_hash() == TriMesh(SQUARE.tolist(), torch.from_numpy(HALVES)).content_hash()
    others = [
        TriMesh(SQUARE + np.array([0, 0, 1e-16]), HALVES),
        TriMesh(SQUARE, HALVES[::-1]),
        TriMesh(SQUARE, HALVES[:1]),
        TriMesh.from_edge_lengths(HALVES, mesh.edge_lengths),
    ]
    assert len({mesh.content_hash(), *(other.content_hash() for other in others)}) == 5
