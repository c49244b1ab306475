"""Smooth direction fields, their singularities, and the gauge that they make."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import eigh

from gaugeconv.errors import GaugeConvError, MeshError
from gaugeconv.geometry import (
    DirectionField,
    Frames,
    connection_laplacian,
    direction_field,
    edge_transport,
    mass_matrix,
    smooth_direction_field,
)
from gaugeconv.mesh import TriMesh, shapes
from tests.geometry.random_meshes import SEEDS, closed_meshes, holed_plate
from tests.geometry.zoo import bumpy_sphere, irregular_torus, l_shape, wrap


def any_field(mesh: TriMesh, order: int, seed: int) -> DirectionField:
    """Random numbers are a field too, full of singularities."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(2, mesh.num_vertices)).T @ [1, 1j]
    return DirectionField(Frames.canonical(mesh), order, values, np.zeros(1))


@settings(max_examples=25, deadline=None)
@given(mesh=closed_meshes(), order=st.integers(1, 6), seed=SEEDS)
def test_indices_of_any_field_sum_to_the_euler_characteristic(mesh, order, seed):
    field = any_field(mesh, order, seed)
    assert field.face_index().sum() == order * mesh.euler_characteristic


@settings(max_examples=10, deadline=None)
@given(mesh=closed_meshes(), order=st.integers(1, 6), seed=SEEDS)
def test_indices_do_not_depend_on_the_gauge(mesh, order, seed):
    field = any_field(mesh, order, seed)
    gamma = np.random.default_rng(seed).uniform(-9, 9, mesh.num_vertices)
    turned = DirectionField(
        field.frames.rotated(gamma), order, field.values * np.exp(1j * order * gamma), field.energy
    )
    assert np.array_equal(turned.face_index(), field.face_index())
    assert np.abs(wrap(order * (turned.angle - field.angle - gamma))).max() < 1e-10


@pytest.mark.parametrize("order", [1, 2, 4])
@pytest.mark.parametrize("index", [-2, -1, 0, 1, 2])
def test_a_field_that_turns_k_times_round_a_point_has_index_k_there(order, index):
    """k/m turns of the direction; the point is the centre of a face."""
    mesh = shapes.plane(8, 8, jitter=0.2)
    face = 61
    z = (mesh.vertices - mesh.vertices[mesh.faces[face]].mean(axis=0))[:, :2] @ [1, 1j]
    frames = Frames.from_directions(mesh, np.tile([1.0, 0, 0], (mesh.num_vertices, 1)))
    field = DirectionField(frames, order, (z / np.abs(z)) ** index, np.zeros(1))
    expected = np.zeros(mesh.num_faces)
    expected[face] = index
    if abs(index) < 2:
        assert np.array_equal(field.face_index(), expected)
        assert field.singular_faces.tolist() == ([face] if index else [])
    else:  # two turns are more than three steps of less than half a turn can hold
        assert field.face_index().sum() == index


@pytest.mark.parametrize("order", [1, 2, 4])
def test_it_is_the_field_of_least_energy(order):
    mesh = bumpy_sphere(60, 5)
    field = smooth_direction_field(mesh, order)
    stiffness, mass = (
        build(mesh, order, discretization="galerkin").toarray()
        for build in (connection_laplacian, mass_matrix)
    )
    assert abs(field.energy[0] - eigh(stiffness, mass, eigvals_only=True)[0]) < 1e-8
    x = field.values
    assert abs(np.vdot(x, mass @ x) - mesh.area) < 1e-9
    assert abs(np.vdot(x, stiffness @ x) / mesh.area - field.energy[0]) < 1e-8


@pytest.mark.parametrize("order", [1, 2])
def test_other_frames_give_the_same_field_up_to_one_turn(order):
    mesh = bumpy_sphere(90, 6)
    gamma = np.random.default_rng(1).uniform(-9, 9, 90)
    field = smooth_direction_field(mesh, order)
    other = smooth_direction_field(mesh, order, field.frames.rotated(gamma))
    ratio = other.values * np.exp(-1j * order * gamma) / field.values
    assert np.abs(ratio - ratio[0]).max() < 1e-6
    assert np.array_equal(other.face_index(), field.face_index())


@pytest.mark.parametrize("order", [1, 2, 4])
def test_singularities_of_the_round_sphere_are_few_and_of_one_kind(order):
    field = smooth_direction_field(shapes.irregular_sphere(400, 2), order)
    index = field.face_index()[field.singular_faces]
    assert index.tolist() == [1] * (2 * order)
    assert abs(field.energy[0] - order) < 0.05 * order * order  # l(l + 1) − m² with l = m


