"""Nonlinearities beyond gates, and how exact they are."""

from __future__ import annotations

import pytest
import torch

from gaugeconv.errors import FieldTypeError
from gaugeconv.nn import (
    FieldNorm,
    FourierNonlinearity,
    GatedNonlinearity,
    InvariantMix,
    NormNonlinearity,
    NormPool,
    PointwiseNonlinearity,
    TensorProductNonlinearity,
    invariants,
    num_invariants,
)
from gaugeconv.reps import Element, FieldType, extension
from tests.nn.layers import TYPES, changes
from tests.ops.random_pairs import angles
from tests.reps.zoo import normal

V = 200


def gauge_error(layer, x, gamma) -> float:
    """The largest relative error of commuting with rotations by γ."""
    t = layer.in_type
    y = layer(x)
    return float((layer(t.transform(x, gamma)) - t.transform(y, gamma)).norm() / y.norm())


def as_complex(x: torch.Tensor) -> torch.Tensor:
    return torch.view_as_complex(x.unflatten(-1, (-1, 2)).contiguous())


# regular features


@pytest.mark.parametrize("activation", ["relu", "elu", "gelu", "silu", "tanh"])
def test_pointwise_functions_of_regular_features_are_exact_for_the_group(activation):
    for group, spec in (("C7", "3xreg"), ("D4", "2xreg + quoD1 + quoC2 + 0+"), ("D1", "reg")):
        t = FieldType(spec, group)
        layer = PointwiseNonlinearity(t, activation)
        x, k = normal(V, t.dim, seed=1), changes(group, V, 3)
        assert (layer(t.transform(x, *k)) - t.transform(layer(x), *k)).abs().max() < 1e-14
        assert f"{activation}" in repr(layer)


@pytest.mark.unchecked
def test_pointwise_functions_are_refused_where_the_group_does_not_permute():
    for spec, group in (("1x1", "SO2"), ("0-", "O2"), ("reg + 2", "C4"), ("vec", "D1")):
        with pytest.raises(FieldTypeError, match="GatedNonlinearity"):
            PointwiseNonlinearity(FieldType(spec, group))
    with pytest.raises(ValueError, match="relu"):
        PointwiseNonlinearity("1x0", "step")


def test_and_would_not_be_lawful_there():
    x, gamma = normal(V, 2, seed=1), angles(V, 3)
    t = FieldType("1x1")
    wrong = torch.relu(t.transform(x, gamma)) - t.transform(torch.relu(x), gamma)
    assert wrong.abs().max() > 0.1


def band_limited(group: str, highest: int) -> torch.Tensor:
    """Regular features of C_N whose functions have frequencies up to a highest, the same for all N."""
    t = FieldType("4xreg", group)
    change = extension(t)
    y = torch.zeros(V, change.out_type.dim, dtype=torch.float64)
    for block in change.out_type.blocks:
        if block.order <= highest:
            y[:, block.slice] = normal(V, 4 * block.components, seed=block.order)
    return (
        change.inverse(y) * (t.blocks[0].components / (2 * highest + 1)) ** 0.5
    )  # of unit variance


@pytest.mark.parametrize(("activation", "order"), [("relu", 1.3), ("silu", 5.0)])
def test_the_error_for_other_rotations_falls_with_the_number_of_copies(activation, order):
    """ReLU like a power of N, SiLU much faster: the frequencies that the function makes alias."""
    gamma, errors = angles(V, 3), []
    for n in (15, 45):
        t = FieldType("4xreg", f"C{n}")
        change, layer = extension(t), PointwiseNonlinearity(t, activation)
        x = band_limited(f"C{n}", 2)

        def turned(x, change=change):
            return change.inverse(change.out_type.transform(change(x), gamma))

        y = layer(x)
        errors.append(float((layer(turned(x)) - turned(y)).norm() / y.norm()))
    assert errors[0] > 1e-4
    assert errors[1] < errors[0] / 3**order


# Fourier-sampled


@pytest.mark.parametrize("spec", ["3x0 + 2x1 + 2x2", "1x3 + 4x1"])
def test_many_samples_of_a_smooth_function_are_as_good_as_exact(spec):
    t = FieldType(spec)
    x, gamma = normal(V, t.dim, seed=1), angles(V, 3)
    errors = [gauge_error(FourierNonlinearity(t, "silu", n), x, gamma) for n in (9, 17, 129)]
    assert errors[0] > errors[1] > 1e-9 and errors[2] < 1e-12


