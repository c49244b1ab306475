from __future__ import annotations

import time

import numpy as np
import pytest

from gaugeconv.mesh import TriMesh, shapes

SHAPES = {
    "icosphere": lambda: shapes.icosphere(2),
    "irregular sphere": lambda: shapes.irregular_sphere(150, seed=1),
    "torus": lambda: shapes.torus(9, 7),
    "jittered plane": lambda: shapes.plane(6, 5, jitter=0.2, seed=2),
    "cylinder": lambda: shapes.cylinder(7, 3),
    "intrinsic cone": lambda: shapes.cone(8.0, 3, 9),
    "one triangle": lambda: TriMesh(np.eye(3), [[0, 1, 2]]),
    "soup": lambda: TriMesh(np.random.default_rng(0).random((9, 3)), np.arange(9).reshape(3, 3)),
}


@pytest.fixture(params=SHAPES, ids=lambda name: name.replace(" ", "-"))
def mesh(request: pytest.FixtureRequest) -> TriMesh:
    return SHAPES[request.param]()


def slow_wheels(mesh: TriMesh) -> list[list[int]]:
    """Wheels by dictionary look-ups, one face after the other."""
    start_of = {}
    for f, face in enumerate(mesh.faces.tolist()):
        for k in range(3):
            start_of[face[k], face[(k + 1) % 3]] = 3 * f + k
    wheels = []
    for v in range(mesh.num_vertices):
        outgoing = sorted(h for (tail, _), h in start_of.items() if tail == v)
        following = {}
        for h in outgoing:
            before = mesh.faces[h // 3][(h + 2) % 3]
            following[h] = start_of.get((v, int(before)))
        first = [h for h in outgoing if h not in following.values()] or outgoing[:1]
        wheel = list(first)
        while wheel and following[wheel[-1]] not in (None, wheel[0]):
            wheel.append(following[wheel[-1]])
        wheels.append(wheel)
    return wheels


def test_tail_head_and_twin_follow_the_faces(mesh: TriMesh) -> None:
    he = mesh.halfedges
    assert (he.tail == mesh.faces.ravel()).all()
    assert (he.head == np.roll(mesh.faces, -1, axis=1).ravel()).all()
    inner = np.flatnonzero(he.twin >= 0)
    assert (he.twin[he.twin[inner]] == inner).all()
    assert (he.tail[he.twin[inner]] == he.head[inner]).all()
    assert (he.head[he.twin[inner]] == he.tail[inner]).all()


def test_wheels_agree_with_the_slow_twin(mesh: TriMesh) -> None:
    expected = slow_wheels(mesh)
    for v in range(mesh.num_vertices):
        assert mesh.halfedges.of_vertex(v).tolist() == expected[v], f"vertex {v}"


def test_every_half_edge_is_in_exactly_one_wheel(mesh: TriMesh) -> None:
    he = mesh.halfedges
    assert sorted(he.wheel) == list(range(3 * mesh.num_faces))
    owner = np.repeat(np.arange(mesh.num_vertices), np.diff(he.wheel_ptr))
    assert (he.tail[he.wheel] == owner).all()


def test_boundary_vertices_are_the_ends_of_half_edges_without_twin(mesh: TriMesh) -> None:
    he = mesh.halfedges
    alone = he.twin < 0
    expected = np.zeros(mesh.num_vertices, dtype=bool)
    expected[he.tail[alone]] = True
    expected[he.head[alone]] = True
    assert (mesh.boundary_vertices == expected).all()


def test_a_boundary_wheel_starts_clockwise_most(mesh: TriMesh) -> None:
    he = mesh.halfedges
    for v in np.flatnonzero(he.is_boundary):
        wheel = he.of_vertex(v)
        assert he.twin[wheel[0]] == -1
        assert (he.twin[wheel[1:]] >= 0).all()


@pytest.mark.parametrize("name", ["icosphere", "irregular sphere", "torus"])
def test_wheels_turn_counter_clockwise_about_the_normal(name: str) -> None:
    mesh = SHAPES[name]()
    he = mesh.halfedges
    for v in range(mesh.num_vertices):
        edges = mesh.vertices[he.head[he.of_vertex(v)]] - mesh.vertices[v]
        normal = mesh.vertex_normals[v]
        e1 = edges[0] - edges[0] @ normal * normal
        e2 = np.cross(normal, e1)
        angle = np.arctan2(edges @ e2 / np.sqrt(e2 @ e2), edges @ e1 / np.sqrt(e1 @ e1))
        steps = np.mod(np.diff(angle, append=angle[0]), 2 * np.pi)
        assert (steps < np.pi).all()
        assert steps.sum() == pytest.approx(2 * np.pi, abs=1e-12)


def test_flat_boundary_wheels_turn_counter_clockwise() -> None:
    mesh = shapes.plane(5, 4, jitter=0.2, seed=3)
    he = mesh.halfedges
    for v in range(mesh.num_vertices):
        edges = mesh.vertices[he.head[he.of_vertex(v)]] - mesh.vertices[v]
        turn = edges[:-1, 0] * edges[1:, 1] - edges[:-1, 1] * edges[1:, 0]
        assert (turn > 0).all()


def test_an_unreferenced_vertex_has_an_empty_wheel() -> None:
    mesh = TriMesh([[0, 0, 0], [9, 9, 9], [1, 0, 0], [0, 1, 0]], [[0, 2, 3]])
    assert mesh.halfedges.of_vertex(1).size == 0
    assert not mesh.boundary_vertices[1]


def test_arrays_are_read_only() -> None:
    he = shapes.icosphere(0).halfedges
    for array in (he.tail, he.twin, he.wheel_ptr, he.wheel, he.is_boundary):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_half_edges_of_a_large_mesh_take_seconds_at_most() -> None:
    start = time.perf_counter()
    mesh = shapes.plane(400, 400)
    assert len(mesh.halfedges.wheel) == 960_000
    assert time.perf_counter() - start < 20.0
