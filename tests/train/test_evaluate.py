from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from gaugeconv.data import DatasetFolder, LabelledMesh
from gaugeconv.errors import DataError, MeshError
from gaugeconv.mesh import TriMesh
from gaugeconv.models import GaugeSegmenter, SegmenterConfig
from gaugeconv.train import evaluate
from tests.train.conftest import NAMES


@pytest.fixture
def model(tiny: SegmenterConfig) -> GaugeSegmenter:
    torch.manual_seed(0)
    return GaugeSegmenter(tiny)


def test_the_figures_are_those_of_segment(rings: DatasetFolder, model: GaugeSegmenter) -> None:
    result = evaluate(model, rings, "train")
    shares = {}
    for name in rings.names("train"):
        item = rings.load(name)
        hit = model.segment(item.mesh).face_labels == item.face_labels
        shares[name] = float((np.asarray(hit) * item.mesh.face_areas).sum() / item.mesh.area)
    assert set(result.per_mesh) == set(shares)
    for name, share in shares.items():
        assert result.per_mesh[name].accuracy == pytest.approx(share, abs=1e-12)
    assert result.overall.accuracy == pytest.approx(np.mean(list(shares.values())), abs=1e-12)
    content = result.to_dict()
    assert content["meshes"]["a"]["accuracy"] == pytest.approx(shares["a"])
    assert "accuracy per mesh" in str(result)


def test_labels_in_another_order_are_matched_by_name(
    tmp_path: Path, rings: DatasetFolder, model: GaugeSegmenter
) -> None:
    items = [rings.load(name) for name in rings.names("train")]
    swapped = [LabelledMesh(item.name, item.mesh, 1 - item.face_labels) for item in items]
    split = {"test": list(rings.names("train"))}
    other = DatasetFolder.write(tmp_path / "set", swapped, rings.label_names[::-1], split)
    expected = evaluate(model, rings, "train").overall
    result = evaluate(model, other).overall
    np.testing.assert_array_equal(result.confusion, expected.confusion)
    assert result.label_names == expected.label_names


def test_a_label_unknown_to_the_network_is_refused(
    tmp_path: Path, rings: DatasetFolder, model: GaugeSegmenter
) -> None:
    items = [rings.load("a")]
    other = DatasetFolder.write(tmp_path / "set", items, ["inner", "rim"], {"test": ["a"]})
    with pytest.raises(DataError, match=r"does not know the labels \['rim'\]"):
        evaluate(model, other)


@pytest.mark.parametrize("training", [True, False])
def test_the_mode_of_the_network_is_left_as_it_was(
    rings: DatasetFolder, model: GaugeSegmenter, training: bool
) -> None:
    model.train(training)
    first = evaluate(model, rings, "val").overall
    assert model.training is training
    np.testing.assert_array_equal(evaluate(model, rings, "val").overall.confusion, first.confusion)


def test_without_a_split_it_is_test_or_else_val(
    tmp_path: Path, rings: DatasetFolder, model: GaugeSegmenter
) -> None:
    items = [rings.load(name) for name in ("a", "b", "c")]
    for number, (splits, chosen) in enumerate(
        [
            ({"train": ["a"], "val": ["b"], "test": ["c"]}, "test"),
            ({"train": ["a"], "val": ["b"], "test": []}, "val"),
            ({"train": ["a"], "val": ["b"]}, "val"),
        ]
    ):
        folder = DatasetFolder.write(tmp_path / str(number), items, rings.label_names, splits)
        result = evaluate(model, folder)
        assert (result.split, list(result.per_mesh)) == (chosen, splits[chosen])
        assert str(result).startswith(f"{chosen}: ")
    only = DatasetFolder.write(tmp_path / "only", items, rings.label_names, {"train": ["a"]})
    with pytest.raises(DataError, match="neither for 'test' nor for 'val'; it has train: say"):
        evaluate(model, only)


def test_a_mesh_that_the_network_cannot_take_is_named(
    tmp_path: Path, model: GaugeSegmenter
) -> None:
    flat = TriMesh([[0, 0, 0], [1, 0, 0], [2, 0, 0]], [[0, 1, 2]])
    items = [LabelledMesh("flat", flat, np.zeros(1, dtype=np.int64))]
    folder = DatasetFolder.write(tmp_path / "set", items, NAMES, {"test": ["flat"]})
    with pytest.raises(MeshError, match="flat: the mesh's total area is zero"):
        evaluate(model, folder)


def test_an_empty_split_is_refused(rings: DatasetFolder, model: GaugeSegmenter) -> None:
    with pytest.raises(DataError, match="no meshes for the split 'spare'"):
        evaluate(model, rings, "spare")
