from __future__ import annotations

import numpy as np
import potpourri3d as pp3d
import pytest

from gaugeconv.errors import GaugeConvError
from gaugeconv.geometry import heat
from gaugeconv.geometry.heat import cotangent_laplacian, heat_kernel_signatures
from gaugeconv.mesh import TriMesh, shapes

TIMES = np.geomspace(2e-3, 0.2, 8)


def bumpy(num_vertices: int, seed: int = 0) -> TriMesh:
    sphere = shapes.irregular_sphere(num_vertices, seed=seed)
    x, y, z = sphere.vertices.T
    radius = 1 + 0.3 * np.sin(3 * x + 0.4) + 0.2 * np.cos(4 * y - z)
    return TriMesh(sphere.vertices * radius[:, None] * [1.0, 1.3, 0.8], sphere.faces)


def joined(*meshes: TriMesh) -> TriMesh:
    start = np.cumsum([0, *(m.num_vertices for m in meshes)])
    faces = [m.faces + k for m, k in zip(meshes, start[:-1], strict=True)]
    return TriMesh(np.concatenate([m.vertices for m in meshes]), np.concatenate(faces))


def test_the_laplacian_is_that_of_geometry_central() -> None:
    mesh = bumpy(200)
    stiffness, mass = cotangent_laplacian(mesh)
    expected = pp3d.cotan_laplacian(mesh.vertices, mesh.faces, denom_eps=0.0)
    np.testing.assert_allclose(stiffness.toarray(), expected.toarray(), atol=1e-10)
    np.testing.assert_allclose(mass, mesh.vertex_areas, rtol=1e-12)


def test_the_energy_of_a_linear_function_is_its_gradient_squared_times_the_area() -> None:
    mesh = shapes.plane(7, 5)
    stiffness, _ = cotangent_laplacian(mesh)
    value = mesh.vertices @ [2.0, -3.0, 0.0]
    np.testing.assert_allclose(value @ (stiffness @ value), 13 * mesh.area, rtol=1e-12)
    np.testing.assert_allclose((stiffness @ value)[~mesh.boundary_vertices], 0, atol=1e-12)


def sphere_trace(time: np.ndarray) -> np.ndarray:
    """k_t(x, x) on a sphere of area 1: Σ_l (2l + 1) exp(−4π l(l + 1) t)."""
    order = np.arange(60)
    return np.exp(-4 * np.pi * order * (order + 1) * time[:, None]) @ (2 * order + 1.0)


def test_two_spheres_have_the_analytic_ratio() -> None:
    small, large = shapes.icosphere(3, radius=1.0), shapes.icosphere(4, radius=2.0)
    signature = heat_kernel_signatures(joined(small, large), 8)
    share = np.array([0.2, 0.8])
    kernel = [np.log(sphere_trace(TIMES / s) / s) for s in share]
    difference = signature[0] - signature[-1]
    np.testing.assert_allclose(difference[3:], (kernel[0] - kernel[1])[3:], atol=0.02)
    np.testing.assert_allclose(difference[-1], np.log(4), atol=4e-3)


def test_some_eigenpairs_give_what_all_of_them_do(monkeypatch: pytest.MonkeyPatch) -> None:
    mesh = bumpy(700)
    some = heat_kernel_signatures(mesh, 8)
    monkeypatch.setattr(heat, "_DENSE", 10**6)
    everything = heat_kernel_signatures(mesh, 8)
    np.testing.assert_allclose(some[:, 4:], everything[:, 4:], atol=1e-8)
    assert np.corrcoef(some[:, 0], everything[:, 0])[0, 1] > 0.9


