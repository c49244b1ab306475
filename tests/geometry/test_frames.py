from __future__ import annotations

import numpy as np
import pytest

from gaugeconv.errors import MeshError
from gaugeconv.geometry import Frames
from gaugeconv.geometry.tangent import TangentSpaces
from gaugeconv.mesh import TriMesh, shapes
from tests.geometry.zoo import (
    Relabelling,
    bumpy_sphere,
    irregular_torus,
    l_shape,
    rough_sphere,
    wrap,
)

MESHES = {
    "bumpy": lambda: bumpy_sphere(150, 1),
    "rough": lambda: rough_sphere(150, 2, 0.3),
    "torus": lambda: irregular_torus(14, 8, 3),
    "plane": lambda: shapes.plane(5, 4, jitter=0.2),
    "downwards": lambda: TriMesh(shapes.plane(5, 4).vertices, shapes.plane(5, 4).faces[:, ::-1]),
    "concave": l_shape,
    "unreferenced": lambda: TriMesh(np.eye(4, 3), [[0, 1, 2]]),
}


@pytest.fixture(params=MESHES)
def mesh(request) -> TriMesh:
    return MESHES[request.param]()


def angle_in(frames: Frames, vectors: np.ndarray) -> np.ndarray:
    x = np.einsum("vi,vi->v", vectors, frames.e1)
    return np.arctan2(np.einsum("vi,vi->v", vectors, frames.e2), x)


def assert_orthonormal(frames: Frames) -> None:
    basis = np.stack([frames.e1, frames.e2, frames.normal], axis=1)
    assert np.abs(basis @ basis.transpose(0, 2, 1) - np.eye(3)).max() < 1e-14
    assert np.abs(np.linalg.det(basis) - 1).max() < 1e-14  # n = e1 × e2


def test_frames_are_orthonormal_and_right_handed(mesh):
    frames = Frames.canonical(mesh)
    assert_orthonormal(frames)
    assert_orthonormal(frames.rotated(np.random.default_rng(4).uniform(-9, 9, mesh.num_vertices)))


def test_rotating_frames_turns_them_by_minus_gamma(mesh):
    frames = Frames.canonical(mesh)
    gamma = np.random.default_rng(5).uniform(-9, 9, mesh.num_vertices)
    turned = frames.rotated(gamma)
    cosine, sine = np.cos(gamma)[:, None], np.sin(gamma)[:, None]
    assert np.abs(turned.e1 - (cosine * frames.e1 - sine * frames.e2)).max() < 1e-13
    assert np.abs(turned.e2 - (sine * frames.e1 + cosine * frames.e2)).max() < 1e-13
    vectors = np.random.default_rng(6).normal(size=(mesh.num_vertices, 3))
    change = angle_in(turned, vectors) - angle_in(frames, vectors) - gamma
    assert np.abs(wrap(change)).max() < 1e-12
    assert turned.mesh is mesh
    np.testing.assert_array_equal(frames.rotated(0.5).offset, frames.offset + 0.5)


def test_frames_from_directions_put_e1_on_their_tangential_part(mesh):
    directions = np.random.default_rng(7).normal(size=(mesh.num_vertices, 3))
    frames = Frames.from_directions(mesh, directions)
    assert_orthonormal(frames)
    normal = frames.normal
    tangent = directions - np.einsum("vi,vi->v", directions, normal)[:, None] * normal
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    assert np.abs(frames.e1 - tangent).max() < 1e-12
    scaled = Frames.from_directions(mesh, 1e-80 * directions)
    assert np.abs(wrap(scaled.offset - frames.offset)).max() < 1e-12


def test_frames_from_directions_need_a_tangential_part():
    mesh = shapes.icosphere(1)
    with pytest.raises(MeshError, match=r"shape \(41, 3\), expected \(42, 3\)"):
        Frames.from_directions(mesh, np.ones((41, 3)))
    for bad in (0.0 * mesh.vertices, np.nan * mesh.vertices, mesh.vertex_normals):
        with pytest.raises(MeshError, match="42 directions have no tangential part"):
            Frames.from_directions(mesh, bad)
    one_bad = np.random.default_rng(8).normal(size=(42, 3))
    one_bad[17] = 0
    with pytest.raises(MeshError, match="1 directions have no tangential part, first at vertex 17"):
        Frames.from_directions(mesh, one_bad)


