from __future__ import annotations

from contextlib import nullcontext

import numpy as np

from benchmarks import soak
from gaugeconv.ops import cpu


def test_random_problems_agree_with_the_reference():
    figures = soak.soak(minutes=0.05, seed=2)
    assert figures["cases"] >= 1 and figures["comparisons"] >= 7 * figures["cases"]
    assert figures["mismatches"] == []
    assert figures["resident_mb_at_the_end"] > 0


def test_a_wrong_sum_would_be_noticed(monkeypatch):
    right = cpu.multiply

    def wrong(*args):
        y, weights = right(*args)
        return (None if y is None else y * 1.001), weights

    monkeypatch.setattr(cpu, "multiply", wrong)
    monkeypatch.setattr(soak, "_ways", lambda _: nullcontext())
    assert any(soak.soak(minutes=0, seed=seed)["mismatches"] for seed in range(8))


def test_cases_cover_what_is_rare():
    """Empty rows, one vertex, 500 neighbours, 257 channels, one channel."""
    rng, degrees, targets, channels = np.random.default_rng(0), set(), set(), set()
    for _ in range(300):
        nb = soak._random_neighborhoods(rng, 1)
        degrees.add(int(nb.ptr.diff().max()) if nb.num_targets else 0)
        targets.add(nb.num_targets)
        channels |= {b.multiplicity for b in soak._random_space(rng).in_type.blocks}
    assert {0, 1} <= targets and {1, 257} <= channels
    assert max(degrees) >= 500 and 0 in degrees
