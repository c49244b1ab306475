from __future__ import annotations

import numpy as np
import pytest
import torch

from gaugeconv.geometry import Frames, neighborhoods
from gaugeconv.geometry.hierarchy import Level, build_hierarchy
from gaugeconv.mesh import TriMesh, shapes


@pytest.fixture(scope="module")
def mesh() -> TriMesh:
    return shapes.irregular_sphere(500, seed=4)


@pytest.fixture(scope="module")
def levels(mesh: TriMesh) -> list[Level]:
    return build_hierarchy(Frames.canonical(mesh), (120, 30), (0.23, 0.46), 0.6)


def wrapped(angle: torch.Tensor) -> torch.Tensor:
    return torch.remainder(angle + np.pi, 2 * np.pi) - np.pi


def test_levels_are_nested_and_of_the_sizes_asked_for(levels: list[Level]) -> None:
    fine, coarse = levels
    assert (len(fine.vertices), len(coarse.vertices)) == (120, 30)
    assert set(coarse.vertices) <= set(fine.vertices)


def test_neighbourhoods_of_a_level_are_rows_of_those_of_the_mesh(
    mesh: TriMesh, levels: list[Level]
) -> None:
    level = levels[0]
    nb = level.within
    full = neighborhoods(mesh, nb.radius)
    position = {
        (int(p), int(q)): e for e, (p, q) in enumerate(zip(full.target, full.source, strict=True))
    }
    p, q = nb.target_vertex[nb.target], nb.source_vertex[nb.source]
    rows = [position[int(a), int(b)] for a, b in zip(p, q, strict=True)]
    torch.testing.assert_close(nb.r, full.r[rows], rtol=0, atol=1e-12)
    assert wrapped(nb.theta - full.theta[rows]).abs().max() < 1e-11
    assert wrapped(nb.transport - full.transport[rows]).abs().max() < 1e-11


def test_up_and_down_are_each_others_transpose(levels: list[Level]) -> None:
    down, up = levels[1].down, levels[1].up
    assert down is not None
    forward = {
        (int(p), int(q)): (float(r), float(phi))
        for p, q, r, phi in zip(down.target, down.source, down.r, down.transport, strict=True)
    }
    backward = {
        (int(q), int(p)): (float(r), -float(phi))
        for p, q, r, phi in zip(up.target, up.source, up.r, up.transport, strict=True)
    }
    assert forward.keys() == backward.keys()
    for pair, (r, phi) in forward.items():
        assert backward[pair][0] == r
        assert abs(wrapped(torch.tensor(backward[pair][1] - phi))) < 1e-12


def test_areas_share_out_the_whole_surface(mesh: TriMesh, levels: list[Level]) -> None:
    for level in levels:
        _, first = np.unique(level.within.source.numpy(), return_index=True)
        assert level.within.weight[first].sum() == pytest.approx(mesh.area)


def test_every_vertex_hears_from_the_finest_level(mesh: TriMesh, levels: list[Level]) -> None:
    assert (torch.diff(levels[0].up.ptr) > 0).all()
    assert levels[0].up.num_targets == mesh.num_vertices
    assert levels[0].down is None


def test_turned_frames_change_the_gauge_of_every_neighbourhood(
    mesh: TriMesh, levels: list[Level]
) -> None:
    gamma = np.random.default_rng(0).uniform(-3, 3, mesh.num_vertices)
    turned = build_hierarchy(Frames.canonical(mesh).rotated(gamma), (120, 30), (0.23, 0.46), 0.6)
    angle = torch.from_numpy(gamma)
    for level, other in zip(levels, turned, strict=True):
        for name in ("within", "surface", "down", "up"):
            nb, expected = getattr(other, name), getattr(level, name)
            if expected is None:
                continue
            expected = expected.change_gauge(
                angle[expected.target_vertex], angle[expected.source_vertex]
            )
            same = nb.r > 0
            assert wrapped(nb.theta - expected.theta)[same].abs().max() < 1e-12
            assert wrapped(nb.transport - expected.transport).abs().max() < 1e-12
