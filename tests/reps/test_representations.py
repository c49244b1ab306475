from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gaugeconv.errors import FieldTypeError, StructureGroupError
from gaugeconv.reps import Element, FieldType, StructureGroup, irreps, representation
from gaugeconv.reps.irreps import decompose
from tests.reps.zoo import FINITE, GROUPS, HIGHEST, draw, irrep_names, names, normal, subgroups


@pytest.mark.parametrize("group", GROUPS)
def test_every_representation_is_an_orthogonal_homomorphism(group):
    a, b = draw(group, 30, 0), draw(group, 30, 1)
    for name in names(group):
        t = FieldType(name, group)
        product = t.action(*a) @ t.action(*b)
        assert (t.action(*(a @ b)) - product).abs().max() < 1e-13, name
        back = t.action(*a.inverse()) - t.action(*a).transpose(1, 2)
        assert back.abs().max() < 1e-13, name


@pytest.mark.parametrize("group", GROUPS)
def test_transform_is_the_action_at_every_vertex(group):
    k = draw(group, 7, 0)
    for name in names(group):
        t = FieldType(f"2x{name} + {name}", group)
        x = normal(3, 7, t.dim, seed=1)
        expected = torch.einsum("vij,bvj->bvi", t.action(*k), x)
        assert (t.transform(x, *k) - expected).abs().max() < 1e-13, name
        assert t.transform(x.float(), *k).dtype == torch.float32


def test_irreps_act_by_their_formulas():
    k = Element(torch.tensor([0.7, 0.7]).double(), torch.tensor([False, True]))
    s = torch.diag(torch.tensor([1.0, -1.0])).double()
    turn = Element.of(torch.tensor(3 * 0.7).double()).matrix()
    assert torch.allclose(FieldType("3", "O2").action(*k), torch.stack((turn, turn @ s)))
    assert FieldType("0+", "O2").action(*k).flatten().tolist() == [1, 1]
    assert FieldType("0-", "O2").action(*k).flatten().tolist() == [1, -1]
    k = StructureGroup.of("D4").elements()
    signs = torch.tensor([1.0, -1, 1, -1]).double()
    assert torch.allclose(FieldType("2+", "D4").action(*k).flatten(), signs.repeat(2))
    assert torch.allclose(FieldType("2-", "D4").action(*k).flatten(), torch.cat((signs, -signs)))


@pytest.mark.parametrize("group", FINITE)
def test_finite_groups_have_as_many_irreps_as_they_need(group):
    """Σ d² / (dimension of the endomorphisms) = |K| over the real irreps, which are all different."""
    found = irreps(group)
    size = StructureGroup.of(group).size
    assert sum(i.dim**2 / i.endomorphisms for i in found) == size
    k = StructureGroup.of(group).elements()
    traces = torch.stack([i.action(k).diagonal(dim1=1, dim2=2).sum(-1) for i in found])
    gram = traces @ traces.T / size
    expected = torch.diag(torch.tensor([float(i.endomorphisms) for i in found]).double())
    assert (gram - expected).abs().max() < 1e-13
    assert [i.name for i in irreps("D6")] == ["0+", "0-", "1", "2", "3+", "3-"]
    assert [i.name for i in irreps("C5")] == ["0", "1", "2"]
    assert [i.name for i in irreps("O2", 2)] == ["0+", "0-", "1", "2"]


@pytest.mark.parametrize("group", GROUPS)
def test_vec_is_the_action_on_tangent_vectors(group):
    k = draw(group, 20, 0)
    assert (FieldType("vec", group).action(*k) - k.matrix()).abs().max() < 1e-14
    wide = StructureGroup.of(group).rotations in (0, *range(3, 9))
    assert str(FieldType("vec", group)) == ("1x1" if wide else "1xvec")


@pytest.mark.parametrize("group", FINITE)
def test_the_regular_representation_moves_functions_on_the_group(group):
    """(k f)(g) = f(k⁻¹ g), values in the order of the list of elements."""
    g = StructureGroup.of(group)
    values = normal(g.size, seed=0)
    elements = g.elements()
    for i in range(g.size):
        k = Element(elements.gamma[i], elements.reflect[i])
        moved = FieldType("reg", group).action(*k) @ values
        expected = values[g.index(k.inverse() @ elements)]
        assert (moved - expected).abs().max() < 1e-14


@pytest.mark.parametrize("group", ["C6", "D4", "D6"])
def test_quotient_representations_move_functions_on_cosets(group):
    """A function on the group that is constant on the cosets gH moves like one on the cosets."""
    g = StructureGroup.of(group)
    elements = g.elements()
    for name in subgroups(group):
        inner = StructureGroup.of(name)
        t = FieldType(f"quo{name}", group)
        assert t.dim == g.size // inner.size
        members = Element(elements.gamma[:, None], elements.reflect[:, None]) @ inner.elements()
        first = g.index(members).min(dim=1).values
        cosets = first.unique()
        place = torch.searchsorted(cosets, first)
        values = normal(t.dim, seed=1)
        for i in range(g.size):
            k = Element(elements.gamma[i], elements.reflect[i])
            moved = FieldType("reg", group).action(*k) @ values[place]
            assert (moved - (t.action(*k) @ values)[place]).abs().max() < 1e-13, name


@pytest.mark.parametrize("group", FINITE)
def test_the_largest_and_the_smallest_quotient(group):
    assert FieldType(f"quo{group}", group).dim == 1
    k = StructureGroup.of(group).elements()
    assert torch.allclose(FieldType("quoC1", group).action(*k), FieldType("reg", group).action(*k))


