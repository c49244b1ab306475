from __future__ import annotations

import numpy as np
import pytest

from gaugeconv.data import deform, mirror
from gaugeconv.geometry import log_map
from gaugeconv.mesh import TriMesh
from gaugeconv.mesh.shapes import icosphere


def signed_volumes(mesh: TriMesh) -> np.ndarray:
    a, b, c = np.moveaxis(mesh.vertices[mesh.faces] - mesh.vertices.mean(axis=0), 1, 0)
    return np.einsum("fi,fi->f", a, np.cross(b, c)) / 6


def test_the_original_is_left_alone_and_the_faces_carry_over() -> None:
    mesh = icosphere(2)
    before = mesh.content_hash()
    out = deform(mesh, np.random.default_rng(0), noise=0.1)
    assert mesh.content_hash() == before
    np.testing.assert_array_equal(out.faces, mesh.faces)
    assert not np.allclose(out.vertices, mesh.vertices)


def test_the_same_generator_gives_the_same_deformation() -> None:
    mesh = icosphere(2)
    first, second, other = (deform(mesh, np.random.default_rng(s)) for s in (3, 3, 4))
    assert first.content_hash() == second.content_hash() != other.content_hash()


def test_lengths_change_within_the_bounds_and_nothing_turns_inside_out() -> None:
    mesh = icosphere(3)
    for seed in range(20):
        out = deform(mesh, np.random.default_rng(seed), stretch=0.15, bend=0.3)
        ratio = out.edge_lengths / mesh.edge_lengths
        assert ratio.min() > 0.85 * 0.7
        assert ratio.max() < 1.15 * 1.3
        assert signed_volumes(out).min() > 0


def test_no_strength_is_no_change() -> None:
    mesh = icosphere(2)
    out = deform(mesh, np.random.default_rng(0), stretch=0.0, bend=0.0)
    np.testing.assert_allclose(out.vertices, mesh.vertices, atol=1e-14)


def test_scale_and_place_of_the_mesh_do_not_matter() -> None:
    mesh = icosphere(2)
    moved = TriMesh(1e3 * mesh.vertices + [5.0, -7.0, 1e4], mesh.faces)
    for noise in (0.0, 0.1):
        one = deform(mesh, np.random.default_rng(1), noise=noise).vertices
        two = deform(moved, np.random.default_rng(1), noise=noise).vertices
        np.testing.assert_allclose((two - [5.0, -7.0, 1e4]) / 1e3, one, atol=1e-11)


def test_noise_is_measured_in_edge_lengths() -> None:
    mesh = icosphere(4)
    out = deform(mesh, np.random.default_rng(2), stretch=0.0, bend=0.0, noise=0.05)
    spread = (out.vertices - mesh.vertices).std() / mesh.mean_edge_length
    np.testing.assert_allclose(spread, 0.05, rtol=0.03)


def bumpy() -> TriMesh:
    mesh = icosphere(2)
    x, y, z = mesh.vertices.T
    return TriMesh(mesh.vertices * (1 + 0.3 * np.sin(3 * x + y + 0.5 * z))[:, None], mesh.faces)


def test_a_mirror_image_is_valid_points_outwards_and_keeps_the_order() -> None:
    mesh = bumpy()
    image = mirror(mesh)
    assert signed_volumes(image).sum() == pytest.approx(signed_volumes(mesh).sum(), rel=1e-12)
    np.testing.assert_array_equal(np.sort(image.faces), np.sort(mesh.faces))
    np.testing.assert_allclose(image.face_areas, mesh.face_areas, rtol=1e-12)
    np.testing.assert_allclose(image.face_normals, mesh.face_normals * [-1, 1, 1], atol=1e-12)
    np.testing.assert_array_equal(mirror(image).vertices, mesh.vertices)


def test_geometry_of_the_mirror_image_is_mirrored() -> None:
    mesh = bumpy()
    one, two = log_map(mesh, 0, 0.5), log_map(mirror(mesh), 0, 0.5)
    order, other = np.argsort(one.vertex), np.argsort(two.vertex)
    np.testing.assert_array_equal(one.vertex[order], two.vertex[other])
    np.testing.assert_allclose(one.r[order], two.r[other], atol=1e-12)
    angles = one.theta[order] + two.theta[other]  # the sum is the same for all
    turns = np.exp(1j * (angles - angles[one.r[order] > 0][0]))[one.r[order] > 0]
    np.testing.assert_allclose(turns, 1, atol=1e-9)


def test_copies_are_mirrored_as_often_as_asked_for() -> None:
    mesh = bumpy()
    plain = [deform(mesh, np.random.default_rng(s)) for s in range(60)]
    half = [deform(mesh, np.random.default_rng(s), mirror=0.5) for s in range(60)]
    flips = 0
    for one, two in zip(plain, half, strict=True):
        flipped = not np.array_equal(one.faces, two.faces)
        expected = mirror(one) if flipped else one
        assert two.content_hash() == expected.content_hash()
        flips += flipped
    assert 15 < flips < 45
    always = deform(mesh, np.random.default_rng(0), mirror=1.0)
    assert always.content_hash() == mirror(plain[0]).content_hash()
