"""Connection Laplacians: symmetry, gauges, and spectra that are known."""

from __future__ import annotations

import numpy as np
import potpourri3d
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import eigh
from scipy.sparse.linalg import eigsh

from gaugeconv.errors import GaugeConvError, MeshError
from gaugeconv.geometry import (
    Frames,
    connection_laplacian,
    edge_transport,
    face_holonomy,
    mass_matrix,
)
from gaugeconv.geometry.laplacian import _mass_integral, _stiffness_integrals
from gaugeconv.mesh import TriMesh, shapes
from tests.geometry.zoo import bumpy_sphere, l_shape, rough_sphere, wrap

KINDS = ("cotangent", "galerkin")
ORDERS = (0, 1, 2, 4)


def matrices(mesh, order, kind, frames=None):
    build = connection_laplacian, mass_matrix
    return (f(mesh, order, frames, discretization=kind).toarray() for f in build)


def spectrum(mesh, order, kind, count):
    if mesh.num_vertices > 200:  # the same eigenvalues, to rounding, in a tenth of the time
        stiffness, mass = (
            f(mesh, order, discretization=kind).tocsc() for f in (connection_laplacian, mass_matrix)
        )
        return np.sort(eigsh(stiffness, count, mass, sigma=-1.0, return_eigenvectors=False))
    return eigh(*matrices(mesh, order, kind), eigvals_only=True, subset_by_index=[0, count - 1])


def flat_torus(columns: int, rows: int) -> TriMesh:
    """An intrinsic grid of unit squares, glued both ways."""
    faces = shapes.torus(columns, rows).faces
    i, j = np.divmod(faces, rows)
    wide = [(i[:, [1, 2, 0]] - i + 1) % columns - 1, (j[:, [1, 2, 0]] - j + 1) % rows - 1]
    return TriMesh.from_edge_lengths(faces, np.hypot(*wide))


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10_000), order=st.integers(0, 6), amplitude=st.floats(0, 0.4))
def test_it_is_hermitian_and_turns_with_the_gauge(kind, seed, order, amplitude):
    mesh = rough_sphere(40, seed, amplitude)
    gamma = np.random.default_rng(seed).uniform(-9, 9, 40)
    turn = np.exp(1j * order * gamma)
    before = matrices(mesh, order, kind)
    after = matrices(mesh, order, kind, Frames.canonical(mesh).rotated(gamma))
    for a, b in zip(before, after, strict=True):
        size = np.abs(a).max()
        assert np.abs(a - a.conj().T).max() <= 1e-15 * size
        assert np.abs(b - turn[:, None] * a * turn.conj()).max() < 1e-13 * size


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), order=st.integers(0, 8), amplitude=st.floats(0, 0.8))
def test_the_galerkin_matrices_are_positive_on_any_mesh(seed, order, amplitude):
    mesh = rough_sphere(40, seed, amplitude)
    stiffness, mass = matrices(mesh, order, "galerkin")
    assert np.linalg.eigvalsh(mass)[0] > 0
    values = np.linalg.eigvalsh(stiffness)
    assert values[0] > -1e-13 * values[-1]


@pytest.mark.parametrize("order", ORDERS)
def test_the_cotangent_matrix_is_positive_where_no_weight_is_negative(order):
    mesh = shapes.irregular_sphere(150, 5)  # a convex hull of points on a sphere is Delaunay
    stiffness, _ = matrices(mesh, order, "cotangent")
    scalars, _ = matrices(mesh, 0, "cotangent")
    assert (scalars - np.diag(np.diag(scalars))).real.max() < 1e-14
    assert np.linalg.eigvalsh(stiffness)[0] > -1e-13


def test_curvature_in_obtuse_triangles_can_make_the_cotangent_matrix_indefinite():
    """So the documentation says; the Galerkin matrix exists for such meshes."""
    lowest = [
        np.linalg.eigvalsh(connection_laplacian(rough_sphere(80, seed, 0.4), 4).toarray())[0]
        for seed in range(4)
    ]
    assert min(lowest) < -1e-3


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mesh", [rough_sphere(60, 3), shapes.plane(5, 4, jitter=0.2)], ids=str)
def test_constant_functions_are_the_kernel_of_order_zero(kind, mesh):
    stiffness, mass = matrices(mesh, 0, kind)
    assert np.abs(stiffness.sum(axis=1)).max() < 1e-12
    assert np.linalg.eigvalsh(stiffness)[1] > 1e-3
    assert abs(mass.sum() - mesh.area) < 1e-12 * mesh.area