def test_of_relu_they_are_not():
    t = FieldType("3x0 + 2x1 + 2x2")
    x, gamma = normal(V, t.dim, seed=1), angles(V, 3)
    errors = [gauge_error(FourierNonlinearity(t, "relu", n), x, gamma) for n in (9, 33, 129)]
    assert errors[0] > 2 * errors[1] > 4 * errors[2] > 1e-5


@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_rotations_by_the_sampled_angles_are_exact(activation):
    for group, spec in (("SO2", "3x0 + 2x1 + 2x2"), ("O2", "2x0+ + 3x0- + 2x1 + 1x2")):
        t = FieldType(spec, group)
        layer = FourierNonlinearity(t, activation, samples=7)
        k = changes("D7" if group == "O2" else "C7", V, 3)
        x = normal(V, t.dim, seed=1)
        assert (layer(t.transform(x, *k)) - t.transform(layer(x), *k)).abs().max() < 1e-14


def test_reflections_are_exact_at_any_number_of_samples():
    t = FieldType("2x0+ + 3x0- + 2x1 + 1x2", "O2")
    layer, x = FourierNonlinearity(t, "relu"), normal(V, t.dim, seed=1)
    k = Element(torch.zeros(V).double(), torch.ones(V, dtype=torch.bool))
    assert (layer(t.transform(x, *k)) - t.transform(layer(x), *k)).abs().max() < 1e-14


def test_it_is_the_inverse_fourier_transform_the_function_and_the_fourier_transform():
    t = FieldType("1x0 + 1x1 + 1x2")
    layer, x = FourierNonlinearity(t, "tanh", 16), normal(V, 5, seed=1)
    # white features are samples of unit variance: 5 columns
    a, b = (2**-0.5 * as_complex(x[:, 1:])).unbind(1)
    spectrum = torch.zeros(V, 9, dtype=torch.complex128)
    spectrum[:, :3] = torch.stack((x[:, 0] + 0j, a.conj(), b.conj()), 1)
    f = torch.fft.irfft(spectrum, 16, norm="forward") / 5**0.5
    back = torch.fft.rfft(torch.tanh(f), norm="forward") * 5**0.5
    y = torch.view_as_real(2**0.5 * back[:, 1:3].conj()).flatten(1)
    assert torch.allclose(layer(x)[:, 0], back[:, 0].real, atol=1e-13)
    assert torch.allclose(layer(x)[:, 1:], y, atol=1e-13)


def test_a_linear_function_would_change_nothing():
    """Sampling and its inverse are the identity, also where multiplicities differ or blocks are split."""
    for group, spec in (
        ("SO2", "1x2 + 3x0 + 2x1 + 2x2"),
        ("O2", "0- + 3x1 + 0+ + 2x2 + 2x0-"),
        ("C4", "reg + 2x2 + 1"),
        ("D4", "2+ + reg + 2- + 0-"),
    ):
        t = FieldType(spec, group)
        layer, x = FourierNonlinearity(t), normal(V, t.dim, seed=1)
        layer._function = lambda f: f
        assert (layer(x) - x).abs().max() < 1e-13


@pytest.mark.unchecked
def test_numbers_of_samples_that_cannot_be_are_refused():
    with pytest.raises(FieldTypeError, match="at least 5"):
        FourierNonlinearity("1x0 + 1x2", "relu", 4)
    with pytest.raises(FieldTypeError, match="leave samples out"):
        FourierNonlinearity(FieldType("reg", "C4"), "relu", 8)
    with pytest.raises(ValueError, match="tanh"):
        FourierNonlinearity("1x0", "step")
    assert FourierNonlinearity(FieldType("reg", "C4")).samples == 4
    assert FourierNonlinearity("1x0 + 1x2").samples == 9
    assert "samples=9" in repr(FourierNonlinearity("1x0 + 1x2"))


# quadratic


@pytest.mark.parametrize("group", ["SO2", "O2", "C5", "D4"])
def test_tensor_products_are_quadratic(group):
    t = FieldType(TYPES[group][0], group)
    layer = TensorProductNonlinearity(t, 3).double()
    x = normal(V, t.dim, seed=1)
    with torch.no_grad():
        layer.left.bias.zero_(), layer.right.bias.zero_()
        plus, minus, twice = layer(x), layer(-x), layer(2 * x)
        quadratic = (plus + minus) / 2
    assert torch.allclose((plus - minus) / 2, x, atol=1e-12)
    assert torch.allclose(twice - 2 * x, 4 * quadratic, atol=1e-11)
    assert quadratic.abs().max() > 0.1


