from __future__ import annotations

import pytest
import torch
from torch.utils.checkpoint import checkpoint

from gaugeconv import ops
from gaugeconv.errors import GaugeConvError
from gaugeconv.geometry import target_rows
from gaugeconv.nn import GaugeConv
from gaugeconv.ops import fused
from tests.ops.random_pairs import random_neighborhoods


@pytest.mark.parametrize("out_type", ["1x1 + 2x0", "1x0"])
def test_blocks_of_targets_give_the_same_without_keeping_tables(out_type, monkeypatch):
    conv = GaugeConv("300x0", out_type).double()
    nb, same = (random_neighborhoods(50, 30, seed=1) for _ in range(2))
    x = torch.randn(2, 30, 300, dtype=torch.float64)
    monkeypatch.setattr(fused, "_BLOCK_BYTES", 2000)
    with torch.no_grad():
        whole = conv(x, nb)
        with ops.use_table_memory(1000):
            blocks = conv(x, same)
    assert (blocks - whole).abs().max() < 1e-12
    assert len(nb._memo) > 0 and len(same._memo) == 0


def test_gradients_need_whole_tables_whatever_the_limit():
    conv, nb = GaugeConv("2x0", "1x1"), random_neighborhoods(50, seed=2)
    with ops.use_table_memory(1):
        conv(torch.randn(50, 2), nb).sum().backward()
    assert conv.rings.grad.abs().sum() > 0
    assert fused._table_bytes > 1


@pytest.mark.parametrize("rows", [(0, 0), (0, 5), (3, 9), (12, 12)])
def test_a_range_of_targets_is_a_part_of_the_result(rows):
    conv, nb = GaugeConv("2x0 + 1x1", "1x1"), random_neighborhoods(12, 9, seed=3)
    x = torch.randn(9, 4)
    part = conv(x, target_rows(nb, *rows))
    assert (part - conv(x, nb)[slice(*rows)]).abs().sum() < 1e-5


@pytest.mark.parametrize("rows", [(-1, 2), (3, 2), (0, 13)])
def test_a_range_beyond_the_targets_is_named(rows):
    with pytest.raises(GaugeConvError, match="of 12 do not exist"):
        target_rows(random_neighborhoods(12, 9, seed=3), *rows)


def test_recomputed_activations_give_the_same_gradients():
    """PyTorch's own checkpointing works on layers, at the price of one more forward pass."""
    conv, nb = GaugeConv("2x0 + 1x1", "2x0 + 1x1").double(), random_neighborhoods(20, seed=4)
    x = torch.randn(20, 4, dtype=torch.float64, requires_grad=True)

    def block(x):
        return conv(torch.tanh(conv(x, nb)), nb)

    kept = torch.autograd.grad(block(x).square().sum(), (x, conv.rings))
    again = torch.autograd.grad(
        checkpoint(block, x, use_reentrant=False).square().sum(), (x, conv.rings)
    )
    assert all(torch.equal(a, b) for a, b in zip(kept, again, strict=True))
