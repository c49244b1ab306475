from __future__ import annotations

import pytest
import torch

from gaugeconv import ops
from gaugeconv.ops import convolve_op, costs
from gaugeconv.ops.moments import product_map
from gaugeconv.reps import FieldType, KernelSpace
from tests.ops.random_pairs import random_neighborhoods

TYPES = [
    ("2x0", "3x0"),
    ("9x0 + 9x1 + 1x2", "2x0 + 1x1"),
    ("1x0 + 1x2 + 2x0", "8x1 + 1x0 + 2x2"),
]


def choose(monkeypatch, forward, backward):
    monkeypatch.setattr(convolve_op, "forward_transforms", lambda *_: forward)
    monkeypatch.setattr(convolve_op, "backward_transforms", lambda *_: backward)


def gradients(types, nb, batch):
    g = torch.Generator().manual_seed(0)
    space = KernelSpace(*types)
    shapes = (*batch, nb.num_sources, space.in_type.dim), space.rings_shape, (space.num_center,)
    x, *kernel = (torch.randn(s, generator=g, dtype=torch.float64).requires_grad_() for s in shapes)
    y = ops.convolve(x, *kernel, nb, space)
    first = torch.autograd.grad((y**3).sum(), (x, *kernel), create_graph=True)
    second = torch.autograd.grad(sum(f.square().sum() for f in first), (x, *kernel))
    return y, *first, *second


@pytest.mark.parametrize("types", TYPES)
@pytest.mark.parametrize("batch", [(), (3,)])
def test_multiplying_first_gives_the_same_output_and_gradients(types, batch, monkeypatch):
    nb = random_neighborhoods(80, 70, seed=1)
    choose(monkeypatch, False, False)
    expected = gradients(types, nb, batch)
    for forward, backward in ((True, False), (False, True), (True, True)):
        choose(monkeypatch, forward, backward)
        for a, b in zip(gradients(types, nb, batch), expected, strict=True):
            assert (a - b).abs().max() < 1e-11 * b.detach().abs().max()


def test_one_gradient_alone_is_the_same_either_way(monkeypatch):
    nb = random_neighborhoods(20, 15, seed=2)
    space = KernelSpace("2x0 + 1x1", "1x1 + 1x0")
    torch.manual_seed(0)
    x, rings = torch.randn(15, 4).double(), torch.randn(space.rings_shape).double()
    center = torch.randn(space.num_center).double()
    for wanted in (x, rings):
        wanted.requires_grad_()
        found = []
        for backward in (False, True):
            choose(monkeypatch, False, backward)
            y = ops.convolve(x, rings, center, nb, space)
            found.append(torch.autograd.grad(y.square().sum(), wanted)[0])
        wanted.requires_grad_(False)
        assert (found[0] - found[1]).abs().max() < 1e-12


@pytest.mark.parametrize(
    ("in_type", "out_type", "sizes", "forward", "backward"),
    [
        # many channels to few
        ("64x0 + 64x1 + 64x2", "8x0", (346_422, 10_242, 10_242), True, False),
        ("256x0", "8x0", (346_422, 10_242, 10_242), True, False),
        # as many as before
        ("16x0 + 16x1 + 16x2", "16x0 + 16x1 + 16x2", (346_422, 10_242, 10_242), False, False),
        # from few vertices to many, and from many to few
        ("32x0 + 16x1 + 8x2", "32x0 + 8x1 + 4x2", (72_393, 10_242, 1_024), True, False),
        ("32x0 + 16x1 + 8x2", "48x0 + 24x1 + 12x2", (7_290, 256, 1_024), False, True),
    ],
)
def test_the_way_is_chosen_by_counting(in_type, out_type, sizes, forward, backward):
    """Cases whose both ways were measured, where they differ by more than a quarter."""
    types = FieldType(in_type), FieldType(out_type)
    maps = product_map(*types, 3), product_map(*types, 3, transposed=True)
    assert costs.forward_transforms(*maps, *sizes) is forward
    assert costs.backward_transforms(*maps, *sizes) is backward


def test_without_gradients_the_chosen_way_runs_too():
    nb = random_neighborhoods(300, 20, seed=2)
    space = KernelSpace("256x0", "2x0")
    maps = (product_map(space.in_type, space.out_type, 3, side) for side in (False, True))
    assert costs.forward_transforms(*maps, nb.source.numel(), 300, 20)
    torch.manual_seed(0)
    x, kernel = (
        torch.randn(20, 256),
        (torch.randn(space.rings_shape), torch.randn(space.num_center)),
    )
    fast, slow = (ops.convolve(x, *kernel, nb, space, b) for b in ("fused", "torch"))
    assert (fast - slow).abs().max() < 1e-4 * slow.abs().max()
