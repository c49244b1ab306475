from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from gaugeconv.errors import GaugeConvError
from gaugeconv.mesh import TriMesh, shapes
from gaugeconv.models import GaugeSegmenter, Segmentation
from gaugeconv.models.smoothing import CREASE, crease_borders, smoothed_labels


def beliefs(mesh: TriMesh, labels: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.ones(labels), mesh.num_faces)


def cost(mesh: TriMesh, p: np.ndarray, strength: float, labels: np.ndarray) -> float:
    """The energy, from its formula."""
    borders = crease_borders(mesh)
    data = -np.log(p[np.arange(len(labels)), labels]) @ mesh.face_areas / mesh.area
    differs = labels[borders.first] != labels[borders.second]
    return float(data + strength * borders.cost[differs].sum())


@pytest.mark.parametrize("strength", [0.05, 0.3, 1.0])
@pytest.mark.parametrize("seed", range(4))
def test_two_labels_are_the_best_of_all_labellings(strength: float, seed: int) -> None:
    mesh = shapes.plane(2, 3)
    assert mesh.num_faces == 12
    p = beliefs(mesh, 2, seed)
    every = [cost(mesh, p, strength, np.array(labels)) for labels in product((0, 1), repeat=12)]
    found = cost(mesh, p, strength, smoothed_labels(mesh, p, strength))
    assert found == pytest.approx(min(every), rel=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_no_expansion_and_no_single_face_lowers_the_cost_of_many_labels(seed: int) -> None:
    mesh, strength = shapes.irregular_sphere(60, seed=seed), 0.2
    p = beliefs(mesh, 4, seed)
    labels = smoothed_labels(mesh, p, strength)
    best = cost(mesh, p, strength, labels)
    assert best < cost(mesh, p, strength, p.argmax(1))
    for face, label in product(range(mesh.num_faces), range(4)):
        other = labels.copy()
        other[face] = label
        assert cost(mesh, p, strength, other) > best - 1e-6


def test_a_speck_goes_and_a_confident_part_stays() -> None:
    mesh = shapes.plane(8, 8)
    center = mesh.vertices[mesh.faces].mean(axis=1)
    left = center[:, 0] < np.median(center[:, 0])
    p = np.where(left[:, None], [0.9, 0.1], [0.1, 0.9])
    truth = p.argmax(1)
    p[np.flatnonzero(left)[5]] = [0.4, 0.6]
    np.testing.assert_array_equal(smoothed_labels(mesh, p, 0.05), truth)
    np.testing.assert_array_equal(smoothed_labels(mesh, p, 0.0), p.argmax(1))


def test_borders_cost_their_length_and_less_in_creases_that_bend_inwards() -> None:
    def bent(height: float) -> TriMesh:
        """Two right triangles of a square with the diagonal's far corner lifted."""
        return TriMesh([[0, 0, 0], [1, 0, 0], [1, 1, height], [0, 1, 0]], [[0, 1, 3], [1, 2, 3]])

    flat, convex, concave = (crease_borders(bent(h)).cost for h in (0.0, -0.5, 0.5))
    mesh = bent(0.5)
    n = [np.cross(*(mesh.vertices[f[1:]] - mesh.vertices[f[0]])) for f in mesh.faces]
    angle = np.arctan2(np.linalg.norm(np.cross(*n)), n[0] @ n[1])
    assert flat[0] == pytest.approx(np.sqrt(2))
    assert convex[0] == pytest.approx(np.sqrt(2 / mesh.area))
    assert concave[0] == pytest.approx(np.sqrt(2 / mesh.area) * np.exp(-angle / CREASE))


def test_labels_do_not_depend_on_place_and_size() -> None:
    mesh = shapes.irregular_sphere(80, seed=1)
    p = beliefs(mesh, 3, 0)
    turn = Rotation.random(random_state=0).as_matrix()
    moved = TriMesh(1e3 * mesh.vertices @ turn.T + 7, mesh.faces)
    np.testing.assert_array_equal(smoothed_labels(moved, p, 0.1), smoothed_labels(mesh, p, 0.1))


def test_a_smooth_segmentation_is_smooth_in_all_its_labels(
    model: GaugeSegmenter, mesh: TriMesh
) -> None:
    plain, smooth = model.segment(mesh), model.segment(mesh, smoothing=0.3)
    np.testing.assert_array_equal(smooth.probabilities, plain.probabilities)
    expected = smoothed_labels(mesh, plain.probabilities, 0.3)
    np.testing.assert_array_equal(smooth.face_labels, expected)
    one_hot = np.eye(3)[expected]
    at_vertices = Segmentation(mesh, one_hot, plain.label_names).vertex_labels
    np.testing.assert_array_equal(smooth.vertex_labels, at_vertices)


@pytest.mark.parametrize("strength", [-0.1, np.nan, np.inf])
def test_an_impossible_strength_is_refused(
    model: GaugeSegmenter, mesh: TriMesh, strength: float
) -> None:
    with pytest.raises(GaugeConvError, match="smoothing must be"):
        model.segment(mesh, smoothing=strength)
