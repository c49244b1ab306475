from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from gaugeconv.errors import GaugeConvError, MeshError
from gaugeconv.geometry.logmap import shortest_paths
from gaugeconv.geometry.sampling import centered_positions, farthest_point_sample
from gaugeconv.mesh import TriMesh, shapes
from tests.geometry.zoo import Relabelling, bumpy_sphere, irregular_torus, rough_sphere

each_metric = pytest.mark.parametrize("metric", ["edges", "geodesic"])


def distances(mesh: TriMesh, start: np.ndarray, metric: str) -> np.ndarray:
    if metric == "geodesic":
        return shortest_paths(mesh, start, 1e9).r.reshape(len(start), mesh.num_vertices)
    halfedges = mesh.halfedges
    data = (mesh.edge_lengths.ravel(), (halfedges.tail, halfedges.head))
    graph = coo_array(data, shape=(mesh.num_vertices,) * 2).tocsr()
    return dijkstra(graph, directed=False, indices=start)


def three_components() -> TriMesh:
    small = bumpy_sphere(20, 1)
    parts = [0.1 * small.vertices, shapes.irregular_sphere(100, 2).vertices, small.vertices + 3.0]
    faces = [small.faces, shapes.irregular_sphere(100, 2).faces + 20, small.faces + 120]
    return TriMesh(np.concatenate([*parts, [[0.0, 0, 0]]]), np.concatenate(faces))


@each_metric
def test_each_pick_is_the_farthest_from_all_before(metric):
    """So picks are as far apart as the largest gap, and no vertex is farther from them than that."""
    mesh = bumpy_sphere(300, 3)
    picks = farthest_point_sample(mesh, 40, metric)
    length = distances(mesh, picks, metric)
    tie = 1e-12 if metric == "edges" else 2e-9  # exact gaps that close count as equal
    for k in range(1, 40):
        gap = length[:k].min(axis=0)
        np.testing.assert_allclose(gap[picks[k]], gap.max(), rtol=tie)
    apart = length[:, picks] + 1e9 * np.eye(40)
    assert apart.min() >= length.min(axis=0).max() * (1 - tie)


def test_the_first_pick_is_farthest_from_the_area_centroid():
    mesh = rough_sphere(200, 4)
    distance = np.linalg.norm(centered_positions(mesh), axis=1)
    assert farthest_point_sample(mesh, 1).tolist() == [int(np.argmax(distance))]


@settings(max_examples=10, deadline=None)
@given(count=st.integers(1, 80), seed=st.integers(0, 1000))
@each_metric
def test_a_prefix_is_the_smaller_sample(metric, count, seed):
    mesh = rough_sphere(80, seed)
    whole = farthest_point_sample(mesh, 80, metric)
    assert np.array_equal(np.sort(whole), np.arange(80))
    assert np.array_equal(farthest_point_sample(mesh, count, metric), whole[:count])


def test_the_metric_matters():
    mesh = bumpy_sphere(300, 3)
    by_edges, exact = (farthest_point_sample(mesh, 40, m) for m in ("edges", "geodesic"))
    assert by_edges[0] == exact[0] and not np.array_equal(by_edges, exact)
    assert np.array_equal(farthest_point_sample(mesh, 40), by_edges)
    reach = [distances(mesh, picks, "geodesic").min(axis=0).max() for picks in (by_edges, exact)]
    assert reach[1] < 1.1 * reach[0]


@each_metric
@pytest.mark.parametrize("make", [lambda: bumpy_sphere(200, 5), lambda: irregular_torus(20, 10, 6)])
def test_relabelling_the_mesh_relabels_the_sample(make, metric):
    mesh = make()
    other = Relabelling.of(mesh, 7)
    expected = other.new_of_old[farthest_point_sample(mesh, 50, metric)]
    assert np.array_equal(farthest_point_sample(other.mesh, 50, metric), expected)


@each_metric
def test_scale_and_motion_do_not_matter(metric):
    mesh = bumpy_sphere(150, 8)
    expected = farthest_point_sample(mesh, 40, metric)
    for scale in (1e-100, 1e100):
        moved = TriMesh(scale * (mesh.vertices[:, [1, 2, 0]] + 2.0), mesh.faces)
        assert np.array_equal(farthest_point_sample(moved, 40, metric), expected)


@each_metric
def test_every_component_is_reached_first(metric):
    mesh = three_components()
    component = np.repeat([0, 1, 2], [20, 100, 20])
    picks = farthest_point_sample(mesh, 3, metric)
    assert sorted(component[picks]) == [0, 1, 2]
    larger = farthest_point_sample(mesh, 60, metric)
    assert np.bincount(component[larger])[1] > np.bincount(component[larger])[0]


@each_metric
def test_unreferenced_vertices_are_never_picked(metric):
    mesh = three_components()
    everything = farthest_point_sample(mesh, 10_000, metric)
    assert np.array_equal(np.sort(everything), np.arange(140))


@pytest.mark.parametrize("count", [0, -3])
def test_a_sample_has_at_least_one_vertex(count):
    with pytest.raises(MeshError, match=f"at least 1, got {count}"):
        farthest_point_sample(shapes.icosphere(0), count)


@pytest.mark.unchecked
def test_there_are_two_metrics():
    with pytest.raises(GaugeConvError, match=r"'edges', 'geodesic'.*got 'chords'"):
        farthest_point_sample(shapes.icosphere(0), 3, "chords")


def test_positions_are_centred_in_units_of_the_root_of_the_area():
    mesh = TriMesh(
        5.0 * shapes.irregular_sphere(400, 9).vertices + 100.0,
        shapes.irregular_sphere(400, 9).faces,
    )
    centered = centered_positions(mesh)
    radius = np.linalg.norm(centered, axis=1)
    np.testing.assert_allclose(radius, 5.0 / np.sqrt(mesh.area), rtol=0.02)
    weights = mesh.vertex_areas[:, None]
    assert np.abs((weights * centered).sum(axis=0) / mesh.area).max() < 1e-13


@each_metric
@pytest.mark.parametrize("make", [lambda: shapes.icosphere(3), lambda: shapes.torus(24, 12)])
def test_ties_do_not_go_by_the_order_of_faces(make, metric):
    mesh = make()
    rng = np.random.default_rng(0)
    for _ in range(5):
        faces = np.stack([np.roll(f, rng.integers(3)) for f in rng.permutation(mesh.faces)])
        shuffled = TriMesh(mesh.vertices, faces)
        assert np.array_equal(
            farthest_point_sample(shuffled, 100, metric), farthest_point_sample(mesh, 100, metric)
        )
