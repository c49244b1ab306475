from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from gaugeconv import ops
from gaugeconv.errors import FieldTypeError, StructureGroupError
from gaugeconv.nn import GaugeConv, GaugeLinear, ResidualBlock
from gaugeconv.reps import CosineRings, FieldType
from tests.ops.random_pairs import angles, random_neighborhoods

TYPE = "16x0 + 16x1 + 16x2"


def test_it_is_the_operator_with_its_kernel_plus_a_bias_on_order_zero():
    torch.manual_seed(0)
    nb = random_neighborhoods(9, 7, seed=1)
    conv = GaugeConv("2x1 + 1x0", "1x0 + 1x2 + 2x0", radial=2).double()
    torch.nn.init.normal_(conv.bias)
    x = torch.randn(7, 5, dtype=torch.float64)
    expected = ops.convolve(x, *conv.kernel(), nb, conv.space)
    expected[:, [0, 3, 4]] += conv.bias.detach()
    assert (conv(x, nb) - expected).abs().max() < 1e-14


def test_a_bias_exists_on_order_zero_alone():
    assert GaugeConv("1x0", "2x0 + 3x1 + 1x0").bias.shape == (3,)
    assert GaugeConv("1x0", "2x1").bias.shape == (0,)
    assert GaugeConv("1x0", "2x0", bias=False).bias is None


def test_a_bias_on_every_component_would_be_noticed():
    """The teeth of the equivariance tests: the published GEM-CNN's mistake fails them."""
    nb, gamma = random_neighborhoods(9, seed=1), angles(9, 2)
    conv = GaugeConv("1x0", "2x1", bias=False).double()
    x = torch.randn(9, 1, dtype=torch.float64)
    wrong = [conv(x, n) + 0.1 for n in (nb, nb.change_gauge(gamma))]
    assert (wrong[1] - conv.out_type.transform(wrong[0], gamma)).abs().max() > 0.1


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("radial", [1, 3, 5])
@pytest.mark.parametrize("in_type", [TYPE, "32x0", "8x2"])
def test_unit_variance_in_gives_about_unit_variance_out(in_type, radial, seed):
    torch.manual_seed(seed)
    nb = random_neighborhoods(600, degree=32, seed=seed, equal_degrees=True)
    nb = replace(nb, weight=torch.full_like(nb.weight, float(nb.weight.mean())), _memo={})
    conv = GaugeConv(in_type, TYPE, radial)
    y = conv(torch.randn(600, conv.in_type.dim), nb).detach()
    for block in conv.out_type.blocks:
        reached = 1.0 if block.order in conv.in_type.orders else 0.5
        assert 0.6 * reached < float(y[:, block.slice].var()) < 1.6 * reached


def test_the_radial_basis_is_a_count_or_a_basis():
    assert GaugeConv("1x0", "1x0").space.basis == CosineRings(3)
    assert GaugeConv("1x0", "1x0", CosineRings(5)).rings.shape == (5, 1, 1)
    assert "CosineRings(5)" in repr(GaugeConv("1x0", "1x0", 5))
    with pytest.raises(FieldTypeError):
        GaugeConv("1x0", "1x0", 0)


def test_reflecting_transports_are_refused():
    nb = random_neighborhoods(5, seed=1)
    nb = replace(nb, flip=~nb.flip, _memo={})
    with pytest.raises(StructureGroupError, match="reflect"):
        GaugeConv("1x0", "1x0")(torch.zeros(5, 1), nb)


def test_features_of_another_dtype_are_refused():
    with pytest.raises(FieldTypeError, match="float64"):
        GaugeConv("1x0", "1x0")(torch.zeros(5, 1).double(), random_neighborhoods(5))


def test_types_may_be_strings_or_types():
    conv = GaugeConv(FieldType("2x0"), "1x1")
    assert (conv.in_type, conv.out_type) == (FieldType("2x0"), FieldType("1x1"))
    assert "'2x0' -> '1x1'" in repr(conv)


@pytest.mark.parametrize("in_type", [TYPE, "16x1 + 8x0 + 8x1"])
def test_the_linear_layer_keeps_unit_variance(in_type):
    torch.manual_seed(0)
    linear = GaugeLinear(in_type, TYPE)
    y = linear(torch.randn(2000, linear.in_type.dim)).detach()
    for block in linear.out_type.blocks:
        if block.order in linear.in_type.orders:
            assert 0.5 < float(y[:, block.slice].var()) < 1.8
        else:
            assert y[:, block.slice].abs().max() == 0


def test_the_linear_layer_is_complex_multiplication_on_vectors():
    linear = GaugeLinear("1x1", "1x1", bias=False)
    a, b = linear.weight.tolist()
    x = torch.randn(5, 2)
    expected = torch.view_as_complex(x) * complex(a, b)
    assert (torch.view_as_complex(linear(x)) - expected).abs().max() < 1e-6


def test_a_stack_of_residual_blocks_keeps_its_scale_and_its_gradients():
    torch.manual_seed(0)
    nb = random_neighborhoods(60, degree=16, seed=3)
    kind = FieldType("8x0 + 8x1 + 8x2")
    x = torch.randn(60, kind.dim).requires_grad_()
    y = x
    for block in [ResidualBlock(kind) for _ in range(12)]:
        y = block(y, nb)
    y.square().mean().backward()
    assert 0.05 < float(y.detach().square().mean()) < 3
    assert 1e-8 < float(x.grad.square().mean().sqrt()) < 1
