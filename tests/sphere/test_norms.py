from __future__ import annotations

import pytest
import torch

from gaugeconv.errors import FieldTypeError
from gaugeconv.reps import FieldType
from gaugeconv.sphere.norms import FieldBatchNorm

KIND = FieldType("3x0 + 2x1 + 1x3")


def norm() -> FieldBatchNorm:
    torch.manual_seed(0)
    layer = FieldBatchNorm(KIND, momentum=1.0).double()
    with torch.no_grad():
        layer.scale.uniform_(0.5, 2.0)
        layer.bias.normal_()
    return layer


@pytest.mark.parametrize("training", [True, False])
def test_it_commutes_with_gauge_changes(training):
    layer = norm().train(training)
    x = torch.randn(4, 20, KIND.dim, dtype=torch.float64)
    gamma = 6 * torch.rand(20, dtype=torch.float64)
    turned = layer(KIND.transform(x, gamma))
    assert torch.allclose(turned, KIND.transform(layer(x), gamma), atol=1e-12)


def test_channels_have_unit_size_over_the_batch():
    layer = FieldBatchNorm(KIND).double()
    x = 5 + 3 * torch.randn(8, 30, KIND.dim, dtype=torch.float64)
    y = layer(x).detach()
    assert y[..., :3].mean(dim=(0, 1)).abs().max() < 1e-12
    assert torch.allclose(
        y[..., :3].var(dim=(0, 1), correction=0), torch.ones(3).double(), atol=1e-4
    )
    for start in (3, 5, 7):
        assert y[..., start : start + 2].square().mean().item() == pytest.approx(1, abs=1e-4)


def test_evaluation_is_linear_in_every_image():
    layer = norm()
    layer(torch.randn(8, 30, KIND.dim, dtype=torch.float64))
    layer.eval()
    x = torch.randn(1, 30, KIND.dim, dtype=torch.float64)
    zero = layer(torch.zeros_like(x))
    assert torch.allclose(layer(2 * x) - zero, 2 * (layer(x) - zero))
    assert zero[..., 3:].abs().max() == 0


def test_another_type_is_refused():
    with pytest.raises(FieldTypeError):
        norm()(torch.zeros(1, 4, KIND.dim + 1, dtype=torch.float64))


@pytest.mark.parametrize(("spec", "group"), [("2x0-", "O2"), ("1xreg", "C4")])
def test_a_type_of_another_group_is_refused(spec, group):
    with pytest.raises(FieldTypeError, match="SO2"):
        FieldBatchNorm(FieldType(spec, group))