@pytest.mark.parametrize("mesh", [rough_sphere(60, 4), l_shape()], ids=str)
def test_order_zero_is_the_cotangent_laplacian(mesh):
    oracle = potpourri3d.cotan_laplacian(mesh.vertices, mesh.faces).toarray()
    for kind in KINDS:
        assert np.abs(next(matrices(mesh, 0, kind)) - oracle).max() < 1e-10


@pytest.mark.parametrize("order", [1, 2, 4])
def test_on_flat_surfaces_it_is_the_scalar_one_in_constant_frames(order):
    mesh = l_shape()
    frames = Frames.from_directions(mesh, np.tile([1.0, 1.0, 0.0], (mesh.num_vertices, 1)))
    for kind in KINDS:
        for field, scalar in zip(
            matrices(mesh, order, kind, frames), matrices(mesh, 0, kind), strict=True
        ):
            assert np.abs(field - scalar).max() < 1e-11


@pytest.mark.parametrize(
    "mesh", [shapes.irregular_sphere(80, 5), bumpy_sphere(80, 2, 0.05)], ids=str
)
def test_order_one_is_that_of_geometry_central(mesh):
    """On closed Delaunay meshes: it flips the edges of others, and rescales angles at a boundary."""
    solver = potpourri3d.MeshVectorHeatSolver(mesh.vertices, mesh.faces)
    oracle, ours = solver.get_connection_laplacian().toarray(), connection_laplacian(mesh).toarray()
    assert (next(matrices(mesh, 0, "cotangent")) - np.diag(np.diag(ours))).real.max() < 1e-12
    assert np.abs(np.abs(ours) - np.abs(oracle)).max() < 1e-10
    # its frames are not ours: compare what does not depend on them
    assert np.abs(np.linalg.eigvalsh(ours) - np.linalg.eigvalsh(oracle)).max() < 1e-9


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("order", ORDERS)
def test_spectrum_of_the_unit_sphere(kind, order):
    """∇*∇ on fields of order m has eigenvalues l(l + 1) − m², 2l + 1 times each, l ≥ m."""
    truth = [l * (l + 1) - order**2 for l in (order, order + 1)]  # noqa: E741
    errors = []
    for size in (162, 642):
        values = spectrum(shapes.irregular_sphere(size, 3), order, kind, 4 * order + 4)
        split = 2 * order + 1
        errors.append([values[:split].mean() - truth[0], values[split:].mean() - truth[1]])
    coarse, fine = np.abs(errors)
    assert (fine < 0.02 * (1 + np.array(truth)) * (1 + order / 2)).all(), errors
    assert (fine[1:] < coarse[1:] / 2.5).all(), errors  # order 2 would be 4


@pytest.mark.parametrize("order", [0, 1, 2])
def test_spectrum_of_a_flat_torus_is_that_of_its_grid(order):
    """4 − 2 cos k − 2 cos l over the frequencies; parallel fields exist, so k = l = 0 is among them."""
    columns, rows = 8, 5
    mesh = flat_torus(columns, rows)
    k, l = np.meshgrid(*(2 * np.pi * np.arange(n) / n for n in (columns, rows)))  # noqa: E741
    truth = np.sort((4 - 2 * np.cos(k) - 2 * np.cos(l)).ravel())
    found = spectrum(mesh, order, "cotangent", columns * rows)
    assert np.abs(found - truth).max() < 1e-12


def test_spectrum_of_a_square():
    """Natural boundary conditions: cosines, also for vectors."""
    mesh = shapes.plane(9, 9, np.pi, np.pi)
    for order in (0, 1):
        found = spectrum(mesh, order, "galerkin", 6)
        assert np.abs(found - np.array([0, 1, 1, 2, 4, 4])).max() < 0.2
        assert np.abs(found[0]) < 1e-12


def test_galerkin_eigenvalues_of_functions_lie_above_those_of_the_square():
    truth = np.sort(np.add.outer(np.arange(5) ** 2, np.arange(5) ** 2).ravel())[:10]
    mesh = shapes.plane(9, 9, np.pi, np.pi, jitter=0.2)
    assert (spectrum(mesh, 0, "galerkin", 10) > truth - 1e-12).all()


