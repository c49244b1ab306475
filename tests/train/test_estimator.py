from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import gaugeconv as gc
from gaugeconv.data import DatasetFolder
from gaugeconv.errors import DataError, GaugeConvError, MeshError
from gaugeconv.mesh import TriMesh
from gaugeconv.models import SegmenterConfig
from gaugeconv.train import SegmentationEstimator, TrainConfig, train
from tests.train.conftest import NAMES, ring

TINY = {"sizes": (36,), "types": ("6x0 + 3x1 + 2x2",), "vertex_type": "6x0 + 2x1", "blocks": (1,)}
QUICK = {"warmup_steps": 2, "lr": 1e-2}
BODIES = Path(__file__).parents[2] / "meshes" / "bodies"


def test_it_is_the_trainer_with_its_best_weights(tmp_path: Path) -> None:
    items = [ring(name, 0.9 + 0.1 * k) for k, name in enumerate("abc")]
    meshes, labels = [i.mesh for i in items], [i.face_labels for i in items]
    estimator = SegmentationEstimator(
        epochs=12, val_fraction=0.34, seed=3, recipe=QUICK, network=TINY
    )
    assert estimator.fit(meshes, labels) is estimator
    splits = {"train": ["a", "b"], "val": ["c"]}
    dataset = DatasetFolder.write(tmp_path / "data", items, NAMES, splits)
    config = TrainConfig(epochs=12, seed=3, **QUICK)
    best = train(
        dataset, tmp_path / "run", config, SegmenterConfig(label_names=NAMES, **TINY)
    ).run.best
    direct = gc.models.GaugeSegmenter.load(best).segment(meshes[2])
    np.testing.assert_array_equal(estimator.predict(meshes[2]), direct.face_labels)
    assert estimator.score(meshes, labels) > 0.8


def test_labels_are_words_and_gaps_as_they_were_given() -> None:
    mesh = TriMesh.load(BODIES / "meshes" / "body-1.ply")
    low = mesh.vertices[mesh.faces][:, :, 2].mean(axis=1) < np.median(mesh.vertices[:, 2])
    words = np.where(low, "legs", "above")
    words[:50] = ""
    estimator = gc.SegmentationEstimator(
        epochs=25, network={**TINY, "sizes": (128,)}, recipe={"lr": 1e-2}
    ).fit(mesh, words)
    found = estimator.predict([mesh])[0]
    assert estimator.classes_.tolist() == ["above", "legs"]
    assert set(found.tolist()) <= {"above", "legs"}
    assert estimator.score(mesh, words) > 0.8


def test_before_fit_it_says_so(mesh: TriMesh) -> None:
    with pytest.raises(GaugeConvError, match="call fit first"):
        SegmentationEstimator().predict(mesh)


@pytest.mark.parametrize(
    ("options", "labels", "message"),
    [
        ({}, np.zeros(7, int), r"mesh 0 needs 144 labels, one per face.*got int64 of shape \(7,\)"),
        ({}, np.zeros(144), "got float64"),
        ({}, np.zeros(144, int), r"at least two different labels, got \[0\]"),
        ({"epochs": 0}, np.arange(144) % 2, "epochs = 0 must be at least 1"),
        ({"val_fraction": 1.0}, np.arange(144) % 2, r"val_fraction must be in \[0, 1\)"),
        ({"network": {"radial": 0}}, np.arange(144) % 2, "radial: 0 given"),
    ],
)
def test_what_does_not_fit_is_refused(
    mesh: TriMesh, options: dict, labels: np.ndarray, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        SegmentationEstimator(**options).fit(mesh, labels)


def test_a_mesh_without_labels_is_counted(mesh: TriMesh) -> None:
    some, none = np.arange(144) % 2, np.full(144, -1)
    estimator = SegmentationEstimator(epochs=1, val_fraction=0.0, network=TINY)
    with pytest.raises(DataError, match="mesh 1 has no labelled area"):
        estimator.fit([mesh, mesh], [some, none])
    estimator.fit(mesh, some)
    with pytest.raises(DataError, match="mesh 0 has no labelled face"):
        estimator.score(mesh, none)


def test_meshes_and_labels_must_pair(mesh: TriMesh) -> None:
    with pytest.raises(DataError, match="2 meshes and labels of 1"):
        SegmentationEstimator().fit([mesh, mesh], [np.zeros(144, int)])


def test_a_mesh_that_cannot_be_used_is_counted() -> None:
    flat = TriMesh([[0, 0, 0], [1, 0, 0], [2, 0, 0], [3, 0, 0]], [[0, 1, 2], [2, 1, 3]])
    with pytest.raises(MeshError, match="mesh 0: the mesh's total area is zero"):
        SegmentationEstimator(epochs=1).fit(flat, [0, 1])
