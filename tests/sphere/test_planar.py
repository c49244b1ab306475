from __future__ import annotations

import numpy as np
import pytest
import torch

from gaugeconv.errors import DataError
from gaugeconv.sphere.experiment.contenders import full
from gaugeconv.sphere.planar import PlanarCNN, PlanarLayout, num_parameters, random_layout

LAYOUT = PlanarLayout(6, (4, 6, 8), (5, 3, 3), (1, 2, 2))


@pytest.mark.parametrize(
    ("task", "shape"), [("classification", (2, 10)), ("segmentation", (2, 144, 11))]
)
def test_scores_have_the_shape_of_the_task(task, shape):
    network = PlanarCNN(LAYOUT, task)
    assert network(torch.randn(2, 144)).shape == shape
    assert num_parameters(LAYOUT, task) == sum(p.numel() for p in network.parameters())


def test_it_treats_the_grid_as_an_image():
    torch.manual_seed(0)
    network = PlanarCNN(PlanarLayout(16, (4, 4), (3, 3), (1, 1)), "segmentation").eval()
    image = torch.zeros(1, 32, 32)
    image[0, 10:14, 10:13] = torch.rand(4, 3)
    moved = torch.roll(image, (3, 5), dims=(1, 2))
    y, z = (network(i.view(1, -1)).view(32, 32, 11) for i in (image, moved))
    inside = slice(8, 28), slice(10, 28)  # out of reach of the padding, before and after
    assert torch.allclose(z[inside], torch.roll(y, (3, 5), dims=(0, 1))[inside], atol=1e-5)
    assert y.std(dim=(0, 1)).min() > 0


def test_the_published_networks_have_their_numbers_of_parameters():
    found = {c.name: num_parameters(c.layout, c.task) for c in full("classification")[1:4]}
    assert found["cnn-0.5m"] == pytest.approx(0.5e6, rel=0.02)
    assert found["cnn-2.5m"] == pytest.approx(2.5e6, rel=0.02)
    assert found["cnn-114k"] == pytest.approx(114e3, rel=0.1)
    mirrored = {c.name: num_parameters(c.layout, c.task) for c in full("segmentation")[2:5]}
    for name, wanted in (("cnn-218k", 218e3), ("cnn-1m", 1e6), ("cnn-5.5m", 5.5e6)):
        assert mirrored[name] == pytest.approx(wanted, rel=0.1)


def test_random_layouts_have_the_size_asked_for():
    rng = np.random.default_rng(0)
    layouts = [random_layout(rng, 8, "segmentation", 100_000) for _ in range(6)]
    for layout in layouts:
        assert num_parameters(layout, "segmentation") == pytest.approx(100_000, rel=0.1)
    assert len({layout.kernels for layout in layouts}) > 1
    again = np.random.default_rng(0)
    assert random_layout(again, 8, "segmentation", 100_000) == layouts[0]


@pytest.mark.parametrize(
    "layout", [((4,), (3, 3), (1,)), ((4,), (2,), (1,)), ((4,), (3,), (3,)), ((), (), ())]
)
def test_impossible_layouts_are_refused(layout):
    with pytest.raises(DataError):
        PlanarLayout(6, *layout)