def test_equivalent_vertices_are_equal_wherever_a_multiple_eigenvalue_is_cut(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mesh = shapes.icosphere(3)  # its first twelve vertices are those of the icosahedron
    for count in (103, 118, 128):
        monkeypatch.setattr(heat, "_EIGENPAIRS", count)
        corner = heat_kernel_signatures(mesh, 8)[:12]
        np.testing.assert_allclose(corner, corner[[0]] + np.zeros((12, 1)), atol=1e-9)


@pytest.mark.parametrize("num_vertices", [60, 700])  # all eigenpairs, and some
def test_order_of_vertices_motion_scale_and_mirroring_change_nothing(num_vertices: int) -> None:
    mesh = bumpy(num_vertices, seed=3)
    signature = heat_kernel_signatures(mesh, 5)
    order = np.random.default_rng(0).permutation(mesh.num_vertices)
    turn, _ = np.linalg.qr(np.random.default_rng(1).standard_normal((3, 3)))
    turn *= np.sign(np.linalg.det(turn))
    moved = 1e3 * (mesh.vertices @ turn.T)[order] + [1e3, 0, 0]
    other = TriMesh(moved, np.argsort(order)[mesh.faces])
    np.testing.assert_allclose(heat_kernel_signatures(other, 5), signature[order], atol=1e-8)
    mirrored = TriMesh(mesh.vertices * [-1, 1, 1], mesh.faces[:, [0, 2, 1]])
    np.testing.assert_allclose(heat_kernel_signatures(mirrored, 5), signature, atol=1e-8)


def test_the_same_mesh_gives_the_same_bits() -> None:
    mesh = bumpy(700)
    first, second = (heat_kernel_signatures(mesh, 4) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_resolution_hardly_matters() -> None:
    coarse, fine = shapes.torus(30, 12), shapes.torus(60, 24)
    coarser = heat_kernel_signatures(coarse, 6).reshape(-1, 12, 6)
    finer = heat_kernel_signatures(fine, 6).reshape(-1, 24, 6)[::2, ::2]
    np.testing.assert_allclose(coarser[:, :, 2:], finer[:, :, 2:], atol=0.05)
    assert np.ptp(finer[:, :, 2:], axis=(0, 1)).max() > 0.2


def test_tips_keep_heat() -> None:
    sphere = shapes.icosphere(3)
    long = TriMesh(sphere.vertices * [4.0, 1.0, 1.0], sphere.faces)
    signature = heat_kernel_signatures(long, 6)
    tip, waist = np.argmax(long.vertices[:, 0]), np.argmin(np.abs(long.vertices[:, 0]))
    assert np.all(signature[tip] > signature[waist] + 0.1)


@pytest.mark.parametrize("count", [0, 1, 16])
def test_tiny_broken_up_and_flat_meshes_are_fine(count: int) -> None:
    triangle = TriMesh(np.eye(3), [[0, 1, 2]])
    sliver = TriMesh([[0, 0, 0], [1, 0, 0], [0.5, 1e-9, 0], [0.5, 1.0, 0]], [[0, 1, 2], [0, 2, 3]])
    flat = TriMesh([[0, 0, 0], [1, 0, 0], [0.5, 0, 0], [0, 1, 0]], [[0, 1, 2], [0, 2, 3]])
    stray = TriMesh(np.concatenate([[[9.0, 9, 9]], np.eye(3)]), [[1, 2, 3]])
    crumbs = joined(*(TriMesh(1e-4 * np.eye(3) + k, [[0, 1, 2]]) for k in range(300)), bumpy(300))
    for mesh in (triangle, sliver, flat, stray, crumbs, shapes.icosphere(0), shapes.plane(3, 3)):
        signature = heat_kernel_signatures(mesh, count)
        assert signature.shape == (mesh.num_vertices, count)
        assert np.isfinite(signature).all()
        _, mass = cotangent_laplacian(mesh)
        np.testing.assert_allclose(mass @ signature / mass.sum(), 0, atol=1e-12)
    assert not heat_kernel_signatures(stray, 4)[0].any()


def test_an_intrinsic_mesh_will_do() -> None:
    mesh = bumpy(100)
    intrinsic = TriMesh.from_edge_lengths(mesh.faces, mesh.edge_lengths)
    expected = heat_kernel_signatures(mesh, 3)
    np.testing.assert_allclose(heat_kernel_signatures(intrinsic, 3), expected, atol=1e-10)


def test_a_negative_count_is_refused() -> None:
    with pytest.raises(GaugeConvError, match="≥ 0, got -1"):
        heat_kernel_signatures(shapes.icosphere(0), -1)
