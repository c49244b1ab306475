"""The size of neighbourhoods: by radius, in edge lengths, by the number of nearest; and their dtypes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gaugeconv.errors import GaugeConvError, MeshError
from gaugeconv.geometry import Frames, Neighborhoods, neighborhoods, selection
from gaugeconv.geometry.logmap import shortest_paths
from gaugeconv.mesh import TriMesh, shapes
from tests.geometry.zoo import (
    Relabelling,
    Table,
    assert_same_up_to_gauge,
    bumpy_sphere,
    rough_sphere,
)

FAR = 1e9


def graded_plane() -> TriMesh:
    """Cells whose sides differ by a factor of 100: no radius fits all vertices."""
    flat = shapes.plane(9, 9, jitter=0.2, seed=2)
    return TriMesh(np.sign(flat.vertices - 0.5) * np.abs(flat.vertices - 0.5) ** 3, flat.faces)


def two_components() -> TriMesh:
    """30 vertices, a tetrahedron, and two vertices of no face."""
    large = rough_sphere(30, 1)
    corners = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]) + 3
    small = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]]) + 31
    vertices = np.concatenate([large.vertices, [[9, 9, 9]], corners, [[7, 7, 7]]])
    return TriMesh(vertices, np.concatenate([large.faces, small]))


MESHES = {
    "bumpy": lambda: bumpy_sphere(150, 3),
    "rough": lambda: rough_sphere(120, 4, 0.4),
    "graded": graded_plane,
    "two components": two_components,
    "torus": lambda: shapes.torus(14, 9),  # with exact ties
}


@pytest.fixture(params=MESHES)
def mesh(request) -> TriMesh:
    return MESHES[request.param]()


def brute_force(mesh: TriMesh, count: int, targets=None, sources=None) -> Table:
    """All pairs, of which those are kept that have one end among the nearest of the other."""
    table = Table.of(neighborhoods(mesh, FAR))
    p_wanted, q_wanted = (
        np.arange(mesh.num_vertices) if v is None else v for v in (targets, sources)
    )
    kept = np.isin(table.p, p_wanted) & np.isin(table.q, q_wanted)
    far = np.zeros(mesh.num_vertices)
    for v in p_wanted:
        others = np.sort(table.r[kept & (table.p == v) & (table.q != v)])
        far[v] = others[:count].max(initial=0.0)
    limit = far[table.p]
    if np.array_equal(p_wanted, q_wanted):
        limit = np.maximum(limit, far[table.q])
    kept &= table.r <= limit * (1 + 1e-9)
    return Table(*(column[kept] for column in vars(table).values()))


def assert_same_pairs(found: Table, expected: Table) -> None:
    assert found.same_pairs(expected)
    assert np.abs(found.r - expected.r).max() < 1e-12
    turn = np.exp(1j * found.transport) - np.exp(1j * expected.transport)
    assert np.abs(turn).max() < 1e-11


@pytest.mark.parametrize("count", [1, 7, 24])
def test_the_nearest_are_those_of_all_pairs(mesh, count):
    nb = neighborhoods(mesh, nearest=count)
    assert_same_pairs(Table.of(nb), brute_force(mesh, count))
    assert nb.radius == nb.r.max()
    used = np.unique(mesh.faces)
    size = np.diff(nb.ptr)[used] - 1
    reachable = np.diff(neighborhoods(mesh, FAR).ptr)[used] - 1
    assert (size >= np.minimum(count, reachable)).all()


def test_the_search_goes_block_by_block_and_grows_where_it_must(monkeypatch):
    mesh = graded_plane()
    expected = Table.of(neighborhoods(mesh, nearest=9))
    monkeypatch.setattr(selection, "_BLOCK", 17)
    monkeypatch.setattr(selection, "_FIRST", 0.05)
    assert_same_pairs(Table.of(neighborhoods(mesh, nearest=9)), expected)


@pytest.mark.parametrize("name", ["bumpy", "torus"])
def test_relabelling_changes_no_neighbour(name):
    mesh = MESHES[name]()
    other = Relabelling.of(mesh, 5)
    before = Table.of(neighborhoods(mesh, nearest=8), other.new_of_old)
    assert_same_up_to_gauge(Table.of(neighborhoods(other.mesh, nearest=8)), before, 1e-12)


@pytest.mark.parametrize("more_sources", [False, True])
def test_the_nearest_among_some_vertices(mesh, more_sources):
    used = np.unique(mesh.faces)
    targets, sources = (used[::3], used[::2]) if more_sources else (used[::2], used[1::4])
    area = np.ones(len(sources))
    nb = neighborhoods(mesh, nearest=4, targets=targets, sources=sources, source_area=area)
    assert_same_pairs(Table.of(nb), brute_force(mesh, 4, targets, sources))


def test_edges_are_a_multiple_of_the_mean_edge_length():
    mesh = bumpy_sphere(150, 6)
    a, b = neighborhoods(mesh, edges=2.5), neighborhoods(mesh, 2.5 * mesh.mean_edge_length)
    assert a.radius == b.radius
    for name in ("ptr", "source", "r", "theta", "transport", "weight"):
        assert torch.equal(getattr(a, name), getattr(b, name))


def test_the_size_is_chosen_exactly_once():
    mesh = shapes.icosphere(0)
    with pytest.raises(MeshError, match=r"exactly one of radius .* got none"):
        neighborhoods(mesh)
    with pytest.raises(MeshError, match="got radius and nearest"):
        neighborhoods(mesh, 1.0, nearest=3)
    for edges in (0, -1.0, np.nan, np.inf):
        with pytest.raises(MeshError, match="edges must be positive"):
            neighborhoods(mesh, edges=edges)
    for nearest in (0, -2):
        with pytest.raises(MeshError, match="nearest must be a whole number"):
            neighborhoods(mesh, nearest=nearest)
    whole = neighborhoods(mesh, nearest=1000)
    assert len(whole.r) == 144


@pytest.mark.unchecked
def test_unknown_options_raise():
    mesh = shapes.icosphere(0)
    for options in (
        {"quadrature": "simpson"},
        {"method": "dijkstra"},
        {"dtype": torch.float16},
        {"index_dtype": torch.int8},
    ):
        (name,) = options
        with pytest.raises(GaugeConvError, match=f"{name} must be one of"):
            neighborhoods(mesh, 1.0, **options)
    with pytest.raises(MeshError, match="nearest must be a whole number"):
        neighborhoods(mesh, nearest=2.5)


def test_options_that_exclude_each_other_raise():
    mesh = shapes.icosphere(0)
    with pytest.raises(MeshError, match='nearest needs method="exact"'):
        neighborhoods(mesh, nearest=3, method="vector-heat")
    for options in (
        {"nearest": 3},
        {"radius": 0.5, "method": "vector-heat"},
        {"radius": 0.5, "source_area": np.ones(12)},
    ):
        with pytest.raises(MeshError, match="nodes of its own"):
            neighborhoods(mesh, quadrature="exponential", **options)


@pytest.mark.parametrize("quadrature", ["vertex", "exponential"])
def test_float32_and_int32_are_the_same_rounded(quadrature):
    mesh = bumpy_sphere(150, 7)
    options = {"radius": 0.6, "frames": Frames.canonical(mesh).rotated(2.0)}
    wide = neighborhoods(mesh, **options, quadrature=quadrature)
    small = neighborhoods(
        mesh, **options, quadrature=quadrature, dtype=torch.float32, index_dtype=torch.int32
    )
    for name in ("r", "theta", "transport", "weight"):
        assert torch.equal(getattr(small, name), getattr(wide, name).float())
    for name in ("ptr", "target", "source", "target_vertex", "source_vertex"):
        tensor = getattr(small, name)
        assert tensor.dtype == torch.int32 and torch.equal(tensor.long(), getattr(wide, name))
    converted = wide.to(dtype=torch.float32, index_dtype=torch.int32)
    assert converted.source.dtype == torch.int32 and converted.flip.dtype == torch.bool
    assert torch.equal(converted.theta, small.theta)


def test_small_integers_do_for_everything_a_neighbourhood_does(tmp_path):
    mesh = bumpy_sphere(150, 8)
    wide = neighborhoods(mesh, 0.6)
    small = wide.to(index_dtype=torch.int32)
    gamma = torch.linspace(-3, 3, 150, dtype=torch.float64)
    assert torch.equal(small.change_gauge(gamma).transport, wide.change_gauge(gamma).transport)
    assert torch.equal(small.within(0.4).source.long(), wide.within(0.4).source)
    for a, b in zip(small.transposed(), wide.transposed(), strict=True):
        assert torch.equal(a.long(), b)
    small.save(tmp_path / "nb.safetensors")
    loaded = Neighborhoods.load(tmp_path / "nb.safetensors")
    assert loaded.ptr.dtype == loaded.source.dtype == torch.int32
    assert torch.equal(loaded.source, small.source)


def test_layers_run_on_small_integers():
    from gaugeconv import FieldType
    from gaugeconv.nn import GaugeConv

    mesh = bumpy_sphere(100, 9)
    wide = neighborhoods(mesh, 0.7, dtype=torch.float32)
    small = wide.to(index_dtype=torch.int32)
    conv = GaugeConv(FieldType("2x0 + 1x1"), FieldType("1x0 + 1x2"))
    x = torch.randn(100, 4, generator=torch.Generator().manual_seed(1), requires_grad=True)
    results = []
    for nb in (wide, small):
        y = conv(x, nb)
        (gradient,) = torch.autograd.grad(y.square().sum(), x)
        results.append((y, gradient))
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b)


def test_every_centre_may_have_a_radius_of_its_own():
    mesh = rough_sphere(100, 10)
    radii = np.random.default_rng(11).uniform(0.05, 1.5, 100)
    paths = shortest_paths(mesh, np.arange(100), radii)
    for center in range(0, 100, 7):
        alone = shortest_paths(mesh, np.array([center]), radii[center])
        row = slice(*paths.ptr[center : center + 2])
        for name in ("vertex", "r", "out", "back", "transport"):
            np.testing.assert_array_equal(getattr(paths, name)[row], getattr(alone, name))
    with pytest.raises(MeshError, match="radius must be positive and finite, got -1"):
        shortest_paths(mesh, np.arange(2), np.array([1.0, -1.0]))


def test_the_cache_tells_sizes_and_options_apart(tmp_path, monkeypatch):
    monkeypatch.setenv("GAUGECONV_CACHE", str(tmp_path))
    mesh = bumpy_sphere(60, 12)
    mirrored = Frames.canonical(mesh).reflected(np.arange(60) % 2 == 0)
    several = [
        {"radius": 0.5},
        {"nearest": 6},
        {"radius": 0.5, "dtype": torch.float32},
        {"radius": 0.5, "index_dtype": torch.int32},
        {"radius": 0.5, "quadrature": "exponential"},
        {"radius": 0.5, "method": "vector-heat"},
        {"radius": 0.5, "frames": mirrored},
        {"radius": 0.5, "source_area": mesh.vertex_areas},
    ]
    for known, options in enumerate(several):
        first = neighborhoods(mesh, **options, cache=True)
        assert len(list(tmp_path.glob("neighborhoods-*"))) == known + 1
        again = neighborhoods(mesh, **options, cache=True)
        for name in ("source", "r", "theta", "transport", "flip", "weight"):
            assert torch.equal(getattr(first, name), getattr(again, name))
            assert getattr(first, name).dtype == getattr(again, name).dtype
        assert again.radius == first.radius and again.frames is not None
