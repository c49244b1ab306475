from __future__ import annotations

import pytest
import torch

from gaugeconv import ops
from gaugeconv.errors import FieldTypeError
from gaugeconv.nn import GaugeConv
from gaugeconv.reps import CosineRings, FieldType
from tests.ops.random_pairs import angles, random_neighborhoods

HALVES = [torch.bfloat16, torch.float16]
KIND = FieldType("4x0 + 3x1 + 2x2")


def layer(seed=0):
    torch.manual_seed(seed)
    return GaugeConv(KIND, KIND)


@pytest.mark.parametrize("backend", ["fused", "torch"])
@pytest.mark.parametrize("dtype", HALVES)
def test_features_of_16_bits_are_summed_in_float32(dtype, backend):
    """So the result is that of float32 on the same numbers, rounded once."""
    nb, conv = random_neighborhoods(30, degree=20, seed=1), layer()
    x = torch.randn(30, KIND.dim).to(dtype)
    kernel = conv.kernel()
    y = ops.convolve(x, *kernel, nb, conv.space, backend)
    exact = ops.convolve(x.float(), *kernel, nb, conv.space, backend)
    assert y.dtype == dtype and torch.equal(y, exact.to(dtype))
    m = ops.aggregate(x, nb, CosineRings(2), KIND, (0, 1), backend)
    exact = ops.aggregate(x.float(), nb, CosineRings(2), KIND, (0, 1), backend)
    assert m.dtype == dtype and torch.equal(m, exact.to(dtype))


@pytest.mark.parametrize("dtype", HALVES)
def test_gradients_keep_the_type_of_what_they_belong_to(dtype):
    nb, conv = random_neighborhoods(30, seed=2), layer()
    rings, center = (t.detach().requires_grad_() for t in conv.kernel())
    x = torch.randn(30, KIND.dim).to(dtype).requires_grad_()
    y = ops.convolve(x, rings, center, nb, conv.space)
    dy = torch.randn(y.shape).to(dtype)
    dx, drings, dcenter = torch.autograd.grad(y, (x, rings, center), dy)
    assert (dx.dtype, drings.dtype, dcenter.dtype) == (dtype, torch.float32, torch.float32)
    z = x.detach().float().requires_grad_()
    exact = torch.autograd.grad(
        ops.convolve(z, rings, center, nb, conv.space), (z, rings, center), dy.float()
    )
    assert torch.equal(dx, exact[0].to(dtype))
    assert torch.equal(drings, exact[1]) and torch.equal(dcenter, exact[2])


@pytest.mark.parametrize("dtype", HALVES)
def test_kernels_of_16_bits_go_with_features_of_16_bits(dtype):
    nb, conv = random_neighborhoods(30, seed=3), layer().to(dtype)
    x = torch.randn(30, KIND.dim).to(dtype)
    y = ops.convolve(x, *conv.kernel(), nb, conv.space)
    kernel = [t.float() for t in conv.kernel()]
    assert torch.equal(y, ops.convolve(x.float(), *kernel, nb, conv.space).to(dtype))
    with pytest.raises(FieldTypeError, match="and the kernel"):
        ops.convolve(x.float(), *conv.kernel(), nb, conv.space)


def test_autocast_stores_features_in_16_bits_and_keeps_the_kernel():
    nb, conv = random_neighborhoods(30, seed=4), layer()
    x = torch.randn(30, KIND.dim)
    with torch.autocast("cpu", torch.bfloat16):
        y = conv(x, nb)
    plain = ops.convolve(x.bfloat16(), *conv.kernel(), nb, conv.space)
    assert plain.dtype == torch.bfloat16
    assert (y - plain).abs().max() == 0  # the bias is zero
    y.float().square().sum().backward()
    assert conv.rings.grad.dtype == torch.float32
    with torch.autocast("cpu", torch.bfloat16):
        assert layer().double()(x.double(), nb).dtype == torch.float64


@pytest.mark.parametrize(("dtype", "bound"), [(torch.bfloat16, 0.02), (torch.float16, 0.003)])
def test_the_gauge_error_is_that_of_rounding_features(dtype, bound):
    nb, conv, gamma = random_neighborhoods(60, degree=20, seed=5), layer(), angles(60, 6)
    x = torch.randn(60, KIND.dim)
    with torch.no_grad(), torch.autocast("cpu", dtype):
        y = conv(x, nb).float()
        z = conv(KIND.transform(x, gamma), nb.change_gauge(gamma)).float()
    error = (KIND.transform(y, gamma) - z).norm() / z.norm()
    assert 1e-5 < error < bound
