from __future__ import annotations

import numpy as np
import pytest

from gaugeconv.data import closest_points, project_labels, refine
from gaugeconv.data.project import _grid
from gaugeconv.errors import DataError
from gaugeconv.mesh import TriMesh
from gaugeconv.mesh.shapes import icosphere, irregular_sphere, plane, torus


def quarters(points: np.ndarray) -> np.ndarray:
    return (points[:, 0] > 0) + 2 * (points[:, 1] > 0)


def face_centers(mesh: TriMesh) -> np.ndarray:
    return mesh.vertices[mesh.faces].mean(axis=1)


def nearest_by_sampling(mesh: TriMesh, points: np.ndarray) -> np.ndarray:
    """Distances to a dense grid on every face: an upper bound that is nearly reached."""
    samples = np.einsum("pk,fki->fpi", _grid(40), mesh.vertices[mesh.faces]).reshape(-1, 3)
    return np.array([np.linalg.norm(samples - p, axis=1).min() for p in points])


def uneven() -> TriMesh:
    """Faces whose sizes differ by a factor of a thousand."""
    mesh = plane(7, 7)
    bent = mesh.vertices**3 + 0.01 * mesh.vertices
    bent[:, 2] = 0.1 * np.sin(5 * bent[:, 0])
    return TriMesh(bent, mesh.faces)


@pytest.mark.parametrize(
    "mesh", [icosphere(1), torus(8, 6), uneven()], ids=["ball", "ring", "uneven"]
)
def test_nothing_on_the_surface_is_nearer_than_the_nearest_point(mesh: TriMesh) -> None:
    rng = np.random.default_rng(0)
    points = mesh.vertices[rng.integers(mesh.num_vertices, size=60)]
    points = points + 0.5 * mesh.mean_edge_length * rng.standard_normal((60, 3))
    found = closest_points(mesh, points)
    assert found.barycentric.min() >= 0
    np.testing.assert_allclose(found.barycentric.sum(axis=1), 1, atol=1e-12)
    at = np.einsum("nk,nki->ni", found.barycentric, mesh.vertices[mesh.faces[found.face]])
    np.testing.assert_allclose(np.linalg.norm(at - points, axis=1), found.distance, atol=1e-12)
    sampled = nearest_by_sampling(mesh, points)
    assert (found.distance <= sampled + 1e-12).all()
    np.testing.assert_allclose(found.distance, sampled, atol=0.05 * mesh.mean_edge_length)


def test_points_on_the_surface_are_found_where_they_are() -> None:
    mesh = irregular_sphere(300)
    weights = np.random.default_rng(1).dirichlet([1, 1, 1], mesh.num_faces)
    points = np.einsum("fk,fki->fi", weights, mesh.vertices[mesh.faces])
    found = closest_points(mesh, points)
    np.testing.assert_array_equal(found.face, np.arange(mesh.num_faces))
    np.testing.assert_allclose(found.barycentric, weights, atol=1e-9)
    assert found.distance.max() < 1e-12


def test_flat_faces_and_points_that_are_not_finite_are_survived() -> None:
    mesh = TriMesh([[0, 0, 0], [1, 0, 0], [0.5, 0, 0], [0, 1, 0]], [[0, 1, 2], [0, 2, 3]])
    found = closest_points(mesh, np.array([[0.7, -1.0, 0], [np.nan, 0, 0], [0.1, 0.1, 2.0]]))
    np.testing.assert_array_equal(found.face, [0, -1, 1])
    np.testing.assert_allclose(found.distance[[0, 2]], [1.0, 2.0], atol=1e-12)


def test_to_a_refined_mesh_and_back_changes_no_face_label() -> None:
    mesh = torus(14, 9)
    labels = np.random.default_rng(0).integers(-1, 5, mesh.num_faces)
    fine, parent = refine(mesh)
    finer, grandparent = refine(fine)
    np.testing.assert_array_equal(project_labels(labels, mesh, fine), labels[parent])
    down = project_labels(labels, mesh, finer)
    np.testing.assert_array_equal(down, labels[parent][grandparent])
    np.testing.assert_array_equal(project_labels(down, finer, mesh), labels)


def test_to_a_refined_mesh_and_back_changes_vertex_labels_at_most_where_labels_meet() -> None:
    mesh = torus(14, 9)
    labels = np.random.default_rng(0).integers(-1, 5, 14)[np.arange(mesh.num_vertices) // 9]
    fine, _ = refine(mesh)
    up = project_labels(labels, mesh, fine)
    np.testing.assert_array_equal(up[: mesh.num_vertices], labels)
    back = project_labels(up, fine, mesh)
    meets = np.zeros(mesh.num_vertices, dtype=bool)
    meets[mesh.faces[np.ptp(labels[mesh.faces], axis=1) > 0]] = True
    np.testing.assert_array_equal(back[~meets], labels[~meets])
    assert 20 < meets.sum() < mesh.num_vertices - 5
    assert (back == labels).mean() > 0.9


def test_another_triangulation_gets_the_labels_of_the_places() -> None:
    fine, coarse = icosphere(4), irregular_sphere(400, seed=2)
    truth = quarters(face_centers(coarse))
    projected = project_labels(quarters(face_centers(fine)), fine, coarse)
    assert (coarse.face_areas * (projected == truth)).sum() > 0.97 * coarse.area
    vertices = project_labels(quarters(face_centers(fine)), fine, coarse, "vertex")
    clear = np.abs(coarse.vertices[:, :2]).min(axis=1) > 0.1
    np.testing.assert_array_equal(vertices[clear], quarters(coarse.vertices)[clear])
    faces = project_labels(quarters(fine.vertices), fine, coarse, "face")
    assert (coarse.face_areas * (faces == truth)).sum() > 0.97 * coarse.area


def test_area_decides_not_the_number_of_faces() -> None:
    """One target triangle; a fifth of it is labelled by many small faces, the rest by few."""
    target = TriMesh([[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 1, 2]])
    tip = TriMesh([[0.6, 0, 0], [1, 0, 0], [0.6, 0.4, 0]], [[0, 1, 2]])
    for _ in range(3):
        tip = refine(tip)[0]
    rest = TriMesh([[0, 0, 0], [0.6, 0, 0], [0.6, 0.4, 0], [0, 1, 0]], [[0, 1, 2], [0, 2, 3]])
    vertices = np.concatenate([tip.vertices, rest.vertices])
    source = TriMesh(vertices, np.concatenate([tip.faces, rest.faces + tip.num_vertices]))
    labels = np.concatenate([np.zeros(tip.num_faces), np.ones(2)]).astype(np.int64)
    np.testing.assert_array_equal(project_labels(labels, source, target), [1])


def test_a_vertex_that_no_face_uses_has_no_label() -> None:
    mesh = icosphere(1)
    stray = TriMesh(np.concatenate([mesh.vertices, [[5.0, 5, 5]]]), mesh.faces)
    labels = project_labels(np.full(mesh.num_faces, 3), mesh, stray, "vertex")
    np.testing.assert_array_equal(labels, [3] * mesh.num_vertices + [-1])


def test_labels_that_fit_nothing_are_refused() -> None:
    mesh = icosphere(1)
    with pytest.raises(DataError, match="7 labels fit neither: the source has 80 faces and 42"):
        project_labels(np.zeros(7, dtype=np.int64), mesh, mesh)
