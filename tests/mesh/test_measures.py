from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaugeconv.mesh import TriMesh, measures, shapes

CLOSED = {
    "icosphere": (lambda: shapes.icosphere(3), 2),
    "irregular sphere": (lambda: shapes.irregular_sphere(400, seed=5), 2),
    "torus": (lambda: shapes.torus(14, 9), 0),
}


@pytest.mark.parametrize("name", CLOSED)
def test_corner_angles_of_a_face_sum_to_pi(name: str) -> None:
    mesh = CLOSED[name][0]()
    np.testing.assert_allclose(mesh.corner_angles.sum(axis=1), math.pi, rtol=1e-14)


@pytest.mark.parametrize("name", CLOSED)
def test_gauss_bonnet(name: str) -> None:
    make, euler = CLOSED[name]
    mesh = make()
    sums = np.bincount(mesh.faces.ravel(), weights=mesh.corner_angles.ravel())
    assert mesh.euler_characteristic == euler
    assert (2 * math.pi - sums).sum() == pytest.approx(2 * math.pi * euler, abs=1e-11)


def test_gauss_bonnet_with_boundary() -> None:
    mesh = shapes.plane(6, 5, jitter=0.2)
    sums = np.bincount(mesh.faces.ravel(), weights=mesh.corner_angles.ravel())
    full = np.where(mesh.boundary_vertices, math.pi, 2 * math.pi)
    assert (full - sums).sum() == pytest.approx(2 * math.pi * mesh.euler_characteristic, abs=1e-12)


def test_sphere_area_converges_at_second_order() -> None:
    errors = [4 * math.pi - shapes.icosphere(n).area for n in (2, 3, 4, 5)]
    orders = np.log2(np.array(errors[:-1]) / np.array(errors[1:]))
    assert errors[-1] < 1e-2
    np.testing.assert_allclose(orders, 2.0, atol=0.03)


def test_sphere_normals_converge_to_the_position() -> None:
    errors = []
    for subdivisions in (2, 3, 4):
        mesh = shapes.icosphere(subdivisions)
        errors.append(np.abs(mesh.vertex_normals - mesh.vertices).max())
    assert errors[-1] < 6e-3
    assert errors[0] > 1.8 * errors[1] > 3.2 * errors[2]


def test_vertex_areas_sum_to_the_area() -> None:
    mesh = shapes.irregular_sphere(200, seed=1)
    assert mesh.vertex_areas.sum() == pytest.approx(mesh.area, rel=1e-14)


def test_a_known_triangle() -> None:
    mesh = TriMesh([[0, 0, 0], [4, 0, 0], [0, 3, 0]], [[0, 1, 2]])
    np.testing.assert_allclose(mesh.edge_lengths, [[4, 5, 3]], rtol=1e-15)
    angles = [[math.pi / 2, math.atan2(3, 4), math.atan2(4, 3)]]
    np.testing.assert_allclose(mesh.corner_angles, angles, rtol=1e-15)
    np.testing.assert_allclose(mesh.face_areas, [6.0], rtol=1e-15)
    np.testing.assert_allclose(mesh.vertex_areas, [2.0] * 3, rtol=1e-15)
    np.testing.assert_allclose(mesh.face_normals, [[0, 0, 1]], atol=0)
    np.testing.assert_allclose(mesh.vertex_normals, [[0, 0, 1]] * 3, atol=0)
    assert mesh.mean_edge_length == pytest.approx(4.0, rel=1e-15)


@pytest.mark.parametrize("width", [1e-3, 1e-6, 1e-9, 1e-11])
def test_needle_angles_keep_their_relative_accuracy(width: float) -> None:
    mesh = TriMesh([[0, 0, 0], [1, 0, 0], [1, width, 0]], [[0, 1, 2]])
    expected = [[math.atan(width), math.pi / 2, math.atan(1 / width)]]
    np.testing.assert_allclose(mesh.corner_angles, expected, rtol=1e-15)
    np.testing.assert_allclose(mesh.face_areas, [width / 2], rtol=1e-15)


@pytest.mark.parametrize("width", [1.0, 1e-3, 1e-6, 1e-9])
def test_kahan_angles_of_an_isosceles_needle(width: float) -> None:
    lengths = np.array([[1.0, width, 1.0]])
    apex = 2 * math.asin(width / 2)
    expected = [[apex, math.pi / 2 - apex / 2, math.pi / 2 - apex / 2]]
    np.testing.assert_allclose(measures.corner_angles_from_lengths(lengths), expected, rtol=4e-15)
    area = width / 2 * math.sqrt(1 - width * width / 4)
    np.testing.assert_allclose(measures.face_areas_from_lengths(lengths), [area], rtol=4e-15)


def test_lengths_alone_give_the_measures_of_the_embedded_mesh() -> None:
    mesh = shapes.irregular_sphere(300, seed=9)
    intrinsic = TriMesh.from_edge_lengths(mesh.faces, mesh.edge_lengths)
    np.testing.assert_allclose(intrinsic.corner_angles, mesh.corner_angles, rtol=1e-12)
    np.testing.assert_allclose(intrinsic.face_areas, mesh.face_areas, rtol=1e-12)
    np.testing.assert_allclose(intrinsic.vertex_areas, mesh.vertex_areas, rtol=1e-12)


