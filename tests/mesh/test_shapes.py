from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from gaugeconv.errors import MeshError
from gaugeconv.mesh import TriMesh, shapes


def signed_volume(mesh: TriMesh) -> float:
    a, b, c = np.moveaxis(mesh.vertices[mesh.faces], 1, 0)
    return float(np.einsum("fi,fi->", a, np.cross(b, c)) / 6)


def test_icosphere_counts_radius_and_outward_winding() -> None:
    for n in range(4):
        mesh = shapes.icosphere(n, radius=2.5)
        assert mesh.num_vertices == 10 * 4**n + 2
        assert mesh.num_faces == 20 * 4**n
        np.testing.assert_allclose(np.linalg.norm(mesh.vertices, axis=1), 2.5, rtol=1e-15)
    assert signed_volume(mesh) == pytest.approx(4 / 3 * math.pi * 2.5**3, rel=0.02)


def test_subdivision_keeps_the_coarser_vertices_first() -> None:
    coarse, fine = shapes.icosphere(1), shapes.icosphere(2)
    np.testing.assert_allclose(fine.vertices[:42], coarse.vertices, atol=1e-15)


@pytest.mark.parametrize("num_vertices", [4, 5, 10, 100, 2000])
def test_irregular_sphere_is_a_closed_sphere_of_that_size(num_vertices: int) -> None:
    mesh = shapes.irregular_sphere(num_vertices, seed=num_vertices)
    assert mesh.num_vertices == num_vertices
    assert mesh.euler_characteristic == 2
    assert not mesh.boundary_vertices.any()
    assert signed_volume(mesh) > 0
    np.testing.assert_allclose(np.linalg.norm(mesh.vertices, axis=1), 1, rtol=1e-15)


def test_irregular_sphere_is_irregular_and_has_reasonable_triangles() -> None:
    mesh = shapes.irregular_sphere(1000, seed=0)
    degrees = np.degrees(mesh.corner_angles)
    assert degrees.min() > 8 and np.percentile(degrees, 1) > 25
    assert np.std(mesh.edge_lengths) > 0.15 * mesh.mean_edge_length
    assert len(set(np.diff(mesh.halfedges.wheel_ptr))) >= 4


def test_irregular_sphere_depends_on_the_seed_alone() -> None:
    hashes = [shapes.irregular_sphere(50, seed).content_hash() for seed in (1, 1, 2)]
    assert hashes[0] == hashes[1] != hashes[2]


def test_torus_area_volume_and_winding_converge() -> None:
    mesh = shapes.torus(120, 60, major_radius=2.0, minor_radius=0.5)
    assert mesh.num_vertices == 7200
    assert mesh.area == pytest.approx(4 * math.pi**2 * 2.0 * 0.5, rel=3e-3)
    assert signed_volume(mesh) == pytest.approx(2 * math.pi**2 * 2.0 * 0.25, rel=5e-3)


def test_plane_is_flat_and_faces_up() -> None:
    mesh = shapes.plane(4, 3, width=2.0, height=5.0, jitter=0.24, seed=6)
    assert mesh.num_vertices == 20 and mesh.num_faces == 24
    assert mesh.area == pytest.approx(10.0, rel=1e-14)
    assert (mesh.face_normals == [0, 0, 1]).all()
    assert mesh.boundary_vertices.sum() == 14
    assert mesh.vertices.min(axis=0).tolist() == [0, 0, 0]
    assert mesh.vertices.max(axis=0).tolist() == [2, 5, 0]


def test_plane_without_jitter_is_a_regular_grid() -> None:
    mesh = shapes.plane(2, 2)
    assert sorted(map(tuple, mesh.vertices[:, :2].tolist())) == [
        (x, y) for x in (0.0, 0.5, 1.0) for y in (0.0, 0.5, 1.0)
    ]


