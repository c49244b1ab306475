from __future__ import annotations

import numpy as np
import pytest
import torch

from gaugeconv.data import LabelledMesh
from gaugeconv.errors import DataError, GaugeConvError
from gaugeconv.mesh import TriMesh
from gaugeconv.models import GaugeSegmenter, SegmenterConfig
from gaugeconv.train import TrainConfig, segmentation_loss
from gaugeconv.train.objective import adamw, optimiser_step
from gaugeconv.train.prepare import fingerprint, match_labels, prepare_all, prepare_mesh


def test_the_loss_is_the_mean_over_area() -> None:
    torch.manual_seed(0)
    logits = torch.randn(4, 3, dtype=torch.float64)
    labels = torch.tensor([0, 2, 1, -1])
    weights = torch.tensor([0.5, 0.25, 0.25, 0.0], dtype=torch.float64)
    chosen = logits.log_softmax(-1)[torch.arange(3), labels[:3]]
    expected = -(weights[:3] * chosen).sum()
    torch.testing.assert_close(segmentation_loss(logits, labels, weights), expected)


def test_cutting_a_face_in_two_does_not_change_the_loss() -> None:
    torch.manual_seed(0)
    logits = torch.randn(2, 3, dtype=torch.float64)
    whole = segmentation_loss(logits, torch.tensor([0, 2]), torch.tensor([0.4, 0.6]), 0.1)
    cut = segmentation_loss(
        logits[[0, 1, 1]], torch.tensor([0, 2, 2]), torch.tensor([0.4, 0.1, 0.5]), 0.1
    )
    torch.testing.assert_close(whole, cut)


def test_labels_are_matched_by_name() -> None:
    np.testing.assert_array_equal(match_labels(["b", "a"], ["a", "x", "b"]), [2, 0])
    with pytest.raises(DataError, match=r"does not know the labels \['c'\]; it knows \['a', 'b'\]"):
        match_labels(["a", "c"], ["a", "b"])


def test_unlabelled_faces_have_no_weight_and_the_others_sum_to_one(
    mesh: TriMesh, tiny: SegmenterConfig
) -> None:
    labels = np.arange(mesh.num_faces) % 3 - 1
    item = LabelledMesh("m", mesh, labels)
    prepared = prepare_mesh(GaugeSegmenter(tiny), item, np.array([1, 0]))
    np.testing.assert_array_equal(prepared.labels, np.array([-1, 1, 0])[labels + 1])
    assert bool((prepared.weights[labels < 0] == 0).all())
    areas = np.where(labels >= 0, mesh.face_areas, 0)
    np.testing.assert_allclose(prepared.weights, areas / areas.sum(), rtol=1e-14)


def test_deformed_copies_follow_their_mesh_and_depend_on_the_seed_alone(
    mesh: TriMesh, tiny: SegmenterConfig
) -> None:
    model = GaugeSegmenter(tiny)
    items = [LabelledMesh(name, mesh, np.zeros(mesh.num_faces, int)) for name in "xy"]
    told: list[tuple[float, float]] = []
    identity = np.arange(2)
    once = prepare_all(
        model, items, identity, 2, 5, lambda _, done, total, __: told.append((done, total))
    )
    again = prepare_all(model, items, identity, 2, 5)
    assert [item.name for item in once.values()] == list("xxxyyy")
    assert told == [(k + 1, 6) for k in range(6)]
    weights = [item.weights for item in once.values()]
    for one, two in zip(weights, (item.weights for item in again.values()), strict=True):
        assert torch.equal(one, two)
    distinct = {tuple(one.tolist()) for one in weights}
    assert len(distinct) == 5  # the two originals are the same mesh


def test_a_mesh_without_labelled_area_cannot_be_learned_from(
    mesh: TriMesh, tiny: SegmenterConfig
) -> None:
    item = LabelledMesh("bare", mesh, np.full(mesh.num_faces, -1))
    with pytest.raises(DataError, match="bare has no labelled area"):
        prepare_all(GaugeSegmenter(tiny), [item], np.arange(2))


def test_gradients_of_a_batch_add_up_to_that_of_the_mean(
    mesh: TriMesh, tiny: SegmenterConfig
) -> None:
    torch.manual_seed(1)
    config = TrainConfig(epochs=1, clip_norm=1e9, label_smoothing=0.0)
    model = GaugeSegmenter(tiny).eval()
    items = [
        LabelledMesh("x", mesh, np.arange(mesh.num_faces) % 2),
        LabelledMesh("y", mesh, np.zeros(mesh.num_faces, int)),
    ]
    meshes = prepare_all(model, items, np.arange(2))
    optimiser_step(model, adamw(model, config), meshes.values(), 2, 0.0, config)
    added = [p.grad.clone() for p in model.parameters() if p.grad is not None]
    model.zero_grad()
    losses = [segmentation_loss(model(m.inputs), m.labels, m.weights) for m in meshes.values()]
    (sum(losses) / 2).backward()
    mean = [p.grad for p in model.parameters() if p.grad is not None]
    assert added
    for one, two in zip(added, mean, strict=True):
        torch.testing.assert_close(one, two)


def test_only_matrices_decay(tiny: SegmenterConfig) -> None:
    decaying, kept = adamw(GaugeSegmenter(tiny), TrainConfig(weight_decay=0.5)).param_groups
    assert decaying["weight_decay"] == 0.5
    assert kept["weight_decay"] == 0.0
    assert all(p.ndim >= 2 for p in decaying["params"])
    assert all(p.ndim < 2 for p in kept["params"])


def test_a_loss_that_is_not_finite_stops_before_the_weights_change(
    mesh: TriMesh, tiny: SegmenterConfig
) -> None:
    config = TrainConfig()
    model = GaugeSegmenter(tiny)
    meshes = prepare_all(
        model, [LabelledMesh("x", mesh, np.zeros(mesh.num_faces, int))], np.arange(2)
    )
    with torch.no_grad():
        next(model.parameters()).fill_(float("nan"))
    last = list(model.parameters())[-1].clone()
    with pytest.raises(GaugeConvError, match=r"the loss on x is not finite: .* below 0\.003"):
        optimiser_step(model, adamw(model, config), meshes.values(), 1, 0.1, config)
    assert torch.equal(last, list(model.parameters())[-1])


def test_the_fingerprint_sees_names_positions_and_labels(mesh: TriMesh) -> None:
    labels = np.zeros(mesh.num_faces, int)
    changed = labels.copy()
    changed[-1] = 1
    items = [
        LabelledMesh("a", mesh, labels),
        LabelledMesh("b", mesh, labels),
        LabelledMesh("a", mesh, changed),
        LabelledMesh("a", TriMesh(mesh.vertices * 1.0000001, mesh.faces), labels),
    ]
    assert len({fingerprint([item]) for item in items}) == 4
    assert fingerprint(items[:1]) == fingerprint([LabelledMesh("a", mesh, labels.copy())])