def test_tensor_products_turn_two_vectors_into_their_dot_product_and_the_angle_between_them():
    layer = TensorProductNonlinearity("2x1 + 1x0", 1).double()
    x = normal(V, 5, seed=1)
    found = layer(x)[:, 4] - x[:, 4]
    a, b = as_complex(x[:, :4]).unbind(1)
    products = [x[:, 4] ** 2, x[:, 4], a.abs() ** 2, b.abs() ** 2, (a * b.conj()).real]
    columns = torch.stack([*products, (a * b.conj()).imag, torch.ones(V).double()], 1)
    rest = found.detach() - columns @ torch.linalg.lstsq(columns, found.detach()[:, None])[0][:, 0]
    assert rest.abs().max() < 1e-12


# norms and invariants


def test_norm_nonlinearities_scale_every_channel_by_its_own_norm():
    layer = NormNonlinearity("2x0 + 2x1").double()
    x = normal(V, 6, seed=1)
    y = layer(x)
    assert torch.allclose(y[:, :2], torch.nn.functional.silu(x[:, :2]))
    norm = (x[:, 2:].reshape(V, 2, 2).square().sum(-1) + 1e-6).sqrt()
    ratio = y[:, 2:].reshape(V, 2, 2) / x[:, 2:].reshape(V, 2, 2)
    assert torch.allclose(ratio, torch.sigmoid(norm)[..., None].expand_as(ratio))
    assert layer.scale.shape == layer.bias.shape == (2,)


def test_gates_read_regular_channels_and_leave_them_pointwise():
    t = FieldType("2xreg + 2x1", "C4")
    layer, x = GatedNonlinearity(t).double(), normal(V, 12, seed=1)
    assert layer.gate.weight.shape == (2, 2 * 2 + 2)
    y = layer(x)
    assert torch.equal(y[:, :8], torch.nn.functional.silu(x[:, :8]))
    x[:, :8] *= 2
    assert not torch.allclose(layer(x)[:, 8:], y[:, 8:])


def test_invariants_of_a_regular_channel_are_its_mean_and_its_deviation():
    t = FieldType("2xreg + 0- + 1 + 0+", "D3")
    x = normal(V, t.dim, seed=1)
    found = invariants(x, t)
    copies = x[:, :12].reshape(V, 2, 6)
    deviation = (copies.var(-1, correction=0) + 1e-6).sqrt()
    expected = torch.stack((copies.mean(-1), deviation), -1).flatten(1)
    assert num_invariants(t) == found.shape[1] == 7
    assert torch.allclose(found[:, :4], expected, atol=1e-12)
    assert torch.allclose(found[:, 4], x[:, 12].abs(), atol=1e-3)
    assert torch.equal(found[:, 6], x[:, 15])
    assert str(NormPool(t).out_type) == "7x0+"
    assert num_invariants("3x0 + 2x1") == 5
    frame = FieldType("vec + 2x0", "C1")  # nothing moves: everything is invariant
    assert torch.equal(invariants(x[:, :4], frame), x[:, :4])
    half = FieldType("vec", "D1")  # the first component is fixed, the second changes sign
    assert torch.allclose(invariants(x[:, :2], half)[:, 0], x[:, 0])


def test_mixing_adds_one_number_to_all_components_of_a_regular_channel():
    t = FieldType("2xreg + 1 + 2", "C4")
    x = normal(V, t.dim, seed=1)
    added = InvariantMix(t).double()(x) - x
    copies = added[:, :8].reshape(V, 2, 4).detach()
    assert (copies - copies[..., :1]).abs().max() < 1e-12 and copies.abs().max() > 0.01
    assert torch.equal(added[:, 8:], torch.zeros(V, 3).double())


def test_several_regular_channels_are_normalised_together_and_one_by_the_whole():
    t = FieldType("3xreg + 0 + 2", "C4")
    norm, x = FieldNorm(t, eps=1e-12).double(), 7 * normal(V, t.dim, seed=1) + 3
    y = norm(x)
    assert y[:, :12].mean(-1).abs().max() < 1e-12
    assert (y[:, :12].square().mean(-1) - 1).abs().max() < 1e-5
    assert norm.scale.shape == (5,) and norm.bias.shape == (4,)
    one = FieldType("reg + 1", "C4")
    shrunk = FieldNorm(one, eps=0.0).double()(x[:, :6])
    assert torch.allclose(shrunk, x[:, :6] / x[:, :6].square().mean(-1, keepdim=True).sqrt())
