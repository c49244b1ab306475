from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from gaugeconv import ops
from gaugeconv.errors import StructureGroupError
from gaugeconv.ops import reference, tables
from gaugeconv.ops.tables import compute_dtype, pair_tables
from gaugeconv.reps import CosineRings, KernelSpace
from tests.ops.random_pairs import angles, random_neighborhoods

BASIS = CosineRings(3)


def as_set(found: tables.PairTables, transposed: bool) -> set[tuple[float, ...]]:
    """The pairs as (row, source, weights, angles), whatever their order."""
    row = found.target.repeat_interleave(found.ptr.diff())
    columns = [row, found.source, *found.radial, *found.trig]
    if transposed:
        columns[:2] = columns[1::-1]
    return set(zip(*(c.tolist() for c in columns), strict=True))


@pytest.mark.parametrize("sources", [None, 7])
def test_tables_hold_every_pair_with_its_weights_and_angles(sources):
    nb = random_neighborhoods(9, sources, seed=1)
    radial = reference.radial_weights(nb, BASIS, torch.float64)
    for transposed in (False, True):
        found = pair_tables(nb, BASIS, torch.float64, transposed)
        theta, turn = nb.theta, nb.transport - nb.theta
        if transposed:
            theta, turn = -turn, -theta
        trig = (theta.cos(), theta.sin(), turn.cos(), turn.sin())
        columns = [nb.target, nb.source, *radial.unbind(1), *trig]
        expected = set(zip(*(c.tolist() for c in columns), strict=True))
        assert as_set(found, transposed) == expected
        assert sorted(found.target.tolist()) == list(range(found.ptr.numel() - 1))


def test_ranges_enclose_the_pairs_on_each_ring_and_no_more():
    found = pair_tables(random_neighborhoods(40, degree=9, seed=2), BASIS, torch.float64)
    for i in range(40):
        near = found.radial[:, found.ptr[i] : found.ptr[i + 1]] != 0
        for k in range(4):
            on_ring = near[k].nonzero()
            expected = [int(on_ring.min()), int(on_ring.max()) + 1] if len(on_ring) else [0, 0]
            assert found.ranges[i, k].tolist() == expected


def test_sorting_by_pytorch_alone_gives_the_same_rows(monkeypatch):
    """What GPUs run: rows in their own order."""
    nb = random_neighborhoods(12, 7, seed=3)
    fast = pair_tables(nb, BASIS, torch.float64)

    monkeypatch.setattr(tables, "_sorted_on_cpu", tables._sorted_anywhere)
    slow = pair_tables(replace(nb, _memo={}), BASIS, torch.float64)
    for a, b in zip(fast, slow, strict=True):
        assert a.dtype == b.dtype and torch.equal(a, b)


def test_rows_near_each_other_read_the_same_features():
    """A ring of vertices in random order: clusters find it again."""
    count, near = 2000, torch.arange(-5, 6)
    name = torch.randperm(count, generator=torch.Generator().manual_seed(0))
    source = name[(torch.arange(count)[:, None] + near) % count]
    pairs = source.numel()
    nb = random_neighborhoods(count, degree=1)
    row = name.repeat_interleave(len(near))
    angle = torch.zeros(pairs, dtype=torch.float64)
    by_row = torch.argsort(row, stable=True)
    nb = replace(
        nb, ptr=torch.arange(0, pairs + 1, len(near)), target=row[by_row],
        source=source.flatten()[by_row], r=angle + 0.5, theta=angle, transport=angle,
        weight=angle + 1, flip=angle > 0, _memo={},
    )  # fmt: skip
    found = pair_tables(nb, BASIS, torch.float32)
    reads = found.source.view(count, len(near)).split(100)
    distinct = sum(len(part.unique()) for part in reads) / count
    assert distinct < 1.3  # 11 where neighbours are nowhere near


def test_tables_are_made_once_per_neighbourhood_basis_and_dtype():
    nb = random_neighborhoods(9, seed=14)
    first = pair_tables(nb, CosineRings(3), torch.float64)
    assert pair_tables(nb, CosineRings(3), torch.float64) is first
    assert pair_tables(nb, CosineRings(2), torch.float64) is not first
    assert pair_tables(nb, CosineRings(3), torch.float32) is not first
    moved = nb.change_gauge(angles(9, 0))
    assert not torch.equal(pair_tables(moved, CosineRings(3), torch.float64).trig, first.trig)


def test_radial_weights_are_the_same_in_chunks(monkeypatch):
    nb = random_neighborhoods(30, seed=4)
    whole = reference.radial_weights(nb, BASIS, torch.float32)
    monkeypatch.setattr(reference, "CHUNK", 7)
    assert torch.equal(reference.radial_weights(nb, BASIS, torch.float32), whole)


def test_tables_are_the_same_in_chunks(monkeypatch):
    nb = random_neighborhoods(30, seed=4)
    whole = pair_tables(nb, BASIS, torch.float32)
    monkeypatch.setattr(tables, "CHUNK", 7)
    for a, b in zip(pair_tables(replace(nb, _memo={}), BASIS, torch.float32), whole, strict=True):
        assert torch.equal(a, b)


def test_sums_are_in_float32_for_all_smaller_types():
    assert compute_dtype(torch.float64) == torch.float64
    assert {compute_dtype(d) for d in (torch.float32, torch.float16, torch.bfloat16)} == {
        torch.float32
    }


@pytest.mark.parametrize("backend", ["fused", "torch"])
def test_indices_of_32_bits_and_geometry_in_float32_are_read(backend):
    nb = random_neighborhoods(20, 15, seed=5)
    space = KernelSpace("2x0 + 1x1", "1x1 + 1x0")
    torch.manual_seed(0)
    kernel = torch.randn(space.rings_shape), torch.randn(space.num_center)
    x = torch.randn(15, 4, requires_grad=True)
    small = replace(
        nb.to(dtype=torch.float32), ptr=nb.ptr.int(), target=nb.target.int(),
        source=nb.source.int(), _memo={},
    )  # fmt: skip
    y, z = (ops.convolve(x, *kernel, n, space, backend) for n in (nb, small))
    assert (y - z).abs().max() < 1e-5
    a, b = (torch.autograd.grad(v.square().sum(), x)[0] for v in (y, z))
    assert (a - b).abs().max() < 1e-4


def test_a_reflecting_transport_is_refused_and_counted():
    nb = random_neighborhoods(5, 4, seed=18)
    flipped = replace(nb, flip=torch.arange(nb.flip.numel()) == 1, _memo={})
    with pytest.raises(StructureGroupError, match="1 transports reflect"):
        pair_tables(flipped, BASIS, torch.float32)