def test_flat_edges_have_their_intrinsic_angle_in_space():
    """In the plane the link of intrinsic and extrinsic angles is exact, boundary included."""
    for mesh in (shapes.plane(5, 4, jitter=0.2), l_shape()):
        frames = Frames.canonical(mesh).rotated(0.7)
        spaces, halfedges = TangentSpaces.of(mesh), mesh.halfedges
        edge = mesh.vertices[halfedges.head] - mesh.vertices[halfedges.tail]
        x = np.einsum("hi,hi->h", edge, frames.e1[halfedges.tail])
        y = np.einsum("hi,hi->h", edge, frames.e2[halfedges.tail])
        intrinsic = spaces.angle * spaces.scale[halfedges.tail] + frames.offset[halfedges.tail]
        assert np.abs(wrap(np.arctan2(y, x) - intrinsic)).max() < 1e-13


def wheel_shift(mesh: TriMesh, other: TriMesh, new_of_old: np.ndarray) -> np.ndarray:
    """Intrinsic angle, on `mesh`, of the half-edge that starts the wheel on `other`."""
    spaces, halfedges = TangentSpaces.of(mesh), mesh.halfedges
    direction = {
        (new_of_old[t], new_of_old[h]): angle
        for t, h, angle in zip(halfedges.tail, halfedges.head, spaces.angle, strict=True)
    }
    shift = np.zeros(mesh.num_vertices)
    for v in range(mesh.num_vertices):
        wheel = other.halfedges.of_vertex(new_of_old[v])
        if len(wheel):
            end = other.halfedges.head[wheel[0]]
            shift[v] = direction[new_of_old[v], end] * spaces.scale[v]
    return shift


@pytest.mark.parametrize("move_vertices", [False, True])
def test_the_link_to_space_does_not_depend_on_labels(mesh, move_vertices):
    """Labels decide which direction has intrinsic angle 0, but not where it lies in space."""
    other = Relabelling.of(mesh, 9, move_vertices)
    shift = wheel_shift(mesh, other.mesh, other.new_of_old)
    before = Frames.canonical(mesh).rotated(-shift)
    after = Frames.canonical(other.mesh)
    used = np.unique(mesh.faces)
    assert np.abs(after.e1[other.new_of_old[used]] - before.e1[used]).max() < 1e-12
    assert np.abs(after.normal[other.new_of_old[used]] - before.normal[used]).max() < 1e-13


def test_the_link_is_the_circular_mean_over_all_edges():
    """Against a slow version, straight from the formula of docs/conventions.md."""
    mesh = rough_sphere(60, 10, 0.3)
    frames = Frames.canonical(mesh)
    spaces, halfedges = TangentSpaces.of(mesh), mesh.halfedges
    for v in range(0, 60, 7):
        votes = 0.0
        wheel = halfedges.of_vertex(v)
        corner = mesh.corner_angles.ravel()[wheel]
        for k, h in enumerate(wheel):
            edge = mesh.vertices[halfedges.head[h]] - mesh.vertices[v]
            edge = edge / np.linalg.norm(edge)
            projected = edge @ frames.e1[v] + 1j * (edge @ frames.e2[v])
            share = corner[k] + corner[k - 1]
            votes += share * projected * np.exp(-1j * spaces.angle[h] * spaces.scale[v])
        assert abs(np.angle(votes)) < 1e-12


def test_scale_and_total_angle_of_tangent_spaces():
    spaces = TangentSpaces.of(shapes.cone(9.0, 2, 12))
    assert abs(spaces.total[0] - 9.0) < 1e-12
    assert abs(spaces.total[0] * spaces.scale[0] - 2 * np.pi) < 1e-12
    flat = TangentSpaces.of(shapes.plane(2, 2))
    np.testing.assert_allclose(flat.scale, 1.0, rtol=1e-14)  # flat corners stay flat
    wide = shapes.cone(9.0, 1, 12)
    faces = wide.faces[:-1]  # cut open, the apex is on the boundary and still above 2π
    cut = TangentSpaces.of(TriMesh.from_edge_lengths(faces, wide.edge_lengths[:-1]))
    assert abs(cut.total[0] * cut.scale[0] - 2 * np.pi) < 1e-12
    assert TangentSpaces.of(MESHES["unreferenced"]()).scale[3] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        spaces.angle[0] = 1.0


def test_angles_of_another_length_are_refused(mesh):
    frames = Frames.canonical(mesh)
    with pytest.raises(MeshError, match="one per vertex"):
        frames.rotated(np.zeros(5))
    np.testing.assert_array_equal(frames.rotated(0.5).offset, np.full(mesh.num_vertices, 0.5))
