"""Both quadratures of the tangent disk: closed forms on the sphere, flat surfaces, slow twins."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmarks.sphere_truth import (
    convolution_matrix,
    eigenvalue,
    harmonic,
    polar_frames,
    turned_icosphere,
    wigner_d,
)
from gaugeconv.errors import MeshError, StructureGroupError
from gaugeconv.geometry import (
    Frames,
    Neighborhoods,
    exp_map,
    exponential_neighborhoods,
    neighborhoods,
)
from gaugeconv.geometry.tangent_area import tangent_areas
from gaugeconv.mesh import TriMesh, shapes
from tests.geometry.random_meshes import punctured
from tests.geometry.zoo import Relabelling, bumpy_sphere, edge_radius, l_shape, rough_sphere, wrap

R = 0.5


def vertex_rule(mesh: TriMesh, radius: float, frames: Frames | None = None, targets=None):
    """Neighbourhoods with the weights of `tangent_areas`, and these weights."""
    nb = neighborhoods(mesh, radius, frames, targets=targets)
    arrays = (nb.ptr, nb.source, nb.r, nb.theta)
    weight = tangent_areas(mesh, *(a.numpy() for a in arrays))
    return replace(nb, weight=torch.from_numpy(weight), _memo={}), weight


def totals(nb: Neighborhoods) -> np.ndarray:
    return np.bincount(nb.target.numpy(), nb.weight.numpy(), nb.num_targets)


def smooth(r):
    """1 at the centre, 0 with its slope at R."""
    return np.cos(0.5 * np.pi * r / R) ** 2


def smooth_ring(r):
    """0 with its slope at the centre and at R."""
    return np.sin(np.pi * r / R) ** 2


# The sphere


def test_wigner_d_is_orthogonal_and_has_the_known_entries():
    beta = np.linspace(0, np.pi, 7)
    np.testing.assert_allclose(wigner_d(1, 1, 0, beta), -np.sin(beta) / np.sqrt(2), atol=1e-15)
    np.testing.assert_allclose(wigner_d(2, 0, 0, beta), 1.5 * np.cos(beta) ** 2 - 0.5, atol=1e-15)
    for degree in (1, 3, 6):
        m = range(-degree, degree + 1)
        d = np.array([[wigner_d(degree, a, b, beta) for b in m] for a in m])
        gram = np.einsum("abx,cbx->xac", d, d)
        assert np.abs(gram - np.eye(2 * degree + 1)).max() < 1e-13


CASES = [(0, 0, 1), (0, 0, 3), (1, 1, 2), (0, 1, 2), (1, 0, 3), (1, 2, 3), (2, 1, 4), (0, 2, 4)]


def sphere_errors(mesh: TriMesh) -> dict[str, np.ndarray]:
    """Root mean square errors of both rules against λ f_n, for every case (m, n, l)."""
    frames = polar_frames(mesh)
    targets = np.arange(0, mesh.num_vertices, mesh.num_vertices // 200)
    rules = {
        "exponential": exponential_neighborhoods(frames, R, angular_nodes=24, targets=targets),
        "vertex": vertex_rule(mesh, R, frames, targets)[0],
    }
    errors: dict[str, list[float]] = {rule: [] for rule in rules}
    for rule, nb in rules.items():
        for m, n, degree in CASES:
            profile = smooth if m == n else smooth_ring
            orders = range(-degree, degree + 1)
            f = np.stack([harmonic(mesh, degree, M, m) for M in orders], axis=1)
            wanted = np.stack([harmonic(mesh, degree, M, n)[targets] for M in orders], axis=1)
            out = convolution_matrix(nb, profile, m, n) @ f
            wanted = wanted * eigenvalue(profile, R, 4, degree, m, n)
            unit = eigenvalue(profile, R, 4, 0, 0, 0)
            errors[rule].append(np.sqrt(np.mean(abs(out - wanted) ** 2) * len(orders)) / unit)
    return {rule: np.array(values) for rule, values in errors.items()}


@pytest.fixture(scope="module", params=["icosphere", "irregular"])
def convergence(request):
    """Errors at 642 and 2562 vertices, by rule: (2, cases)."""
    make = turned_icosphere if request.param == "icosphere" else shapes.irregular_sphere
    coarse, fine = sphere_errors(make(642)), sphere_errors(make(2562))
    return {rule: np.stack([coarse[rule], fine[rule]]) for rule in coarse}


def test_both_rules_have_the_eigenvalues_of_the_sphere(convergence):
    for rule, errors in convergence.items():
        assert errors[1].max() < 6e-3, (rule, errors[1])


def test_on_zonal_kernels_the_exponential_rule_is_of_second_order(convergence):
    errors = convergence["exponential"][:, :2]
    order = np.log2(errors[0] / errors[1])
    assert (order > 1.8).all(), order


def test_the_vertex_rule_is_of_second_order(convergence):
    order = np.log2(convergence["vertex"][0] / convergence["vertex"][1])
    assert (order > 1.8).all(), order


def test_without_the_jacobian_the_vertex_rule_has_another_limit():
    mesh = shapes.irregular_sphere(2562, 3)
    nb, weight = vertex_rule(mesh, R)
    exact = eigenvalue(smooth, R, 4, 0, 0, 0)
    k = smooth(nb.r.numpy())
    corrected = np.bincount(nb.target.numpy(), weight * k).mean() / exact - 1
    surface = np.bincount(nb.target.numpy(), mesh.vertex_areas[nb.source.numpy()] * k).mean()
    assert abs(corrected) < 2e-3
    assert surface / exact - 1 < -0.008  # what the sphere's area is short of the disk's


def test_the_exponential_rule_integrates_constants_to_rounding():
    mesh = shapes.irregular_sphere(300, 1)
    nb = exponential_neighborhoods(Frames.canonical(mesh), R, radial_nodes=10, radial_panels=1)
    np.testing.assert_allclose(totals(nb), np.pi * R**2, rtol=1e-13)
    total = np.bincount(nb.target.numpy(), nb.weight.numpy() * smooth(nb.r.numpy()))
    np.testing.assert_allclose(total, eigenvalue(smooth, R, 4, 0, 0, 0), rtol=1e-12)


# Flat surfaces


def test_on_a_plane_every_weight_is_the_vertex_area():
    mesh = shapes.plane(12, 10, 1.2, 1.0, jitter=0.2, seed=1)
    nb, weight = vertex_rule(mesh, 0.33)
    np.testing.assert_allclose(weight, mesh.vertex_areas[nb.source.numpy()], rtol=1e-11)


def test_at_the_apex_of_a_cone_the_vertex_rule_sees_the_plane_that_it_is_stretched_to():
    for total_angle in (1.2, 4.0, 7.5):
        mesh = shapes.cone(total_angle, 3, 12)
        nb, weight = vertex_rule(mesh, 2.0, targets=[0])
        r = np.arange(1, 4) / 3
        polygon = 12 * 0.5 * r[-1] ** 2 * np.sin(2 * np.pi / 12)
        assert len(weight) == mesh.num_vertices
        assert abs(weight.sum() - polygon) < 1e-12
        first_ring = 12 * 0.5 * r[0] ** 2 * np.sin(2 * np.pi / 12)
        assert abs(weight[nb.r.numpy() == 0][0] - first_ring / 3) < 1e-12


def test_around_a_cone_or_cylinder_areas_stay_and_torn_faces_do_not_count():
    mesh = shapes.cylinder(13, 9, 1.0, 2.0)
    nb, weight = vertex_rule(mesh, 4.0)  # past the opposite side
    area = mesh.vertex_areas[nb.source.numpy()]
    np.testing.assert_allclose(weight, area, rtol=1e-10)


def test_in_the_shadow_of_a_concave_corner_weights_vanish():
    mesh = l_shape(6)
    x = mesh.vertices[:, :2] - 1.0
    p = int(np.argmin(np.linalg.norm(x - [0.8, -0.2], axis=1)))
    nb, weight = vertex_rule(mesh, 5.0, targets=[p])
    area = mesh.vertex_areas[nb.source.numpy()]
    q = x[nb.source.numpy()]
    ray = x[p][0] * q[:, 1] - x[p][1] * q[:, 0]  # on which side of the line p → corner
    side = np.abs(ray) / np.linalg.norm(x[p])
    deep = (q[:, 1] > 0) & (ray > 0) & (side > 0.35)
    lit = ~((q[:, 1] > 0) & (ray > 0)) & (side > 0.35)
    assert deep.sum() > 5 and lit.sum() > 20
    assert (weight[deep] < 1e-12).all()
    np.testing.assert_allclose(weight[lit], area[lit], rtol=1e-10)


def constant_frames(mesh: TriMesh) -> Frames:
    return Frames.from_directions(mesh, np.tile([1.0, 0.0, 0.0], (mesh.num_vertices, 1)))


def test_on_a_plane_the_exponential_rule_is_exact_for_linear_fields():
    mesh = shapes.plane(12, 12, 2.0, 2.0, jitter=0.2, seed=2)
    inner = np.flatnonzero((np.abs(mesh.vertices[:, :2] - 1.0) < 0.45).all(axis=1))
    nb = exponential_neighborhoods(constant_frames(mesh), R, targets=inner)
    f = 2.0 + mesh.vertices[:, 0] - 3.0 * mesh.vertices[:, 1]
    average = convolution_matrix(nb, np.ones_like, 0, 0) @ f / (np.pi * R**2)
    np.testing.assert_allclose(average.real, f[inner], rtol=1e-12)
    # a kernel of angular order 1 sees the gradient: ∫ e^{iα} f = ½ ∫ r · (f_x + i f_y)
    slope = convolution_matrix(nb, np.ones_like, 0, 1) @ f
    r, w = nb.r.numpy(), nb.weight.numpy()
    first_moment = np.bincount(nb.target.numpy(), w * r).mean() / 2
    np.testing.assert_allclose(slope, first_moment * (1 - 3j), rtol=1e-11)
    # vector fields are carried as they are
    assert np.abs(wrap(nb.transport.numpy())).max() < 1e-11


def test_where_the_surface_ends_the_exponential_rule_counts_nothing():
    mesh = shapes.plane(20, 20)
    x, y, _ = mesh.vertices.T
    corner, middle = (x == 0) & (y == 0), (abs(x - 0.5) < 0.1) & (abs(y - 0.5) < 0.1)
    side = (x == 0) & (abs(y - 0.5) < 0.1)
    near = (abs(x - 0.1) < 1e-9) & (abs(y - 0.5) < 0.1)  # half of the radius from the side
    targets = np.flatnonzero(corner | middle | side | near)
    total = np.zeros(mesh.num_vertices)
    total[targets] = totals(
        exponential_neighborhoods(
            Frames.canonical(mesh), 0.2, angular_nodes=360, radial_nodes=10, targets=targets
        )
    ) / (np.pi * 0.2**2)
    np.testing.assert_allclose(total[middle], 1.0, rtol=1e-12)
    np.testing.assert_allclose(total[side], 0.5, atol=4e-3)
    np.testing.assert_allclose(total[corner], 0.25, atol=4e-3)
    segment = np.arctan2(np.sqrt(3), 1) - np.sqrt(3) / 4
    np.testing.assert_allclose(total[near], 1 - segment / np.pi, atol=4e-3)


# Slow twins


def slow_areas(mesh: TriMesh, nb: Neighborhoods) -> np.ndarray:
    weight, ptr, source = [], nb.ptr.tolist(), nb.source.numpy()
    for p in range(nb.num_targets):
        row = slice(ptr[p], ptr[p + 1])
        at = dict(
            zip(
                source[row].tolist(),
                nb.r[row].numpy() * np.exp(1j * nb.theta[row].numpy()),
                strict=True,
            )
        )
        image, surface = dict.fromkeys(at, 0.0), dict.fromkeys(at, 0.0)
        for f, corners in enumerate(mesh.faces.tolist()):
            if not all(v in at for v in corners):
                continue
            a, b, c = (at[v] for v in corners)
            sides = np.abs([b - a, c - b, a - c])
            if (sides > 2 * mesh.edge_lengths[f]).any():
                continue
            for v in corners:
                image[v] += 0.5 * ((b - a).conjugate() * (c - a)).imag
                surface[v] += mesh.face_areas[f]
        for q in source[row].tolist():
            ratio = np.clip(image[q] / surface[q], 0, 4) if surface[q] else 1.0
            weight.append(ratio * mesh.vertex_areas[q])
    return np.array(weight)


def test_weights_of_the_vertex_rule_are_those_of_a_plain_loop():
    mesh = bumpy_sphere(150, 2, 0.4)
    scale = 2 * np.pi / np.bincount(mesh.faces.ravel(), mesh.corner_angles.ravel())
    nb, weight = vertex_rule(mesh, edge_radius(mesh, 3.3))
    plain = slow_areas(mesh, nb)
    blunt = (scale <= 1)[nb.target.numpy()]  # round a pointed target more stretching is allowed
    assert 0.2 < blunt.mean() < 1
    np.testing.assert_allclose(weight[blunt], plain[blunt], rtol=1e-12, atol=1e-15)
    assert (np.abs(weight - plain) < 1e-12).mean() > 0.95


def test_rows_of_the_exponential_rule_are_nodes_found_one_by_one():
    mesh = punctured(bumpy_sphere(81, 3), seed=1)
    frames = Frames.canonical(mesh).rotated(np.linspace(0, 9, 80))
    radius, targets = edge_radius(mesh, 2.0), np.array([0, 7, 41])
    nb = exponential_neighborhoods(
        frames, radius, radial_nodes=2, radial_panels=3, angular_nodes=5, targets=targets
    )
    x, w = np.polynomial.legendre.leggauss(2)
    expected = []
    for row, p in enumerate(targets):
        first = nb.theta[nb.ptr[row]].item()  # where the rule starts is tested below
        for theta in first + 2 * np.pi * np.arange(5) / 5:
            for panel in range(3):
                for node in range(2):
                    r = radius / 3 * (panel + 0.5 + 0.5 * x[node])
                    end = exp_map(mesh, p, [r * np.cos(theta), r * np.sin(theta)], frames)
                    if end.hit_boundary[0]:
                        continue
                    area = r * w[node] * radius / 6 * 2 * np.pi / 5
                    for k in range(3):
                        q = mesh.faces[end.face[0], k]
                        phi = end.corner_transport()[0, k]
                        expected.append((row, q, r, theta, phi, area * end.barycentric[0, k]))
    columns = (nb.target, nb.source, nb.r, nb.theta, nb.transport, nb.weight)
    found, wanted = np.stack([c.numpy() for c in columns], 1), np.array(expected)
    assert found.shape == wanted.shape
    found[:, 4], wanted[:, 4] = wrap(found[:, 4]), wrap(wanted[:, 4])
    np.testing.assert_allclose(found, wanted, atol=1e-11)


# Invariance


def test_weights_of_the_vertex_rule_are_areas_that_no_choice_changes():
    mesh = rough_sphere(300, 4)
    radius = edge_radius(mesh, 3.5)
    nb, weight = vertex_rule(mesh, radius)
    assert (weight >= 0).all() and (weight <= 40 * mesh.vertex_areas[nb.source.numpy()]).all()
    gamma = np.random.default_rng(1).uniform(-3, 3, 300)
    turned = vertex_rule(mesh, radius, Frames.canonical(mesh).rotated(gamma))[1]
    np.testing.assert_allclose(turned, weight, rtol=1e-9, atol=1e-13)
    scaled = vertex_rule(TriMesh(1e100 * mesh.vertices, mesh.faces), 1e100 * radius)[1]
    np.testing.assert_allclose(scaled / 1e200, weight, rtol=1e-9, atol=1e-13)
    other = Relabelling.of(mesh, seed=2)
    nb_other, relabelled = vertex_rule(other.mesh, radius)
    dense, dense_other = np.zeros((2, 300, 300))
    dense[nb.target, nb.source] = weight
    dense_other[nb_other.target, nb_other.source] = relabelled
    back = dense_other[np.ix_(other.new_of_old, other.new_of_old)]
    np.testing.assert_allclose(back, dense, rtol=1e-9, atol=1e-13)


def as_operators(nb: Neighborhoods) -> np.ndarray:
    """The rule as matrices, for three pairs of orders."""
    matrices = [
        convolution_matrix(nb, lambda r: r * (nb.radius - r), m, n).toarray()
        for m, n in ((0, 0), (1, 2), (2, 1))
    ]
    return np.stack(matrices) / nb.radius**4


def test_the_exponential_rule_changes_with_the_gauge_like_any_neighbourhoods():
    mesh = bumpy_sphere(120, 5)
    radius = edge_radius(mesh, 2.5)
    frames = Frames.canonical(mesh)
    gamma = np.random.default_rng(3).uniform(-3, 3, 120)
    nb = exponential_neighborhoods(frames, radius)
    turned = exponential_neighborhoods(frames.rotated(gamma), radius)
    changed = nb.change_gauge(gamma)
    np.testing.assert_allclose(as_operators(turned), as_operators(changed), atol=1e-12)
    assert np.abs(as_operators(turned) - as_operators(nb)).max() > 1e-3


def test_the_exponential_rule_does_not_depend_on_labels():
    mesh = bumpy_sphere(120, 6)
    radius = edge_radius(mesh, 2.5)
    other = Relabelling.of(mesh, seed=4)
    frames = Frames.from_directions(mesh, np.tile([0.1, 0.2, 1.0], (120, 1)))
    same_frames = Frames.from_directions(other.mesh, np.tile([0.1, 0.2, 1.0], (120, 1)))
    a = as_operators(exponential_neighborhoods(frames, radius))
    b = as_operators(exponential_neighborhoods(same_frames, radius))
    new = other.new_of_old
    np.testing.assert_allclose(b[:, new][:, :, new], a, atol=1e-12)


def test_blocks_of_rays_do_not_change_the_rows(monkeypatch):
    mesh = bumpy_sphere(60, 7)
    whole = exponential_neighborhoods(Frames.canonical(mesh), 0.4)
    monkeypatch.setattr("gaugeconv.geometry.exponential._BLOCK", 100)
    parts = exponential_neighborhoods(Frames.canonical(mesh), 0.4)
    for name in ("ptr", "target", "source", "r", "theta", "transport", "weight"):
        assert torch.equal(getattr(whole, name), getattr(parts, name)), name


# Input


def test_a_vertex_without_faces_has_no_nodes():
    mesh = TriMesh([[0, 0, 0], [9, 9, 9], [1, 0, 0], [0, 1, 0]], [[0, 2, 3]])
    nb = exponential_neighborhoods(Frames.canonical(mesh), 0.3)
    count = nb.ptr.diff().tolist()
    assert count[1] == 0 and min(count[0], count[2], count[3]) > 0
    only = exponential_neighborhoods(Frames.canonical(mesh), 0.3, targets=[1])
    assert only.ptr.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"radius": 0.0}, "radius must be positive"),
        ({"radius": np.nan}, "radius must be positive"),
        ({"radius": 1e9}, "does not end within"),
        ({"radial_nodes": 0}, "at least one node"),
        ({"angular_nodes": 0}, "at least one node"),
        ({"radial_panels": 0}, "at least one node"),
        ({"targets": [3, 1]}, "targets must ascend"),
        ({"targets": [99]}, "targets must ascend"),
    ],
)
def test_bad_input_is_an_error(options, message):
    options = {"radius": 0.5} | options
    with pytest.raises(MeshError, match=message):
        exponential_neighborhoods(Frames.canonical(shapes.icosphere(0)), **options)


def test_frames_that_oppose_the_winding_are_refused():
    frames = Frames.canonical(shapes.icosphere(1)).reflected()
    with pytest.raises(StructureGroupError):
        exponential_neighborhoods(frames, 0.5)
