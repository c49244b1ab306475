"""What must hold for every layer and every structure group."""

from __future__ import annotations

import copy

import pytest
import torch

from gaugeconv.errors import StructureGroupError
from gaugeconv.nn import GaugeConv, GaugeLinear
from gaugeconv.reps import FieldType
from tests.nn.layers import TYPES, cases_of, changed, changes, pairs_in
from tests.reps.zoo import normal

V = 10
GROUPS = [group for group in TYPES if group != "SO2"]  # SO2: test_every_layer.py
ALL = [
    pytest.param(group, case, id=f"{group}-{case}") for group in GROUPS for case in cases_of(group)
]
WITH_PAIRS = [p for p in ALL if p.values[1].pairs and "Block" not in str(p.values[1])]


def run(case, module, x, nb):
    torch.manual_seed(5)  # the same dropout mask every time
    return case.run(module, x, nb)


@pytest.mark.parametrize(("group", "case"), ALL)
def test_it_commutes_with_random_elements_of_its_group(group, case):
    module, nb, k = case.build(), pairs_in(group, V), changes(group, V, 3)
    x = normal(V, module.in_type.dim, seed=1)
    y = run(case, module, x, nb)
    moved = run(case, module, module.in_type.transform(x, *k), changed(nb, k))
    assert (moved - module.out_type.transform(y, *k)).abs().max() < 1e-11
    assert y.abs().max() > 0.1


@pytest.mark.parametrize(("group", "case"), [p for p in ALL if p.values[0] not in ("C2", "D3")])
def test_gradients_agree_in_two_gauges_and_so_does_an_optimiser_step(group, case):
    module, nb = case.build(), pairs_in(group, V)
    x, target = normal(V, module.in_type.dim, seed=1), normal(V, module.out_type.dim, seed=2)
    stepped, gradients = [], []
    for seed in (6, 7):
        k, copied = changes(group, V, seed), copy.deepcopy(module)
        moved = copied.in_type.transform(x, *k).requires_grad_()
        y = run(case, copied, moved, changed(nb, k))
        (y - copied.out_type.transform(target, *k)).square().sum().backward()
        gradients.append(copied.in_type.transform(moved.grad, *k.inverse()))
        if list(copied.parameters()):
            torch.optim.SGD(copied.parameters(), lr=0.01).step()
        stepped.append([p.detach() for p in copied.parameters() if p.numel()])
    assert (gradients[0] - gradients[1]).abs().max() < 1e-10 * gradients[0].abs().max()
    before = [p for p in module.parameters() if p.numel()]
    for p, q, old in zip(*stepped, before, strict=True):
        assert (p - q).abs().max() < 1e-10
        assert not torch.equal(p, old)


@pytest.mark.parametrize(("group", "case"), WITH_PAIRS)
def test_targets_and_sources_may_differ_and_rows_may_be_empty(group, case):
    module, nb = case.build(), pairs_in(group, V, 7, degree=2)
    assert (nb.ptr.diff() == 0).any()
    at_targets, at_sources = changes(group, V, 3), changes(group, 7, 4)
    x, asking = (normal(n, module.in_type.dim, seed=n) for n in (7, V))
    more = [], []
    if str(case) == "GaugeAttention":
        more = [asking], [module.in_type.transform(asking, *at_targets)]
    y = module(x, nb, *more[0])
    moved = module(
        module.in_type.transform(x, *at_sources), changed(nb, at_targets, at_sources), *more[1]
    )
    assert y.shape == (V, module.out_type.dim) and y.isfinite().all()
    assert (moved - module.out_type.transform(y, *at_targets)).abs().max() < 1e-11


@pytest.mark.parametrize("group", GROUPS)
def test_the_bias_is_constant_over_the_group_and_on_nothing_else(group):
    out = FieldType(TYPES[group][1], group)
    layer = GaugeLinear(FieldType(TYPES[group][0], group), out).double()
    with torch.no_grad():
        layer.bias.copy_(torch.arange(1.0, 1.0 + len(layer.bias)))
    y = layer(torch.zeros(1, layer.in_type.dim).double())
    k = changes(group, 1, 8)
    assert torch.equal(out.transform(y, *k).round(decimals=12), y.round(decimals=12))
    assert layer.bias.shape == (out.multiplicity(0),)
    for block in out.blocks:
        if block.representation.name in ("reg", "quoC2", "quoD1"):
            copies = y[0, block.slice].unflatten(0, (block.multiplicity, block.components)).detach()
            assert torch.allclose(copies, copies[:, :1], atol=1e-14) and (copies >= 1 - 1e-14).all()


def test_what_is_lawful_for_a_subgroup_alone_is_noticed():
    """The teeth of these tests: the same numbers under a larger group."""
    small, large = FieldType("3x0 + 2x1", "C3"), FieldType("3x0 + 2x1", "SO2")
    conv = GaugeConv(small, small).double()
    nb, x, k = pairs_in("C3", V), normal(V, 7, seed=1), changes("SO2", V, 3)
    y = conv(x, nb)
    with pytest.raises(StructureGroupError, match="not in C3"):
        conv(x, changed(nb, k))
    conv.connection = "snap"
    moved = conv(large.transform(x, *k), changed(nb, k))
    assert (moved - large.transform(y, *k)).square().mean() > 0.1 * y.square().mean()


@pytest.mark.parametrize("broken", ["bias", "silu"])
def test_a_sign_treated_as_a_scalar_is_noticed(broken):
    """`0-` has order 0 and one component, and yet no bias and no pointwise function is lawful."""
    t = FieldType("2x0-", "O2")
    x, k = normal(V, 2, seed=1), changes("O2", V, 3)
    layer = {"bias": lambda x: x + 0.3, "silu": torch.nn.functional.silu}[broken]
    assert (layer(t.transform(x, *k)) - t.transform(layer(x), *k)).abs().max() > 0.1
