"""Distances, directions and transports against independent exact geodesics (MMP)."""

from __future__ import annotations

import numpy as np
import pytest

from gaugeconv.geometry import neighborhoods
from gaugeconv.geometry.tangent import TangentSpaces
from gaugeconv.geometry.transport import angle_defect
from gaugeconv.mesh import TriMesh
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


def direction_at(mesh: TriMesh, spaces: TangentSpaces, p: int, x: np.ndarray) -> float:
    """Intrinsic angle at p of the segment p → x, which lies in one of the faces round p."""
    halfedges, found = mesh.halfedges, []
    d = x - mesh.vertices[p]
    for h in halfedges.of_vertex(p):
        a = mesh.vertices[halfedges.head[h]] - mesh.vertices[p]
        normal = mesh.face_normals[h // 3]
        angle = np.arctan2(np.cross(a, d) @ normal, a @ d)
        beyond = max(-angle, angle - mesh.corner_angles.flat[h], 0.0)
        outside = abs(d @ normal) / np.linalg.norm(d) + beyond
        found.append((outside, (spaces.angle[h] + angle) * spaces.scale[p]))
    assert min(found)[0] < 1e-6
    return min(found)[1]


@pytest.mark.parametrize(
    "make",
    [lambda: bumpy_sphere(300, 27), lambda: rough_sphere(300, 28, 0.12)],
    ids=["bumpy", "rough"],
)
def test_directions_and_transports_are_those_of_the_polylines_of_mmp(make):
    mmp = pytest.importorskip("pygeodesic.geodesic")
    mesh = make()
    spaces = TangentSpaces.of(mesh)
    solver = mmp.PyGeodesicAlgorithmExact(mesh.vertices, mesh.faces.astype(np.int32))
    table = Table.of(neighborhoods(mesh, edge_radius(mesh, 3.5)))
    straight = 0
    for e in some_pairs(table, 100, seed=29):
        p, q = table.p[e], table.q[e]
        path = solver.geodesicDistance(p, q)[1]
        if np.linalg.norm(path[0] - mesh.vertices[p]) > np.linalg.norm(path[-1] - mesh.vertices[p]):
            path = path[::-1]
        step = np.linalg.norm(np.diff(path, axis=0), axis=1)
        path = path[np.append(True, step > 1e-9)]
        out = direction_at(mesh, spaces, p, path[1])
        assert abs(wrap(table.theta[e] - out)) < 1e-8
        nearest = [np.linalg.norm(mesh.vertices - x, axis=1).min() for x in path[1:-1]]
        if min(nearest, default=1.0) > 1e-6:  # else it bends there, and more angles would be needed
            back = direction_at(mesh, spaces, q, path[-2])
            assert abs(wrap(table.transport[e] - (out - back - np.pi))) < 1e-8
            straight += 1
    assert straight > 50


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
