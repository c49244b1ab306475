from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from gaugeconv import ops
from gaugeconv.errors import FieldTypeError, StructureGroupError
from gaugeconv.ops import moment_layout
from gaugeconv.reps import CosineRings, FieldType, KernelSpace
from tests.ops.random_pairs import angles, random_neighborhoods

BASIS = CosineRings(2)
CASES = [
    ("1x0", (0,)),
    ("3x1", (1,)),
    ("2x0 + 1x2 + 4x1", (0, 1, 3)),
    ("5x0 + 9x1 + 2x3", (0, 1, 2, 4)),
    ("17x0", ()),
]


def features(nb, kind, batch=(), seed=0):
    g = torch.Generator().manual_seed(seed)
    shape = (*batch, nb.num_sources, FieldType(kind).dim)
    return torch.randn(shape, generator=g, dtype=torch.float64).requires_grad_()


def by_definition(x, nb, kind, orders):
    """Moments pair by pair, as a dictionary of (order, part, ring) and the centre term."""
    kind, share = FieldType(kind), nb.weight / (math.pi * nb.radius**2)
    rho = nb.r / nb.radius
    neighbor = x[nb.source]
    u = kind.transform(neighbor, nb.transport - nb.theta)
    found = {}
    for n in orders:
        for part, wave in enumerate((torch.cos, torch.sin)[: 1 if n == 0 else 2]):
            for k, b in enumerate(BASIS.rings(rho).unbind(1)):
                message = (share * b * wave(n * nb.theta))[:, None] * u
                zero = torch.zeros(nb.num_targets, kind.dim, dtype=x.dtype)
                found[n, part, k] = zero.index_add(0, nb.target, message)
    message = (share * BASIS.center(rho))[:, None] * kind.transform(neighbor, nb.transport)
    zero = torch.zeros(nb.num_targets, kind.dim, dtype=x.dtype)
    return found, zero.index_add(0, nb.target, message)


@pytest.mark.parametrize("backend", ["fused", "torch"])
@pytest.mark.parametrize(("kind", "orders"), CASES)
def test_moments_are_what_their_definition_says(kind, orders, backend):
    nb = random_neighborhoods(12, 9, seed=1)
    x = features(nb, kind)
    rings, center = by_definition(x, nb, kind, orders)
    layout = moment_layout(FieldType(kind), orders, BASIS.num)
    m = ops.aggregate(x, nb, BASIS, FieldType(kind), orders, backend)
    assert m.shape == (12, layout.width)
    assert (layout.center_moments(m) - center).abs().max() < 1e-13
    for (n, part, k), expected in rings.items():
        assert (layout.ring_moments(m, n)[:, part, k] - expected).abs().max() < 1e-13


@pytest.mark.parametrize(("kind", "orders"), CASES)
def test_both_backends_have_the_same_gradients_twice(kind, orders):
    nb = random_neighborhoods(12, seed=2)
    x = features(nb, kind, batch=(2,))
    found = []
    for backend in ("fused", "torch"):
        m = ops.aggregate(x, nb, BASIS, FieldType(kind), orders, backend)
        (first,) = torch.autograd.grad((m**3).sum(), x, create_graph=True)
        (second,) = torch.autograd.grad(first.square().sum(), x)
        found.append((m, first, second))
    for a, b in zip(*found, strict=True):
        assert (a - b).abs().max() < 1e-12 * max(1.0, float(b.detach().abs().max()))


def test_gradients_pass_gradcheck_to_second_order():
    nb = random_neighborhoods(3, 4, degree=3, seed=3)

    def f(x):
        return ops.aggregate(x, nb, BASIS, FieldType("1x0 + 1x1"), (0, 2))

    x = features(nb, "1x0 + 1x1")
    assert torch.autograd.gradcheck(f, (x,))
    assert torch.autograd.gradgradcheck(f, (x,))


@pytest.mark.parametrize(("kind", "orders"), CASES)
def test_the_gradient_is_the_transpose(kind, orders):
    nb = random_neighborhoods(300, 200, seed=4)
    x = features(nb, kind)
    m = ops.aggregate(x, nb, BASIS, FieldType(kind), orders)
    g = torch.randn(m.shape, dtype=m.dtype, generator=torch.Generator().manual_seed(1))
    (dx,) = torch.autograd.grad(m, x, g)
    m, x = m.detach(), x.detach()
    assert abs((m * g).sum() - (x * dx).sum()) < 1e-10 * m.norm() * g.norm()


