from __future__ import annotations

import math

import pytest
import torch

from gaugeconv.errors import FieldTypeError, StructureGroupError
from gaugeconv.reps import (
    BasisChange,
    Element,
    FieldType,
    StructureGroup,
    carrier,
    extension,
    irreps,
    restriction,
    to_irreps,
)
from tests.reps.zoo import FINITE, GROUPS, draw, irrep_names, names, normal, subgroups


def everything(group: str) -> FieldType:
    """A type with two copies of every representation of the zoo."""
    return FieldType(" + ".join(f"2x{name}" for name in names(group)), group)


def commutes(change: BasisChange, k: Element) -> float:
    """The largest entry of A ρ(k) − η(k) A."""
    a = change.matrix
    difference = a @ change.in_type.action(*k) - change.out_type.action(*k) @ a
    return float(difference.abs().max())


@pytest.mark.parametrize("group", GROUPS)
def test_the_change_to_irreps_is_orthogonal_and_commutes_with_the_group(group):
    change = to_irreps(everything(group))
    one = torch.eye(change.in_type.dim).double()
    assert change.out_type.has_only_irreps
    assert commutes(change, draw(group, 10, 0)) < 1e-13
    assert (change.matrix @ change.matrix.T - one).abs().max() < 1e-14
    x = normal(2, 3, change.in_type.dim, seed=1)
    assert (change.inverse(change(x)) - x).abs().max() < 1e-14
    assert (change(x) - x @ change.matrix.T).abs().max() < 1e-14
    assert (change.inverse(x) - x @ change.matrix).abs().max() < 1e-14


@pytest.mark.parametrize("group", GROUPS)
def test_irreps_stay_as_they_are(group):
    t = FieldType(" + ".join(f"3x{name}" for name in irrep_names(group)), group)
    x = normal(2, t.dim, seed=0)
    assert to_irreps(t).out_type == t
    assert to_irreps(t)(x) is x and to_irreps(t).inverse(x) is x


@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_for_the_regular_representation_of_a_cyclic_group_it_is_the_fourier_transform(n):
    values = normal(n, seed=0)
    got = to_irreps(FieldType("reg", f"C{n}"))(values)
    spectrum = torch.fft.rfft(values) / math.sqrt(n)
    expected = [spectrum.real[:1]]
    for m in range(1, n // 2 + 1):
        if 2 * m == n:
            expected.append(spectrum.real[m : m + 1])
        else:  # a wave cos mγ is an arrow at angle mγ: the sign of the imaginary part turns
            pair = torch.stack((spectrum.real[m], -spectrum.imag[m]))
            expected.append(math.sqrt(2) * pair)
    assert (got - torch.cat(expected)).abs().max() < 1e-14


@pytest.mark.parametrize("group", GROUPS)
def test_restrictions_are_orthogonal_and_commute_with_the_subgroup(group):
    t = everything(group)
    inner = [*subgroups(group), group] if group in FINITE else ["C1", "C8", "C5", group]
    inner += ["D1", "D6", "SO2"] if group == "O2" else []
    for name in inner:
        change = restriction(t, name)
        assert change.out_type.group.name == name
        assert commutes(change, draw(name, 10, 0)) < 1e-13, name
        one = torch.eye(t.dim).double()
        assert (change.matrix @ change.matrix.T - one).abs().max() < 1e-14, name


def test_restrictions_are_those_of_the_tables():
    def restricted(name: str, group: str, inner: str) -> str:
        return str(restriction(FieldType(name, group), inner).out_type)

    assert restricted("3", "SO2", "C8") == "1x3"
    assert restricted("5", "SO2", "C8") == "1x3"
    assert restricted("4", "SO2", "C8") == "2x4"
    assert restricted("8", "SO2", "C8") == "2x0"
    assert restricted("4", "O2", "D8") == "1x4+ + 1x4-"
    assert restricted("8", "O2", "D8") == "1x0+ + 1x0-"
    assert restricted("0-", "O2", "SO2") == "1x0"
    assert restricted("2", "D6", "C6") == "1x2"
    assert restricted("reg", "D3", "C3") == "2x0 + 2x1"
    assert restricted("reg", "D3", "D1") == "3x0+ + 3x0-"


@pytest.mark.parametrize("group", FINITE)
def test_extensions_commute_with_the_group_and_keep_all_but_the_last_even_order(group):
    t = everything(group)
    change = extension(t)
    assert change.out_type.group.name == ("O2" if group[0] == "D" else "SO2")
    assert commutes(change, draw(group, 10, 0)) < 1e-13
    a = change.matrix
    assert (a @ a.T - torch.eye(change.out_type.dim)).abs().max() < 1e-14
    whole = StructureGroup.of(group)
    lost = [i for i in irreps(group) if i.order > 0 and 2 * i.order == whole.rotations]
    assert t.dim - change.out_type.dim == sum(t.multiplicity(i) for i in lost)
    # what survives goes there and back
    kept = change.inverse(change(normal(t.dim, seed=1)))
    assert (change.inverse(change(kept)) - kept).abs().max() < 1e-13


def test_extension_interpolates_the_samples_of_a_function_on_the_circle():
    """Samples of cos(m(γ − a)) on C_9 turn, by any angle, into samples of the function turned."""
    change = extension(FieldType("reg", "C9"))
    gamma = StructureGroup.of("C9").elements().gamma
    turn = torch.tensor([0.4321]).double()
    for m in range(5):
        samples = torch.cos(m * (gamma - 0.3))
        turned = change.inverse(change.out_type.transform(change(samples)[None], turn))[0]
        assert (turned - torch.cos(m * (gamma - 0.3 - turn))).abs().max() < 1e-13


@pytest.mark.parametrize("group", GROUPS)
def test_what_operators_carry_commutes_with_rotations_of_the_group_and_loses_nothing(group):
    t = everything(group)
    change = carrier(t)
    whole = StructureGroup.of(group)
    rotations = StructureGroup(whole.rotations, reflections=False)
    k = rotations.random(10, generator=torch.Generator().manual_seed(0))
    assert change.out_type.group.name == "SO2"
    assert commutes(change, k) < 1e-13
    x = normal(4, t.dim, seed=1)
    assert (change.inverse(change(x)) - x).abs().max() < 1e-14


def test_changes_are_differentiable_in_the_dtype_of_the_features():
    change = to_irreps(FieldType("2xreg", "D4"))
    x = torch.randn(3, change.in_type.dim, requires_grad=True)
    y = change(x)
    assert y.dtype == torch.float32
    (gradient,) = torch.autograd.grad(y.sum(), x)
    assert torch.allclose(gradient, change.matrix.float().sum(0).expand_as(x), atol=1e-6)


@pytest.mark.unchecked
def test_what_does_not_fit_is_said():
    change = to_irreps(FieldType("reg", "C4"))
    with pytest.raises(FieldTypeError, match=r"expected features \(\.\.\., 4\), got \(2, 3\)"):
        change(torch.zeros(2, 3))
    with pytest.raises(FieldTypeError, match=r"expected features \(\.\.\., 4\)"):
        change.inverse(torch.zeros(5))
    with pytest.raises(StructureGroupError, match="D2 is not a subgroup of C4"):
        restriction(FieldType("reg", "C4"), "D2")
    with pytest.raises(StructureGroupError, match="nothing of"):
        extension(FieldType("2x2", "C4"))
