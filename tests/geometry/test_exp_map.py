"""The exponential map against unfoldings, smooth surfaces and the log map."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings

import gaugeconv as gc
from gaugeconv.errors import MeshError, StructureGroupError
from gaugeconv.geometry import ExpMap, Frames, exp_map, face_basis, log_map, neighborhoods
from gaugeconv.geometry.curvature import angle_defect
from gaugeconv.mesh import TriMesh, shapes
from tests.geometry.random_meshes import SEEDS, meshes, punctured
from tests.geometry.zoo import bumpy_sphere, edge_radius, l_shape, rough_sphere, wrap

TWO_PI = 2 * np.pi


def polar(r, theta):
    return np.stack(np.broadcast_arrays(r * np.cos(theta), r * np.sin(theta)), axis=-1)


def constant_frames(mesh: TriMesh) -> Frames:
    return Frames.from_directions(mesh, np.tile([1.0, 0.0, 0.0], (mesh.num_vertices, 1)))


def corner_of(end: ExpMap, vertex) -> np.ndarray:
    """Column of the vertex in the end face, of the other corners where it is none of them."""
    return np.argmax(end.frames.mesh.faces[end.face] == np.asarray(vertex)[..., None], axis=1)


# Flat surfaces and their unfoldings


@pytest.mark.parametrize("jitter", [0.0, 0.2])
def test_on_a_plane_exp_adds_the_vector(jitter):
    mesh = shapes.plane(9, 7, 3.0, 2.0, jitter=jitter, seed=1)
    rng = np.random.default_rng(2)
    center = rng.integers(mesh.num_vertices, size=2000)
    vectors = rng.uniform([0, 0], [3, 2], (2000, 2)) - mesh.vertices[center, :2]
    vectors[:200] *= 5  # most of these run into the boundary
    frames = constant_frames(mesh)
    end = exp_map(mesh, center, vectors, frames)
    inside = ~end.hit_boundary
    target = (mesh.vertices[center, :2] + vectors)[inside]
    assert 1700 < inside.sum() < 1999
    assert np.abs(end.position()[inside, :2] - target).max() < 1e-13
    assert (end.remaining[inside] == 0).all()
    # parallel transport is trivial: the frame of the face as seen in the plane, and corners untwisted
    e1 = face_basis(mesh)[end.face, 0]
    assert np.abs(wrap(end.transport - np.arctan2(e1[:, 1], e1[:, 0]))).max() < 1e-12
    assert np.abs(wrap(end.corner_transport())).max() < 1e-12


def test_a_path_stops_where_the_plane_ends():
    mesh = shapes.plane(9, 7, 3.0, 2.0, jitter=0.2, seed=1)
    center = np.flatnonzero(~mesh.boundary_vertices)
    angle = np.random.default_rng(3).uniform(0, TWO_PI, len(center))
    end = exp_map(mesh, center, polar(10.0, angle), constant_frames(mesh))
    x, y, _ = mesh.vertices[center].T
    to_side = np.where(np.cos(angle) > 0, 3 - x, x) / np.abs(np.cos(angle))
    to_top = np.where(np.sin(angle) > 0, 2 - y, y) / np.abs(np.sin(angle))
    assert end.hit_boundary.all()
    assert np.abs(end.length - np.minimum(to_side, to_top)).max() < 1e-12
    assert np.abs(end.length + end.remaining - 10.0).max() < 1e-12
    target = mesh.vertices[center] + end.length[:, None] * np.pad(
        polar(1.0, angle), [(0, 0), (0, 1)]
    )
    assert np.abs(end.position() - target).max() < 1e-12


def test_at_a_boundary_vertex_a_vector_off_the_surface_stops_at_once():
    mesh = shapes.plane(4, 4)
    frames = constant_frames(mesh)
    for angle in (0.501 * np.pi, np.pi, 1.5 * np.pi, -0.001):
        end = exp_map(mesh, 0, polar(0.3, angle), frames)  # at the corner (0, 0)
        assert end.hit_boundary[0] and end.length[0] == 0.0 and end.remaining[0] == 0.3
        assert mesh.faces[end.face[0], end.barycentric[0].argmax()] == 0
        assert end.barycentric.max() == 1.0
        assert abs(wrap(end.direction[0] + end.transport[0] - angle)) < 1e-14
    for angle in (0.0, 0.5 * np.pi):  # along the boundary is on the surface
        end = exp_map(mesh, 0, polar(0.2, angle), frames)
        assert not end.hit_boundary[0]
        np.testing.assert_allclose(end.position()[0, :2], polar(0.2, angle), atol=1e-15)


def test_a_path_into_a_boundary_vertex_ends_there():
    mesh = shapes.plane(4, 4)
    frames = constant_frames(mesh)
    along = exp_map(mesh, 0, [0.8, 0.0], frames)
    assert along.hit_boundary[0] and abs(along.length[0] - 0.25) < 1e-15
    exact = exp_map(mesh, 0, [0.25, 0.0], frames)
    assert not exact.hit_boundary[0] and exact.remaining[0] == 0.0
    diagonal = exp_map(mesh, 0, [2.0, 2.0], frames)  # through three inner vertices to (1, 1)
    assert diagonal.hit_boundary[0] and abs(diagonal.length[0] - np.sqrt(2)) < 1e-14
    np.testing.assert_allclose(diagonal.position()[0], [1, 1, 0], atol=1e-14)


def unfolded_on_cone(total_angle: float, rings: int, sectors: int, end: ExpMap):
    """Distance from the apex and angle round it of the end points, the angle mod the total one."""
    corners = end.frames.mesh.faces[end.face]
    ring = np.where(corners == 0, 0, 1 + (corners - 1) // sectors)
    sector = (corners - 1) % sectors
    first = np.where(corners[:, 0] == 0, sector[:, 1], sector[:, 0])[:, None]
    beside = np.where(corners == 0, 0, (sector - first + 1) % sectors - 1)
    z = ring / rings * np.exp(1j * total_angle / sectors * beside)
    end_point = (end.barycentric * z).sum(axis=1)
    return np.abs(end_point), np.angle(end_point) + total_angle / sectors * first[:, 0]


@pytest.mark.parametrize("total_angle", [0.9, 2.5, 5.0, TWO_PI, 7.5, 12.0])
def test_on_a_cone_paths_are_straight_in_the_unfolding(total_angle):
    rings, sectors = 4, 13
    mesh = shapes.cone(total_angle, rings, sectors)
    vertex = 1 + sectors  # on ring 2, sector 0, half-way to the rim
    apex = log_map(mesh, vertex, 2.0)
    inward = apex.theta[apex.vertex == 0][0]
    angle = np.linspace(0.05, 6.2, 60)
    for length in (0.2, 0.38):
        end = exp_map(mesh, vertex, polar(length, inward + np.pi + angle))
        line = 0.5 + length * np.exp(1j * angle)
        distance, round_apex = unfolded_on_cone(total_angle, rings, sectors, end)
        assert not end.hit_boundary.any()
        assert np.abs(distance - np.abs(line)).max() < 1e-13
        turns = (round_apex - np.angle(line)) / total_angle
        assert np.abs(turns - np.round(turns)).max() < 1e-12


@pytest.mark.parametrize("total_angle", [0.9, 2.5, 5.0, TWO_PI, 7.5, 10.0, 15.0])
def test_a_path_through_a_vertex_has_half_of_its_angle_on_either_side(total_angle):
    rings, sectors = 3, 12
    mesh = shapes.cone(total_angle, rings, sectors)
    middle_ring = 1 + sectors + np.arange(sectors)
    frames = Frames.canonical(mesh)
    for vertex in middle_ring:
        apex = log_map(mesh, int(vertex), 2.0)
        inward = apex.theta[apex.vertex == 0][0]
        opposite = 1 + sectors + (int(vertex) - 1 + sectors // 2) % sectors
        end = exp_map(mesh, int(vertex), polar(4 / 3, inward), frames)
        assert mesh.faces[end.face[0], corner_of(end, opposite)[0]] == opposite
        assert end.barycentric[0, corner_of(end, opposite)[0]] > 1 - 1e-12
        # on towards the rim: the direction opposite to the way back
        back = log_map(mesh, opposite, 2.0)
        onward = back.theta[back.vertex == 0][0] + np.pi
        carried = onward + end.corner_transport()[0, corner_of(end, opposite)[0]]
        assert abs(wrap(carried - inward)) < 1e-11


def test_on_a_cylinder_paths_wind_round_it():
    around, along, height = 13, 9, 2.0
    mesh = shapes.cylinder(around, along, 1.0, height)
    width = 2 * np.sin(np.pi / around)
    vertex = 4 * (along + 1) + 4  # column 4, row 4
    angle = np.linspace(-0.08, 0.08, 31)
    up = log_map(mesh, vertex, 1.0)
    upward = up.theta[up.vertex == vertex + 1][0]
    length = 20.3 * width  # more than once round
    end = exp_map(mesh, vertex, polar(length, upward - 0.5 * np.pi + angle))
    column, row = np.divmod(mesh.faces[end.face], along + 1)
    first = column[:, :1]
    column = first + (column - first + 1) % around - 1
    x = width * (end.barycentric * column).sum(axis=1)
    z = height / along * (end.barycentric * row).sum(axis=1)
    start_z = 4 * height / along
    assert np.abs(z - start_z - length * np.sin(angle)).max() < 1e-13
    turns = (x - 4 * width - length * np.cos(angle)) / (around * width)
    assert np.abs(turns - np.round(turns)).max() < 1e-13
    assert (np.round(turns) == -1).all()


def test_round_a_torus_along_edges_a_path_comes_back_to_itself():
    mesh = shapes.torus(20, 11)
    for vertex, head, count in ((0, 1, 11), (0, 11, 20)):  # once round the tube, once along the rim
        step = np.linalg.norm(mesh.vertices[head] - mesh.vertices[vertex])
        log = log_map(mesh, vertex, 1.5 * step)
        theta = log.theta[log.vertex == head][0]
        end = exp_map(mesh, np.full(count + 1, vertex), polar(step * np.arange(count + 1), theta))
        stops = vertex + (head - vertex) * (np.arange(count + 1) % count)
        np.testing.assert_allclose(end.position(), mesh.vertices[stops], atol=1e-13)
        k = corner_of(end, stops)[-1]
        assert abs(wrap(end.corner_transport()[-1, k])) < 1e-12


def test_on_the_sphere_ends_converge_to_great_circles_at_second_order():
    errors, sizes = [], (162, 642, 2562)
    for size in sizes:
        mesh = shapes.irregular_sphere(size, seed=size)
        frames = Frames.canonical(mesh)
        center = np.arange(mesh.num_vertices)
        r = edge_radius(mesh)
        for angle in (0.0, 2.0, 4.0):
            end = exp_map(mesh, center, polar(r, np.full(size, angle)), frames)
            tangent = np.cos(angle) * frames.e1 + np.sin(angle) * frames.e2
            tangent -= (tangent * mesh.vertices).sum(axis=1)[:, None] * mesh.vertices
            tangent /= np.linalg.norm(tangent, axis=1)[:, None]
            smooth = np.cos(r) * mesh.vertices + np.sin(r) * tangent
            x = end.position()
            x /= np.linalg.norm(x, axis=1)[:, None]
            errors.append(np.sqrt(np.mean(np.sum((x - smooth) ** 2, axis=1))) / r)
    table = np.array(errors).reshape(len(sizes), 3).mean(axis=1)
    order = np.polyfit(-0.5 * np.log(sizes), np.log(table), 1)[0]
    assert order > 1.8, f"errors {table}, order {order:.2f}"
    assert table[-1] < 2e-3


# Against the log map


def exp_of_log(mesh: TriMesh, radius: float):
    """Every pair's exp(log q), its distance from q and the pairs themselves."""
    nb = neighborhoods(mesh, radius)
    p, q = nb.target.numpy(), nb.source.numpy()
    end = exp_map(mesh, p, polar(nb.r.numpy(), nb.theta.numpy()), nb.frames)
    return nb, end, np.linalg.norm(end.position() - mesh.vertices[q], axis=1), p, q


