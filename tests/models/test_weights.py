from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from gaugeconv.data import DatasetFolder
from gaugeconv.errors import DataError, FileFormatError
from gaugeconv.mesh import TriMesh
from gaugeconv.models import GaugeSegmenter, SegmenterConfig, packaged_weights
from gaugeconv.train import evaluate
from tests.models.conftest import FORMAT, tiny_config

ROOT = Path(__file__).parents[2]


@pytest.fixture
def saved(model: GaugeSegmenter, tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    model.save(path)
    return path


def test_a_saved_model_loads_to_the_same_scores(
    model: GaugeSegmenter, saved: Path, mesh: TriMesh
) -> None:
    again = GaugeSegmenter.load(saved).double()
    assert again.config == model.config
    inputs = model.prepare(mesh)
    torch.testing.assert_close(again(inputs), model(inputs), rtol=0, atol=0)


def test_config_survives_json() -> None:
    config = tiny_config(dropout=0.125)
    assert SegmenterConfig.from_json(config.to_json()) == config


FOREIGN = ["", "[]", "{}", "7", "[[]]", "[" * 99999, '{"label_names": ["a", "b"], "other": 1}']


@pytest.mark.parametrize("text", FOREIGN, ids=range(len(FOREIGN)))
def test_a_foreign_config_is_refused(text: str) -> None:
    with pytest.raises(FileFormatError):
        SegmenterConfig.from_json(text)


@pytest.mark.parametrize(
    "changes",
    [
        {"label_names": ("only",)},
        {"label_names": ("a", "a")},
        {"sizes": (10, 20)},
        {"blocks": (1,)},
        {"label_names": ("a", 1)},
        {"label_names": ("a", "")},
        {"sizes": (96, 24.0)},
        {"sizes": (96, 0)},
        {"sizes": (2**40, 24)},
        {"types": ("6x0", 8)},
        {"types": ("6x0", "six")},
        {"types": ("6x0", "99999x0")},
        {"vertex_type": ""},
        {"vertex_type": None},
        {"blocks": (1.5, 1)},
        {"blocks": (True, 1)},
        {"blocks": (10**9, 1)},
        {"neighbors": 0},
        {"neighbors": math.nan},
        {"neighbors": math.inf},
        {"neighbors": "20"},
        {"crossing": 1.5},
        {"crossing": 0},
        {"scales": (0.0,)},
        {"scales": ()},
        {"xyz": 1},
        {"radial": 0},
        {"radial": 3.0},
        {"dropout": 5},
        {"dropout": 1},
        {"dropout": -0.1},
        {"dropout": None},
    ],
    ids=str,
)
@pytest.mark.unchecked
def test_an_impossible_config_is_refused(changes: dict, tmp_path: Path, saved: Path) -> None:
    with pytest.raises(DataError, match=r"labels|sizes|crossing|type|" + next(iter(changes))):
        tiny_config(**changes)
    fields = {**json.loads(tiny_config().to_json()), **changes}
    metadata = {"format": FORMAT, "config": json.dumps(fields)}
    save_file(load_file(saved), tmp_path / "bad.safetensors", metadata)
    with pytest.raises(FileFormatError, match=r"bad\.safetensors: not a segmenter configuration"):
        GaugeSegmenter.load(tmp_path / "bad.safetensors")


@pytest.mark.unchecked
def test_a_config_of_lists_is_refused_since_it_could_be_changed() -> None:
    with pytest.raises(DataError, match=r"label_names must be a tuple, got \['a', 'b'\]"):
        tiny_config(label_names=["a", "b"])


def test_truncated_weights_are_refused(saved: Path) -> None:
    saved.write_bytes(saved.read_bytes()[:-100])
    with pytest.raises(FileFormatError, match="corrupt or truncated"):
        GaugeSegmenter.load(saved)


def test_weights_of_another_shape_are_refused(saved: Path) -> None:
    config = tiny_config(vertex_type="7x0 + 2x1").to_json()
    save_file(load_file(saved), saved, {"format": FORMAT, "config": config})
    with pytest.raises(FileFormatError, match="do not fit the configuration"):
        GaugeSegmenter.load(saved)


def test_weights_that_are_not_finite_are_refused(saved: Path) -> None:
    tensors = load_file(saved)
    next(iter(tensors.values())).view(-1)[0] = float("nan")
    metadata = {"format": FORMAT, "config": tiny_config().to_json()}
    save_file(tensors, saved, metadata)
    with pytest.raises(FileFormatError, match="NaN"):
        GaugeSegmenter.load(saved)


def test_other_safetensors_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"x": torch.zeros(2)}, path)
    with pytest.raises(FileFormatError, match="format"):
        GaugeSegmenter.load(path)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(FileFormatError, match="bodies"):
        GaugeSegmenter.load("nobodies")


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        GaugeSegmenter.load(tmp_path / "none.safetensors")


def test_results_are_saved_by_suffix(model: GaugeSegmenter, mesh: TriMesh, tmp_path: Path) -> None:
    result = model.segment(mesh)
    for suffix in ("npz", "txt", "ply"):
        result.save(tmp_path / f"labels.{suffix}")
    with np.load(tmp_path / "labels.npz") as file:
        np.testing.assert_array_equal(file["face_labels"], result.face_labels)
        assert file["label_names"].tolist() == ["a", "b", "c"]
    text = np.loadtxt(tmp_path / "labels.txt", dtype=int)
    np.testing.assert_array_equal(text, result.face_labels)
    np.testing.assert_array_equal(TriMesh.load(tmp_path / "labels.ply").faces, mesh.faces)
    with pytest.raises(DataError, match=r"\.npz"):
        result.save(tmp_path / "labels.csv")
    assert len(list(tmp_path.iterdir())) == 3, "nothing half-written may stay behind"
    with pytest.raises(FileNotFoundError, match="no such folder") as caught:
        result.save(tmp_path / "nowhere" / "labels.npz")
    assert caught.value.filename == str(tmp_path / "nowhere")


def test_packaged_weights_are_small_and_know_the_bodies_labels() -> None:
    path = packaged_weights()["bodies"]
    assert path.stat().st_size < 5e6
    names = json.loads((ROOT / "meshes" / "bodies" / "labels.json").read_text())["labels"]
    assert list(GaugeSegmenter.load("bodies").config.label_names) == names


def test_packaged_weights_segment_bundled_bodies_that_were_not_trained_on() -> None:
    result = evaluate(
        GaugeSegmenter.load("bodies"), DatasetFolder(ROOT / "meshes" / "bodies"), "test"
    )
    assert result.overall.accuracy >= 0.95
