"""What must hold on every mesh: symmetry of pairs, and no dependence on anything arbitrary."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gaugeconv.geometry import Frames, log_map, neighborhoods
from gaugeconv.mesh import TriMesh, shapes
from tests.geometry.zoo import (
    SYMMETRIC,
    Relabelling,
    Table,
    assert_same_up_to_gauge,
    bumpy_sphere,
    edge_radius,
    irregular_torus,
    l_shape,
    rough_sphere,
    wrap,
)

IRREGULAR = {
    "sphere": lambda: shapes.irregular_sphere(250, 7),
    "bumpy": lambda: bumpy_sphere(250, 8),
    "rough": lambda: rough_sphere(250, 9),
    "very rough": lambda: rough_sphere(200, 10, 0.4),
    "irregular torus": lambda: irregular_torus(18, 10, 11),
    "irregular plane": lambda: shapes.plane(9, 8, jitter=0.2),
    "concave": l_shape,
    "intrinsic cone": lambda: shapes.cone(9.0, 3, 13),
}
ALL = IRREGULAR | SYMMETRIC


@pytest.fixture(params=ALL)
def mesh(request) -> TriMesh:
    return ALL[request.param]()


def off_ties(mesh: TriMesh, edges: float) -> float:
    """A radius that no pair of a symmetric mesh has as its distance."""
    return edge_radius(mesh, edges) * 1.00012345


@pytest.mark.parametrize("edges", [1.2, 3.0, 6.0])
def test_every_pair_is_there_both_ways_and_opposite(mesh, edges):
    nb = neighborhoods(mesh, off_ties(mesh, edges))
    table = Table.of(nb)
    back = np.lexsort((table.p, table.q))
    assert np.array_equal(table.p[back], table.q) and np.array_equal(table.q[back], table.p)
    assert np.array_equal(table.r, table.r[back])
    assert np.abs(wrap(table.transport + table.transport[back])).max() < 1e-14


def test_every_vertex_is_its_own_neighbour_once_at_zero(mesh):
    area = np.random.default_rng(18).uniform(1, 2, mesh.num_vertices)
    table = Table.of(neighborhoods(mesh, off_ties(mesh, 2.0), source_area=area))
    self_pairs = table.p == table.q
    assert np.array_equal(table.p[self_pairs], np.arange(mesh.num_vertices))
    for values in (table.r, table.theta, table.transport):
        assert (values[self_pairs] == 0).all()
    assert (table.r[~self_pairs] > 0).all()
    np.testing.assert_array_equal(table.weight, area[table.q])


@pytest.mark.parametrize("name", [n for n in ALL if n != "intrinsic cone"])
@pytest.mark.parametrize("edges", [1.2, 2.7])
def test_relabelling_is_a_change_of_gauge(name, edges):
    """Vertex numbers, face order and first corners; on symmetric meshes with exact ties too."""
    mesh = ALL[name]()
    other = Relabelling.of(mesh, seed=12)
    radius = off_ties(mesh, edges)
    table = Table.of(neighborhoods(mesh, radius), other.new_of_old)
    assert_same_up_to_gauge(table, Table.of(neighborhoods(other.mesh, radius)), 1e-12)


@pytest.mark.parametrize("name", ["icosphere", "torus"])
def test_the_symmetric_meshes_do_have_ties(name):
    """Otherwise the test above would prove nothing: breaking the ties must change directions."""
    mesh = ALL[name]()
    noise = 1e-8 * np.random.default_rng(0).normal(size=mesh.vertices.shape)
    radius = off_ties(mesh, 2.7)
    broken = TriMesh(mesh.vertices + noise, mesh.faces)
    tied, untied = (Table.of(neighborhoods(m, radius)) for m in (mesh, broken))
    assert tied.same_pairs(untied)
    assert np.count_nonzero(np.abs(wrap(tied.theta - untied.theta)) > 0.01) > 100


@pytest.mark.parametrize(
    "name", ["rough", "irregular torus", "irregular plane", "icosphere", "torus"]
)
def test_rigid_motions_change_nothing(name):
    mesh = ALL[name]()
    rotation = np.linalg.qr(np.random.default_rng(13).normal(size=(3, 3)))[0]
    rotation *= np.sign(np.linalg.det(rotation))
    moved = TriMesh(mesh.vertices @ rotation.T + np.array([3.0, -2.0, 5.0]), mesh.faces)
    radius = off_ties(mesh, 2.7)
    a, b = (Table.of(neighborhoods(m, radius)) for m in (mesh, moved))
    assert_same_up_to_gauge(a, b, 1e-11)
    assert np.abs(wrap(a.theta - b.theta)).max() < 1e-10  # canonical frames move along
    before, after = Frames.canonical(mesh), Frames.canonical(moved)
    assert np.abs(after.e1 - before.e1 @ rotation.T).max() < 1e-11
    assert np.abs(after.normal - before.normal @ rotation.T).max() < 1e-11


@pytest.mark.parametrize("scale", [1e-100, 1e100, 3.0])
@pytest.mark.parametrize("name", ["rough", "irregular plane"])
def test_scale_changes_lengths_alone(name, scale):
    mesh = ALL[name]()
    scaled = TriMesh(mesh.vertices * scale, mesh.faces)
    a = Table.of(neighborhoods(mesh, off_ties(mesh, 3.0)))
    b = Table.of(neighborhoods(scaled, off_ties(mesh, 3.0) * scale))
    assert a.same_pairs(b)
    assert np.abs(b.r / scale - a.r).max() < 1e-11
    assert np.abs(wrap(a.theta - b.theta)).max() < 1e-11
    assert np.abs(wrap(a.transport - b.transport)).max() < 1e-11
    weight = b.weight / scale / scale
    np.testing.assert_allclose(weight, a.weight, rtol=1e-11, atol=1e-11 * a.weight.max())


def test_a_far_offset_costs_only_the_digits_of_the_coordinates():
    mesh = rough_sphere(200, 3)
    moved = TriMesh(mesh.vertices + 1e6, mesh.faces)
    a, b = (Table.of(neighborhoods(m, off_ties(mesh, 3.0))) for m in (mesh, moved))
    assert_same_up_to_gauge(a, b, 1e-7, weights=1e-8)


@pytest.mark.parametrize("name", [n for n in ALL if n != "intrinsic cone"])
def test_reversed_winding_mirrors_angles(name):
    """θ → c − θ and φ → −φ, up to gauge."""
    mesh = ALL[name]()
    mirrored = TriMesh(mesh.vertices, mesh.faces[:, ::-1])
    radius = off_ties(mesh, 2.7)
    a, b = (Table.of(neighborhoods(m, radius)) for m in (mesh, mirrored))
    assert_same_up_to_gauge(a, b, 1e-12, orientation=-1)


def test_rotated_frames_give_the_changed_gauge(mesh):
    gamma = np.random.default_rng(14).uniform(-7, 7, mesh.num_vertices)
    frames = Frames.canonical(mesh)
    radius = off_ties(mesh, 3.0)
    recomputed = neighborhoods(mesh, radius, frames.rotated(gamma))
    changed = neighborhoods(mesh, radius, frames).change_gauge(torch.from_numpy(gamma))
    assert torch.equal(recomputed.source, changed.source)
    assert torch.equal(recomputed.r, changed.r)
    assert (recomputed.theta - changed.theta).abs().max() < 1e-12
    assert (recomputed.transport - changed.transport).abs().max() < 1e-12
    np.testing.assert_array_equal(changed.frames.offset, recomputed.frames.offset)


def test_log_map_is_a_row_of_the_neighbourhoods(mesh):
    radius = off_ties(mesh, 2.7)
    frames = Frames.canonical(mesh).rotated(0.3)
    nb = neighborhoods(mesh, radius, frames)
    for center in (0, mesh.num_vertices // 2, mesh.num_vertices - 1):
        log = log_map(mesh, center, radius, frames)
        row = slice(*nb.ptr[center : center + 2].tolist())
        np.testing.assert_array_equal(log.vertex, nb.source[row])
        np.testing.assert_allclose(log.r, nb.r[row], rtol=1e-12)
        assert np.abs(wrap(log.theta - nb.theta[row].numpy())).max() < 1e-12
        assert log.center == center


@pytest.mark.parametrize("more_sources", [False, True])
@pytest.mark.parametrize("name", IRREGULAR)
def test_subsets_agree_with_the_full_neighbourhoods(name, more_sources):
    mesh = ALL[name]()
    rng = np.random.default_rng(15)
    few, many = (np.sort(rng.permutation(mesh.num_vertices)[:n]) for n in (30, 90))
    targets, sources = (few, many) if more_sources else (many, few)
    gamma = rng.normal(size=mesh.num_vertices)
    frames = Frames.canonical(mesh).rotated(gamma)
    radius, area = off_ties(mesh, 3.0), rng.uniform(1, 2, len(sources))
    full = Table.of(neighborhoods(mesh, radius, frames))
    nb = neighborhoods(mesh, radius, frames, targets=targets, sources=sources, source_area=area)
    part = Table.of(nb)
    kept = np.isin(full.p, targets) & np.isin(full.q, sources)
    assert np.array_equal(part.p, full.p[kept]) and np.array_equal(part.q, full.q[kept])
    np.testing.assert_allclose(part.r, full.r[kept], rtol=1e-12)
    assert np.abs(wrap(part.theta - full.theta[kept])).max() < 1e-11
    assert np.abs(wrap(part.transport - full.transport[kept])).max() < 1e-11
    np.testing.assert_array_equal(nb.weight, area[nb.source])
    assert (nb.num_targets, nb.num_sources) == (len(targets), len(sources))


def test_targets_alone_keep_all_sources():
    mesh = bumpy_sphere(150, 4)
    targets = np.arange(0, 150, 9)
    full = Table.of(neighborhoods(mesh, off_ties(mesh, 3.0)))
    part = Table.of(neighborhoods(mesh, off_ties(mesh, 3.0), targets=targets))
    kept = np.isin(full.p, targets)
    assert np.array_equal(part.q, full.q[kept])
    assert np.abs(wrap(part.theta - full.theta[kept])).max() < 1e-12


def test_threads_do_not_matter():
    mesh = rough_sphere(300, 16)
    threads = torch.get_num_threads()
    try:
        tables = []
        for count in (1, 3):
            torch.set_num_threads(count)
            tables.append(neighborhoods(mesh, edge_radius(mesh)))
    finally:
        torch.set_num_threads(threads)
    for name in ("ptr", "source", "r", "theta", "transport", "weight"):
        assert torch.equal(getattr(tables[0], name), getattr(tables[1], name))


def test_a_radius_beyond_the_whole_mesh_reaches_everything_once():
    mesh = irregular_torus(16, 8, 17)
    reference = neighborhoods(mesh, 20.0)
    assert len(reference.r) == mesh.num_vertices**2
    for radius in (1e9, 1e200):
        nb = neighborhoods(mesh, radius)
        for name in ("source", "r", "theta", "transport"):
            assert torch.equal(getattr(nb, name), getattr(reference, name))


@settings(max_examples=15, deadline=None)
@given(
    n=st.integers(20, 120),
    seed=st.integers(0, 10_000),
    amplitude=st.floats(0, 0.5),
    edges=st.floats(0.5, 8),
)
def test_identities_on_random_meshes(n, seed, amplitude, edges):
    mesh = rough_sphere(n, seed, amplitude)
    radius = off_ties(mesh, edges)
    nb = neighborhoods(mesh, radius)
    table = Table.of(nb)
    for values in (table.r, table.theta, table.transport):
        assert np.isfinite(values).all()
    chord = np.linalg.norm(mesh.vertices[table.p] - mesh.vertices[table.q], axis=1)
    assert (table.r >= chord * (1 - 1e-12)).all() and (table.r <= radius).all()
    back = np.lexsort((table.p, table.q))
    assert np.array_equal(table.p[back], table.q)
    assert np.array_equal(table.r, table.r[back])
    assert np.abs(wrap(table.transport + table.transport[back])).max() < 1e-11
    other = Relabelling.of(mesh, seed)
    moved = Table.of(neighborhoods(mesh, radius), other.new_of_old)
    assert_same_up_to_gauge(moved, Table.of(neighborhoods(other.mesh, radius)), 1e-11)
