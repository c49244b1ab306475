from __future__ import annotations

import numpy as np
import pytest
import torch

from gaugeconv.errors import DataError
from gaugeconv.sphere import grids
from gaugeconv.sphere.interpolation import Interpolation


def smooth(points: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(points[:, 0] * points[:, 1] + points[:, 2] ** 3)


@pytest.mark.parametrize(
    "make", [grids.icosphere, lambda n: grids.driscoll_healy(4 * 2 ** (n - 1))]
)
def test_interpolation_is_of_second_order(make):
    points = grids.fibonacci(700).points
    errors = []
    for size in (2, 3, 4):
        grid = make(size)
        found = Interpolation.between(grid, points)(smooth(grid.points))
        errors.append(float((found - smooth(points)).square().mean().sqrt()))
    orders = -np.diff(np.log2(errors))
    assert orders.min() > 1.8, errors


@pytest.mark.parametrize("grid", [grids.icosphere(2), grids.driscoll_healy(8)])
def test_every_point_lies_in_its_triangle(grid):
    points = grids.fibonacci(300).points
    across = Interpolation.between(grid, points)
    assert across.shares.min() >= 0
    assert np.abs(across.shares.sum(axis=1) - 1).max() < 1e-12
    inside = np.einsum("mk,mki->mi", across.shares, grid.points[across.corners])
    inside /= np.linalg.norm(inside, axis=1, keepdims=True)
    assert np.abs(inside - points).max() < 1e-12


def test_grid_points_keep_their_values():
    grid = grids.irregular(150, seed=2)
    signal = torch.randn(3, 2, 150, dtype=torch.float64)
    assert torch.allclose(Interpolation.between(grid, grid.points)(signal), signal)


def test_a_signal_of_another_size_is_refused():
    grid = grids.icosphere(1)
    with pytest.raises(DataError, match="42 points"):
        Interpolation.between(grid, grid.points)(torch.zeros(41))
