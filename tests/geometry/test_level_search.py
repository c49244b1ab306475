from __future__ import annotations

import numpy as np
import pytest
import torch

from gaugeconv.geometry import Frames, Neighborhoods, build_hierarchy, level_search
from gaugeconv.geometry.features import surface_features
from gaugeconv.geometry.hierarchy import Level, hierarchy_of
from gaugeconv.geometry.logmap import PathTable, path_tables, shortest_paths
from gaugeconv.mesh import TriMesh, shapes
from tests.geometry.test_non_orientable import moebius
from tests.geometry.zoo import Relabelling

SIZES, RADII = (90, 30), (0.23, 0.46)


def built(mesh: TriMesh, seen: list[int] | None = None) -> list[Level]:
    def describe(surface: Neighborhoods) -> np.ndarray:
        if seen is not None:
            seen.append(surface.source.numel())
        return surface_features(surface)

    return build_hierarchy(Frames.canonical(mesh), SIZES, RADII, describe=describe)


def test_a_level_in_parts_is_that_in_one_to_the_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    mesh = shapes.irregular_sphere(400, seed=4)
    whole_seen: list[int] = []
    whole = built(mesh, whole_seen)
    monkeypatch.setattr(level_search, "PAIRS_AT_ONCE", 1000)
    seen: list[int] = []
    parts = built(mesh, seen)
    assert len(whole_seen) == 2
    assert len(seen) > 12
    assert max(seen) < 2000
    for a, b in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(a.described, b.described)
        for name in ("within", "down", "up"):
            one, other = getattr(a, name), getattr(b, name)
            for tensor in ("ptr", "source", "r", "theta", "transport", "weight"):
                if one is not None:
                    assert torch.equal(getattr(one, tensor), getattr(other, tensor)), (name, tensor)


def test_descriptions_are_those_of_the_surface_that_is_kept_otherwise() -> None:
    mesh = shapes.irregular_sphere(300, seed=1)
    kept = build_hierarchy(Frames.canonical(mesh), SIZES, RADII)
    for described, level in zip(built(mesh), kept, strict=True):
        assert described.surface is None
        assert level.surface is not None
        assert level.described.shape == (len(level.vertices), 0)
        np.testing.assert_array_equal(described.described, surface_features(level.surface))


@pytest.mark.parametrize("make", [moebius, lambda: shapes.torus(24, 12)])
def test_parts_of_a_table_are_its_rows(make) -> None:
    mesh = make()
    centers = np.arange(0, mesh.num_vertices, 3)
    whole = shortest_paths(mesh, centers, 1.0)
    parts = list(path_tables(mesh, centers, 1.0, parts=5))
    assert len(parts) == 5
    joined = PathTable.joined(parts)
    for name in ("ptr", "vertex", "r", "out", "back", "transport", "flip"):
        np.testing.assert_array_equal(getattr(joined, name), getattr(whole, name))
    near = whole.select(whole.r <= 0.5)
    assert near.ptr[-1] == (whole.r <= 0.5).sum()
    row = slice(whole.ptr[3], whole.ptr[4])
    np.testing.assert_array_equal(
        near.vertex[near.ptr[3] : near.ptr[4]], whole.vertex[row][whole.r[row] <= 0.5]
    )


def test_parts_of_a_mesh_that_is_put_in_order_first_are_its_rows() -> None:
    """More than a thousand centres on a mesh in random order: they are searched in another order."""
    mesh = Relabelling.of(shapes.torus(60, 24), seed=0).mesh
    centers = np.arange(mesh.num_vertices)
    whole = shortest_paths(mesh, centers, 0.4)
    joined = PathTable.joined(list(path_tables(mesh, centers, 0.4, parts=4)))
    for name in ("ptr", "vertex", "r", "out", "transport"):
        np.testing.assert_array_equal(getattr(joined, name), getattr(whole, name))


def test_vertex_sets_of_ones_own_can_be_described_too() -> None:
    mesh = shapes.icosphere(2)

    def describe(surface: Neighborhoods) -> np.ndarray:
        return torch.diff(surface.ptr)[:, None].double().numpy()

    (level,) = hierarchy_of(Frames.canonical(mesh), [np.arange(0, 160, 4)], describe=describe)
    (kept,) = hierarchy_of(Frames.canonical(mesh), [np.arange(0, 160, 4)])
    assert kept.surface is not None
    np.testing.assert_array_equal(level.described[:, 0], torch.diff(kept.surface.ptr))
