"""Distances, directions and transports against independent exact geodesics (MMP)."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from benchmarks.mmp import ExactGeodesics
from gaugeconv.errors import MeshError
from gaugeconv.geometry import neighborhoods
from gaugeconv.geometry.curvature import angle_defect
from gaugeconv.mesh import TriMesh, shapes
from tests.geometry.zoo import Table, bumpy_sphere, edge_radius, irregular_torus, rough_sphere, wrap

PAIRS = 300


def some_pairs(table: Table, count: int, seed: int) -> np.ndarray:
    """Indices of random pairs p ≠ q."""
    apart = np.flatnonzero(table.p != table.q)
    return np.random.default_rng(seed).choice(apart, count, replace=False)


def mmp_distances(mesh: TriMesh, table: Table, chosen: np.ndarray) -> np.ndarray:
    mmp = pytest.importorskip("pygeodesic.geodesic")
    solver = mmp.PyGeodesicAlgorithmExact(mesh.vertices, mesh.faces.astype(np.int32))
    return np.array([solver.geodesicDistance(table.p[e], table.q[e])[0] for e in chosen])


@pytest.mark.parametrize(
    ("make", "edges"),
    [
        (lambda: irregular_torus(30, 15, 21), 3.5),
        (lambda: bumpy_sphere(500, 22), 3.5),
        (lambda: rough_sphere(500, 23, 0.12), 3.5),
        (lambda: rough_sphere(300, 24, 0.4), 9.0),
    ],
    ids=["torus", "bumpy", "rough", "very rough and far"],
)
def test_distances_are_those_of_mmp(make, edges):
    mesh = make()
    radius = edge_radius(mesh, edges)
    table = Table.of(neighborhoods(mesh, radius))
    chosen = some_pairs(table, PAIRS, seed=25)
    exact = mmp_distances(mesh, table, chosen)
    assert np.abs(table.r[chosen] - exact).max() < 1e-9 * radius


@pytest.mark.parametrize(
    ("make", "edges", "bends"),
    [
        (lambda: bumpy_sphere(300, 27), 3.5, 0),
        (lambda: rough_sphere(300, 28, 0.12), 3.5, 5),
        (lambda: rough_sphere(300, 24, 0.4), 9.0, 50),
        (lambda: shapes.plane(14, 14, jitter=0.2), 5.0, 1),
    ],
    ids=["bumpy", "rough", "very rough and far", "plane"],
)
def test_directions_and_transports_are_those_of_the_polylines_of_mmp(make, edges, bends):
    """Straight paths, and those that bend at saddles or run along the boundary."""
    pytest.importorskip("pygeodesic.geodesic")
    mesh = make()
    radius = edge_radius(mesh, edges)
    table = Table.of(neighborhoods(mesh, radius))
    bent = 0
    for e in some_pairs(table, 100, seed=29):
        path = ExactGeodesics(mesh, table.p[e], radius).to(table.q[e])
        assert abs(table.r[e] - path.length) < 1e-11 * radius
        assert abs(wrap(table.theta[e] - path.out)) < 1e-8
        assert abs(wrap(table.transport[e] - path.transport)) < 1e-8
        bent += path.bends > 0
    assert bent >= bends


def test_no_pair_within_the_radius_is_missing():
    mmp = pytest.importorskip("pygeodesic.geodesic")
    mesh = rough_sphere(300, 26, 0.2)
    radius = edge_radius(mesh, 3.5)
    nb = neighborhoods(mesh, radius)
    solver = mmp.PyGeodesicAlgorithmExact(mesh.vertices, mesh.faces.astype(np.int32))
    for p in range(0, 300, 30):
        distance, _ = solver.geodesicDistances(np.array([p]), None)
        row = nb.source[nb.ptr[p] : nb.ptr[p + 1]].numpy()
        assert np.array_equal(row, np.flatnonzero(distance <= radius))


def test_the_rough_meshes_bend_paths_at_saddles():
    """Otherwise the pseudo-sources would go untested: the edge paths through them must matter."""
    mesh = rough_sphere(500, 23, 0.12)
    assert (angle_defect(mesh) < -0.1).mean() > 0.2


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_needles_hide_no_vertex_and_lengthen_no_path():
    for seed in (7, 22, 35, 70, 115, 130, 175, *range(1000, 1060)):
        rng = np.random.default_rng(seed)
        bases = shapes.icosphere(1), shapes.torus(7, 5), shapes.irregular_sphere(40)
        base = bases[seed % 3]
        points = base.vertices.copy()
        for face in base.faces[rng.choice(base.num_faces, 6, replace=False)]:
            length = 10.0 ** rng.uniform(-12, -7) * base.mean_edge_length
            points[face[1]] = points[face[0]] + length * rng.standard_normal(3)
        try:
            mesh = TriMesh(points, base.faces)
        except MeshError:
            continue  # two vertices at the very same place
        nb = neighborhoods(mesh, edges=3)
        tail, head = mesh.faces.ravel(), mesh.faces[:, [1, 2, 0]].ravel()
        half = (0.5 * mesh.edge_lengths.ravel(), (tail, head))  # every edge has two half-edges
        edges = coo_array(half, shape=(mesh.num_vertices,) * 2).tocsr()
        along = dijkstra(edges + edges.T, limit=nb.radius * (1 - 1e-9))
        exact = np.full(along.shape, np.inf)
        exact[nb.target, nb.source] = nb.r
        reached = np.isfinite(along)
        assert (exact[reached] <= along[reached] * (1 + 1e-8) + 1e-10 * nb.radius).all(), seed
