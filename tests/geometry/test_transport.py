"""Transport along edges and geodesics, across faces, and round loops."""

from __future__ import annotations

import numpy as np
import pytest

from gaugeconv.errors import GaugeConvError, MeshError
from gaugeconv.geometry import (
    Frames,
    angle_defect,
    corner_transport,
    edge_transport,
    face_basis,
    face_holonomy,
    face_transport,
    holonomy,
    log_map,
    neighborhoods,
    parallel_transport,
)
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


def in_space(basis: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """The vector whose components are R(angle) (1, 0) in each basis."""
    return np.cos(angle)[:, None] * basis[:, 0] + np.sin(angle)[:, None] * basis[:, 1]


@pytest.mark.parametrize("make", [MESHES["plane"], MESHES["concave"], MESHES["triangle"]])
def test_on_flat_surfaces_faces_receive_the_same_vector_from_every_corner(make):
    mesh = make()
    frames = Frames.from_directions(mesh, np.tile([1.0, 2.0, 0.0], (mesh.num_vertices, 1)))
    expected = np.array([1.0, 2.0, 0.0]) / np.sqrt(5.0)
    for column in corner_transport(mesh, frames).T:
        assert np.abs(in_space(face_basis(mesh), column) - expected).max() < 1e-12


def test_a_trip_over_two_faces_encloses_the_curvature_between_their_bisectors(mesh):
    to_face, across = corner_transport(mesh), face_transport(mesh)
    halfedges = mesh.halfedges
    h = np.arange(3 * mesh.num_faces)
    after = np.where(h % 3 == 0, h + 2, h - 1)  # into the tail: its twin is the next in the wheel
    following = halfedges.twin[after]
    inner = following >= 0
    first, second = h[inner], following[inner]
    trip = -to_face.ravel()[second] + across[second] + to_face.ravel()[first]
    vertex, angle = halfedges.tail[first], mesh.corner_angles.ravel()
    total = np.bincount(mesh.faces.ravel(), angle, minlength=mesh.num_vertices)
    rescaled = ~halfedges.is_boundary | (total > 2 * np.pi)
    scale = np.where(rescaled & (total > 0), 2 * np.pi / np.maximum(total, 1e-300), 1.0)
    share = (scale[vertex] - 1) * (angle[first] + angle[second]) / 2
    assert np.abs(wrap(trip - share)).max(initial=0) < 1e-12


def test_faces_round_an_interior_vertex_turn_by_its_angle_defect(mesh):
    across, defect = face_transport(mesh), angle_defect(mesh)
    assert (across > -np.pi - 1e-15).all() and (across <= np.pi).all()
    inside = ~mesh.boundary_vertices
    around = np.bincount(mesh.halfedges.tail, across, minlength=mesh.num_vertices)
    assert np.abs(wrap(around - defect)[inside]).max(initial=0) < 1e-11


def test_across_an_edge_both_faces_see_it_alike():
    for make in (MESHES["rough"], MESHES["cylinder"], MESHES["plane"]):
        mesh = make()
        basis, across, twin = face_basis(mesh), face_transport(mesh), mesh.halfedges.twin
        assert (across[twin < 0] == 0).all()
        h = np.flatnonzero(twin >= 0)
        edge = mesh.vertices[mesh.halfedges.head[h]] - mesh.vertices[mesh.halfedges.tail[h]]
        seen = [np.einsum("hi,hki->hk", edge, basis[face]) for face in (h // 3, twin[h] // 3)]
        here, there = (np.arctan2(c[:, 1], c[:, 0]) for c in seen)
        assert np.abs(wrap(across[h] + there - here)).max() < 1e-12


def test_face_bases_are_orthonormal_and_need_positions():
    basis = face_basis(MESHES["rough"]())
    gram = np.einsum("fai,fbi->fab", basis, basis)
    assert np.abs(gram - np.eye(2)).max() < 1e-14
    with pytest.raises(MeshError, match="no vertex positions"):
        face_basis(MESHES["wide cone"]())


def test_transport_to_faces_turns_with_the_gauge_of_the_vertices(mesh):
    gamma = np.random.default_rng(2).uniform(-4, 4, mesh.num_vertices)
    turned = corner_transport(mesh, Frames.canonical(mesh).rotated(gamma))
    assert np.abs(wrap(turned - corner_transport(mesh) + gamma[mesh.faces])).max() < 1e-12


def test_a_step_along_a_geodesic_is_that_of_the_log_map():
    mesh = MESHES["rough"]()
    frames = Frames.canonical(mesh).rotated(np.arange(mesh.num_vertices))
    log = log_map(mesh, 3, 1e9, frames)
    for q in (0, 3, 77, 149):
        step = parallel_transport(mesh, [3, q], frames, along="geodesics")
        assert abs(wrap(step - log.transport[log.vertex == q][0])) < 1e-12


def test_geodesic_steps_between_neighbours_are_the_edges(mesh):
    path = walk(mesh, int(mesh.faces[0, 0]), 12, seed=4)
    along_edges = parallel_transport(mesh, path)
    assert abs(wrap(along_edges - parallel_transport(mesh, path, along="geodesics"))) < 1e-11


def test_chains_of_geodesics_compose_reverse_and_turn_with_the_gauge(mesh):
    rng = np.random.default_rng(6)
    component = np.flatnonzero(np.isfinite(distances_from(mesh, int(mesh.faces[0, 0]))))
    path = rng.choice(component, min(6, len(component)), replace=False)
    whole = parallel_transport(mesh, path, along="geodesics")
    pieces = [parallel_transport(mesh, p, along="geodesics") for p in (path[:3], path[2:])]
    assert abs(wrap(whole - sum(pieces))) < 1e-12
    back = parallel_transport(mesh, path[::-1], along="geodesics")
    assert abs(wrap(whole + back)) < 1e-11
    gamma = rng.uniform(-4, 4, mesh.num_vertices)
    frames = Frames.canonical(mesh).rotated(gamma)
    turned = parallel_transport(mesh, path, frames, along="geodesics")
    assert abs(wrap(turned - whole - gamma[path[0]] + gamma[path[-1]])) < 1e-12


def distances_from(mesh: TriMesh, vertex: int) -> np.ndarray:
    log = log_map(mesh, vertex, 1e9)
    distance = np.full(mesh.num_vertices, np.inf)
    distance[log.vertex] = log.r
    return distance


def test_a_geodesic_loop_round_an_apex_turns_by_the_missing_angle():
    for total_angle in (1.0, 4.0, 6.0):
        mesh = shapes.cone(total_angle, 3, 13)
        loop = [1, 1 + 13 + 4, 1 + 26 + 8, 1 + 11]
        expected = 2 * np.pi - total_angle
        assert abs(wrap(holonomy(mesh, loop, along="geodesics") - expected)) < 1e-12
        assert abs(wrap(holonomy(mesh, loop[::-1], along="geodesics") + expected)) < 1e-12


def test_a_geodesic_polygon_on_the_sphere_has_its_area_as_holonomy():
    mesh = shapes.irregular_sphere(2500, 3)
    corners = np.array([[1, 1, 0.2], [-1, 1, 0.1], [-1, -1, 0.3], [1, -1, 0.2]], dtype=float)
    loop = np.argmax(corners @ mesh.vertices.T, axis=1)
    a, b, c, d = mesh.vertices[loop]
    area = sum(
        2 * np.arctan2(np.dot(x, np.cross(y, z)), 1 + x @ y + y @ z + z @ x)
        for x, y, z in ((a, b, c), (a, c, d))
    )
    assert area > 2
    assert abs(wrap(holonomy(mesh, loop, along="geodesics") - area)) < 0.05


def test_geodesics_may_stand_still_but_not_leave_the_component():
    mesh = MESHES["two and a half"]()
    assert parallel_transport(mesh, [5, 5], along="geodesics") == 0.0
    with pytest.raises(MeshError, match="step 1 of the path: vertices 1 and 81 lie on different"):
        parallel_transport(mesh, [3, 1, 81], along="geodesics")
    with pytest.raises(MeshError, match="vertices 0 and 1 lie on different"):  # 0 has no faces
        holonomy(mesh, [0, 1], along="geodesics")


@pytest.mark.unchecked
def test_there_are_two_kinds_of_path():
    with pytest.raises(GaugeConvError, match=r"'edges', 'geodesics'.*got 'faces'"):
        parallel_transport(shapes.icosphere(0), [0], along="faces")
