from __future__ import annotations

import numpy as np
import pytest
from scipy.special import eval_legendre, sph_harm_y

from gaugeconv.sphere import grids
from gaugeconv.sphere.harmonics import kernel_eigenvalue, polar_frames, spin_harmonic, wigner_d
from gaugeconv.sphere.truth import as_json, measured_eigenvalues


def test_small_matrices_are_wigners():
    beta = np.linspace(0.1, 3.0, 7)
    d = wigner_d(1, beta)
    assert np.allclose(d[:, 2, 1], -np.sin(beta) / np.sqrt(2))
    assert np.allclose(d[:, 2, 2], (1 + np.cos(beta)) / 2)
    assert np.allclose(d[:, 2, 0], (1 - np.cos(beta)) / 2)
    for degree in (2, 9, 40):
        assert np.allclose(
            wigner_d(degree, beta)[:, degree, degree], eval_legendre(degree, np.cos(beta))
        )


@pytest.mark.parametrize("degree", [0, 1, 6, 50])
def test_matrices_are_a_representation(degree):
    a, b = wigner_d(degree, np.array([0.4, 1.1]))
    assert np.allclose(a @ b, wigner_d(degree, np.array(1.5)), atol=1e-12)
    assert np.allclose(a @ a.T, np.eye(2 * degree + 1), atol=1e-12)


def test_order_zero_harmonics_are_the_usual_ones():
    points = grids.fibonacci(50).points
    theta, phi = np.arccos(points[:, 2]), np.arctan2(points[:, 1], points[:, 0])  # noqa: TID251
    for degree, row in ((0, 0), (2, 1), (3, -2), (5, 5)):
        usual = sph_harm_y(degree, row, theta, phi) * np.sqrt(4 * np.pi / (2 * degree + 1))
        assert np.allclose(spin_harmonic(degree, row, 0, points), usual, atol=1e-12)


def test_polar_frames_are_orthonormal_and_point_south():
    points = np.concatenate([grids.fibonacci(20).points, [[0, 0, 1.0], [0, 0, -1.0]]])
    south, east = polar_frames(points)
    frame = np.stack([south, east, points], 1)
    assert np.allclose(frame @ frame.transpose(0, 2, 1), np.eye(3))
    assert np.allclose(np.linalg.det(frame), 1)
    assert (south[:20, 2] < 0).all()


def test_eigenvalues_of_a_constant_kernel_are_known():
    radius = 0.7
    value = kernel_eigenvalue(np.ones_like, radius, 0)
    assert value == pytest.approx(np.pi * radius**2, rel=1e-13)
    # 2π ∫ cos(r) r dr
    first = 2 * np.pi * (radius * np.sin(radius) + np.cos(radius) - 1)
    assert kernel_eigenvalue(np.ones_like, radius, 1) == pytest.approx(first, rel=1e-12)
    assert kernel_eigenvalue(np.ones_like, radius, 1, 0, 2) == 0.0


def test_measured_eigenvalues_are_the_analytic_ones():
    found = measured_eigenvalues(grids.icosphere(3), max_degree=4, pairs=((0, 0), (0, 1), (2, 1)))
    assert {(v.order_in, v.order_out) for v in found} == {(0, 0), (0, 1), (2, 1)}
    for value in found:
        assert value.measured == pytest.approx(value.analytic, rel=0.02), value
        assert value.residual < 0.02 * abs(value.analytic) + 0.005, value
    assert as_json(found)[0]["degree"] == 0