def test_one_ring_of_the_convolution_is_a_product_with_its_moments():
    nb = random_neighborhoods(10, seed=5)
    space = KernelSpace("2x0 + 1x1", "3x0", BASIS)
    torch.manual_seed(0)
    rings = torch.randn(space.rings_shape, dtype=torch.float64)
    center = torch.randn(space.num_center, dtype=torch.float64)
    x = features(nb, "2x0 + 1x1")
    layout = moment_layout(space.in_type, (0,), BASIS.num)
    m = ops.aggregate(x, nb, BASIS, space.in_type, (0,))
    product = torch.einsum("pki,koi->po", layout.ring_moments(m, 0)[:, 0], rings)
    product = product + layout.center_moments(m) @ space.intertwiners.matrix(center).T
    assert (product - ops.convolve(x, rings, center, nb, space)).abs().max() < 1e-13


def test_gauges_of_the_sources_do_not_matter():
    nb = random_neighborhoods(12, 7, seed=6)
    kind, gamma = FieldType("2x0 + 3x1"), angles(7, 2)
    x = features(nb, str(kind)).detach()
    moved = nb.change_gauge(torch.zeros(12, dtype=torch.float64), gamma)
    a = ops.aggregate(x, nb, BASIS, kind, (0, 1))
    b = ops.aggregate(kind.transform(x, gamma), moved, BASIS, kind, (0, 1))
    assert (a - b).abs().max() < 1e-13
    assert (ops.aggregate(x, moved, BASIS, kind, (0, 1)) - a).abs().max() > 0.1


def flipped(nb, seed=0):
    g = torch.Generator().manual_seed(seed)
    flip = (torch.rand(nb.flip.shape, generator=g) < 0.5) & (nb.r > 0)
    return replace(nb, flip=flip, _memo={})


@pytest.mark.parametrize("backend", ["fused", "torch"])
def test_reflecting_transports_read_reflected_features(backend):
    nb = flipped(random_neighborhoods(12, 9, seed=7))
    kind = FieldType("2x0+ + 1x0- + 3x1", "O2")
    x = features(nb, "2x0 + 1x0 + 3x1")
    m = ops.aggregate(x, nb, BASIS, kind, (0, 1), backend)
    carried = kind.transform(x[nb.source], nb.transport * 0, nb.flip)
    pairs = nb.source.numel()
    plain = replace(
        nb, source=torch.arange(pairs), num_sources=pairs, flip=torch.zeros_like(nb.flip),
        source_vertex=torch.arange(pairs), _memo={},
    )  # fmt: skip
    expected = ops.aggregate(carried, plain, BASIS, FieldType("3x0 + 3x1"), (0, 1), "torch")
    assert (m - expected).abs().max() < 1e-13
    (dx,) = torch.autograd.grad(m.square().sum(), x)
    (other,) = torch.autograd.grad(expected.square().sum(), x)
    assert (dx - other).abs().max() < 1e-12


@pytest.mark.parametrize("backend", ["fused", "torch"])
def test_a_group_without_reflections_refuses_them(backend):
    nb = flipped(random_neighborhoods(12, 9, seed=7))
    with pytest.raises(StructureGroupError, match="reflect"):
        ops.aggregate(features(nb, "1x0"), nb, BASIS, FieldType("1x0"), (0,), backend)


@pytest.mark.parametrize("backend", ["auto", "fused", "torch"])
@pytest.mark.parametrize("text", ["1x2", "2x0 + 1x1"])
def test_features_of_finite_groups_are_refused(text, backend):
    nb, kind = random_neighborhoods(12, 9, seed=7), FieldType(text, "C4")
    with pytest.raises(StructureGroupError, match=r"C4.*reps\.carrier"):
        ops.aggregate(torch.ones(nb.num_sources, kind.dim), nb, BASIS, kind, (0,), backend)


def test_orders_that_are_not_ascending_and_features_of_another_type_are_named():
    nb = random_neighborhoods(5, seed=8)
    x = features(nb, "2x0")
    for orders in ((1, 0), (1, 1), (-1, 0)):
        with pytest.raises(FieldTypeError, match="ascending"):
            ops.aggregate(x, nb, BASIS, FieldType("2x0"), orders)
    with pytest.raises(FieldTypeError, match="3x0"):
        ops.aggregate(x, nb, BASIS, FieldType("3x0"), (0,))


def test_results_do_not_depend_on_the_number_of_threads():
    nb = random_neighborhoods(300, 200, seed=9)
    kind, before, found = FieldType("2x0 + 3x1"), torch.get_num_threads(), []
    x = features(nb, str(kind), batch=(2,))
    for threads in (1, 3):
        torch.set_num_threads(threads)
        m = ops.aggregate(x, nb, BASIS, kind, (0, 1))
        found.append((m, *torch.autograd.grad(m.square().sum(), x)))
    torch.set_num_threads(before)
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))