@pytest.mark.parametrize("group", GROUPS)
def test_blocks_know_their_irreps(group):
    k = draw(group, 20, 0)
    for name in names(group):
        rep = representation(StructureGroup.of(group), name)
        inner = rep.basis.T @ rep.action(k) @ rep.basis
        at = 0
        for irrep in rep.irreps:
            columns = slice(at, at + irrep.dim)
            assert (inner[:, columns, columns] - irrep.action(k)).abs().max() < 1e-13
            inner[:, columns, columns] = 0
            at += irrep.dim
        assert inner.abs().max() < 1e-13
        assert at == rep.dim


def test_the_regular_representation_has_every_irrep_as_often_as_its_size_allows():
    for group in FINITE:
        t = FieldType("reg", group)
        for irrep in irreps(group):
            assert t.multiplicity(irrep) == irrep.dim // irrep.endomorphisms


def test_irreps_beyond_the_order_that_is_allowed_are_missed():
    group = StructureGroup.of("C8")

    def both(k: Element) -> torch.Tensor:
        return FieldType("1 + 3", group).action(*k)

    assert [i.name for i in decompose(group, both, 4)[0]] == ["1", "3"]
    with pytest.raises(StructureGroupError, match="order 2 fill 2 of 4 dimensions"):
        decompose(group, both, 2)


@given(st.data())
def test_types_of_every_group_print_as_what_they_are_parsed_from(data):
    group = data.draw(st.sampled_from(GROUPS))
    pairs = data.draw(
        st.lists(
            st.tuples(st.integers(1, 9), st.sampled_from(names(group))), min_size=1, max_size=4
        )
    )
    t = FieldType(" + ".join(f"{n}x{name}" for n, name in pairs), group)
    assert FieldType(str(t), group) == t and hash(FieldType(str(t), group)) == hash(t)
    assert eval(repr(t), {"FieldType": FieldType}) == t
    assert [b.multiplicity for b in t.blocks] == [n for n, _ in pairs]
    assert t.num_channels == sum(n for n, _ in pairs)
    assert t.dim == t.slices()[-1].stop == sum(n * FieldType(m, group).dim for n, m in pairs)


def test_signs_and_separators_are_told_apart():
    assert FieldType("0++0-", "O2") == FieldType("1x0+ + 1x0-", "O2")
    assert FieldType("2 + 2x0+", "D5") == FieldType("1x2 + 2x0+", "D5")
    assert FieldType("2x3- + reg+1", "D6").terms == ((2, "3-"), (1, "reg"), (1, "1"))


@pytest.mark.parametrize(
    ("group", "bad"),
    [
        ("O2", "0"),
        ("O2", "1+"),
        ("O2", "reg"),
        ("SO2", "0-"),
        ("C4", "3"),
        ("C4", "quoC3"),
        ("C4", "quoD1"),
        ("D4", "2"),
        ("D4", "1-"),
        ("D4", "0+ +"),
        ("D1", "1"),
        ("C6", "sgn"),
    ],
)
def test_what_a_group_does_not_have_is_quoted(group, bad):
    with pytest.raises(FieldTypeError) as error:
        FieldType(bad, group)
    assert repr(bad) in str(error.value)


def test_the_error_lists_what_there_is():
    with pytest.raises(
        FieldTypeError, match=r"D4 has no representation '3': it has 0\+, 0-, 1, 2\+"
    ):
        FieldType("3", "D4")


def test_elements_outside_of_the_group_are_refused():
    angle, mirror = torch.tensor([0.1]).double(), torch.tensor([True])
    for group, name in (("C4", "1"), ("D4", "reg"), ("D1", "vec")):
        t = FieldType(name, group)
        with pytest.raises(StructureGroupError, match=f"not in {group}"):
            t.action(angle)
        with pytest.raises(StructureGroupError, match=f"not in {group}"):
            t.transform(torch.zeros(1, t.dim), angle)
    for group in ("SO2", "C4"):
        with pytest.raises(StructureGroupError, match="not in"):
            FieldType("1", group).action(0 * angle, mirror)


def test_types_of_different_groups_differ_and_do_not_add_up():
    a, b = FieldType("1", "SO2"), FieldType("1", "O2")
    assert a != b and FieldType(b) == b and FieldType(b).group.name == "O2"
    with pytest.raises(StructureGroupError, match="cannot add"):
        _ = a + b
    with pytest.raises(StructureGroupError, match="not a type of O2"):
        FieldType(a, "O2")


def test_multiplicities_count_irreps_inside_of_blocks():
    t = FieldType("3x0+ + 2x0- + 2xreg + 1xquoD1 + 1", "D3")
    assert (t.multiplicity(0), t.multiplicity("0-"), t.multiplicity(1)) == (6, 4, 6)
    assert t.orders == (0, 1) and not t.has_only_irreps
    with pytest.raises(FieldTypeError, match="'reg' is not one irrep"):
        _ = t.blocks[2].order


@pytest.mark.parametrize("group", GROUPS)
def test_only_the_trivial_irrep_leaves_everything_alone(group):
    k = draw(group, 60, 3)
    for name in irrep_names(group):
        block = FieldType(name, group).blocks[0]
        fixed = (block.irrep.action(k) - torch.eye(block.components)).abs().max() < 1e-12
        assert block.irrep.is_trivial == bool(fixed)
    assert HIGHEST >= max(i.order for i in irreps(group, HIGHEST))


def test_an_even_order_at_half_a_turn_is_exact():
    gamma = torch.arange(8).double() * (2 * math.pi / 8)
    assert torch.allclose(
        FieldType("4", "C8").action(gamma).flatten(), torch.tensor([1.0, -1] * 4).double()
    )