@pytest.mark.parametrize("genus", [0, 1, 2, 3])
def test_singularities_count_the_holes(genus):
    mesh = holed_plate(genus, 4)
    assert mesh.euler_characteristic == 2 - 2 * genus
    for order in (1, 4):
        field = smooth_direction_field(mesh, order)
        assert field.face_index().sum() == order * (2 - 2 * genus)


def test_a_torus_needs_no_singularities():
    mesh = irregular_torus(20, 10, 3)
    field = smooth_direction_field(mesh)
    assert len(field.singular_faces) == 0
    along = field.along()
    assert np.abs(along.e1 - field.vectors).max() < 1e-12
    assert np.abs(edge_transport(mesh, along)).max() < 0.9  # a smooth gauge: hardly any turning
    assert np.abs(edge_transport(mesh)).max() > 2.5


@pytest.mark.parametrize("order", [1, 2, 3])
def test_on_flat_surfaces_it_is_parallel(order):
    mesh = l_shape()
    field = smooth_direction_field(mesh, order)
    assert abs(field.energy[0]) < 1e-10
    angle = np.arctan2(field.vectors[:, 1], field.vectors[:, 0])
    assert np.abs(wrap(order * (angle - angle[0]))).max() < 1e-7
    assert np.abs(field.vectors[:, 2]).max() < 1e-15
    assert len(field.singular_faces) == 0


def test_every_component_has_a_field_and_stray_vertices_are_finite():
    small, large = bumpy_sphere(30, 1), bumpy_sphere(70, 2)
    vertices = np.concatenate([[[9.0, 9, 9]], small.vertices, 2 * large.vertices + 8])
    mesh = TriMesh(vertices, np.concatenate([small.faces + 1, large.faces + 31]))
    field = smooth_direction_field(mesh)
    alone = [smooth_direction_field(part) for part in (small, large)]
    expected = [alone[0].energy[0], alone[1].energy[0] / 4]
    np.testing.assert_allclose(field.energy, expected, rtol=1e-8)
    areas = np.array([small.area, 4 * large.area])
    mass = mass_matrix(mesh, discretization="galerkin")
    for part, area in zip((slice(1, 31), slice(31, None)), areas, strict=True):
        x = np.where(np.isin(np.arange(101), np.arange(101)[part]), field.values, 0)
        assert abs(np.vdot(x, mass @ x) - area) < 1e-8 * area
    assert field.values[0] == 1 and np.isfinite(field.vectors).all()
    assert field.face_index().sum() == 4


def test_dense_and_sparse_algebra_agree(monkeypatch):
    mesh = bumpy_sphere(60, 8)
    sparse = smooth_direction_field(mesh, 2)
    monkeypatch.setattr(direction_field, "DENSE", 100)
    dense = smooth_direction_field(mesh, 2)
    assert abs(sparse.energy[0] - dense.energy[0]) < 1e-9
    ratio = sparse.values / dense.values
    assert np.abs(ratio - ratio[0]).max() < 1e-7


def test_intrinsic_meshes_one_triangle_and_extreme_scales():
    cone = smooth_direction_field(shapes.cone(9.0, 3, 13))
    assert np.isfinite(cone.values).all() and cone.energy[0] > 0
    triangle = TriMesh([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 1, 2]])
    assert abs(smooth_direction_field(triangle, 3).energy[0]) < 1e-12
    mesh = bumpy_sphere(60, 9)
    energy = smooth_direction_field(mesh).energy[0]
    for scale in (1e-100, 1e100):
        scaled = smooth_direction_field(TriMesh(mesh.vertices * scale, mesh.faces))
        assert abs(scaled.energy[0] * scale * scale / energy - 1) < 1e-9


@pytest.mark.unchecked
@pytest.mark.parametrize("order", [0, -1, 1.5])
def test_orders_start_at_one(order):
    with pytest.raises(GaugeConvError, match="1 or more"):
        smooth_direction_field(shapes.icosphere(0), order)


def test_a_mesh_without_area_is_refused():
    needle = TriMesh([[0.0, 0, 0], [1, 0, 0], [2, 0, 0]], [[0, 1, 2]])
    with pytest.raises(MeshError, match="no area"):
        smooth_direction_field(needle)
