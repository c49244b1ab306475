"""Flat surfaces, where log maps and transports are known exactly, boundary included."""

from __future__ import annotations

import numpy as np
import pytest

from gaugeconv.geometry import Frames, neighborhoods
from gaugeconv.mesh import TriMesh, shapes
from tests.geometry.zoo import Table, edge_radius, gauge_residual, l_shape, wrap


def constant_frames(mesh: TriMesh) -> Frames:
    return Frames.from_directions(mesh, np.tile([1.0, 0.0, 0.0], (mesh.num_vertices, 1)))


def euclidean(mesh: TriMesh, table: Table):
    step = mesh.vertices[table.q] - mesh.vertices[table.p]
    return np.hypot(step[:, 0], step[:, 1]), np.arctan2(step[:, 1], step[:, 0])


@pytest.mark.parametrize("jitter", [0.0, 0.24])
@pytest.mark.parametrize("edges", [1.1, 3.0, 30.0])
def test_on_a_plane_log_is_the_difference_and_transport_is_zero(jitter, edges):
    mesh = shapes.plane(9, 7, 3.0, 2.0, jitter=jitter, seed=5)
    radius = edge_radius(mesh, edges) * 1.000123
    table = Table.of(neighborhoods(mesh, radius, constant_frames(mesh)))
    r, theta = euclidean(mesh, table)
    apart = table.p != table.q
    assert np.abs(table.r - r).max() < 1e-13 * radius
    assert np.abs(wrap(table.theta - theta)[apart]).max() < 1e-12
    assert np.abs(wrap(table.transport)).max() < 1e-12
    # exactly the Euclidean disk: none missing, none too many
    x = mesh.vertices
    inside = np.linalg.norm(x[:, None] - x[None], axis=2) <= radius
    assert np.array_equal(np.argwhere(inside), np.stack([table.p, table.q], axis=1))


def test_paths_bend_round_a_concave_corner():
    mesh = l_shape()
    table = Table.of(neighborhoods(mesh, 10.0, constant_frames(mesh)))
    assert len(table.p) == mesh.num_vertices**2
    r, theta = euclidean(mesh, table)
    x = mesh.vertices[:, :2] - 1.0  # the concave corner is now the origin
    start, end = x[table.p], x[table.q]
    side = start[:, 0] * end[:, 1] - start[:, 1] * end[:, 0]
    right_to_up = (start[:, 0] > 0) & (end[:, 1] > 0) & (side > 1e-12)
    up_to_right = (start[:, 1] > 0) & (end[:, 0] > 0) & (side < -1e-12)
    bent = right_to_up | up_to_right
    r = np.where(bent, np.linalg.norm(start, axis=1) + np.linalg.norm(end, axis=1), r)
    theta = np.where(bent, np.arctan2(-start[:, 1], -start[:, 0]), theta)
    assert bent.sum() > 100
    assert np.abs(table.r - r).max() < 1e-13
    assert np.abs(wrap(table.theta - theta)[table.p != table.q]).max() < 1e-11
    assert np.abs(wrap(table.transport)).max() < 1e-11


def test_bending_a_plane_isometrically_changes_nothing():
    flat = shapes.plane(10, 6, 2.0, 1.0)
    y = flat.vertices[:, 1] + 0.03 * np.random.default_rng(1).normal(size=flat.num_vertices)
    x = flat.vertices[:, 0]
    flat = TriMesh(np.stack([x, y, 0 * x], axis=1), flat.faces)
    # creases along the grid lines x = const, which are edges
    turn = np.cumsum(np.random.default_rng(2).uniform(-0.9, 0.9, 10))
    steps = 0.2 * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    profile = np.concatenate([[[0.0, 0.0]], np.cumsum(steps, axis=0)])
    column = np.rint(x / 0.2).astype(int)
    bent = TriMesh(np.stack([profile[column, 0], y, -profile[column, 1]], axis=1), flat.faces)
    radius = edge_radius(flat, 4.0)
    a, b = (Table.of(neighborhoods(mesh, radius)) for mesh in (flat, bent))
    assert a.same_pairs(b)
    # canonical frames depend on intrinsic angles alone, so not even the gauge changes
    assert np.abs(a.r - b.r).max() < 1e-13
    assert np.abs(wrap(a.theta - b.theta)).max() < 1e-12
    assert np.abs(wrap(a.transport - b.transport)).max() < 1e-12


def test_on_a_cylinder_paths_are_those_of_its_unrolling():
    around, along, radius = 13, 9, 1.0
    mesh = shapes.cylinder(around, along, radius, 2.0)
    width = 2 * radius * np.sin(np.pi / around)
    table = Table.of(neighborhoods(mesh, 2.0))
    column, row = np.divmod(np.arange(mesh.num_vertices), along + 1)
    turns = column[table.q] - column[table.p]
    turns = (turns + around // 2) % around - around // 2  # 13 is odd: no ties
    dx, dz = width * turns, 2.0 / along * (row[table.q] - row[table.p])
    assert np.abs(table.r - np.hypot(dx, dz)).max() < 1e-13
    assert len(table.p) > 5000
    assert gauge_residual(table, np.arctan2(dz, dx), 0.0 * dx) < 1e-12


def test_a_single_triangle_is_flat():
    corners = np.array([[0.0, 0, 0], [3, 0, 0], [1, 2, 0]])
    mesh = TriMesh(corners, [[0, 1, 2]])
    table = Table.of(neighborhoods(mesh, 10.0, constant_frames(mesh)))
    r, theta = euclidean(mesh, table)
    assert len(table.p) == 9
    assert np.abs(table.r - r).max() < 1e-14
    assert np.abs(wrap(table.theta - theta)[table.p != table.q]).max() < 1e-14
    assert np.abs(wrap(table.transport)).max() < 1e-14
    np.testing.assert_allclose(table.weight, 1.0)