def test_on_a_convex_mesh_exp_undoes_log_for_every_pair():
    mesh = shapes.irregular_sphere(400, seed=5)
    assert angle_defect(mesh).min() > 1e-6  # no saddle: no shortest path bends
    nb, end, error, _, q = exp_of_log(mesh, edge_radius(mesh, 6.0))
    assert error.max() < 1e-12 * nb.radius
    k = corner_of(end, q)
    assert (mesh.faces[end.face, k] == q).all()
    # and the transport to that corner is the log map's
    carried = end.corner_transport()[np.arange(len(k)), k]
    assert np.abs(wrap(carried - nb.transport.numpy())).max() < 1e-11


@pytest.mark.parametrize(
    "make",
    [lambda: bumpy_sphere(500, 6), lambda: rough_sphere(400, 7), lambda: l_shape(4)],
    ids=["bumpy", "rough", "with boundary"],
)
def test_exp_misses_q_only_where_the_shortest_path_runs_through_a_pseudo_source(make):
    mesh = make()
    radius = edge_radius(mesh, 3.5)
    nb, end, error, p, q = exp_of_log(mesh, radius)
    missed = np.flatnonzero(error > 1e-9 * radius)
    assert error[error <= 1e-9 * radius].max() < 1e-12 * radius
    assert 0.002 < len(missed) / len(error) < 0.5
    r = np.full((mesh.num_vertices,) * 2, np.inf)
    r[p, q] = nb.r.numpy()
    pseudo = mesh.boundary_vertices | (angle_defect(mesh) < 1e-9)
    for e in missed:
        by_way_of = r[p[e]] + r[:, q[e]]
        by_way_of[[p[e], q[e]]] = np.inf
        assert by_way_of[pseudo].min() < r[p[e], q[e]] + 1e-11 * radius
    hit = np.flatnonzero((error <= 1e-9 * radius) & (p != q))
    k = corner_of(end, q)[hit]
    carried = end.corner_transport()[hit, k]
    assert np.abs(wrap(carried - nb.transport.numpy()[hit])).max() < 1e-10


