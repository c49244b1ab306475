from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from gaugeconv.errors import GaugeConvError, StructureGroupError
from gaugeconv.geometry import Frames, neighborhoods
from gaugeconv.geometry.features import (
    CENTROID_FEATURES,
    SURFACE_FEATURES,
    centroid_features,
    shape_operator,
    surface_features,
)
from gaugeconv.mesh import TriMesh, shapes
from gaugeconv.reps import FieldType
from tests.geometry.test_non_orientable import immersed
from tests.geometry.zoo import Relabelling, bumpy_sphere, edge_radius, rough_sphere


def directed(mesh: TriMesh, directions: np.ndarray, edges: float = 3.0):
    frames = Frames.from_directions(mesh, directions)
    return neighborhoods(mesh, edge_radius(mesh, edges), frames)


def rms(x) -> float:
    return float(np.sqrt(np.mean(np.square(x))))


@pytest.mark.parametrize("outward", [True, False])
def test_shape_operator_of_a_sphere_is_one_over_its_radius(outward):
    for size, bound in ((300, 0.05), (1200, 0.02)):
        mesh = shapes.irregular_sphere(size, 1)
        faces = mesh.faces if outward else mesh.faces[:, ::-1]
        mesh = TriMesh(2.0 * mesh.vertices, faces)
        shape = shape_operator(neighborhoods(mesh, edge_radius(mesh)))
        sign = 1.0 if outward else -1.0
        assert rms(2 * shape.mean - sign) < bound
        assert rms(4 * shape.gaussian - 1) < 2 * bound
        assert rms(2 * shape.traceless) < bound


def torus_truth(mesh: TriMesh, major: float, minor: float):
    """S in frames whose e1 runs the long way round: the principal curvatures on its diagonal."""
    x, y, z = mesh.vertices.T
    ring = np.hypot(x, y)
    along = np.stack([-y, x, 0 * x], axis=1)
    curvatures = ((ring - major) / minor / ring, np.full_like(z, 1 / minor))
    return along, np.stack(curvatures, axis=1)