@pytest.mark.parametrize("scale", [1e-150, 1e-100, 1e100, 1e150])
def test_extreme_scales_give_the_same_up_to_scale(scale: float) -> None:
    mesh = shapes.irregular_sphere(120, seed=2)
    scaled = TriMesh(scale * mesh.vertices, mesh.faces)
    np.testing.assert_allclose(scaled.edge_lengths, scale * mesh.edge_lengths, rtol=1e-13)
    np.testing.assert_allclose(scaled.corner_angles, mesh.corner_angles, rtol=1e-13)
    np.testing.assert_allclose(scaled.face_areas, mesh.face_areas * scale * scale, rtol=1e-13)
    np.testing.assert_allclose(scaled.vertex_normals, mesh.vertex_normals, atol=1e-13)
    lengths = TriMesh.from_edge_lengths(mesh.faces, scale * mesh.edge_lengths)
    np.testing.assert_allclose(lengths.corner_angles, mesh.corner_angles, rtol=1e-12)
    np.testing.assert_allclose(lengths.face_areas, scaled.face_areas, rtol=1e-12)


def test_scaling_by_a_power_of_two_changes_no_bit() -> None:
    mesh = shapes.irregular_sphere(120, seed=2)
    scaled = TriMesh(2.0**300 * mesh.vertices, mesh.faces)
    assert (scaled.corner_angles == mesh.corner_angles).all()
    assert (scaled.vertex_normals == mesh.vertex_normals).all()


def test_a_far_offset_costs_only_the_rounding_of_the_input() -> None:
    mesh = shapes.irregular_sphere(120, seed=2)
    moved = TriMesh(mesh.vertices + 1e8, mesh.faces)
    rounded = TriMesh(moved.vertices - 1e8, mesh.faces)
    assert (moved.corner_angles == rounded.corner_angles).all()
    assert (moved.vertex_normals == rounded.vertex_normals).all()
    np.testing.assert_allclose(moved.corner_angles, mesh.corner_angles, atol=1e-6)


def test_degenerate_faces_have_finite_measures() -> None:
    line = [[0, 0, 0], [1, 0, 0], [3, 0, 0], [0, 1, 0]]
    mesh = TriMesh(line, [[0, 1, 2], [0, 2, 3]])
    assert mesh.face_areas[0] == 0.0
    np.testing.assert_allclose(mesh.corner_angles[0], [0, math.pi, 0], atol=0)
    np.testing.assert_allclose(np.linalg.norm(mesh.face_normals, axis=1), 1.0, rtol=1e-15)
    assert abs(mesh.face_normals[0] @ [1.0, 0.0, 0.0]) == 0.0
    np.testing.assert_allclose(np.linalg.norm(mesh.vertex_normals, axis=1), 1.0, rtol=1e-15)


def test_vertices_without_a_mean_normal_get_some_unit_vector() -> None:
    folded = TriMesh(
        [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 1, 0], [5, 5, 5]],
        [[0, 1, 2], [1, 0, 3]],
        validate=False,
    )
    np.testing.assert_allclose(np.linalg.norm(folded.vertex_normals, axis=1), 1.0, rtol=1e-15)
    assert folded.vertex_normals[4].tolist() == [0, 0, 1]


def test_coinciding_vertices_have_finite_measures() -> None:
    mesh = TriMesh(np.ones((3, 3)), [[0, 1, 2]], validate=False)
    for values in (mesh.corner_angles, mesh.face_areas, mesh.face_normals, mesh.vertex_normals):
        assert np.isfinite(values).all()
    assert mesh.mean_edge_length == 0.0


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_relabelling_permutes_every_measure(seed: int) -> None:
    rng = np.random.default_rng(seed)
    mesh = shapes.irregular_sphere(40, seed=seed)
    new_name = rng.permutation(mesh.num_vertices)
    order = rng.permutation(mesh.num_faces)
    turn = (np.arange(3) + rng.integers(0, 3, (mesh.num_faces, 1))) % 3
    vertices = np.zeros_like(mesh.vertices)
    vertices[new_name] = mesh.vertices
    faces = np.take_along_axis(new_name[mesh.faces], turn, axis=1)[order]
    other = TriMesh(vertices, faces)

    def moved(values: np.ndarray) -> np.ndarray:
        return np.take_along_axis(values, turn, axis=1)[order]

    np.testing.assert_allclose(other.edge_lengths, moved(mesh.edge_lengths), rtol=1e-15)
    np.testing.assert_allclose(other.corner_angles, moved(mesh.corner_angles), rtol=1e-12)
    np.testing.assert_allclose(other.face_areas, mesh.face_areas[order], rtol=1e-12)
    np.testing.assert_allclose(other.face_normals, mesh.face_normals[order], atol=1e-12)
    np.testing.assert_allclose(other.vertex_areas[new_name], mesh.vertex_areas, rtol=1e-12)
    np.testing.assert_allclose(other.vertex_normals[new_name], mesh.vertex_normals, atol=1e-12)
    assert other.area == pytest.approx(mesh.area, rel=1e-13)
    assert other.euler_characteristic == mesh.euler_characteristic
    assert other.num_components == 1


def test_reversed_winding_turns_normals_round() -> None:
    mesh = shapes.irregular_sphere(80, seed=4)
    mirror = TriMesh(mesh.vertices, mesh.faces[:, ::-1])
    np.testing.assert_allclose(mirror.vertex_normals, -mesh.vertex_normals, atol=1e-14)
    np.testing.assert_allclose(mirror.face_areas, mesh.face_areas, rtol=1e-13)
