"""Curvature per vertex, per face and in total."""

from __future__ import annotations

import numpy as np
import pytest

from gaugeconv.geometry import angle_defect, face_holonomy, gauss_bonnet, gaussian_curvature
from gaugeconv.mesh import TriMesh, shapes
from tests.geometry.test_transport import MESHES


@pytest.mark.parametrize("name", MESHES)
def test_total_curvature_is_two_pi_times_the_euler_characteristic(name):
    mesh = MESHES[name]()
    expected = 2 * np.pi * mesh.euler_characteristic
    assert abs(angle_defect(mesh).sum() - expected) < 1e-11
    both = gauss_bonnet(mesh)
    assert abs(both.residual) < 1e-11 and both.euler_characteristic == mesh.euler_characteristic
    assert abs(both.interior + both.boundary - expected) < 1e-11
    if not mesh.boundary_vertices.any():
        assert abs(face_holonomy(mesh).sum() - expected) < 1e-11
        assert both.boundary == 0


def test_boundary_and_interior_share_the_curvature_of_a_cone():
    """Its apex lacks 2π − Θ, so the rim of the disk keeps Θ of 2πχ."""
    both = gauss_bonnet(shapes.cone(2.0, 3, 12))
    assert abs(both.interior - (2 * np.pi - 2.0)) < 1e-12
    assert abs(both.boundary - 2.0) < 1e-12


def test_angle_defects_of_known_corners():
    cube_corner = TriMesh(
        np.concatenate([np.zeros((1, 3)), np.eye(3)]), [[0, 1, 2], [0, 2, 3], [0, 3, 1]]
    )
    assert abs(angle_defect(cube_corner)[0] - np.pi / 2) < 1e-14
    square = angle_defect(shapes.plane(2, 2)).reshape(3, 3)
    np.testing.assert_allclose(square[::2, ::2], np.pi / 2, atol=1e-14)
    assert np.abs(square[1]).max() < 1e-14 and np.abs(square[:, 1]).max() < 1e-14
    assert angle_defect(MESHES["two and a half"]())[0] == 0.0


def test_gaussian_curvature_of_a_sphere_and_of_flat_surfaces():
    unit = shapes.irregular_sphere(2000, 1)
    curvature = gaussian_curvature(TriMesh(3.0 * unit.vertices, unit.faces))
    assert abs(np.median(curvature) * 9 - 1) < 0.02
    ico = gaussian_curvature(shapes.icosphere(4))  # triangles alike round most vertices
    assert np.abs(ico - 1).mean() < 0.02
    assert np.abs(gaussian_curvature(shapes.plane(4, 3, jitter=0.2))).max() < 1e-11
    assert gaussian_curvature(MESHES["two and a half"]())[0] == 0.0
