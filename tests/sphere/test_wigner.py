from __future__ import annotations

import numpy as np
import pytest
import torch

from gaugeconv.sphere.grids import driscoll_healy
from gaugeconv.sphere.s2cnn_layers import FromGrid, ToGrid, grid_angles
from gaugeconv.sphere.wigner import RotationFourier, SphereFourier, rotation_size, sphere_size

o3 = pytest.importorskip("e3nn.o3", reason="S2CNNs need gaugeconv[sphere]")
pytestmark = pytest.mark.usefixtures("double")


def test_synthesis_on_rotations_equals_a_table_of_wigner_matrices():
    band, reference = 4, o3.SO3Grid(3, 5)
    fourier = RotationFourier(band, reference.alpha, reference.beta, reference.gamma)
    x = torch.randn(rotation_size(band), 2, 3)
    expected = torch.einsum("ibc,xyzi->xzybc", x, reference.D)  # e3nn: α, β, γ; here: α, γ, β
    assert torch.allclose(fourier.synthesis(x), expected, atol=1e-12)


def test_synthesis_on_the_sphere_equals_e3nns():
    band, b = 5, 6
    alpha, beta = grid_angles(b)
    x = torch.randn(sphere_size(band), 3)
    grid = o3.ToS2Grid(band - 1, (2 * b, 2 * b), normalization="integral", dtype=torch.float64)
    expected = grid(x.T) * (4 * np.pi) ** 0.5  # (…, β, α)
    assert torch.allclose(SphereFourier(band, alpha, beta).synthesis(x), expected.permute(2, 1, 0))


@pytest.mark.parametrize("kind", ["sphere", "rotations"])
def test_the_adjoint_is_the_transpose(kind):
    alpha, beta = grid_angles(5)
    if kind == "sphere":
        fourier, size = SphereFourier(4, alpha, beta), sphere_size(4)
    else:
        fourier, size = RotationFourier(4, alpha, beta, alpha[:7]), rotation_size(4)
    x = torch.randn(size, 2)
    values = fourier.synthesis(x)
    other = torch.randn_like(values)
    assert torch.allclose((values * other).sum(), (x * fourier.adjoint(other)).sum())


@pytest.mark.parametrize("band", [6, 25])
def test_analysis_undoes_synthesis_at_every_bandwidth(band):
    x = torch.randn(sphere_size(band), 2, 1)
    assert torch.allclose(FromGrid(band, band)(ToGrid(band, band)(x)), x, atol=1e-10)


def test_grid_points_and_coefficients_agree_on_what_a_rotation_is():
    band, b = 4, 6
    grid = driscoll_healy(b)
    alpha, beta = grid_angles(b)
    # degree 1 harmonics are coordinates: e3nn's (x, y, z) are our (y, z, x)
    x = torch.zeros(sphere_size(band), 3)
    x[1:4] = torch.eye(3)
    values = SphereFourier(band, alpha, beta).synthesis(x).permute(1, 0, 2).reshape(-1, 3)
    expected = 3**0.5 * torch.from_numpy(grid.points[:, [1, 2, 0]].copy())
    assert torch.allclose(values, expected, atol=1e-12)
