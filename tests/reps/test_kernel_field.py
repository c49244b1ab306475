from __future__ import annotations

import pytest
import torch

from gaugeconv.errors import FieldTypeError, StructureGroupError
from gaugeconv.reps import (
    CosineRings,
    Element,
    FieldType,
    KernelCoefficientField,
    KernelField,
    KernelFunctionField,
    SteerableKernels,
    shared_kernel,
)
from tests.reps.zoo import draw, normal

P, E, SLOTS = 6, 40, 5
TYPES = [
    ("SO2", "0 + 1", "2x1"),
    ("O2", "0- + 1", "0+ + 2"),
    ("C4", "reg", "1 + 2"),
    ("D3", "reg", "0- + 1"),
    ("C1", "2x0", "0"),
]


def places(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Rows, radii and directions; the first pair of each row is the vertex itself."""
    row = torch.arange(E) % P
    rho = normal(E, seed=seed).abs().clamp(max=1)
    rho[:P] = 0
    return row, rho, 7 * normal(E, seed=seed + 1)


def coefficients(group: str, a: str, b: str, seed: int = 2) -> KernelCoefficientField:
    """A field of unlawful kernels."""
    in_type, out_type = FieldType(a, group), FieldType(b, group)
    shape = (out_type.dim, in_type.dim)
    rings = normal(P, 2, SLOTS, *shape, seed=seed)
    return KernelCoefficientField(
        in_type, out_type, CosineRings(2), rings, normal(P, *shape, seed=seed + 1)
    )


def as_function(field: KernelField) -> KernelFunctionField:
    return KernelFunctionField(field.in_type, field.out_type, field.evaluate)


def transformed(field: KernelField, k: Element, row, rho, theta) -> torch.Tensor:
    """η(k) κ(X) ρ(k⁻¹): what the kernel at k ▷ X must be in the new gauge."""
    left, right = field.out_type.action(*k)[row], field.in_type.action(*k.inverse())[row]
    return left @ field.evaluate(row, rho, theta) @ right


@pytest.mark.parametrize(("group", "a", "b"), TYPES)
def test_kernel_fields_transform_by_the_law(group, a, b):
    """κ^A(X^A) = η(k⁻¹) κ^B(X^B) ρ(k) with X^B = k ▷ X^A, for functions and for coefficients."""
    k, (row, rho, theta) = draw(group, P, 0), places()
    at = Element(k.gamma[row], k.reflect[row])
    for field in (coefficients(group, a, b), as_function(coefficients(group, a, b))):
        changed = field.change_gauge(k).evaluate(row, rho, at.direction(theta))
        assert (changed - transformed(field, k, row, rho, theta)).abs().max() < 1e-12
        back = field.change_gauge(k).change_gauge(k.inverse())
        difference = back.evaluate(row, rho, theta) - field.evaluate(row, rho, theta)
        assert difference.abs().max() < 1e-12


@pytest.mark.parametrize(("group", "a", "b"), TYPES)
def test_changes_of_gauge_compose(group, a, b):
    first, second, pairs = draw(group, P, 0), draw(group, P, 1), places()
    field = coefficients(group, a, b)
    both = field.change_gauge(first).change_gauge(second).evaluate(*pairs)
    assert (both - field.change_gauge(second @ first).evaluate(*pairs)).abs().max() < 1e-12


@pytest.mark.parametrize(("group", "a", "b"), TYPES)
def test_weight_sharing_is_the_field_that_no_change_of_gauge_alters(group, a, b):
    space = SteerableKernels(FieldType(a, group), FieldType(b, group), 2)
    rings, center = normal(*space.rings_shape, seed=0), normal(space.num_center, seed=1)
    field, pairs = shared_kernel(space, rings, center, P), places()
    assert (field.evaluate(*pairs) - space.evaluate(rings, center, *pairs[1:])).abs().max() < 1e-13
    k = draw(group, P, 4)
    for given in (field, as_function(field)):
        changed = given.change_gauge(k).evaluate(*pairs)
        assert (changed - field.evaluate(*pairs)).abs().max() < 1e-12
    if group != "C1":
        unlawful = coefficients(group, a, b)
        changed = unlawful.change_gauge(k).evaluate(*pairs)
        assert (changed - unlawful.evaluate(*pairs)).abs().max() > 0.1


def test_coefficients_are_learned():
    field = coefficients("D3", "1", "1")
    field.rings.requires_grad_()
    k = draw("D3", P, 0)
    value = field.change_gauge(k).evaluate(*places()).square().sum()
    (gradient,) = torch.autograd.grad(value, field.rings)
    assert gradient.abs().max() > 0


@pytest.mark.unchecked
def test_what_does_not_fit_is_said():
    a, b = FieldType("1", "O2"), FieldType("0+", "O2")

    def transposed(row: torch.Tensor, *_: torch.Tensor) -> torch.Tensor:
        return torch.zeros(len(row), 2, 1)

    with pytest.raises(StructureGroupError, match="no kernels from"):
        KernelFunctionField(a, FieldType("1"), transposed)
    wrong = KernelFunctionField(a, b, transposed)
    with pytest.raises(FieldTypeError, match=r"must be \(40, 1, 2\), got \(40, 2, 1\)"):
        wrong.evaluate(*places())
    rings, center = torch.zeros(P, 2, SLOTS, 1, 2), torch.zeros(P, 1, 2)
    with pytest.raises(FieldTypeError, match="expected rings"):
        KernelCoefficientField(a, b, CosineRings(3), rings, center)
    with pytest.raises(FieldTypeError, match="odd number, got 4"):
        KernelCoefficientField(a, b, CosineRings(2), rings[:, :, :4], center)
    field = KernelCoefficientField(a, b, CosineRings(2), rings, center)
    with pytest.raises(StructureGroupError, match="not in C4"):
        coefficients("C4", "1", "1").change_gauge(Element.of(torch.full((P,), 0.1).double()))
    assert field.change_gauge(draw("O2", P, 0)).rings.shape == rings.shape