def test_cylinder_is_flat_inside_with_two_boundary_loops() -> None:
    mesh = shapes.cylinder(40, 6, radius=1.5, height=3.0)
    sums = np.bincount(mesh.faces.ravel(), weights=mesh.corner_angles.ravel())
    np.testing.assert_allclose(sums[~mesh.boundary_vertices], 2 * math.pi, rtol=1e-14)
    np.testing.assert_allclose(sums[mesh.boundary_vertices], math.pi, rtol=1e-14)
    assert mesh.boundary_vertices.sum() == 80
    outward = np.einsum("vi,vi->v", mesh.vertex_normals[:, :2], mesh.vertices[:, :2])
    assert (outward > 1.49).all()


@pytest.mark.parametrize("total_angle", [0.3, math.pi, 5.5, 2 * math.pi, 6.9, 9.0])
def test_cone_has_its_angle_at_the_apex_and_is_flat_elsewhere(total_angle: float) -> None:
    mesh = shapes.cone(total_angle, rings=3, sectors=10, slant=2.0)
    assert mesh.has_positions == (total_angle <= 2 * math.pi)
    assert mesh.num_vertices == 31
    sums = np.bincount(mesh.faces.ravel(), weights=mesh.corner_angles.ravel())
    inner = ~mesh.boundary_vertices
    expected = np.where(np.arange(31) == 0, total_angle, 2 * math.pi)
    np.testing.assert_allclose(sums[inner], expected[inner], rtol=1e-12)
    assert (mesh.boundary_vertices == (np.arange(31) > 20)).all()


@pytest.mark.parametrize("total_angle", [1.0, 6.0, 8.0])
def test_cone_lengths_are_those_of_the_flat_unfolding(total_angle: float) -> None:
    rings, sectors, slant = 4, 9, 1.7
    mesh = shapes.cone(total_angle, rings, sectors, slant)
    step = total_angle / sectors
    ring = np.where(mesh.faces == 0, 0, 1 + (mesh.faces - 1) // sectors)
    sector = (mesh.faces - 1) % sectors
    for k in range(3):
        after = (k + 1) % 3
        turn = (sector[:, after] - sector[:, k] + sectors // 2) % sectors - sectors // 2
        turn[(mesh.faces[:, k] == 0) | (mesh.faces[:, after] == 0)] = 0
        a, b = slant / rings * ring[:, k], slant / rings * ring[:, after] * np.exp(1j * step * turn)
        np.testing.assert_allclose(mesh.edge_lengths[:, k], np.abs(a - b), rtol=1e-13)


def test_cones_below_and_above_a_full_turn_meet() -> None:
    below, above = shapes.cone(2 * math.pi), shapes.cone(2 * math.pi + 1e-12)
    assert (below.faces == above.faces).all()
    np.testing.assert_allclose(below.edge_lengths, above.edge_lengths, rtol=1e-11)
    assert (below.face_normals[:, 2] > 0.999).all()


@pytest.mark.parametrize(
    ("make", "arguments"),
    [
        (shapes.icosphere, {"subdivisions": -1}),
        (shapes.icosphere, {"radius": 0.0}),
        (shapes.irregular_sphere, {"num_vertices": 3}),
        (shapes.torus, {"num_major": 2}),
        (shapes.torus, {"minor_radius": 1.5}),
        (shapes.plane, {"nx": 0}),
        (shapes.plane, {"jitter": 0.3}),
        (shapes.plane, {"width": -1.0}),
        (shapes.cylinder, {"n_around": 2}),
        (shapes.cylinder, {"height": 0.0}),
        (shapes.cone, {"total_angle": 0.0}),
        (shapes.cone, {"total_angle": 10.0, "sectors": 3}),
        (shapes.cone, {"total_angle": 1.0, "rings": 0}),
    ],
)
def test_impossible_shapes_are_refused(make: Any, arguments: dict[str, Any]) -> None:
    with pytest.raises(MeshError):
        make(**arguments)
