from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree

from gaugeconv import Frames
from gaugeconv.errors import DataError
from gaugeconv.sphere import grids
from gaugeconv.sphere.equivariance import SmoothSignal, rotation_error, smooth_signals
from gaugeconv.sphere.gauge import GaugeLayout, GaugeSphereNet
from gaugeconv.sphere.pyramid import SpherePyramid, sphere_pyramid
from gaugeconv.sphere.rotations import icosahedral_rotations

LAYOUT = GaugeLayout(("6x0 + 3x1 + 1x2", "8x0 + 4x1"), (1, 1), "4x0 + 2x1")
TASKS = ("classification", "segmentation")
GRID = grids.icosphere(2)

pytestmark = pytest.mark.usefixtures("double")


@cache
def pyramid() -> SpherePyramid:
    return sphere_pyramid(GRID, (42, 12), nested=True, neighbors=12.0)


def network(task, levels: Callable[[], SpherePyramid] = pyramid, layout=LAYOUT) -> GaugeSphereNet:
    torch.manual_seed(0)
    made = GaugeSphereNet(levels(), layout, task)
    made(signals(made.grid, 8))  # statistics of the norms
    return made.eval()


def signals(grid: grids.SphereGrid, count: int) -> torch.Tensor:
    return torch.from_numpy(np.stack([SmoothSignal(4, seed)(grid.points) for seed in range(count)]))


@pytest.mark.parametrize("task", TASKS)
def test_icosahedral_rotations_permute_the_output(task):
    made, x = network(task), signals(GRID, 2)
    y = made(x)
    for turn in icosahedral_rotations()[::7]:
        moved = cKDTree(GRID.points).query(GRID.points @ turn)[1]  # where R⁻¹ takes each point
        z = made(x[:, moved])
        assert torch.allclose(z, y if task == "classification" else y[:, moved], atol=1e-10)


@pytest.mark.parametrize("task", TASKS)
def test_scores_do_not_depend_on_the_frames(task):
    gamma = np.random.default_rng(1).uniform(0, 6, GRID.num_points)
    frames = Frames.canonical(GRID.mesh).rotated(gamma)
    turned = sphere_pyramid(GRID, (42, 12), nested=True, neighbors=12.0, frames=frames)
    made, x = network(task), signals(GRID, 2)
    assert torch.allclose(made.on(turned).eval()(x), made(x), atol=1e-10)


@pytest.mark.parametrize("task", TASKS)
def test_rotation_errors_vanish_at_second_order(task):
    radius, base, errors = 0.5, None, []
    for size in (2, 3):
        grid = grids.icosphere(size)
        neighbors = grid.num_points * radius**2 / 4
        levels = sphere_pyramid(grid, (grid.num_points,), nested=True, neighbors=neighbors)
        if base is None:
            base = network(task, lambda levels=levels: levels, GaugeLayout(("4x0 + 2x1",), (1,)))
        rng = np.random.default_rng(0)
        errors.append(rotation_error(base.on(levels), grid, smooth_signals(3, 4), rng))
    assert np.log2(errors[0] / errors[1]) > 1.8, errors


def test_levels_are_subsets_with_neighbours_as_asked_for():
    grid = grids.irregular(300, seed=1)
    levels = sphere_pyramid(grid, (80, 20), neighbors=16.0).levels
    assert [len(level.vertices) for level in levels] == [80, 20]
    assert set(levels[1].vertices) <= set(levels[0].vertices)
    for level in levels:
        assert level.weights.sum().item() == pytest.approx(1)
        count = level.within.r.numel() / len(level.vertices)
        assert 10 < count < 20  # a cap holds less than a flat disk
    assert levels[0].down.num_sources == levels[0].up.num_targets == 300
    assert levels[1].down.num_sources == levels[1].up.num_targets == 80


def test_nested_levels_of_an_icosphere_are_the_coarser_icospheres():
    first, second = pyramid().levels
    assert first.vertices.tolist() == list(range(42))
    assert second.vertices.tolist() == list(range(12))


def test_gradients_reach_all_weights():
    made = network("segmentation").train()
    made(signals(GRID, 2)).square().mean().backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in made.parameters())


@pytest.mark.parametrize("sizes", [(), (42, 42, 60), (200,), (3,)])
def test_impossible_levels_are_refused(sizes):
    with pytest.raises(DataError):
        sphere_pyramid(GRID, sizes)


@pytest.mark.unchecked
def test_there_are_two_tasks():
    with pytest.raises(DataError, match="tasks are classification, segmentation, not 'segment'"):
        GaugeSphereNet(pyramid(), GaugeLayout(), "segment")


def test_layouts_must_fit_the_levels():
    with pytest.raises(DataError, match="levels"):
        GaugeSphereNet(pyramid(), GaugeLayout(("4x0",), (1,)), "classification")
    with pytest.raises(DataError, match="per level"):
        GaugeLayout(("4x0",), (1, 1))
