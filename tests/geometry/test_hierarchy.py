from __future__ import annotations

import numpy as np
import pytest
import torch

from gaugeconv.errors import GaugeConvError, MeshError
from gaugeconv.geometry import (
    Frames,
    Level,
    build_hierarchy,
    farthest_point_sample,
    hierarchy_of,
    neighborhoods,
)
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


def test_without_radii_levels_have_about_twenty_neighbours_and_hear_from_each_other(
    mesh: TriMesh,
) -> None:
    levels = build_hierarchy(Frames.canonical(mesh), (500, 120, 30))
    for level in levels:
        mean = level.within.source.numel() / level.within.num_targets
        assert 14 < mean < 26
        assert (torch.diff(level.up.ptr) > 0).all()
        assert level.down is None or (torch.diff(level.down.ptr) > 0).all()


def test_vertices_may_be_chosen_by_exact_distances(mesh: TriMesh) -> None:
    frames = Frames.canonical(mesh)
    exact = build_hierarchy(frames, (60, 20), metric="geodesic")
    for level in exact:
        sample = farthest_point_sample(mesh, len(level.vertices), "geodesic")
        assert np.array_equal(level.vertices, np.sort(sample))
    by_edges = build_hierarchy(frames, (60, 20))
    assert not np.array_equal(exact[0].vertices, by_edges[0].vertices)


def test_levels_may_be_any_lists_of_vertices(mesh: TriMesh) -> None:
    """In any order and not nested, for instance the index map of a decimated mesh."""
    rng = np.random.default_rng(1)
    index_maps = [rng.permutation(500)[:90], rng.permutation(500)[:40]]
    fine, coarse = hierarchy_of(Frames.canonical(mesh), index_maps, (0.3, 0.5), 0.8)
    assert not set(coarse.vertices) <= set(fine.vertices)
    for level, index_map in zip((fine, coarse), index_maps, strict=True):
        rows = np.searchsorted(level.vertices, index_map)
        assert np.array_equal(level.vertices[rows], index_map)
    nb = coarse.down
    assert nb is not None
    area = np.zeros(nb.num_sources)
    area[nb.source] = nb.weight
    direct = neighborhoods(
        mesh, nb.radius, targets=coarse.vertices, sources=fine.vertices, source_area=area
    )
    assert torch.equal(nb.source, direct.source) and torch.equal(nb.ptr, direct.ptr)
    assert wrapped(nb.transport - direct.transport).abs().max() < 1e-12
    assert (nb.r - direct.r).abs().max() < 1e-12


def test_the_same_sets_give_the_same_levels(mesh: TriMesh, levels: list[Level]) -> None:
    frames = Frames.canonical(mesh)
    again = hierarchy_of(frames, [level.vertices for level in levels], (0.23, 0.46), 0.6)
    for a, b in zip(levels, again, strict=True):
        for name in ("within", "surface", "up"):
            first, second = getattr(a, name), getattr(b, name)
            for tensor in ("ptr", "source", "r", "theta", "transport", "weight"):
                assert torch.equal(getattr(first, tensor), getattr(second, tensor))


def test_intrinsic_meshes_have_hierarchies_of_given_vertices() -> None:
    cone = shapes.cone(9.0, 3, 13)
    (level,) = hierarchy_of(Frames.canonical(cone), [np.arange(0, 40, 3)])
    assert (torch.diff(level.up.ptr) > 0).all()


@pytest.mark.parametrize(
    ("vertex_sets", "options", "error", "message"),
    [
        ([[0, 1], []], {}, MeshError, "level 1 must be a list"),
        ([[0.5]], {}, MeshError, "level 0 must be a list"),
        ([[3, 3]], {}, MeshError, "level 0 must name different.* 1 repetitions"),
        ([[0, 500]], {}, MeshError, "within 0 … 499"),
        ([[0, 1]], {"radii": (0.1, 0.2)}, GaugeConvError, "1 levels need as many"),
        ([[0, 1]], {"radii": (-0.1,)}, GaugeConvError, "positive radii"),
        ([[0, 1]], {"crossing": 1.5}, GaugeConvError, r"\(0, 1\], got 1.5"),
    ],
)
def test_what_makes_no_level_is_refused(mesh, vertex_sets, options, error, message) -> None:
    with pytest.raises(error, match=message):
        hierarchy_of(Frames.canonical(mesh), vertex_sets, **options)


def test_sizes_descend(mesh: TriMesh) -> None:
    for sizes in ((30, 120), (), (100, 0), (100, -1)):
        with pytest.raises(GaugeConvError, match="sizes must descend"):
            build_hierarchy(Frames.canonical(mesh), sizes)
