"""Identities on random irregular meshes: spheres, tori, plates with holes, sheets with boundary.

Tolerances are a hundred times what double precision reaches on good meshes.
"""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gaugeconv.geometry import (
    Frames,
    edge_transport,
    face_holonomy,
    face_transport,
    gauss_bonnet,
    holonomy,
    neighborhoods,
    parallel_transport,
)
from gaugeconv.mesh import TriMesh, shapes
from tests.geometry.random_meshes import SEEDS, holed_plate, meshes, sheet
from tests.geometry.zoo import Relabelling, Table, assert_same_up_to_gauge, gauge_residual, wrap

EDGES = st.floats(0.8, 3.5)
GAUSS_BONNET, HOLONOMY, ANTISYMMETRY = 7e-11, 4e-13, 3e-12
RELABELLING, MOTION, BENDING = 1e-12, 3e-11, 2e-13

quick = settings(max_examples=40, deadline=None)


def pairs(mesh: TriMesh, edges: float, vertex_map=None) -> Table:
    """Neighbourhoods at a radius that no two meshes of the same shape can disagree on."""
    radius = edges * mesh.mean_edge_length * 1.00012345
    nb = neighborhoods(mesh, radius)
    return Table.of(nb, vertex_map)


def rotation(seed: int) -> np.ndarray:
    q = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0]
    return q * np.sign(np.linalg.det(q))


def test_the_random_meshes_are_of_every_topology():
    for genus in range(4):
        assert holed_plate(genus, 5).euler_characteristic == 2 - 2 * genus
    assert sheet(3, 4, 5, 0.2, 0.3).boundary_vertices.any()


@quick
@given(mesh=meshes())
def test_curvature_adds_up_to_the_euler_characteristic(mesh):
    assert abs(gauss_bonnet(mesh).residual) < GAUSS_BONNET
    if not mesh.boundary_vertices.any():
        assert abs(face_holonomy(mesh).sum() - 2 * np.pi * mesh.euler_characteristic) < GAUSS_BONNET


@quick
@given(mesh=meshes())
def test_a_walk_round_a_face_or_a_vertex_turns_by_the_curvature_inside(mesh):
    angle, inside = edge_transport(mesh), face_holonomy(mesh)
    assert np.abs(wrap(angle.reshape(-1, 3).sum(axis=1) + inside)).max() < HOLONOMY
    around = np.bincount(mesh.halfedges.tail, face_transport(mesh), minlength=mesh.num_vertices)
    total = np.bincount(mesh.faces.ravel(), mesh.corner_angles.ravel(), mesh.num_vertices)
    interior = ~mesh.boundary_vertices
    assert np.abs(wrap(around + total)[interior]).max(initial=0) < HOLONOMY


