"""Transport along edges, holonomy and curvature."""

from __future__ import annotations

import numpy as np
import pytest

from gaugeconv.errors import MeshError
from gaugeconv.geometry import Frames, holonomy, neighborhoods, parallel_transport
from gaugeconv.geometry.transport import angle_defect, edge_transport, face_holonomy
from gaugeconv.mesh import TriMesh, shapes
from tests.geometry.zoo import Table, bumpy_sphere, l_shape, rough_sphere, wrap


def with_extras(mesh: TriMesh) -> TriMesh:
    """Two copies side by side and an unreferenced vertex in front of them."""
    lonely = np.array([[9.0, 9.0, 9.0]])
    vertices = np.concatenate([lonely, mesh.vertices, mesh.vertices + 5.0])
    return TriMesh(vertices, np.concatenate([mesh.faces + 1, mesh.faces + 1 + mesh.num_vertices]))


MESHES = {
    "sphere": lambda: shapes.irregular_sphere(120, 4),
    "rough": lambda: rough_sphere(150, 1),
    "torus": lambda: shapes.torus(12, 9),
    "plane": lambda: shapes.plane(5, 4, jitter=0.2),
    "concave": l_shape,
    "cylinder": lambda: shapes.cylinder(9, 3),
    "wide cone": lambda: shapes.cone(9.0, 3, 10),
    "triangle": lambda: TriMesh([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 1, 2]]),
    "two and a half": lambda: with_extras(bumpy_sphere(80, 2)),
}


@pytest.fixture(params=MESHES)
def mesh(request) -> TriMesh:
    return MESHES[request.param]()


def test_total_curvature_is_two_pi_times_the_euler_characteristic(mesh):
    expected = 2 * np.pi * mesh.euler_characteristic
    assert abs(angle_defect(mesh).sum() - expected) < 1e-11
    if not mesh.boundary_vertices.any():
        assert abs(face_holonomy(mesh).sum() - expected) < 1e-11


def test_angle_defects_of_known_corners():
    cube_corner = TriMesh(
        np.concatenate([np.zeros((1, 3)), np.eye(3)]), [[0, 1, 2], [0, 2, 3], [0, 3, 1]]
    )
    assert abs(angle_defect(cube_corner)[0] - np.pi / 2) < 1e-14
    square = angle_defect(shapes.plane(2, 2)).reshape(3, 3)
    np.testing.assert_allclose(square[::2, ::2], np.pi / 2, atol=1e-14)
    assert np.abs(square[1]).max() < 1e-14 and np.abs(square[:, 1]).max() < 1e-14
    assert angle_defect(MESHES["two and a half"]())[0] == 0.0


def test_twin_half_edges_transport_in_opposite_directions(mesh):
    angle = edge_transport(mesh)
    twin = mesh.halfedges.twin
    inner = twin >= 0
    assert np.abs(wrap(angle[inner] + angle[twin[inner]])).max(initial=0) < 1e-12
    assert (angle > -np.pi - 1e-15).all() and (angle <= np.pi).all()


def test_walking_round_a_face_counter_clockwise_is_its_holonomy(mesh):
    expected = face_holonomy(mesh)
    for face in range(0, mesh.num_faces, 7):
        assert abs(wrap(holonomy(mesh, mesh.faces[face]) - expected[face])) < 1e-12
        assert abs(wrap(holonomy(mesh, mesh.faces[face, ::-1]) + expected[face])) < 1e-12


def test_edge_transport_is_that_of_the_neighbourhoods():
    """An edge is a straight line in space, so no path between its ends is shorter."""
    for make in (MESHES["rough"], MESHES["concave"], MESHES["cylinder"]):
        mesh = make()
        frames = Frames.canonical(mesh).rotated(
            np.random.default_rng(0).normal(size=mesh.num_vertices)
        )
        table = Table.of(neighborhoods(mesh, 1.001 * mesh.edge_lengths.max(), frames))
        phi = dict(zip(zip(table.p, table.q, strict=True), table.transport, strict=True))
        tail, head = mesh.halfedges.tail, mesh.halfedges.head
        from_pairs = np.array([phi[p, q] for p, q in zip(tail, head, strict=True)])
        assert np.abs(wrap(edge_transport(mesh, frames) - from_pairs)).max() < 1e-11


