"""The vector heat method: another way to the same neighbourhoods, and what may not reach it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gaugeconv.errors import MeshError
from gaugeconv.geometry import Frames, Neighborhoods, neighborhoods
from gaugeconv.mesh import TriMesh, shapes
from tests.geometry.zoo import Table, bumpy_sphere, edge_radius, wrap

potpourri3d = pytest.importorskip("potpourri3d")


def heat(mesh: TriMesh, edges: float = 3.0, **options) -> Neighborhoods:
    return neighborhoods(mesh, edges * mesh.mean_edge_length, method="vector-heat", **options)


def errors(mesh: TriMesh) -> np.ndarray:
    """Root mean square differences from the exact r (relative), θ and transport."""
    exact = Table.of(neighborhoods(mesh, edges=4.0))
    found = Table.of(heat(mesh))
    assert abs(len(found.p) - (exact.r <= edge_radius(mesh)).sum()) < 0.1 * len(found.p)
    known = {key: e for e, key in enumerate(zip(exact.p, exact.q, strict=True))}
    row = np.array([known[key] for key in zip(found.p, found.q, strict=True)])  # none is far away
    apart = found.p != found.q
    row, at = row[apart], np.flatnonzero(apart)
    differences = (
        found.r[at] / exact.r[row] - 1,
        wrap(found.theta[at] - exact.theta[row]),
        wrap(found.transport[at] - exact.transport[row]),
    )
    return np.sqrt([np.mean(d**2) for d in differences])


def test_it_converges_to_the_exact_neighbourhoods():
    """Only a right conversion of frames does: a wrong one is off by radians at any size."""
    coarse, fine = (errors(shapes.irregular_sphere(n, seed=1)) for n in (150, 600))
    assert (fine < 0.5 * coarse).all(), (coarse, fine)
    assert (fine < 0.02).all(), fine


def test_on_a_flat_cylinder_it_is_exact_but_for_the_diffusion():
    """With a boundary whose vertices have flat angles."""
    mesh = shapes.cylinder(17, 6)
    assert (errors(mesh) < [1e-3, 1e-3, 1e-12]).all()


def test_pairs_are_there_both_ways_and_opposite():
    nb = heat(bumpy_sphere(150, 2))
    table = Table.of(nb)
    back = np.lexsort((table.p, table.q))
    assert np.array_equal(table.p[back], table.q) and np.array_equal(table.q[back], table.p)
    assert np.array_equal(table.r, table.r[back]) and table.r.max() <= nb.radius
    assert np.abs(wrap(table.transport + table.transport[back])).max() < 1e-14
    same = table.p == table.q
    assert same.sum() == 150
    for values in (table.r, table.theta, table.transport):
        assert (values[same] == 0).all()


def test_rotated_frames_give_the_changed_gauge():
    mesh = bumpy_sphere(120, 3)
    gamma = np.random.default_rng(4).uniform(-7, 7, 120)
    recomputed = heat(mesh, frames=Frames.canonical(mesh).rotated(gamma))
    changed = heat(mesh).change_gauge(gamma)
    assert torch.equal(recomputed.source, changed.source)
    assert np.abs(wrap((recomputed.theta - changed.theta).numpy())).max() < 1e-12
    assert np.abs(wrap((recomputed.transport - changed.transport).numpy())).max() < 1e-12


def test_components_and_stray_vertices_are_kept_apart():
    mesh = bumpy_sphere(60, 5)
    vertices = np.concatenate([[[5.0, 0, 0]], mesh.vertices, mesh.vertices + 0.1, [[7.0, 0, 0]]])
    both = TriMesh(vertices, np.concatenate([mesh.faces + 1, mesh.faces + 61]))
    alone, together = Table.of(heat(mesh)), Table.of(heat(both))
    assert neighborhoods(both, 0.5, method="vector-heat").num_targets == 122
    for start in (1, 61):
        half = (together.p >= start) & (together.p < start + 60)
        assert np.array_equal(together.q[half] - start, alone.q)
        assert np.abs(together.r[half] - alone.r).max() < 1e-9
        assert np.abs(wrap(together.theta[half] - alone.theta)).max() < 1e-8
        assert np.abs(wrap(together.transport[half] - alone.transport)).max() < 1e-8


def test_targets_and_sources_may_be_chosen():
    mesh = bumpy_sphere(100, 6)
    targets, sources = np.arange(0, 100, 3), np.arange(1, 100, 9)
    nb = heat(mesh, targets=targets, sources=sources, source_area=np.ones(len(sources)))
    exact = neighborhoods(
        mesh, nb.radius, targets=targets, sources=sources, source_area=np.ones(len(sources))
    )
    assert nb.num_targets == len(targets) and nb.num_sources == len(sources)
    assert abs(len(nb.r) - len(exact.r)) < 0.2 * len(exact.r)


@pytest.mark.parametrize("scale", [1e-100, 1e100])
def test_scale_does_not_matter(scale):
    mesh = bumpy_sphere(80, 7)
    a, b = heat(mesh), heat(TriMesh(scale * mesh.vertices, mesh.faces))
    assert torch.equal(a.source, b.source)
    assert ((b.r / scale) - a.r).abs().max() < 1e-9
    assert np.abs(wrap((a.transport - b.transport).numpy())).max() < 1e-8


def test_potpourri3d_sees_nothing_it_is_known_to_crash_on(monkeypatch):
    seen = []

    class Recorded:
        def __init__(self, vertices, faces):
            seen.append((vertices, faces))
            self.solver = potpourri3d_solver(vertices, faces)

        def __getattr__(self, name):
            call = getattr(self.solver, name)

            def checked(*args):
                if args:
                    assert 0 <= args[0] < len(seen[-1][0])
                return call(*args)

            return checked

    potpourri3d_solver = potpourri3d.MeshVectorHeatSolver
    monkeypatch.setattr(potpourri3d, "MeshVectorHeatSolver", Recorded)
    small = shapes.icosphere(0)
    vertices = np.insert(np.tile(small.vertices, (2, 1)), [0, 7, 24], 4.0, axis=0)
    new = np.delete(np.arange(27), [0, 8, 26])
    faces = new[np.concatenate([small.faces, small.faces + 12])]
    nb = heat(TriMesh(vertices, faces), 1.2)
    assert (nb.ptr.diff()[[0, 8, 26]] == 0).all()
    assert len(seen) == 2
    for positions, part in seen:
        assert np.isfinite(positions).all()
        assert np.array_equal(np.unique(part), np.arange(len(positions)))
        TriMesh(positions, part)  # manifold, oriented, no defect


def test_what_it_cannot_do_raises():
    flat = TriMesh(np.array([[0.0, 0, 0], [3, 0, 0], [1, 0, 0], [0, 0, 1]]), [[0, 1, 2], [0, 2, 3]])
    with pytest.raises(MeshError, match=r"area is zero .* method=\"vector-heat\" cannot"):
        heat(flat)
    with pytest.raises(MeshError, match="no vertex positions"):
        heat(shapes.cone(9.0, 1, 12))
    needles = shapes.plane(6, 6, jitter=0.2)
    with pytest.raises(MeshError, match=r"fails on the component of vertex \d+ .*method=\"exact\""):
        heat(TriMesh(needles.vertices * [1.0, 1e-9, 1.0], needles.faces))
    bow_tie = TriMesh(np.eye(5, 3) + np.arange(5)[:, None] ** 2, [[0, 1, 2], [0, 3, 4]], False)
    with pytest.raises(MeshError, match="bow-tie"):
        heat(bow_tie)