@quick
@given(mesh=meshes(), seed=SEEDS)
def test_transport_round_a_ring_of_faces_adds_up(mesh, seed):
    interior = np.flatnonzero(~mesh.boundary_vertices)
    if len(interior) == 0:
        return
    vertex = np.random.default_rng(seed).choice(interior)
    fan = mesh.halfedges.of_vertex(vertex)
    ring = mesh.halfedges.head[fan]
    expected = face_holonomy(mesh)[fan // 3].sum()
    assert abs(wrap(holonomy(mesh, ring) - expected)) < HOLONOMY
    back = parallel_transport(mesh, ring) + parallel_transport(mesh, ring[::-1])
    assert abs(wrap(back)) < HOLONOMY


@quick
@given(mesh=meshes(), edges=EDGES)
def test_every_pair_is_there_both_ways_and_opposite(mesh, edges):
    table = pairs(mesh, edges)
    back = np.lexsort((table.p, table.q))
    assert np.array_equal(table.p[back], table.q) and np.array_equal(table.q[back], table.p)
    assert np.array_equal(table.r, table.r[back])
    assert np.abs(wrap(table.transport + table.transport[back])).max() < ANTISYMMETRY
    chord = np.linalg.norm(mesh.vertices[table.p] - mesh.vertices[table.q], axis=1)
    assert (table.r >= chord * (1 - 1e-12)).all()


@quick
@given(mesh=meshes(), edges=EDGES, seed=SEEDS)
def test_relabelling_is_a_change_of_gauge(mesh, edges, seed):
    """Vertex numbers, order of faces, first corner of each."""
    other = Relabelling.of(mesh, seed)
    table = pairs(mesh, edges, vertex_map=other.new_of_old)
    assert_same_up_to_gauge(table, pairs(other.mesh, edges), RELABELLING)


@quick
@given(mesh=meshes(), edges=EDGES, seed=SEEDS, log_scale=st.sampled_from([-100, -3, 0, 100]))
def test_motions_and_scale_change_lengths_alone(mesh, edges, seed, log_scale):
    scale, turn = 10.0**log_scale, rotation(seed)
    moved = TriMesh((mesh.vertices @ turn.T + [1.0, -2.0, 0.5]) * scale, mesh.faces)
    a, b = pairs(mesh, edges), pairs(moved, edges)
    assert a.same_pairs(b)
    assert np.abs(b.r / scale - a.r).max() < MOTION * a.r.max(initial=1.0)
    assert gauge_residual(a, b.theta, b.transport) < MOTION
    assert np.abs(wrap(a.theta - b.theta)).max() < MOTION  # canonical frames move along


@quick
@given(columns=st.integers(2, 8), rows=st.integers(2, 6), seed=SEEDS, edges=EDGES)
def test_bending_a_sheet_isometrically_changes_nothing(columns, rows, seed, edges):
    rng = np.random.default_rng(seed)
    width = rng.uniform(0.5, 1.5, columns)
    x = np.append(0.0, np.cumsum(width))
    turn = np.cumsum(rng.uniform(-0.9, 0.9, columns))
    profile = np.zeros((columns + 1, 2))
    profile[1:] = np.cumsum(width[:, None] * np.stack([np.cos(turn), np.sin(turn)], 1), axis=0)
    grid = shapes.plane(columns, rows, columns, rows, jitter=0.0)
    column = np.rint(grid.vertices[:, 0]).astype(int)
    y = grid.vertices[:, 1] + rng.uniform(-0.2, 0.2, grid.num_vertices)
    flat = TriMesh(np.stack([x[column], y, 0 * y], 1), grid.faces)
    bent = TriMesh(np.stack([profile[column, 0], y, profile[column, 1]], 1), grid.faces)
    a, b = pairs(flat, edges), pairs(bent, edges)
    assert a.same_pairs(b)
    assert np.abs(a.r - b.r).max() < BENDING * a.r.max()
    assert np.abs(wrap(a.theta - b.theta)).max() < BENDING
    assert np.abs(wrap(a.transport - b.transport)).max() < BENDING


@quick
@given(mesh=meshes(), edges=EDGES)
def test_reversed_winding_mirrors_angles(mesh, edges):
    mirrored = TriMesh(mesh.vertices, mesh.faces[:, ::-1])
    table = pairs(mesh, edges)
    assert_same_up_to_gauge(table, pairs(mirrored, edges), RELABELLING, orientation=-1)


@quick
@given(mesh=meshes(), edges=EDGES, seed=SEEDS)
def test_turned_frames_give_the_changed_gauge(mesh, edges, seed):
    gamma = np.random.default_rng(seed).uniform(-9, 9, mesh.num_vertices)
    frames, radius = Frames.canonical(mesh), edges * mesh.mean_edge_length
    again = neighborhoods(mesh, radius, frames.rotated(gamma))
    changed = neighborhoods(mesh, radius, frames).change_gauge(torch.from_numpy(gamma))
    assert torch.equal(again.source, changed.source) and torch.equal(again.r, changed.r)
    for name in ("theta", "transport"):
        difference = getattr(again, name) - getattr(changed, name)
        assert np.abs(wrap(difference.numpy())).max() < 1e-13


@quick
@given(total=st.floats(0.6, 15.0), rings=st.integers(1, 4), sectors=st.integers(7, 12), seed=SEEDS)
def test_a_loop_round_an_apex_turns_by_the_missing_angle(total, rings, sectors, seed):
    mesh = shapes.cone(total, rings, sectors)
    ring = np.random.default_rng(seed).integers(rings)
    loop = 1 + sectors * ring + np.arange(sectors)
    assert abs(wrap(holonomy(mesh, loop) - (2 * np.pi - total))) < HOLONOMY
    if total < 2 * np.pi:  # geodesics between the loop's vertices cut the apex off, or pass it by
        assert abs(wrap(holonomy(mesh, loop, along="geodesics") - (2 * np.pi - total))) < 1e-11
