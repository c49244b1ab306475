from __future__ import annotations

import pytest
import torch

from gaugeconv.errors import StructureGroupError
from gaugeconv.reps import FieldType, TensorProduct, clebsch_gordan, irreps
from tests.reps.zoo import GROUPS, draw, normal


@pytest.mark.parametrize("group", GROUPS)
def test_coefficients_are_orthogonal_and_turn_products_into_irreps(group):
    k = draw(group, 12, 0)
    for a in irreps(group, 4):
        for b in irreps(group, 4):
            found, q = clebsch_gordan(a, b)
            flat = q.flatten(0, 1)
            assert (flat.T @ flat - torch.eye(len(flat))).abs().max() < 1e-14
            product = torch.einsum("nij,nkl,jlc->nikc", a.action(k), b.action(k), q)
            at = 0
            for irrep in found:
                columns = slice(at, at + irrep.dim)
                expected = torch.einsum("ikc,ncd->nikd", q[:, :, columns], irrep.action(k))
                assert (product[..., columns] - expected).abs().max() < 1e-13
                at += irrep.dim
            assert at == a.dim * b.dim


def names_of(group: str, a: str, b: str) -> list[str]:
    by_name = {i.name: i for i in irreps(group, 6)}
    return [i.name for i in clebsch_gordan(by_name[a], by_name[b])[0]]


def test_products_of_irreps_are_those_of_the_angular_momenta():
    assert names_of("SO2", "3", "1") == ["2", "4"]
    assert names_of("SO2", "2", "2") == ["0", "0", "4"]
    assert names_of("O2", "2", "2") == ["0+", "0-", "4"]
    assert names_of("O2", "0-", "0-") == ["0+"]
    assert names_of("O2", "0-", "3") == ["3"]
    assert names_of("C4", "1", "1") == ["0", "0", "2", "2"]
    assert names_of("C5", "2", "2") == ["0", "0", "1"]
    assert names_of("D4", "1", "1") == ["0+", "0-", "2+", "2-"]
    assert names_of("D6", "3-", "3-") == ["0+"]


@pytest.mark.parametrize(
    ("group", "left", "right"),
    [
        ("SO2", "2x0 + 2x1", "1 + 3x2"),
        ("O2", "2x0- + 1", "0+ + 2x3"),
        ("C4", "2xreg + 1", "1 + 2"),
        ("D4", "reg + 2-", "2xquoC2 + 1"),
    ],
)
def test_the_product_of_fields_is_covariant_and_complete(group, left, right):
    product = TensorProduct(FieldType(left, group), FieldType(right, group))
    a, b = FieldType(left, group), FieldType(right, group)
    x, y, k = normal(2, 9, a.dim, seed=0), normal(2, 9, b.dim, seed=1), draw(group, 9, 2)
    z = product(x, y)
    assert z.shape[-1] == product.out_type.dim == a.dim * b.dim
    turned = product(a.transform(x, *k), b.transform(y, *k))
    assert (turned - product.out_type.transform(z, *k)).abs().max() < 1e-13
    # an orthogonal map of all products of components keeps their length
    length = x.square().sum(-1) * y.square().sum(-1)
    assert (z.square().sum(-1) / length - 1).abs().max() < 1e-13


def test_channels_run_over_left_then_right():
    t = FieldType("2x0")
    product = TensorProduct(t, FieldType("3x0"))
    x, y = torch.tensor([2.0, 3.0]), torch.tensor([5.0, 7.0, 11.0])
    assert product.out_type == FieldType("6x0")
    assert product(x, y).tolist() == [10, 14, 22, 15, 21, 33]


def test_the_square_of_a_vector_has_its_length_and_twice_its_angle():
    product = TensorProduct(FieldType("1"), FieldType("1"))
    angle = torch.tensor(0.4).double()
    x = 3 * torch.stack((angle.cos(), angle.sin()))
    z = product(x, x)
    assert product.out_type == FieldType("2x0 + 1x2")
    expected = torch.stack(
        (torch.tensor(1.0).double(), 0 * angle, (2 * angle).cos(), (2 * angle).sin())
    )
    assert (z - expected * 9 / 2**0.5).abs().max() < 1e-14


def test_there_is_no_product_between_groups():
    with pytest.raises(StructureGroupError, match="no product of irreps of SO2 and O2"):
        TensorProduct(FieldType("1"), FieldType("1", "O2"))
