from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from gaugeconv.errors import GaugeConvError, MeshError
from gaugeconv.geometry import Frames
from gaugeconv.mesh import TriMesh, shapes
from gaugeconv.models import GaugeSegmenter
from tests.models.conftest import bumpy, tiny_config


def relative_change(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a - b).abs().max() / a.square().mean().sqrt())


@torch.no_grad()
def test_scores_do_not_depend_on_the_frames(model: GaugeSegmenter, mesh: TriMesh) -> None:
    gamma = np.random.default_rng(1).uniform(-np.pi, np.pi, mesh.num_vertices)
    turned = Frames.canonical(mesh).rotated(gamma)
    expected = model(model.prepare(mesh))
    assert relative_change(expected, model(model.prepare(mesh, turned))) < 1e-10


@torch.no_grad()
@pytest.mark.parametrize("make", [lambda: shapes.icosphere(3), lambda: shapes.torus(32, 16)])
def test_symmetric_shapes_do_not_blow_up_rounding(
    model: GaugeSegmenter, make: Callable[[], TriMesh]
) -> None:
    """There fields of order ≥ 1 nearly cancel; dividing them by their own size would be fatal."""
    mesh = make()
    gamma = np.random.default_rng(1).uniform(-np.pi, np.pi, mesh.num_vertices)
    turned = Frames.canonical(mesh).rotated(gamma)
    assert relative_change(model(model.prepare(mesh)), model(model.prepare(mesh, turned))) < 1e-10


@torch.no_grad()
def test_scores_do_not_depend_on_position_orientation_or_size(
    model: GaugeSegmenter, mesh: TriMesh
) -> None:
    rotation = Rotation.random(random_state=2).as_matrix()
    moved = TriMesh(7.5 * mesh.vertices @ rotation.T + [3.0, -40.0, 5.0], mesh.faces)
    assert relative_change(model(model.prepare(mesh)), model(model.prepare(moved))) < 1e-9


@torch.no_grad()
@pytest.mark.parametrize("scale", [1e-150, 1e150])
def test_scores_do_not_depend_on_an_extreme_size(
    model: GaugeSegmenter, mesh: TriMesh, scale: float
) -> None:
    scaled = TriMesh(scale * mesh.vertices, mesh.faces)
    assert relative_change(model(model.prepare(mesh)), model(model.prepare(scaled))) < 1e-9


def test_scores_that_are_not_finite_are_an_error(model: GaugeSegmenter, mesh: TriMesh) -> None:
    broken = copy.deepcopy(model)
    with torch.no_grad():
        broken.head[-1].bias.fill_(float("inf"))
    with pytest.raises(GaugeConvError, match="not finite"):
        broken.segment(mesh)


@torch.no_grad()
def test_relabelling_the_mesh_permutes_the_scores(model: GaugeSegmenter, mesh: TriMesh) -> None:
    rng = np.random.default_rng(3)
    new_of_old = rng.permutation(mesh.num_vertices)
    vertices = np.empty_like(mesh.vertices)
    vertices[new_of_old] = mesh.vertices
    order = rng.permutation(mesh.num_faces)
    faces = new_of_old[mesh.faces][order]
    faces = np.stack([np.roll(f, rng.integers(3)) for f in faces])
    expected = model(model.prepare(mesh))[torch.from_numpy(order)]
    assert relative_change(expected, model(model.prepare(TriMesh(vertices, faces)))) < 1e-10


@torch.no_grad()
def test_a_mirrored_mesh_gets_other_scores(model: GaugeSegmenter, mesh: TriMesh) -> None:
    """Kernels of SO(2) know left from right; only this shows that the checks above can fail."""
    mirrored = TriMesh(mesh.vertices * [-1.0, 1.0, 1.0], mesh.faces[:, ::-1].copy())
    assert relative_change(model(model.prepare(mesh)), model(model.prepare(mirrored))) > 1e-3


@torch.no_grad()
def test_xyz_inputs_break_rotation_invariance_as_documented(mesh: TriMesh) -> None:
    torch.manual_seed(0)
    model = GaugeSegmenter(tiny_config(xyz=True)).double().eval()
    turned = TriMesh(mesh.vertices @ Rotation.random(random_state=2).as_matrix().T, mesh.faces)
    assert relative_change(model(model.prepare(mesh)), model(model.prepare(turned))) > 1e-3


@torch.no_grad()
def test_float32_agrees_with_float64(model: GaugeSegmenter, mesh: TriMesh) -> None:
    inputs = model.prepare(mesh)
    single = copy.deepcopy(model).float()(inputs)
    assert single.dtype == torch.float32
    assert relative_change(model(inputs), single.double()) < 1e-4


def test_segmentation_labels_faces_and_vertices(model: GaugeSegmenter, mesh: TriMesh) -> None:
    model.train()
    result = model.segment(mesh)
    assert model.training, "the mode must be left as it was"
    model.eval()
    assert result.face_labels.shape == (mesh.num_faces,)
    assert result.vertex_labels.shape == (mesh.num_vertices,)
    np.testing.assert_allclose(result.probabilities.sum(axis=1), 1.0)
    assert result.label_names == ("a", "b", "c")
    assert sum(result.area_shares.values()) == pytest.approx(1.0)


def test_meshes_smaller_than_the_coarsest_level_work(model: GaugeSegmenter) -> None:
    small = bumpy(14, seed=1)
    assert model.segment(small).face_labels.shape == (small.num_faces,)


def test_unreferenced_vertices_get_no_label_and_change_nothing(
    model: GaugeSegmenter, mesh: TriMesh
) -> None:
    extended = TriMesh(np.concatenate([mesh.vertices, [[9.0, 9.0, 9.0]]]), mesh.faces)
    result = model.segment(extended)
    assert result.vertex_labels[-1] == -1
    np.testing.assert_allclose(result.probabilities, model.segment(mesh).probabilities, atol=1e-12)


def test_a_mesh_without_positions_is_refused(model: GaugeSegmenter, mesh: TriMesh) -> None:
    with pytest.raises(MeshError, match="no vertex positions"):
        model.segment(TriMesh.from_edge_lengths(mesh.faces, mesh.edge_lengths))


def test_every_parameter_learns(model: GaugeSegmenter, mesh: TriMesh) -> None:
    model.zero_grad()
    scores = model(model.prepare(mesh))
    torch.nn.functional.cross_entropy(scores, torch.arange(len(scores)) % 3).backward()
    silent = [
        n for n, p in model.named_parameters() if p.grad is None or not p.grad.abs().max() > 0
    ]
    model.zero_grad()
    assert silent == []


@pytest.mark.parametrize("width", [0.0, 1e-16], ids=["collinear", "rounded"])
def test_a_mesh_without_area_is_refused_before_any_division(
    model: GaugeSegmenter, width: float
) -> None:
    corners = [[0, 0, 0], [1, 0, 0], [2, width, 0], [3, 0, 0]]
    flat = TriMesh(corners, [[0, 1, 2], [0, 2, 3]])
    with pytest.raises(MeshError, match="total area is zero"):
        model.segment(flat)
