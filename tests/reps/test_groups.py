from __future__ import annotations

import math

import pytest
import torch

from gaugeconv.errors import StructureGroupError
from gaugeconv.reps import Element, StructureGroup
from tests.reps.zoo import FINITE, GROUPS, draw, normal, subgroups

S = torch.diag(torch.tensor([1.0, -1.0], dtype=torch.float64))


def rotation(gamma: float) -> torch.Tensor:
    c, s = math.cos(gamma), math.sin(gamma)
    return torch.tensor([[c, -s], [s, c]], dtype=torch.float64)


def test_an_element_is_a_rotation_after_a_reflection_that_keeps_the_first_axis():
    k = Element(torch.tensor([0.3, 0.3]).double(), torch.tensor([False, True]))
    assert torch.allclose(k.matrix()[0], rotation(0.3), atol=1e-15)
    assert torch.allclose(k.matrix()[1], rotation(0.3) @ S, atol=1e-15)


@pytest.mark.parametrize("group", GROUPS)
def test_products_inverses_and_actions_are_those_of_matrices(group):
    a, b = draw(group, 40, 0), draw(group, 40, 1)
    x = normal(40, 2, seed=2)
    assert ((a @ b).matrix() - a.matrix() @ b.matrix()).abs().max() < 1e-14
    assert (a.inverse().matrix() - torch.linalg.inv(a.matrix())).abs().max() < 1e-14
    assert (a.act(x) - (a.matrix() @ x[..., None])[..., 0]).abs().max() < 1e-14
    turned = a.act(x)
    theta = a.direction(torch.atan2(x[:, 1], x[:, 0])) - torch.atan2(turned[:, 1], turned[:, 0])
    assert (1 - theta.cos()).abs().max() < 1e-14
    again = Element.from_matrix(a.matrix())
    assert torch.equal(again.reflect, a.reflect)
    assert (1 - (again.gamma - a.gamma).cos()).abs().max() < 1e-14


@pytest.mark.parametrize("group", GROUPS)
def test_groups_are_closed_and_contain_what_they_draw(group):
    g = StructureGroup.of(group)
    a, b = draw(group, 50, 0), draw(group, 50, 1)
    for k in (a, a @ b, a.inverse(), g.identity(3), g.generators(), g.samples(4)):
        assert g.contains(k).all()
    assert torch.equal(g.identity(2, 3).matrix(), torch.eye(2).double().expand(2, 3, 2, 2))


@pytest.mark.parametrize("group", FINITE)
def test_elements_of_finite_groups_are_all_distinct_and_numbered(group):
    g = StructureGroup.of(group)
    k = g.elements()
    assert len(k.gamma) == g.size == g.rotations * (2 if group[0] == "D" else 1)
    assert torch.equal(g.index(k), torch.arange(g.size))
    flat = k.matrix().flatten(1)
    distance = torch.cdist(flat, flat) + torch.eye(g.size)
    assert distance.min() > 0.1
    products = Element(k.gamma[:, None], k.reflect[:, None]) @ k
    assert torch.equal(
        g.index(products).sort(dim=1).values, torch.arange(g.size).expand(g.size, -1)
    )


@pytest.mark.parametrize("group", FINITE)
def test_generators_generate(group):
    g = StructureGroup.of(group)
    reached, frontier = {0}, [0]
    elements, generators = g.elements(), g.generators()
    while frontier:
        i = frontier.pop()
        for step in g.index(Element(elements.gamma[i], elements.reflect[i]) @ generators).tolist():
            if step not in reached:
                reached.add(step)
                frontier.append(step)
    assert len(reached) == g.size


def test_random_elements_reach_the_whole_group_evenly():
    g = StructureGroup.of("D3")
    counts = torch.bincount(
        g.index(g.random(6000, generator=torch.Generator().manual_seed(0))), minlength=6
    )
    assert (counts - 1000).abs().max() < 150
    o2 = StructureGroup.of("O2").random(6000, generator=torch.Generator().manual_seed(0))
    assert abs(int(o2.reflect.sum()) - 3000) < 200
    assert abs(float(o2.gamma.mean()) - math.pi) < 0.1


def test_subgroups_are_those_whose_elements_belong():
    for group in GROUPS:
        for other in FINITE:
            inner = StructureGroup.of(other)
            outer = StructureGroup.of(group)
            assert inner.is_subgroup_of(outer) == bool(outer.contains(inner.elements()).all())
    assert subgroups("D4") == ["C1", "C2", "C4", "D1", "D2", "D4"]
    so2, o2 = StructureGroup.of("SO2"), StructureGroup.of("O2")
    assert so2.is_subgroup_of(o2) and not o2.is_subgroup_of(so2)
    assert not so2.is_subgroup_of(StructureGroup.of("C8"))


@pytest.mark.parametrize("group", FINITE)
def test_snapping_finds_the_nearest_element_and_commutes_with_the_group(group):
    g = StructureGroup.of(group)
    k = draw("O2" if group[0] == "D" else "SO2", 200, 0)
    snapped = g.snap(k)
    all_elements = g.elements()
    distance = (k.matrix()[:, None] - all_elements.matrix()).square().sum(dim=(2, 3))
    distance[k.reflect[:, None] != all_elements.reflect] = torch.inf
    assert torch.equal(g.index(snapped), distance.argmin(dim=1))
    a, b = draw(group, 200, 1), draw(group, 200, 2)
    both = (a @ snapped @ b).matrix()
    assert (g.snap(a @ k @ b).matrix() - both).abs().max() < 1e-13


@pytest.mark.parametrize("name", ["SO2", "O2", "C1", "C12", "D1", "D30"])
def test_names_round_trip(name):
    assert str(StructureGroup.of(name)) == name
    assert StructureGroup.of(StructureGroup.of(name)) == StructureGroup.of(name)


def test_short_names_of_the_smallest_groups():
    assert StructureGroup.of("trivial") == StructureGroup.of("e") == StructureGroup.of("C1")
    assert StructureGroup.of("reflection") == StructureGroup.of("D1")


@pytest.mark.parametrize("bad", ["", "C0", "c4", "SO3", "D", "D-1", "C4 "])
def test_other_names_are_quoted_in_the_error(bad):
    with pytest.raises(StructureGroupError, match=repr(bad)):
        StructureGroup.of(bad)


def test_what_a_group_does_not_have_is_an_error():
    k = Element(torch.tensor([0.0, 0.5]).double(), torch.tensor([True, False]))
    with pytest.raises(StructureGroupError, match="1 of 2 elements reflect, but SO2"):
        StructureGroup.of("SO2").snap(k)
    with pytest.raises(StructureGroupError, match=r"not in D4, first number 1: angle 0\.5"):
        StructureGroup.of("D4").member(k)
    for name in ("SO2", "O2"):
        with pytest.raises(StructureGroupError, match="infinitely many"):
            StructureGroup.of(name).elements()
        with pytest.raises(StructureGroupError, match="infinitely many"):
            _ = StructureGroup.of(name).size
        with pytest.raises(StructureGroupError, match="infinitely many"):
            StructureGroup.of(name).index(StructureGroup.of(name).identity(2))


def test_rounding_of_float32_is_forgiven_and_removed():
    g = StructureGroup.of("C8")
    k = g.elements(torch.float32)
    shifted = Element(k.gamma + 2 * math.pi * torch.arange(8) + 1e-5, k.reflect)
    assert torch.equal(g.index(shifted), torch.arange(8))
    assert (g.member(shifted).gamma - k.gamma - 2 * math.pi * torch.arange(8)).abs().max() < 1e-5
