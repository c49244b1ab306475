"""The Neighborhoods object itself, and what building one refuses."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from gaugeconv.errors import FileFormatError, GaugeConvError, MeshError
from gaugeconv.geometry import Frames, Neighborhoods, log_map, neighborhoods
from gaugeconv.mesh import TriMesh, shapes
from tests.geometry.zoo import Table, bumpy_sphere, edge_radius, rough_sphere, wrap

TENSORS = (
    "ptr", "target", "source", "r", "theta", "transport", "flip", "weight",
    "target_vertex", "source_vertex",
)  # fmt: skip


@pytest.fixture(scope="module")
def nb() -> Neighborhoods:
    mesh = bumpy_sphere(120, 1)
    return neighborhoods(mesh, edge_radius(mesh, 2.5))


@pytest.fixture(scope="module")
def strided() -> Neighborhoods:
    mesh = bumpy_sphere(120, 1)
    coarse = np.arange(0, 120, 4)
    area = np.ones(30)
    radius = edge_radius(mesh, 4.0)
    return neighborhoods(mesh, radius, targets=np.arange(5, 90), sources=coarse, source_area=area)


def assert_equal(a: Neighborhoods, b: Neighborhoods) -> None:
    for name in TENSORS:
        assert torch.equal(getattr(a, name), getattr(b, name)), name
        assert getattr(a, name).dtype == getattr(b, name).dtype
    assert (a.radius, a.num_sources, a.num_targets) == (b.radius, b.num_sources, b.num_targets)


def test_rows_are_sorted_and_typed(nb, strided):
    for each in (nb, strided):
        assert each.ptr[0] == 0 and each.ptr[-1] == len(each.source)
        rows = torch.repeat_interleave(torch.arange(each.num_targets), each.ptr.diff())
        assert torch.equal(each.target, rows)
        same_row = each.target[1:] == each.target[:-1]
        assert (each.source.diff()[same_row] > 0).all()
        assert each.ptr.dtype == each.source.dtype == torch.int64
        assert each.r.dtype == each.theta.dtype == each.weight.dtype == torch.float64
        assert not each.flip.any()


def test_unreferenced_vertices_have_empty_rows():
    mesh = rough_sphere(80, 2)
    vertices = np.insert(mesh.vertices, [0, 40, 80], 7.0, axis=0)
    new = np.arange(80) + 1 + (np.arange(80) >= 40)
    padded = TriMesh(vertices, new[mesh.faces])
    radius = edge_radius(mesh)
    nb = neighborhoods(padded, radius)
    assert nb.num_targets == nb.num_sources == 83
    assert (nb.ptr.diff()[[0, 41, 82]] == 0).all()
    assert not np.isin([0, 41, 82], nb.source).any()
    before, after = Table.of(neighborhoods(mesh, radius), new), Table.of(nb)
    assert before.same_pairs(after)
    np.testing.assert_array_equal(before.theta, after.theta)
    assert len(log_map(padded, 41, radius).vertex) == 0
    few = neighborhoods(padded, radius, targets=[0, 5, 41])
    assert few.ptr[1] == 0 and few.ptr[3] == few.ptr[2] > 0


def test_components_do_not_see_each_other():
    mesh = rough_sphere(60, 3)
    both = TriMesh(
        np.concatenate([mesh.vertices, mesh.vertices + 0.01]),
        np.concatenate([mesh.faces, mesh.faces + 60]),
    )
    alone, together = (Table.of(neighborhoods(m, 1.0)) for m in (mesh, both))
    assert np.array_equal(together.p < 60, together.q < 60)
    for half in (together.p < 60, together.p >= 60):
        assert np.array_equal(together.q[half] % 60, alone.q)
        assert np.abs(together.r[half] - alone.r).max() < 1e-12
        assert np.abs(wrap(together.transport[half] - alone.transport)).max() < 1e-11


@pytest.mark.parametrize("make", [lambda: bumpy_sphere(120, 1), lambda: shapes.torus(16, 10)])
def test_both_ways_agree_to_the_last_bit(make):
    mesh = make()
    gamma = np.random.default_rng(2).uniform(-9, 9, mesh.num_vertices)
    nb = neighborhoods(mesh, edges=2.7, frames=Frames.canonical(mesh).rotated(gamma))
    back = np.lexsort((nb.target, nb.source))
    assert torch.equal(nb.target[back], nb.source)
    assert torch.equal(nb.r[back], nb.r)
    assert torch.equal(nb.transport[back], -nb.transport)


def test_save_and_load_round_trip(nb, strided, tmp_path):
    for each in (nb, strided, nb.to(dtype=torch.float32)):
        path = tmp_path / "nb.safetensors"
        each.save(path)
        loaded = Neighborhoods.load(path)
        assert_equal(loaded, each)
        assert loaded.frames is None
    assert [p.name for p in tmp_path.iterdir()] == ["nb.safetensors"]


def test_damaged_files_raise_and_name_the_file(nb, tmp_path):
    path = tmp_path / "nb.safetensors"
    nb.save(path)
    content = path.read_bytes()
    for damaged in (
        b"",
        content[:7],
        content[:200],
        content[:-100],
        b"\0" * 500,
        b"x" + content[1:],
    ):
        path.write_bytes(damaged)
        with pytest.raises(FileFormatError, match=r"nb\.safetensors"):
            Neighborhoods.load(path)
    with pytest.raises(FileNotFoundError):
        Neighborhoods.load(tmp_path / "missing.safetensors")


@pytest.mark.parametrize(
    "change",
    [
        {"ptr": torch.tensor([0, 5, 3])},
        {"source": None},
        pytest.param({"r": torch.zeros(3)}, marks=pytest.mark.unchecked),
        {"far": True},
        {"swapped": True},
    ],
)
def test_files_whose_indices_would_crash_a_kernel_raise(nb, tmp_path, change):
    path = tmp_path / "nb.safetensors"
    nb.save(path)
    tensors = load_file(path)
    metadata = {"format": "gaugeconv-neighborhoods-1", "radius": "1.0", "sources": "120"}
    for name, value in change.items():
        if name == "far":
            tensors["source"][7] = 120
        elif name == "swapped":
            tensors["target"] = tensors["target"].flip(0)
        elif value is None:
            del tensors[name]
        else:
            tensors[name] = value
    save_file(tensors, path, metadata)
    with pytest.raises(FileFormatError, match=r"nb\.safetensors"):
        Neighborhoods.load(path)


def test_files_of_other_formats_raise(nb, tmp_path):
    path = tmp_path / "nb.safetensors"
    tensors = {name: getattr(nb, name) for name in TENSORS}
    for metadata in (None, {"format": "something else"}):
        save_file(tensors, path, metadata)
        with pytest.raises(FileFormatError, match="format"):
            Neighborhoods.load(path)
    for metadata in ({}, {"radius": "wide", "sources": "120"}):
        save_file(tensors, path, metadata | {"format": "gaugeconv-neighborhoods-1"})
        with pytest.raises(FileFormatError, match=r"radius|wide"):
            Neighborhoods.load(path)


def test_to_casts_reals_and_keeps_indices(nb):
    single = nb.to(dtype=torch.float32)
    assert single.r.dtype == single.weight.dtype == torch.float32
    assert single.source.dtype == torch.int64 and single.flip.dtype == torch.bool
    assert single.frames is nb.frames
    assert nb.to("cpu") is nb and nb.to(dtype=torch.float64) is nb
    assert nb.to(torch.device("meta")).theta.device.type == "meta"
    with pytest.raises(TypeError):
        nb.to(torch.float32)  # the first argument is the device


def test_memo_computes_once_for_each_object(nb):
    calls = []

    def make() -> str:
        calls.append(1)
        return "made"

    assert nb.memo("key", make) == nb.memo("key", make) == "made"
    assert len(calls) == 1
    turned = nb.change_gauge(torch.zeros(120))
    assert turned.memo("key", lambda: "new") == "new"
    assert nb.to(dtype=torch.float32).memo("key", lambda: "newer") == "newer"


def test_transposed_sorts_pairs_by_source(strided):
    ptr, edge = strided.transposed()
    assert torch.equal(edge.sort().values, torch.arange(len(strided.source)))
    assert ptr.shape == (strided.num_sources + 1,)
    for q in range(strided.num_sources):
        assert (strided.source[edge[ptr[q] : ptr[q + 1]]] == q).all()
    assert strided.transposed()[0] is ptr


def test_neighborhoods_are_immutable(nb):
    with pytest.raises(FrozenInstanceError):
        nb.radius = 2.0


def test_changing_gauge_there_and_back_is_nothing(nb):
    gamma = torch.randn(120, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    back = nb.change_gauge(gamma).change_gauge(-gamma)
    assert (back.theta - nb.theta).abs().max() < 1e-14
    assert (back.transport - nb.transport).abs().max() < 1e-14
    assert np.abs(back.frames.offset - nb.frames.offset).max() < 1e-14


def test_targets_and_sources_may_turn_on_their_own(strided):
    generator = torch.Generator().manual_seed(5)
    gamma_p = torch.randn(85, dtype=torch.float64, generator=generator)
    gamma_q = torch.randn(30, dtype=torch.float64, generator=generator)
    turned = strided.change_gauge(gamma_p, gamma_q)
    p, q = strided.target, strided.source
    theta = torch.where(strided.r > 0, strided.theta + gamma_p[p], 0.0)
    torch.testing.assert_close(turned.theta, theta)
    torch.testing.assert_close(turned.transport, strided.transport + gamma_p[p] - gamma_q[q])
    assert turned.frames is None  # vertices that are both have no single frame any more
    gamma = torch.randn(120, dtype=torch.float64, generator=generator)
    joint = strided.change_gauge(gamma[strided.target_vertex], gamma[strided.source_vertex])
    rows = np.union1d(strided.target_vertex, strided.source_vertex)
    change = joint.frames.offset - strided.frames.offset
    np.testing.assert_allclose(change[rows], gamma[rows])


def test_angles_may_be_arrays_or_one_number(nb):
    expected = nb.change_gauge(torch.full((120,), 0.5, dtype=torch.float64))
    for angles in (0.5, np.full(120, 0.5), torch.tensor(0.5)):
        assert torch.equal(nb.change_gauge(angles).theta, expected.theta)


@pytest.mark.unchecked
def test_a_change_of_gauge_needs_an_angle_for_every_row(nb, strided):
    with pytest.raises(GaugeConvError, match="give gamma_source"):
        strided.change_gauge(torch.zeros(85))
    for angles in (torch.zeros(119), torch.zeros(121), torch.zeros(120, 1)):
        with pytest.raises(GaugeConvError, match="each of the 120 rows"):
            nb.change_gauge(angles)
    with pytest.raises(GaugeConvError, match="each of the 30 rows"):
        strided.change_gauge(torch.zeros(85), torch.zeros(85))


def test_reflections_of_targets_alone_are_refused(nb, strided):
    mirrored = torch.ones(85, dtype=torch.bool)
    with pytest.raises(GaugeConvError, match="give reflect_source"):
        strided.change_gauge(torch.zeros(85), torch.zeros(30), reflect_target=mirrored)
    assert nb.change_gauge(0.0, reflect_target=True).flip.sum() == 0  # all frames turn over alike


@pytest.mark.parametrize("radius", [0.0, -1.0, np.nan])
def test_a_smaller_radius_is_positive(nb, radius):
    with pytest.raises(GaugeConvError, match="radius must be positive"):
        nb.within(radius)


@pytest.mark.parametrize("radius", [0, 0.0, -1.0, np.nan, np.inf, -np.inf])
def test_bad_radii_raise(radius):
    mesh = shapes.icosphere(0)
    with pytest.raises(MeshError, match="radius must be positive"):
        neighborhoods(mesh, radius)
    with pytest.raises(MeshError, match="radius must be positive"):
        log_map(mesh, 0, radius)


@pytest.mark.parametrize(
    "center",
    [-1, 12, 10**12, *(pytest.param(wrong, marks=pytest.mark.unchecked) for wrong in (1.5, "a"))],
)
def test_bad_centers_raise(center):
    with pytest.raises(MeshError, match=f"center {center} is not a vertex: the mesh has 12"):
        log_map(shapes.icosphere(0), center, 1.0)


@pytest.mark.parametrize("vertices", [[], [[0]], [0.5], [3, 2], [2, 2], [-1, 2], [0, 12], ["a"]])
def test_bad_vertex_lists_raise(vertices):
    mesh = shapes.icosphere(0)
    with pytest.raises(MeshError, match="targets must"):
        neighborhoods(mesh, 1.0, targets=vertices)
    with pytest.raises(MeshError, match="sources must"):
        neighborhoods(mesh, 1.0, sources=vertices, source_area=np.ones(len(vertices)))


def test_bad_source_areas_raise():
    mesh = shapes.icosphere(0)
    with pytest.raises(MeshError, match="give source_area"):
        neighborhoods(mesh, 1.0, sources=[0, 1])
    for area in (np.ones(3), np.ones((2, 1)), [1.0, np.nan]):
        with pytest.raises(MeshError, match=r"expected \(2,\)"):
            neighborhoods(mesh, 1.0, sources=[0, 1], source_area=area)


def test_frames_of_another_mesh_raise():
    mesh, other = shapes.irregular_sphere(30, 1), shapes.irregular_sphere(30, 2)
    for call in (
        lambda: neighborhoods(mesh, 1.0, Frames.canonical(other)),
        lambda: log_map(mesh, 0, 1.0, Frames.canonical(other)),
    ):
        with pytest.raises(MeshError, match="another mesh"):
            call()
    same = shapes.irregular_sphere(30, 1)  # another object, the same mesh
    assert len(neighborhoods(mesh, 1.0, Frames.canonical(same)).r) > 30


def test_defective_meshes_raise():
    corners = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]])
    bow_tie = TriMesh(corners, [[0, 1, 2], [0, 3, 4]], validate=False)
    with pytest.raises(MeshError, match="bow-tie"):
        neighborhoods(bow_tie, 1.0)
    inconsistent = TriMesh(corners, [[0, 1, 2], [0, 1, 3]], validate=False)
    with pytest.raises(MeshError, match="wound against"):
        neighborhoods(inconsistent, 1.0)


def test_nearly_degenerate_meshes_settle_with_finite_results():
    """Needles, slivers and a vertex pair 1e-9 apart."""
    mesh = shapes.plane(6, 6, jitter=0.2)
    vertices = mesh.vertices.copy()
    vertices[24] = vertices[25] + [0.0, -1e-9, 0.0]
    squeezed = TriMesh(vertices * [1.0, 1e-3, 1.0], mesh.faces)
    for each in (TriMesh(vertices, mesh.faces), squeezed):
        nb = neighborhoods(each, 2.0)
        assert len(nb.r) == each.num_vertices**2
        for name in ("r", "theta", "transport"):
            assert getattr(nb, name).isfinite().all()
        step = each.vertices[nb.source] - each.vertices[nb.target]
        assert np.abs(nb.r.numpy() - np.linalg.norm(step, axis=1)).max() < 1e-9