def test_on_an_intrinsic_cone_exp_undoes_log():
    mesh = shapes.cone(7.5, 3, 13)
    nb = neighborhoods(mesh, 0.9)
    p, q = nb.target.numpy(), nb.source.numpy()
    end = exp_map(mesh, p, polar(nb.r.numpy(), nb.theta.numpy()))
    at_q = (end.barycentric * (mesh.faces[end.face] == q[:, None])).sum(axis=1)
    straight = ~mesh.boundary_vertices[p] & ~mesh.boundary_vertices[q] & (nb.r.numpy() < 0.6)
    assert straight.sum() > 100
    assert (at_q[straight] > 1 - 1e-12).all()
    with pytest.raises(MeshError, match="no vertex positions"):
        end.position()


# Invariance


@settings(max_examples=40, deadline=None)
@given(meshes(), SEEDS)
def test_paths_are_gauge_invariant_and_their_transport_is_covariant(mesh, seed):
    rng = np.random.default_rng(seed)
    size = 50
    center = rng.choice(np.unique(mesh.faces), size)
    length = edge_radius(mesh, 8.0) * rng.random(size)
    theta = rng.uniform(0, TWO_PI, size)
    gamma = rng.uniform(-np.pi, np.pi, mesh.num_vertices)
    frames = Frames.canonical(mesh)
    a = exp_map(mesh, center, polar(length, theta), frames)
    b = exp_map(mesh, center, polar(length, theta + gamma[center]), frames.rotated(gamma))
    assert (a.barycentric >= 0).all() and np.abs(a.barycentric.sum(axis=1) - 1).max() < 1e-14
    assert np.abs(a.length + a.remaining - length).max() <= 1e-12 * length.max()
    apart = np.linalg.norm(a.position() - mesh.vertices[center], axis=1)
    assert (apart <= a.length * (1 + 1e-12)).all()
    np.testing.assert_allclose(b.position(), a.position(), atol=1e-9 * length.max())
    same = a.face == b.face
    assert same.mean() > 0.9
    assert np.abs(wrap(b.transport - a.transport - gamma[center]))[same].max() < 1e-10
    change = gamma[center][:, None] - gamma[mesh.faces[a.face]]
    difference = wrap(b.corner_transport() - a.corner_transport() - change)
    well_inside = same & (a.barycentric.max(axis=1) < 0.999)
    assert np.abs(difference)[well_inside].max(initial=0) < 1e-7


