"""Attention over neighbourhoods: against plain loops, as an integral, in chunks and in networks."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from gaugeconv import neighborhoods, shapes
from gaugeconv.errors import FieldTypeError
from gaugeconv.models import GaugeSegmenter, SegmenterConfig
from gaugeconv.nn import GaugeAttention, TransformerBlock, attention_rows
from gaugeconv.reps import FieldType
from tests.nn.layers import IN, OUT, TYPES, pairs_in
from tests.ops.random_pairs import angles, random_neighborhoods
from tests.reps.zoo import normal

V = 12


def perturbed(layer: torch.nn.Module, seed: int = 0) -> torch.nn.Module:
    generator = torch.Generator().manual_seed(seed)
    layer = layer.double()
    with torch.no_grad():
        for p in layer.parameters():
            p.add_(0.3 * torch.randn(p.shape, generator=generator, dtype=p.dtype))
    return layer


def attend_pair_by_pair(layer, x, nb, asking):
    """Σ α K(X) ρ(k_pq) v_q for every head, then the layer that joins them; one row after the other."""
    head, heads = layer.space.in_type, layer.heads
    y = torch.zeros(nb.num_targets, layer.join.in_type.dim, dtype=torch.float64)
    for h in range(heads):
        columns = [  # irreps are outermost in the layer, heads within
            heads * b.slice.start + h * b.multiplicity * b.components + i
            for b in head.blocks
            for i in range(b.multiplicity * b.components)
        ]
        query, key, value = (
            linear(t)[:, columns]
            for linear, t in ((layer.query, asking), (layer.key, x), (layer.value, x))
        )
        for p in range(nb.num_targets):
            row = slice(int(nb.ptr[p]), int(nb.ptr[p + 1]))
            rho, source = nb.r[row] / nb.radius, nb.source[row]
            transport = head.action(nb.transport[row], nb.flip[row])
            kernel, kappa = (
                space.evaluate(rings[h], center[h], rho, nb.theta[row])
                for space, rings, center in (
                    (layer.space, layer.rings, layer.center),
                    (layer.positions, layer.position_rings, layer.position_center),
                )
            )
            carried = torch.einsum("eij,ej->ei", transport, key[source]) + kappa[..., 0]
            weight = (carried @ query[p] / math.sqrt(head.dim)).exp() * nb.weight[row]
            weight = weight * (1 - rho.square()) ** 2
            values = torch.einsum("eij,ejk,ek->ei", kernel, transport, value[source])
            if len(weight):
                y[p, columns] = (weight[:, None] * values).sum(0) / weight.sum()
    return layer.join(y)


@pytest.mark.parametrize("group", ["SO2", "O2", "C4", "D3"])
def test_it_is_the_weighted_sum_over_pairs(group):
    into, out = (FieldType(t, group) for t in TYPES[group][:2])
    layer = perturbed(GaugeAttention(into, out, heads=2, radial=2))
    nb = pairs_in(group, V, 7, degree=3)
    x, asking = normal(7, into.dim, seed=1), normal(V, into.dim, seed=2)
    assert (nb.ptr.diff() == 0).any()
    expected = attend_pair_by_pair(layer, x, nb, asking)
    assert (layer(x, nb, asking) - expected).abs().max() < 1e-12
    assert expected.abs().max() > 0.1


def test_weights_that_are_not_transported_would_be_noticed():
    """The teeth of the equivariance test: keys compared without transport."""
    layer, nb = perturbed(GaugeAttention(IN, OUT)), random_neighborhoods(V, seed=2)
    x, gamma = normal(V, layer.in_type.dim, seed=1), angles(V, 3)
    still = replace(nb, transport=torch.zeros_like(nb.transport), _memo={})
    y = layer(x, still)
    again = layer(layer.in_type.transform(x, gamma), replace(still, theta=nb.theta, _memo={}))
    assert (again - layer.out_type.transform(y, gamma)).abs().max() > 0.1
    assert (layer(x, nb) - y).abs().max() > 0.1


@pytest.mark.parametrize("limit", [1, 12])
def test_in_chunks_it_gives_the_same_values_and_gradients(limit, monkeypatch):
    layer, nb = perturbed(GaugeAttention(IN, OUT)), random_neighborhoods(V, 7, degree=3, seed=2)
    x, asking = (normal(n, layer.in_type.dim, seed=n).requires_grad_() for n in (7, V))
    wanted = [x, asking, *layer.parameters()]

    def both():
        y = layer(x, nb, asking)
        return y, torch.autograd.grad(y.square().sum(), wanted)

    whole, gradients = both()
    monkeypatch.setattr(attention_rows, "CHUNK_PAIRS", limit)
    monkeypatch.setattr(attention_rows, "_MOST_CHUNKS", 1000)
    chunks, place = attention_rows._chunks(nb)
    assert len(chunks) > 2
    rows = torch.cat([chunk.rows for chunk in chunks])
    assert torch.equal(rows[place], torch.arange(V))
    assert sum(int(chunk.valid.sum()) for chunk in chunks) == nb.r.numel()
    y, parts = both()
    assert (y - whole).abs().max() < 1e-13
    for a, b in zip(parts, gradients, strict=True):
        assert (a - b).abs().max() < 1e-12 * max(1, b.abs().max())


def test_chunks_grow_with_the_mesh_so_that_there_are_few(monkeypatch):
    monkeypatch.setattr(attention_rows, "CHUNK_PAIRS", 1)
    nb = random_neighborhoods(400, degree=8, equal_degrees=True)
    assert len(attention_rows._chunks(nb)[0]) <= 17


def test_no_value_per_pair_is_kept_for_the_backward_pass(monkeypatch):
    layer, nb = GaugeAttention("16x0 + 16x1"), random_neighborhoods(64, degree=32, seed=2)
    x = torch.randn(64, 48).requires_grad_()
    layer(x, nb)  # what is computed once for a neighbourhood
    kept = []

    def held() -> int:
        kept.clear()
        with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t) or t, lambda t: t):
            layer(x, nb)
        return max(t.numel() for t in kept if t.is_floating_point())

    everything = nb.r.numel() * 2 * 48  # keys and values of every pair
    assert held() > everything / 4  # one chunk is computed as it is
    monkeypatch.setattr(attention_rows, "CHUNK_PAIRS", 128)
    layer(x, nb)
    assert held() < everything / 16


@pytest.mark.parametrize("spec", ["2x0 + 1x1", "1x2"])
def test_a_target_that_sees_no_one_gets_what_the_last_layer_makes_of_zeros(spec):
    layer = perturbed(GaugeAttention(spec))
    nb = random_neighborhoods(V, 7, degree=2, seed=2)
    empty = nb.ptr.diff() == 0
    weightless = replace(nb, weight=torch.zeros_like(nb.weight), _memo={})
    x, asking = normal(7, layer.in_type.dim, seed=1), normal(V, layer.in_type.dim, seed=2)
    nothing = layer.join(torch.zeros(1, layer.join.in_type.dim).double())
    assert torch.equal(layer(x, nb, asking)[empty], nothing.expand(int(empty.sum()), -1))
    assert torch.equal(layer(x, weightless, asking), nothing.expand(V, -1))
    y = layer(x.requires_grad_(), weightless, asking).sum()
    assert all(g.isfinite().all() for g in torch.autograd.grad(y, [x, *layer.parameters()]))


def test_logits_of_any_size_are_finite():
    layer, nb = perturbed(GaugeAttention(IN)), random_neighborhoods(V, seed=2)
    y = layer(1e4 * normal(V, layer.in_type.dim, seed=1), nb)
    assert y.isfinite().all()


def test_splitting_every_source_in_two_of_half_the_weight_changes_nothing():
    """So it is an integral: only the measure counts, not the number of samples."""
    layer, nb = perturbed(GaugeAttention(IN, OUT)), random_neighborhoods(V, 7, seed=2)
    x, asking = normal(7, layer.in_type.dim, seed=1), normal(V, layer.in_type.dim, seed=2)
    twice = {
        name: getattr(nb, name).repeat_interleave(2)
        for name in ("target", "source", "r", "theta", "transport", "flip")
    }
    weight = torch.stack((0.3 * nb.weight, 0.7 * nb.weight), 1).flatten()
    split = replace(nb, ptr=2 * nb.ptr, weight=weight, **twice, _memo={})
    assert (layer(x, split, asking) - layer(x, nb, asking)).abs().max() < 1e-12


def test_on_finer_and_finer_meshes_it_converges():
    """The same function on the sphere, seen from the same vertex: second order in the edge length."""
    layer = perturbed(GaugeAttention("2x0", "3x0", radial=2))
    found = []
    for subdivisions in (2, 3, 4, 5):
        mesh = shapes.icosphere(subdivisions)
        nb = neighborhoods(mesh, 0.7, targets=np.arange(4))
        p = torch.from_numpy(mesh.vertices.copy())
        x = torch.stack((p[:, 0] * p[:, 1], p[:, 2]), dim=1)
        found.append(layer(x, nb, x[:4]).detach())
    steps = [float((a - b).abs().max()) for a, b in pairwise(found)]
    assert steps[0] > 2.5 * steps[1] > 2.5**2 * steps[2]


def test_a_pair_at_the_rim_has_no_weight():
    layer, nb = perturbed(GaugeAttention("2x0 + 1x1")), random_neighborhoods(V, seed=2)
    x = normal(V, 4, seed=1)
    nearly = torch.where(nb.r > 0.9 * nb.radius, nb.radius * (1 - 1e-6), nb.r)
    outside = torch.where(nearly > 0.9 * nb.radius, nb.radius, nb.r)
    y, z = (layer(x, replace(nb, r=r, _memo={})) for r in (nearly, outside))
    assert (nb.r > 0.9 * nb.radius).any() and (y - z).abs().max() < 1e-8


@pytest.mark.unchecked
def test_what_is_missing_is_named():
    layer = GaugeAttention("2x0").double()
    nb = random_neighborhoods(5, 7, seed=1)
    with pytest.raises(FieldTypeError, match="at_targets"):
        layer(normal(7, 2, seed=1), nb)
    with pytest.raises(FieldTypeError, match=r"\(5, 2\)"):
        layer(normal(7, 2, seed=1), nb, normal(6, 2, seed=1))
    with pytest.raises(ValueError, match="head"):
        GaugeAttention("2x0", heads=0)


def test_heads_share_out_the_channels():
    layer = GaugeAttention("8x0 + 4x1 + 1x2", heads=4)
    assert str(layer.space.in_type) == "2x0 + 1x1 + 1x2"
    assert layer.rings.shape == (4, *layer.space.rings_shape)
    assert "heads=4" in repr(layer)


def test_half_precision_is_summed_in_single():
    layer, nb = GaugeAttention("4x0 + 2x1"), random_neighborhoods(V, seed=2)
    x = torch.randn(V, 8)
    with torch.autocast("cpu", torch.bfloat16):
        y = layer(x, nb)
    assert (y.float() - layer(x, nb)).abs().max() < 0.05


def test_transformer_blocks_take_the_place_of_residual_blocks_in_the_segmenter():
    torch.manual_seed(0)
    config = SegmenterConfig(
        label_names=("a", "b"),
        sizes=(60, 20),
        types=("4x0 + 2x1",) * 2,
        blocks=(1, 1),
        block="attention",
    )
    model = GaugeSegmenter(config).double().eval()
    assert any(isinstance(m, TransformerBlock) for m in model.modules())
    mesh = shapes.torus(16, 10)
    inputs = model.prepare(mesh)
    turned = model.prepare(mesh, inputs.frames.rotated(angles(mesh.num_vertices, 1).numpy()))
    scores = model(inputs)
    assert (model(turned) - scores).abs().max() < 1e-9 * scores.abs().max()
    assert scores.std(0).min() > 0