def torus_error(num_major: int) -> float:
    mesh = shapes.torus(num_major, num_major // 2, 1.0, 0.4)
    along, curvatures = torus_truth(mesh, 1.0, 0.4)
    matrix = shape_operator(directed(mesh, along, edges=2.5)).matrix
    expected = curvatures[:, :, None] * np.eye(2)
    return rms(matrix - expected)


def test_shape_operator_of_a_torus_converges_at_second_order():
    coarse, fine = torus_error(36), torus_error(72)
    assert fine < 0.05
    assert np.log2(coarse / fine) > 1.7


def test_order_two_points_along_the_principal_directions_of_a_cylinder():
    mesh = shapes.cylinder(40, 14, radius=0.5, height=1.0)
    inside = np.abs(mesh.vertices[:, 2] - 0.5) < 0.2
    along = np.tile([0.0, 0.0, 1.0], (mesh.num_vertices, 1))
    shape = shape_operator(directed(mesh, along, edges=2.0))
    np.testing.assert_allclose(shape.mean[inside], 1.0, rtol=0.02)
    np.testing.assert_allclose(shape.gaussian[inside], 0.0, atol=0.02)
    np.testing.assert_allclose(shape.traceless[inside, 0], -1.0, rtol=0.02)  # ½(0 − 1/0.5)
    np.testing.assert_allclose(shape.traceless[inside, 1], 0.0, atol=0.02)


def test_features_transform_as_their_declared_types():
    mesh = bumpy_sphere(150, 2)
    nb = neighborhoods(mesh, edge_radius(mesh))
    gamma = torch.from_numpy(np.random.default_rng(3).uniform(-7, 7, 150))
    turned = nb.change_gauge(gamma)
    everything = np.arange(150)
    for spec, before, after in (
        (SURFACE_FEATURES, surface_features(nb), surface_features(turned)),
        (
            CENTROID_FEATURES,
            centroid_features(nb.frames, everything),
            centroid_features(turned.frames, everything),
        ),
    ):
        field = FieldType(spec)
        assert before.shape == (150, field.dim)
        expected = field.transform(torch.from_numpy(before), gamma)
        assert np.abs(after - expected.numpy()).max() < 1e-12
        assert np.abs(after - before).max() > 0.1


def test_shape_operator_turns_as_a_tensor():
    mesh = rough_sphere(100, 4)
    nb = neighborhoods(mesh, edge_radius(mesh))
    gamma = np.random.default_rng(5).uniform(-7, 7, 100)
    turn = np.array([[np.cos(gamma), -np.sin(gamma)], [np.sin(gamma), np.cos(gamma)]])
    turn = turn.transpose(2, 0, 1)
    before = shape_operator(nb).matrix
    after = shape_operator(nb.change_gauge(torch.from_numpy(gamma))).matrix
    expected = turn @ before @ turn.transpose(0, 2, 1)
    assert np.abs(after - expected).max() < 1e-11 * np.abs(before).max()


@pytest.mark.parametrize("scale", [1.0, 1e100, 1e-100])
def test_features_are_invariant_to_rigid_motions_and_scale(scale):
    mesh = bumpy_sphere(120, 6)
    rotation = np.linalg.qr(np.random.default_rng(7).normal(size=(3, 3)))[0]
    rotation *= np.sign(np.linalg.det(rotation))
    moved = TriMesh(scale * (mesh.vertices @ rotation.T + [3.0, -2.0, 5.0]), mesh.faces)
    everything = np.arange(120)
    features = []
    for each in (mesh, moved):
        nb = neighborhoods(each, edge_radius(each))
        features.append((surface_features(nb), centroid_features(nb.frames, everything)))
    for before, after in zip(*features, strict=True):
        assert np.abs(before).max() > 0.1
        assert np.abs(after - before).max() < 1e-11


def test_features_do_not_depend_on_labels():
    """In frames given by directions in space nothing is left to differ."""
    mesh = rough_sphere(120, 8)
    other = Relabelling.of(mesh, 9)
    directions = np.random.default_rng(10).normal(size=(120, 3))
    moved = np.zeros_like(directions)
    moved[other.new_of_old] = directions
    a, b = directed(mesh, directions), directed(other.mesh, moved)
    before, after = surface_features(a), surface_features(b)[other.new_of_old]
    assert np.abs(before - after).max() < 1e-11 * np.abs(before).max()
    before = centroid_features(a.frames, np.arange(120))
    after = centroid_features(b.frames, other.new_of_old)
    assert np.abs(before - after).max() < 1e-12


def test_centroid_features_are_the_offset_in_the_frame():
    mesh = bumpy_sphere(90, 11)
    frames = Frames.canonical(mesh).rotated(0.4)
    chosen = np.array([5, 17, 60])
    centers = mesh.vertices[mesh.faces].mean(axis=1)
    centroid = mesh.face_areas @ centers / mesh.area
    for v, feature in zip(chosen, centroid_features(frames, chosen), strict=True):
        offset = (mesh.vertices[v] - centroid) / np.sqrt(mesh.area)
        expected = [
            offset @ frames.normal[v],
            np.linalg.norm(offset),
            offset @ frames.e1[v],
            offset @ frames.e2[v],
        ]
        np.testing.assert_allclose(feature, expected, atol=1e-13)


def test_surface_features_of_a_plane_vanish_but_for_the_lopsided_boundary():
    mesh = shapes.plane(10, 10, jitter=0.2)
    nb = neighborhoods(mesh, 0.25)
    features = surface_features(nb)
    assert np.abs(features[:, [0, 1, 2, 5, 6]]).max() < 1e-12
    inward = features[:, 3:5]
    frames = nb.frames
    in_space = inward[:, :1] * frames.e1 + inward[:, 1:] * frames.e2
    left = mesh.vertices[:, 0] == 0.0
    assert (in_space[left, 0] > 0.1).all()


def test_features_are_finite_where_there_is_too_little_to_fit():
    mesh = bumpy_sphere(60, 12)
    alone = neighborhoods(mesh, 1e-3)  # no neighbour but the vertex itself
    assert len(alone.r) == 60
    assert np.abs(surface_features(alone)).max() == 0.0
    padded = TriMesh(np.concatenate([mesh.vertices, [[9.0, 9, 9]]]), mesh.faces)
    features = surface_features(neighborhoods(padded, edge_radius(mesh)))
    assert np.isfinite(features).all() and np.abs(features[60]).max() == 0.0
    triangle = TriMesh([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 1, 2]])
    assert np.isfinite(surface_features(neighborhoods(triangle, 3.0))).all()


def test_features_need_frames():
    mesh = bumpy_sphere(60, 13)
    bare = replace(neighborhoods(mesh, 0.5), frames=None)
    for feature in (shape_operator, surface_features):
        with pytest.raises(GaugeConvError, match="carry no frames"):
            feature(bare)


def test_frames_that_oppose_the_winding_are_refused():
    frames = Frames.canonical(shapes.icosphere(2)).reflected()
    nb = neighborhoods(frames.mesh, edges=2.5, frames=frames)
    with pytest.raises(StructureGroupError, match="oppose the winding"):
        surface_features(nb)
    with pytest.raises(StructureGroupError, match="oppose the winding"):
        centroid_features(frames, np.arange(3))


def test_a_surface_with_one_side_has_no_curvature_along_its_normal():
    with pytest.raises(StructureGroupError, match="one side"):
        shape_operator(neighborhoods(TriMesh(*immersed(closed=False), validate=False), edges=2.5))
