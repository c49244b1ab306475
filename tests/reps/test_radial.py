from __future__ import annotations

import pytest
import torch
from scipy.integrate import quad

from gaugeconv.errors import FieldTypeError
from gaugeconv.reps import CosineRings, RadialBasis, as_radial_basis
from tests import slow_reference as slow

NUMS = [1, 2, 3, 5]


def values(basis: RadialBasis, rho: torch.Tensor) -> torch.Tensor:
    return torch.cat((basis.center(rho)[:, None], basis.rings(rho)), dim=1)


def grid(count: int = 2001) -> torch.Tensor:
    return torch.linspace(0, 1, count, dtype=torch.float64)


@pytest.mark.parametrize("num", NUMS)
def test_the_functions_are_the_slow_ones(num):
    rho = grid(101)
    expected = torch.tensor([slow.radial(num, float(t)) for t in rho], dtype=torch.float64)
    assert torch.allclose(values(CosineRings(num), rho), expected, atol=1e-15)


@pytest.mark.parametrize("num", NUMS)
def test_they_are_a_partition_of_unity_up_to_the_last_node(num):
    total = values(CosineRings(num), num / (num + 1) * grid()).sum(dim=1)
    assert (total - 1).abs().max() < 1e-14


@pytest.mark.parametrize("num", NUMS)
def test_each_is_supported_within_one_spacing_of_its_node(num):
    rho = grid()
    b = values(CosineRings(num), rho)
    for k in range(num + 1):
        outside = (rho * (num + 1) - k).abs() >= 1
        assert b[outside, k].abs().max() == 0
    assert ((b > 1e-20).sum(dim=1) <= 2).all()


@pytest.mark.parametrize("num", NUMS)
def test_rings_vanish_with_their_slope_at_zero_and_everything_at_the_cut_off(num):
    basis = CosineRings(num)
    for rho, functions in ((0.0, basis.rings), (1.0, lambda t: values(basis, t))):
        t = torch.tensor([rho], dtype=torch.float64)
        slope = torch.autograd.functional.jacobian(functions, t)
        assert functions(t).abs().max() < 1e-30
        assert slope.abs().max() < 1e-15
    assert basis.center(torch.zeros(1)) == 1


@pytest.mark.parametrize("num", NUMS)
def test_slopes_are_continuous(num):
    """Second differences shrink with the square of the step; at a kink only with the step."""
    largest = []
    for count in (2001, 4001):
        b = values(CosineRings(num), grid(count))
        largest.append((b[2:] - 2 * b[1:-1] + b[:-2]).abs().max())
    assert largest[0] / largest[1] == pytest.approx(4, rel=0.02)


@pytest.mark.parametrize("num", NUMS)
def test_mean_squares_are_integrals_over_the_disk(num):
    basis = CosineRings(num)
    for k, value in enumerate(basis.mean_squares()):
        exact, _ = quad(lambda t, k=k: 2 * t * slow.radial(num, t)[k] ** 2, 0, 1, limit=200)
        assert float(value) == pytest.approx(exact, rel=1e-5)


def test_equal_counts_make_equal_bases():
    assert CosineRings(3) == CosineRings(3) and hash(CosineRings(3)) == hash(CosineRings(3))
    assert CosineRings(3) != CosineRings(2)
    assert repr(CosineRings(3)) == "CosineRings(3)"


class Flat(RadialBasis):
    """Does not vanish at the centre."""

    def rings(self, rho):
        return torch.ones(rho.numel(), self.num, dtype=rho.dtype)

    def center(self, rho):
        return torch.ones_like(rho)


@pytest.mark.unchecked
def test_a_basis_is_made_from_a_count_or_taken_as_it_is():
    assert as_radial_basis(4) == CosineRings(4)
    basis = CosineRings(2)
    assert as_radial_basis(basis) is basis
    with pytest.raises(FieldTypeError, match="at least one ring"):
        as_radial_basis(0)
    with pytest.raises(FieldTypeError, match="'three'"):
        as_radial_basis("three")  # type: ignore[arg-type]


def test_rings_that_do_not_vanish_at_the_centre_are_refused():
    with pytest.raises(FieldTypeError, match="vanish at r = 0"):
        as_radial_basis(Flat(2))