def test_where_a_path_stops_it_lies_on_the_boundary():
    mesh = punctured(bumpy_sphere(300, 8), seed=2)
    center = np.arange(mesh.num_vertices)
    end = exp_map(mesh, center, polar(30.0, np.linspace(0, TWO_PI, len(center))))
    hit = np.flatnonzero(end.hit_boundary)
    assert len(hit) > 20
    side = (np.argmin(end.barycentric[hit], axis=1) + 1) % 3  # opposite to the corner that is 0
    assert end.barycentric[hit].min(axis=1).max() < 1e-15
    alone = mesh.halfedges.twin[3 * end.face[hit] + side] < 0
    at_vertex = end.barycentric[hit].max(axis=1) > 1 - 1e-12
    assert (alone | at_vertex).all()


@pytest.mark.parametrize("scale", [1e-100, 1e100])
def test_scale_and_rigid_motion_change_nothing(scale):
    mesh = rough_sphere(200, 9)
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    turn *= np.sign(np.linalg.det(turn))
    moved = TriMesh(scale * (mesh.vertices @ turn.T), mesh.faces)
    center = np.arange(200)
    vectors = polar(edge_radius(mesh), np.linspace(0, 40, 200))
    a, b = exp_map(mesh, center, vectors), exp_map(moved, center, scale * vectors)
    assert (a.face == b.face).all()
    assert np.abs(a.barycentric - b.barycentric).max() < 1e-11
    assert np.abs(wrap(a.transport - b.transport)).max() < 1e-11
    np.testing.assert_allclose(b.length, scale * a.length, rtol=1e-12)