def test_element_integrals_are_those_of_the_basis_sections():
    """Against brute force: basis sections b_i e_i and their derivatives on a grid in one triangle."""
    s, n = 2.3, 400
    t, p = np.meshgrid((np.arange(n) + 0.5) / n, (np.arange(n) + 0.5) / n, indexing="ij")
    p *= 1 - t  # b_i; b_k = t
    weight, q = (1 - t) / n**2, 1 - t - p
    turn = np.exp(1j * s * t)
    # components along db_i and db_j of ∇(b_i e_i) / e_i, and of ∇(b_j e_j) / e_j
    first = np.array([1 + 1j * s * p * q, 1j * s * p * (1 - p)])
    second = np.array([-1j * s * q * (1 - q), 1 - 1j * s * p * q])
    gram = np.einsum("axy,bxy,xy->ab", first.conj(), second, weight * turn)
    both, mixed = (float_array[0, 0] for float_array in _stiffness_integrals(np.array([[s]])))
    assert abs(gram[0, 0] - both) < 1e-5 and abs(gram[1, 1] - both) < 1e-5
    assert abs(gram[0, 1] + gram[1, 0] - mixed) < 1e-5
    mass = 2 * (p * q * turn * weight).sum()
    assert abs(_mass_integral(np.array([[s]]))[0, 0] - mass) < 1e-5


def test_the_energy_of_a_field_that_turns_by_one_angle_along_an_edge():
    """Two triangles make a flat square; the field jumps by a known angle in constant frames."""
    mesh = shapes.plane(1, 1)
    frames = Frames.from_directions(mesh, np.tile([1.0, 0.0, 0.0], (4, 1)))
    x = np.exp(1j * np.array([0.0, 0.3, 0.3, 0.0]))
    stiffness = connection_laplacian(mesh, 1, frames).toarray()
    weights = -next(matrices(mesh, 0, "cotangent")).real
    expected = sum(weights[i, j] * abs(x[i] - x[j]) ** 2 for i in range(4) for j in range(i + 1, 4))
    assert abs(np.vdot(x, stiffness @ x) - expected) < 1e-12


def test_scale_changes_the_mass_alone():
    mesh = bumpy_sphere(60, 7)
    for scale in (1e-100, 1e100):
        scaled = TriMesh(mesh.vertices * scale, mesh.faces)
        for kind in KINDS:
            a, b = matrices(mesh, 2, kind), matrices(scaled, 2, kind)
            assert np.abs(next(a) - next(b)).max() < 1e-10
            assert np.abs(next(a) - next(b) / scale / scale).max() < 1e-12


def test_faces_without_area_and_vertices_without_faces_are_finite():
    square = np.array([[0.0, 0, 0], [1, 0, 0], [0.5, 0, 0], [0.5, 1, 0], [0.5, -1, 0], [7, 7, 7]])
    mesh = TriMesh(square, [[0, 2, 1], [0, 1, 3], [1, 0, 4]], validate=False)
    mesh = TriMesh(mesh.vertices, [[0, 2, 3], [2, 1, 3], [0, 4, 1], [0, 1, 2]])
    assert mesh.face_areas.min() == 0
    for kind in KINDS:
        for order in (0, 1):
            stiffness, mass = matrices(mesh, order, kind)
            assert np.isfinite(stiffness).all() and np.isfinite(mass).all()
            assert not stiffness[5].any() and not mass[5].any()
            values = np.linalg.eigvalsh(stiffness)
            assert values[0] > -1e-9 * values[-1]


def test_transports_and_curvature_of_the_elements_agree():
    """The Galerkin sections are continuous only if the curvature is what the transports enclose."""
    mesh = rough_sphere(80, 8)
    around = edge_transport(mesh).reshape(-1, 3).sum(axis=1)
    assert np.abs(wrap(around + face_holonomy(mesh))).max() < 1e-12


@pytest.mark.unchecked
@pytest.mark.parametrize("order", [-1, 1.5])
def test_orders_are_whole_numbers(order):
    with pytest.raises(GaugeConvError, match="order of a field"):
        connection_laplacian(shapes.icosphere(0), order)


@pytest.mark.unchecked
def test_other_discretizations_and_foreign_frames_are_refused():
    mesh = shapes.icosphere(0)
    with pytest.raises(GaugeConvError, match=r"'cotangent', 'galerkin'.*got 'mixed'"):
        mass_matrix(mesh, discretization="mixed")
    with pytest.raises(MeshError, match="another mesh"):
        connection_laplacian(mesh, 1, Frames.canonical(shapes.icosphere(1)))
