from __future__ import annotations

import numpy as np
import pytest
import torch

from gaugeconv.errors import DataError
from gaugeconv.sphere.equivariance import SmoothSignal, rotation_error, smooth_signals
from gaugeconv.sphere.experiment.contenders import full, paper_s2cnn
from gaugeconv.sphere.grids import driscoll_healy
from gaugeconv.sphere.homogeneous import values_at
from gaugeconv.sphere.rotations import from_euler, random_rotation
from gaugeconv.sphere.s2cnn import S2CNN, S2CNNLayout
from gaugeconv.sphere.s2cnn_layers import (
    POINTS,
    RINGS,
    BandNorm,
    FromGrid,
    RotationConv,
    RotationReLU,
    RotationToSphere,
    SphereConv,
)
from gaugeconv.sphere.wigner import rotation_size, sphere_size
from tests.sphere.turning import turned_on_rotations, turned_on_sphere

pytest.importorskip("e3nn", reason="S2CNNs need gaugeconv[sphere]")
pytestmark = pytest.mark.usefixtures("double")

BAND = 6
ROTATION = random_rotation(np.random.default_rng(5))


def test_analysis_turns_with_the_signal():
    f, grid = SmoothSignal(BAND - 1, seed=1), driscoll_healy(8)
    enter = FromGrid(8, BAND)

    def coefficients(points: np.ndarray) -> torch.Tensor:
        return enter(torch.from_numpy(f(points)).view(1, 1, 16, 16))

    at_rest, turned = coefficients(grid.points), coefficients(grid.points @ ROTATION)
    assert torch.allclose(turned, turned_on_sphere(at_rest, ROTATION, BAND), atol=1e-12)


@pytest.mark.parametrize("kind", ["lift", "convolution", "projection", "norm"])
def test_layers_commute_with_wigner_matrices(kind):
    torch.manual_seed(0)
    size = sphere_size(BAND) if kind == "lift" else rotation_size(BAND)
    x = torch.randn(size, 2, 3)
    layer = {
        "lift": SphereConv(3, 4, BAND, 0.5),
        "convolution": RotationConv(3, 4, BAND, 0.5),
        "projection": RotationToSphere(3, 4, BAND, 0.5),
        "norm": BandNorm(3),
    }[kind]
    before = turned_on_sphere if kind == "lift" else turned_on_rotations
    after = turned_on_sphere if kind == "projection" else turned_on_rotations
    y, z = layer(x), layer(before(x, ROTATION, BAND))
    error = (z - after(y, ROTATION, BAND)).norm() / y.norm()
    assert error < 1e-12  # promised: 1e-5


def test_the_nonlinearity_commutes_better_and_better_on_finer_grids():
    torch.manual_seed(0)
    x = torch.randn(rotation_size(3), 1, 2)
    errors = []
    for grid in (4, 8, 16):
        relu = RotationReLU(3, grid, 3)
        y, z = relu(x), relu(turned_on_rotations(x, ROTATION, 3))
        errors.append(float((z - turned_on_rotations(y, ROTATION, 3)).norm() / y.norm()))
    assert errors[0] < 0.1
    assert errors[2] < errors[0] / 8, errors


def test_the_nonlinearity_is_exact_where_nothing_is_cut_off():
    x = 0.01 * torch.randn(rotation_size(3), 1, 2)
    x[0] = 5.0
    assert torch.allclose(RotationReLU(3, 4, 3)(x), x, atol=1e-12)
    x[0] = -5.0
    assert RotationReLU(3, 4, 3)(x).abs().max() < 1e-12


def test_convolution_is_a_weighted_sum_over_the_kernels_rotations():
    torch.manual_seed(1)
    conv, x = RotationConv(1, 1, 3, 0.8), torch.randn(rotation_size(3), 1, 1)
    rng = np.random.default_rng(2)
    at = np.stack([random_rotation(rng) for _ in range(3)])
    found = values_at(conv(x), at)[:, 0, 0]
    turns = np.arange(POINTS) * 2 * np.pi / POINTS
    rings = 0.8 * np.arange(1, RINGS + 1) / RINGS
    for row, r in zip(found, at, strict=True):
        total = 0.0
        for i, alpha in enumerate(turns):
            for k, gamma in enumerate(turns):
                step = from_euler(np.full(RINGS, alpha), rings, np.full(RINGS, gamma))
                total += (values_at(x, r @ step)[:, 0, 0] * conv.weight[i, k, :, 0, 0]).sum()
        assert torch.allclose(row, total * conv.scale)


def test_the_published_segmentation_network_has_its_number_of_parameters():
    published = full("segmentation")[0].layout
    assert published.bands == (42, 35, 27, 20, 27, 35, 42)
    small = paper_s2cnn("segmentation", 8)
    assert small.channels == published.channels
    count = sum(p.numel() for p in S2CNN(small, "segmentation").parameters())
    assert round(count / 1000) == 204  # kernels have as many points at every bandwidth


@pytest.mark.parametrize("task", ["classification", "segmentation"])
def test_networks_are_equivariant_up_to_aliasing(task):
    errors = []
    for b in (6, 12):
        torch.manual_seed(0)
        network = S2CNN(S2CNNLayout(b, (4, 4), (b, b)), task)
        signals = smooth_signals(3, max_degree=3)
        x = torch.from_numpy(np.stack([f(network.grid.points) for f in signals]))
        network(x)  # statistics of the norms
        network.eval()
        rng = np.random.default_rng(1)
        errors.append(rotation_error(network, network.grid, signals, rng))
    assert errors[1] < 0.5 * errors[0], errors
    assert errors[1] < 0.1


def test_running_statistics_take_over_in_evaluation():
    norm = BandNorm(2, momentum=1.0)
    x = 3 + 2 * torch.randn(rotation_size(3), 40, 2)
    trained = norm(x)
    norm.eval()
    assert torch.allclose(norm(x), trained)
    assert trained[0].mean(0).abs().max() < 1e-12
    assert torch.allclose(trained.square().sum(0).mean(0), torch.ones(2), atol=1e-4)


@pytest.mark.parametrize(
    "layout", [(8, (4,), (4, 4)), (8, (), ()), (1, (4,), (4,)), (8, (0,), (4,))]
)
def test_impossible_layouts_are_refused(layout):
    with pytest.raises(DataError):
        S2CNNLayout(*layout)
