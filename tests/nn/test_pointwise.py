from __future__ import annotations

import pytest
import torch

from gaugeconv.errors import FieldTypeError
from gaugeconv.nn import (
    FieldDropout,
    FieldNorm,
    GatedNonlinearity,
    InvariantMix,
    NormPool,
    invariants,
    smooth_norm,
)
from gaugeconv.reps import FieldType
from tests.ops.random_pairs import angles

TYPE = FieldType("4x0 + 3x1 + 2x2")


def fields(vertices=50, seed=0):
    g = torch.Generator().manual_seed(seed)
    return torch.randn(vertices, TYPE.dim, generator=g, dtype=torch.float64)


def test_a_smooth_norm_is_the_norm_but_near_zero():
    z = torch.tensor([[3.0, 4.0], [0.0, 0.0]], dtype=torch.float64, requires_grad=True)
    norm = smooth_norm(z)
    assert torch.allclose(norm, torch.tensor([5.0, 1e-3], dtype=torch.float64), atol=1e-6)
    (grad,) = torch.autograd.grad(norm.sum(), z)
    assert torch.allclose(grad, torch.tensor([[0.6, 0.8], [0.0, 0.0]]).double(), atol=1e-6)


def test_invariants_are_scalars_and_norms_in_the_order_of_the_channels():
    x, gamma = fields(), angles(50, 1)
    found = invariants(x, "4x0 + 3x1 + 2x2")
    pairs = x[:, 4:].unflatten(-1, (5, 2)).norm(dim=-1)
    assert torch.allclose(found, torch.cat((x[:, :4], pairs), dim=-1), atol=1e-5)
    assert (found - invariants(TYPE.transform(x, gamma), TYPE)).abs().max() < 1e-14
    pool = NormPool(TYPE)
    assert pool.out_type == FieldType("9x0")
    assert torch.equal(pool(x), found)
    with pytest.raises(FieldTypeError, match="4x0"):
        invariants(x[:, 1:], TYPE)


def test_normalised_fields_do_not_depend_on_their_scale():
    norm = FieldNorm(TYPE, eps=1e-12).double()
    x = fields()
    for scale in (0.1, 1e3):
        assert torch.allclose(norm(scale * x), norm(x), atol=1e-5)
    scalars = norm(x)[:, :4]
    assert scalars.mean(-1).abs().max() < 1e-12
    assert (scalars.square().mean(-1) - 1).abs().max() < 1e-5


def test_vectors_are_divided_by_the_size_of_the_whole_feature():
    """So that a vector which cancels by symmetry, beside scalars that do not, stays small."""
    x = fields()
    size = x.square().mean(-1, keepdim=True).sqrt()
    assert torch.allclose(FieldNorm(TYPE, eps=0.0).double()(x)[:, 4:], x[:, 4:] / size)
    x[:, 4:] *= 1e-9
    assert FieldNorm(TYPE).double()(x)[:, 4:].abs().max() < 1e-7


def test_a_single_scalar_channel_is_not_normalised_away():
    x = fields()[:, :3]
    y = FieldNorm("1x0 + 1x1").double()(x)
    assert torch.equal(y[:, 0], x[:, 0])


def test_fields_far_below_eps_fade_out():
    norm = FieldNorm(TYPE, eps=1e-4).double()
    assert norm(1e-6 * fields()).abs().max() < 1e-3


def test_gates_lie_between_zero_and_one_and_keep_directions():
    x = fields()
    y = GatedNonlinearity(TYPE).double()(x)
    assert torch.allclose(y[:, :4], torch.nn.functional.silu(x[:, :4]))
    z, w = (t[:, 4:].unflatten(-1, (5, 2)) for t in (x, y))
    gate = w.norm(dim=-1) / z.norm(dim=-1)
    assert (gate > 0).all() and (gate < 1).all() and gate.std() > 0
    assert (w - gate[..., None] * z).abs().max() < 1e-14


def test_mixing_invariants_changes_scalars_only_and_needs_some():
    x = fields()
    mix = InvariantMix(TYPE, hidden=6).double()
    y = mix(x)
    assert torch.equal(y[:, 4:], x[:, 4:])
    assert not torch.allclose(y[:, :4], x[:, :4])
    assert mix.mlp[0].weight.shape == (6, 9)
    with pytest.raises(FieldTypeError, match="3x1"):
        InvariantMix("3x1")


def test_dropout_takes_whole_channels_in_training_only():
    torch.manual_seed(0)
    x = fields(400)
    drop = FieldDropout(TYPE, 0.25)
    y = drop(x)
    ratio = y / x
    assert set(ratio.round(decimals=12).unique().tolist()) == {0.0, round(1 / 0.75, 12)}
    pairs = ratio[:, 4:].unflatten(-1, (5, 2))
    assert torch.allclose(pairs[..., 0], pairs[..., 1])
    assert float((ratio == 0).double().mean()) == pytest.approx(0.25, abs=0.03)
    assert torch.equal(drop.eval()(x), x)
    with pytest.raises(ValueError, match=r"\[0, 1\)"):
        FieldDropout(TYPE, 1.0)