def test_threads_do_not_change_the_result():
    mesh = bumpy_sphere(300, 10)
    center = np.arange(6000) % 300
    vectors = polar(1.0, np.linspace(0, 60, 6000))
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = exp_map(mesh, center, vectors)
        torch.set_num_threads(3)
        three = exp_map(mesh, center, vectors)
    finally:
        torch.set_num_threads(threads)
    assert np.array_equal(one.face, three.face)
    assert np.array_equal(one.barycentric, three.barycentric)


# Input


def test_one_centre_or_vector_serves_many():
    mesh = bumpy_sphere(100, 11)
    vectors = polar(0.5, np.arange(4.0))
    one = exp_map(mesh, 3, vectors)
    assert np.array_equal(one.face, exp_map(mesh, [3, 3, 3, 3], vectors).face)
    many = exp_map(mesh, np.arange(5, dtype=np.int32), [0.5, 0.0])
    assert many.face.shape == (5,) and np.array_equal(many.center, np.arange(5))
    assert exp_map(mesh, 3, [0.5, 0.1]).barycentric.shape == (1, 3)
    assert exp_map(mesh, torch.arange(4), torch.tensor(vectors)).face.shape == (4,)
    assert exp_map(mesh, np.zeros(0, np.int64), np.zeros((0, 2))).face.shape == (0,)


def test_a_zero_vector_stays_at_its_centre():
    for mesh in (bumpy_sphere(100, 12), shapes.plane(3, 3)):
        center = np.arange(mesh.num_vertices)
        end = exp_map(mesh, center, [0.0, 0.0])
        assert not end.hit_boundary.any() and (end.length == 0).all()
        k = corner_of(end, center)
        assert (end.barycentric[center, k] == 1.0).all()
        assert (mesh.faces[end.face, k] == center).all()
        on_surface = ~mesh.boundary_vertices
        assert np.abs(wrap(end.corner_transport()[center, k]))[on_surface].max() < 1e-12


@pytest.mark.parametrize(
    ("center", "vectors", "message"),
    [
        (12, [1.0, 0.0], "centre 0 is vertex 12"),
        ([0, -1], [1.0, 0.0], "centre 1 is vertex -1"),
        (0, [np.nan, 0.0], "vector 0 is not finite"),
        ([0, 1], [[1.0, 0.0], [0.0, np.inf]], "vector 1 is not finite"),
        ([0, 1], np.ones((3, 2)), "2 centres for 3 vectors"),
        (0, [1.0, 0.0, 0.0], "vectors must be"),
        (0.5, [1.0, 0.0], "center must be"),
        (0, [1e300, 0.0], "does not end within"),
        (0, [1.5e308, 1.5e308], "does not end within"),
    ],
)
def test_bad_input_is_an_error_that_says_where(center, vectors, message):
    with pytest.raises(MeshError, match=message):
        exp_map(shapes.icosphere(0), center, vectors)


def test_a_centre_without_faces_is_an_error():
    mesh = TriMesh([[0, 0, 0], [1, 0, 0], [0, 1, 0], [9, 9, 9]], [[0, 1, 2]])
    with pytest.raises(MeshError, match="vertex 3 belongs to no face"):
        exp_map(mesh, 3, [1.0, 0.0])


def test_steps_are_limited():
    mesh = shapes.icosphere(2)
    vector = [0.5, 0.2]
    assert exp_map(mesh, 0, vector, max_steps=20).length[0] == np.hypot(*vector)
    with pytest.raises(MeshError, match="within 2 steps"):
        exp_map(mesh, 0, vector, max_steps=2)
    with pytest.raises(MeshError, match="at least 1"):
        exp_map(mesh, 0, vector, max_steps=0)


def test_frames_that_oppose_the_winding_are_refused():
    mesh = shapes.icosphere(1)
    with pytest.raises(StructureGroupError):
        exp_map(mesh, 0, [0.1, 0.0], Frames.canonical(mesh).reflected())


def test_the_public_name_is_the_function():
    assert gc.exp_map is exp_map
