"""Meshes too big for one pass: everything in parts, and the answer that of one pass."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from gaugeconv.geometry import level_search
from gaugeconv.mesh import TriMesh
from gaugeconv.models import (
    ClassifierConfig,
    GaugeSegmenter,
    MeshClassifier,
    MeshRegressor,
    RegressorConfig,
    segmenter,
    trunk,
)
from tests.models.conftest import TINY, tiny_config


def in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(level_search, "PAIRS_AT_ONCE", 900)
    for module in (trunk, segmenter):
        monkeypatch.setattr(module, "ROWS_AT_ONCE", 64)


@pytest.mark.parametrize(("dtype", "bound"), [(torch.float32, 1e-5), (torch.float64, 1e-10)])
@pytest.mark.parametrize("options", [{}, {"block": "attention", "hks": 3, "xyz": True}], ids=str)
def test_labels_in_parts_are_those_of_one_pass(
    options: dict,
    dtype: torch.dtype,
    bound: float,
    mesh: TriMesh,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torch.manual_seed(0)
    model = GaugeSegmenter(tiny_config(**options)).to(dtype).eval()
    with torch.no_grad():
        once = torch.softmax(model(model.prepare(mesh)).double(), dim=1).numpy()
    in_parts(monkeypatch)
    found = model.segment(mesh).probabilities
    assert abs(found - once).max() < bound * once.max()


def test_other_heads_in_parts_are_those_of_one_pass(
    mesh: TriMesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    classifier = MeshClassifier(ClassifierConfig(label_names=("a", "b"), **TINY)).double().eval()
    regressor = MeshRegressor(RegressorConfig(out_type="2x0 + 1x1", **TINY)).double().eval()
    with torch.no_grad():
        values = regressor(regressor.prepare(mesh)).numpy()
        scores = classifier(classifier.prepare(mesh))
    in_parts(monkeypatch)
    np.testing.assert_allclose(regressor.predict(mesh).values, values, atol=1e-11)
    expected = torch.softmax(scores, 0).numpy()
    np.testing.assert_allclose(classifier.classify(mesh).probabilities, expected, atol=1e-11)


def test_no_more_than_a_block_of_vertices_has_features_at_a_time(
    model: GaugeSegmenter, mesh: TriMesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_parts(monkeypatch)
    watched, rows = copy.deepcopy(model), []
    for layer in (watched.leave.gate, watched.head):
        layer.register_forward_hook(lambda _, args, out: rows.append((len(args[0]), len(out))))
    watched.segment(mesh)
    assert max(map(max, rows)) <= 64
    assert sum(n for n, _ in rows) == mesh.num_vertices + mesh.num_faces