def walk(mesh: TriMesh, start: int, steps: int, seed: int) -> list[int]:
    rng = np.random.default_rng(seed)
    path = [start]
    for _ in range(steps):
        touching = mesh.faces[(mesh.faces == path[-1]).any(axis=1)]
        path.append(int(rng.choice(np.setdiff1d(touching, path[-1]))))
    return path


def test_transport_along_a_path_composes_reverses_and_turns_with_the_gauge(mesh):
    path = walk(mesh, int(mesh.faces[0, 0]), 12, seed=3)
    whole = parallel_transport(mesh, path)
    parts = parallel_transport(mesh, path[:5]) + parallel_transport(mesh, path[4:])
    assert abs(wrap(whole - parts)) < 1e-12
    assert abs(wrap(whole + parallel_transport(mesh, path[::-1]))) < 1e-12
    assert parallel_transport(mesh, path[:1]) == 0.0
    gamma = np.random.default_rng(5).uniform(-4, 4, mesh.num_vertices)
    turned = parallel_transport(mesh, path, Frames.canonical(mesh).rotated(gamma))
    assert abs(wrap(turned - whole - gamma[path[0]] + gamma[path[-1]])) < 1e-12
    assert -np.pi < whole <= np.pi


def test_flat_surfaces_transport_constant_frames_to_themselves():
    for mesh in (shapes.plane(6, 5, jitter=0.2), l_shape()):
        frames = Frames.from_directions(mesh, np.tile([1.0, 2.0, 0.0], (mesh.num_vertices, 1)))
        assert np.abs(edge_transport(mesh, frames)).max() < 1e-12
        assert abs(parallel_transport(mesh, walk(mesh, 0, 40, seed=1), frames)) < 1e-11


def test_a_loop_may_repeat_its_first_vertex_or_not():
    mesh = shapes.icosphere(1)
    i, j, k = mesh.faces[0]
    assert holonomy(mesh, [i, j, k]) == holonomy(mesh, [i, j, k, i])
    assert abs(wrap(holonomy(mesh, [i, j, k]) - holonomy(mesh, [k, i, j]))) < 1e-14
    assert holonomy(mesh, [i]) == 0.0
    assert abs(holonomy(mesh, [i, j])) < 1e-14


def test_a_loop_encloses_the_sum_of_the_curvature_inside():
    """Round an interior vertex of a convex surface the fan of faces adds up."""
    mesh = shapes.irregular_sphere(200, 6)
    halfedges = mesh.halfedges
    for vertex in (0, 17, 99):
        fan = halfedges.of_vertex(vertex)
        inside = face_holonomy(mesh)[fan // 3].sum()
        assert abs(wrap(holonomy(mesh, halfedges.head[fan]) - inside)) < 1e-12


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ([], "one or more"),
        ([[0, 1]], "one or more"),
        ([0.0, 1.0], "one or more"),
        ([0, 12], "step 1 of the path is vertex 12.*0 … 11"),
        ([-1, 0], "step 0 of the path is vertex -1"),
        ([0, 0], "no edge joins vertices 0 and 0"),
    ],
)
def test_bad_paths_raise_and_say_where(path, message):
    mesh = shapes.icosphere(0)
    with pytest.raises(MeshError, match=message):
        parallel_transport(mesh, path)


def test_a_step_that_is_no_edge_is_named():
    mesh = shapes.icosphere(1)
    path = walk(mesh, 0, 3, seed=0)
    far = next(v for v in range(12) if v != 0)  # corners of the icosahedron are no longer adjacent
    with pytest.raises(MeshError, match=f"step 0 of the path: no edge joins vertices 0 and {far}"):
        parallel_transport(mesh, [0, far, *path])
    with pytest.raises(MeshError, match="no edge joins vertices"):
        holonomy(mesh, [path[0], path[1], far])
