from __future__ import annotations

import copy
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gaugeconv.errors import FieldTypeError, GaugeConvError, StructureGroupError
from gaugeconv.reps import FieldType
from tests import slow_reference as slow

terms = st.lists(st.tuples(st.integers(1, 12), st.integers(0, 5)), min_size=1, max_size=5)


@given(terms)
def test_a_type_prints_as_what_it_is_parsed_from(pairs):
    text = " + ".join(f"{n}x{m}" for n, m in pairs)
    t = FieldType(text)
    assert str(t) == text
    assert FieldType(str(t)) == t and hash(FieldType(str(t))) == hash(t)
    assert eval(repr(t), {"FieldType": FieldType}) == t
    assert FieldType(t) == t


def test_blocks_follow_the_string_and_spaces_and_ones_may_be_left_out():
    t = FieldType("2x1+ 3 x 0 +4")
    assert t == FieldType("2x1 + 3x0 + 1x4")
    assert [(b.multiplicity, b.order, b.slice) for b in t.blocks] == [
        (2, 1, slice(0, 4)),
        (3, 0, slice(4, 7)),
        (1, 4, slice(7, 9)),
    ]
    assert t.slices() == (slice(0, 4), slice(4, 7), slice(7, 9))
    assert (t.dim, t.num_channels, t.orders) == (9, 6, (0, 1, 4))
    assert FieldType("0").dim == 1


def test_types_with_other_blocks_or_another_order_of_blocks_differ():
    assert FieldType("2x0 + 1x1") != FieldType("1x1 + 2x0")
    assert FieldType("1x0 + 1x0") != FieldType("2x0")
    assert FieldType("1x0 + 2x1 + 3x0").multiplicity(0) == 4
    assert FieldType("1x0").multiplicity(3) == 0


def test_a_direct_sum_concatenates_features():
    a, b = FieldType("2x0 + 1x1"), FieldType("1x2")
    assert a + b == FieldType("2x0 + 1x1 + 1x2")
    x, y, gamma = torch.randn(5, a.dim), torch.randn(5, b.dim), torch.randn(5)
    both = (a + b).transform(torch.cat((x, y), dim=-1), gamma)
    assert torch.equal(both, torch.cat((a.transform(x, gamma), b.transform(y, gamma)), dim=-1))


def test_a_type_is_immutable_and_can_be_copied():
    t = FieldType("2x0 + 1x1")
    with pytest.raises(AttributeError):
        t.terms = ()  # type: ignore[misc]
    assert copy.deepcopy(t) == t


@pytest.mark.parametrize("bad", ["", "8x", "x1", "8x1 +", "8x-1", "0x1", "1.5x0", "8x0, 4x1", "0+"])
def test_a_bad_string_is_quoted_in_the_error(bad):
    with pytest.raises(FieldTypeError) as error:
        FieldType(bad)
    assert repr(bad) in str(error.value)
    assert isinstance(error.value, GaugeConvError)


@pytest.mark.parametrize("group", ["SO3", "C0", "so2", ""])
def test_groups_that_do_not_exist_are_refused_by_name(group):
    with pytest.raises(StructureGroupError, match="SO2"):
        FieldType("8x0", group=group)


@given(terms, st.floats(-10, 10), st.floats(-10, 10))
def test_the_action_is_an_orthogonal_representation(pairs, a, b):
    t = FieldType(" + ".join(f"{n}x{m}" for n, m in pairs))
    a, b = torch.tensor(a, dtype=torch.float64), torch.tensor(b, dtype=torch.float64)
    assert torch.allclose(t.action(a) @ t.action(b), t.action(a + b), atol=1e-12)
    assert torch.allclose(t.action(a) @ t.action(-a), torch.eye(t.dim).double(), atol=1e-13)
    assert torch.allclose(t.action(a), torch.from_numpy(slow.representation(str(t), float(a))))


def test_order_m_turns_m_times_as_far_counter_clockwise():
    quarter = torch.tensor(math.pi / 2, dtype=torch.float64)
    expected = torch.tensor([[0.0, -1.0], [1.0, 0.0]], dtype=torch.float64)
    assert torch.allclose(FieldType("1x1").action(quarter), expected, atol=1e-15)
    assert torch.allclose(FieldType("1x2").action(quarter / 2), expected, atol=1e-15)
    assert torch.equal(FieldType("1x0").action(quarter), torch.ones(1, 1).double())


@pytest.mark.parametrize("batch", [(), (3,), (2, 3)])
def test_transform_is_the_action_at_every_vertex(batch):
    t = FieldType("2x1 + 3x0 + 1x3 + 2x1")
    gamma = 10 * torch.randn(7, dtype=torch.float64)
    x = torch.randn(*batch, 7, t.dim, dtype=torch.float64)
    expected = torch.einsum("vij,...vj->...vi", t.action(gamma), x)
    assert (t.transform(x, gamma) - expected).abs().max() < 1e-14
    assert t.transform(x.float(), gamma).dtype == torch.float32


@pytest.mark.unchecked
@pytest.mark.parametrize("x_shape, angles", [((4, 3), 4), ((4, 5), 3), ((5,), 1)])
def test_transform_says_what_does_not_fit(x_shape, angles):
    with pytest.raises(FieldTypeError, match=r"expected features \(\.\.\., V, 5\)"):
        FieldType("1x0 + 2x1").transform(torch.zeros(x_shape), torch.zeros(angles))


@pytest.mark.unchecked
def test_what_is_no_string_is_quoted_too():
    with pytest.raises(FieldTypeError, match="got 3"):
        FieldType(3)
