"""Pooling and unpooling with transport."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gaugeconv.errors import FieldTypeError, StructureGroupError
from gaugeconv.geometry import Frames, Level, hierarchy_of
from gaugeconv.mesh import TriMesh, shapes
from gaugeconv.nn import GaugePool, GaugeUnpool
from gaugeconv.reps import FieldType
from tests.ops.random_pairs import angles, random_neighborhoods

TYPE = FieldType("2x0 + 1x1 + 1x3")
LAYERS = [GaugePool, GaugeUnpool]
both = pytest.mark.parametrize("layer", LAYERS)


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def two_levels(mesh: TriMesh, frames: Frames | None = None) -> list[Level]:
    everything = np.arange(mesh.num_vertices)
    return hierarchy_of(frames or Frames.canonical(mesh), [everything, everything[::6]])


def slow_pool(x, nb, field_type):
    """Plain loops over the definition."""
    pairs = list(zip(nb.target.tolist(), nb.source.tolist(), strict=True))
    k = [float(1 - (r / nb.radius) ** 2) ** 2 for r in nb.r]
    y = torch.zeros(nb.num_targets, field_type.dim, dtype=torch.float64)
    total = torch.zeros(nb.num_targets, 1, dtype=torch.float64)
    for e, (p, q) in enumerate(pairs):
        shared = sum(k[f] for f in range(len(pairs)) if pairs[f][1] == q)
        c = float(nb.weight[e]) * k[e] / shared
        y[p] += c * field_type.action(nb.transport[e]) @ x[q]
        total[p] += c
    return y / torch.where(total > 0, total, 1.0)


def slow_unpool(x, nb, field_type):
    y = torch.zeros(nb.num_targets, field_type.dim, dtype=torch.float64)
    total = torch.zeros(nb.num_targets, 1, dtype=torch.float64)
    for e in range(len(nb.r)):
        k = float(1 - (nb.r[e] / nb.radius) ** 2) ** 2
        y[nb.target[e]] += k * field_type.action(nb.transport[e]) @ x[nb.source[e]]
        total[nb.target[e]] += k
    return y / torch.where(total > 0, total, 1.0)


@pytest.mark.parametrize(("layer", "slow"), [(GaugePool, slow_pool), (GaugeUnpool, slow_unpool)])
def test_it_is_its_definition(layer, slow):
    nb = random_neighborhoods(6, 9, degree=3, seed=1)
    assert (torch.diff(nb.ptr) == 0).any()  # a target without sources is among them: zeros
    x = noise(9, TYPE.dim)
    assert (layer(TYPE)(x, nb) - slow(x, nb, TYPE)).abs().max() < 1e-14


@both
def test_it_commutes_with_rotations_of_targets_and_sources(layer):
    nb = random_neighborhoods(6, 9, seed=1)
    gamma_p, gamma_q = angles(6, 3), angles(9, 4)
    x, module = noise(9, TYPE.dim), layer(TYPE)
    moved = module(TYPE.transform(x, gamma_q), nb.change_gauge(gamma_p, gamma_q))
    assert (moved - TYPE.transform(module(x, nb), gamma_p)).abs().max() < 1e-13


def test_constants_go_down_and_up_unchanged():
    coarse = two_levels(shapes.irregular_sphere(200, 3))[1]
    assert coarse.down is not None
    x = torch.full((200, 1), 1.7, dtype=torch.float64)
    down = GaugePool("1x0")(x, coarse.down)
    assert (down - 1.7).abs().max() < 1e-14
    assert (GaugeUnpool("1x0")(down, coarse.up) - 1.7).abs().max() < 1e-14


def test_parallel_fields_on_a_flat_sheet_go_down_and_up_unchanged():
    mesh = shapes.plane(12, 10, jitter=0.2)
    gamma = np.random.default_rng(2).uniform(-4, 4, mesh.num_vertices)
    constant = Frames.from_directions(mesh, np.tile([1.0, 0, 0], (mesh.num_vertices, 1)))
    coarse = two_levels(mesh, constant.rotated(gamma))[1]
    assert coarse.down is not None
    turn = torch.from_numpy(gamma)
    parallel = noise(TYPE.dim).expand(mesh.num_vertices, -1)
    x = TYPE.transform(parallel, turn)
    down = GaugePool(TYPE)(x, coarse.down)
    expected = TYPE.transform(parallel[: len(coarse.vertices)], turn[coarse.vertices])
    assert (down - expected).abs().max() < 1e-11
    assert (GaugeUnpool(TYPE)(down, coarse.up) - x).abs().max() < 1e-11


def test_pooling_and_unpooling_are_adjoint():
    fine, coarse = two_levels(shapes.irregular_sphere(150, 4))
    down, up = coarse.down, coarse.up
    assert down is not None
    area = torch.zeros(150, dtype=torch.float64)
    area[down.source] = down.weight
    ones = torch.ones(len(coarse.vertices), 1, dtype=torch.float64)
    spread = torch.stack([GaugeUnpool("1x0")(torch.diag(ones[:, 0])[:, [p]], up)[:, 0]
                          for p in range(len(ones))], 1)  # fmt: skip
    coarse_area = area @ spread
    assert abs(coarse_area.sum() - area.sum()) < 1e-12
    x, z = noise(150, TYPE.dim), noise(len(coarse.vertices), TYPE.dim, seed=1)
    left = (coarse_area[:, None] * GaugePool(TYPE)(x, down) * z).sum()
    right = (area[:, None] * x * GaugeUnpool(TYPE)(z, up)).sum()
    assert abs(left - right) < 1e-12
    assert len(fine.vertices) == 150


def test_pooling_a_smooth_field_is_close_to_sampling_it():
    mesh = shapes.irregular_sphere(1200, 5)
    coarse = two_levels(mesh)[1]
    assert coarse.down is not None
    frames = coarse.within.frames
    field = np.cross([0.0, 0, 1], mesh.vertices)
    components = np.stack([np.einsum("vi,vi->v", field, e) for e in (frames.e1, frames.e2)], 1)
    x = torch.from_numpy(components)
    down = GaugePool("1x1")(x, coarse.down)
    assert (down - x[coarse.vertices]).abs().max() < 0.1
    assert (GaugeUnpool("1x1")(down, coarse.up) - x).abs().max() < 0.15
    unturned = (x[coarse.down.source] - x[coarse.vertices][coarse.down.target]).abs()
    assert unturned.max() > 1  # components alone, without transport, have nothing in common


def test_reflections_need_a_group_that_has_them():
    nb = random_neighborhoods(6, 9, seed=1)
    flip = torch.arange(len(nb.r)) % 3 == 0
    reflecting = type(nb)(**{**vars(nb), "flip": flip, "_memo": {}})
    for layer in LAYERS:
        with pytest.raises(StructureGroupError):
            layer("1x1")(noise(9, 2), reflecting)
        o2 = FieldType("0- + 1", "O2")
        x = noise(9, 3)
        one = layer(o2)(x, reflecting)
        signs = torch.tensor(
            [-1.0, 1.0, -1.0]
        ).double()  # reflecting every source: S, and flips undone
        other = type(nb)(**{**vars(nb), "flip": ~flip, "_memo": {}})
        assert (layer(o2)(x * signs, other) - one).abs().max() < 1e-14


@pytest.mark.unchecked
@both
def test_features_must_live_on_the_sources(layer):
    nb = random_neighborhoods(6, 9, seed=1)
    for shape in ((6, TYPE.dim), (9, TYPE.dim + 1), (TYPE.dim,)):
        with pytest.raises(FieldTypeError, match="9 source vertices"):
            layer(TYPE)(noise(*shape), nb)
