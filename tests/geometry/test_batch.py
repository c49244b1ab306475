from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from gaugeconv.errors import GaugeConvError
from gaugeconv.geometry import block_diagonal
from gaugeconv.nn import GaugeConv
from tests.ops.random_pairs import angles, random_neighborhoods


def meshes():
    """Three neighbourhoods of different sizes and radii, one without a vertex."""
    parts = [
        random_neighborhoods(12, 9, seed=1),
        random_neighborhoods(0, 0),
        random_neighborhoods(7, 11, seed=2),
    ]
    return [
        replace(p, radius=p.radius * s, _memo={}) for p, s in zip(parts, (1, 2, 3), strict=True)
    ]


def test_a_convolution_of_the_batch_is_that_of_each_mesh():
    parts, conv = meshes(), GaugeConv("2x0 + 1x1", "1x1 + 1x0").double()
    whole = block_diagonal(parts)
    torch.manual_seed(0)
    x = torch.randn(20, 4, dtype=torch.float64, requires_grad=True)
    y = conv(x, whole)
    each = [conv(z, p) for z, p in zip(x.split([p.num_sources for p in parts]), parts, strict=True)]
    assert (y - torch.cat(each)).abs().max() < 1e-14
    g = torch.randn_like(y)
    found = torch.autograd.grad(y, (x, conv.rings), g)
    expected = torch.autograd.grad(torch.cat(each), (x, conv.rings), g)
    assert all((a - b).abs().max() < 1e-13 for a, b in zip(found, expected, strict=True))


def test_rows_sources_and_vertices_go_on_from_mesh_to_mesh():
    parts = meshes()
    whole = block_diagonal(parts)
    assert (whole.num_targets, whole.num_sources, whole.radius) == (19, 20, 1.0)
    assert whole.ptr[-1] == sum(p.source.numel() for p in parts)
    assert torch.equal(whole.target, torch.arange(19).repeat_interleave(whole.ptr.diff()))
    first = parts[0].source.numel()
    assert int(whole.source[:first].max()) < 9 <= int(whole.source[first:].min())
    assert whole.target_vertex.tolist() == [*range(12), *range(12, 19)]
    assert whole.frames is None


def test_a_change_of_gauge_of_the_batch_is_one_of_each_mesh():
    parts = meshes()
    gamma_p, gamma_q = angles(19, 1), angles(20, 2)
    turned = block_diagonal(parts).change_gauge(gamma_p, gamma_q)
    counts = [p.num_targets for p in parts], [p.num_sources for p in parts]
    pieces = gamma_p.split(counts[0]), gamma_q.split(counts[1])
    each = [p.change_gauge(a, b) for p, a, b in zip(parts, *pieces, strict=True)]
    again = block_diagonal(each)
    assert torch.equal(turned.theta, again.theta)
    assert torch.equal(turned.transport, again.transport)


def test_one_mesh_is_a_batch_too():
    nb = meshes()[0]
    whole = block_diagonal([nb])
    assert torch.equal(whole.source, nb.source) and torch.equal(whole.r, nb.r / nb.radius)


def test_nothing_and_mixed_kinds_are_named():
    with pytest.raises(GaugeConvError, match="got none"):
        block_diagonal([])
    parts = meshes()
    parts[2] = parts[2].to(dtype=torch.float32)
    with pytest.raises(GaugeConvError, match=r"float32.*float64"):
        block_diagonal(parts)
