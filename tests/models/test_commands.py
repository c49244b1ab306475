"""What the command line does with networks of other sizes and kinds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from gaugeconv.cli import main
from gaugeconv.data import DatasetFolder, LabelledMesh
from gaugeconv.mesh import TriMesh
from gaugeconv.models import (
    PRESETS,
    ClassifierConfig,
    GaugeSegmenter,
    MeshClassifier,
    MeshRegressor,
    RegressorConfig,
    SegmenterConfig,
)
from gaugeconv.models.smoothing import smoothed_labels
from tests.models.conftest import TINY, bumpy


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, mesh = tmp_path_factory.mktemp("data") / "halves", bumpy(60, seed=0)
    labels = (mesh.vertices[mesh.faces].mean(axis=1)[:, 0] > 0).astype(np.int64)
    items = [LabelledMesh(name, mesh, labels) for name in "ab"]
    DatasetFolder.write(folder, items, ["left", "right"], {"train": ["a"], "test": ["b"]})
    return folder


def test_a_network_of_the_size_asked_for_is_trained(dataset: Path, tmp_path: Path, capsys) -> None:
    run = tmp_path / "run"
    options = ["--size", "small", "--width", "0.25", "--epochs", "1"]
    assert main(["train", str(dataset), "--out", str(run), *options]) == 0
    config = GaugeSegmenter.load(run / "best.safetensors").config
    assert config.sizes == PRESETS["small"]["sizes"]
    assert config.types[0] == "4x0 + 2x1 + 1x2"
    assert config.vertex_type == "4x0 + 1x1 + 1x2"  # at least one of each
    resume = ["train", str(dataset), "--out", str(run), "--resume", "--size"]
    assert main([*resume, "base"]) == 2
    assert "was started with sizes" in capsys.readouterr().err


def test_blocks_of_attention_are_trained(dataset: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    options = ["--size", "small", "--block", "attention", "--width", "0.25", "--epochs", "1"]
    assert main(["train", str(dataset), "--out", str(run), *options]) == 0
    names = GaugeSegmenter.load(run / "best.safetensors").state_dict()
    assert any("attention" in name for name in names)


@pytest.mark.parametrize("kind", ["classifier", "regressor"])
def test_verify_takes_weights_of_every_kind(
    kind: str, mesh: TriMesh, tmp_path: Path, capsys
) -> None:
    torch.manual_seed(0)
    network = (
        MeshClassifier(ClassifierConfig(label_names=("a", "b"), **TINY))
        if kind == "classifier"
        else MeshRegressor(RegressorConfig(out_type="1x0 + 1x1", **TINY))
    )
    network.save(tmp_path / "weights.safetensors")
    mesh.save(tmp_path / "mesh.ply")
    weights = ["--weights", str(tmp_path / "weights.safetensors"), "--dtype", "float64"]
    command = ["verify", str(tmp_path / "mesh.ply"), *weights, "--samples", "1"]
    assert main(command) == 0
    assert "passed" in capsys.readouterr().out
    assert main(["segment", str(tmp_path / "mesh.ply"), *weights[:2]]) == 2
    assert f"gaugeconv-{kind}-1" in capsys.readouterr().err


def test_segment_smooths_on_request(mesh: TriMesh, tmp_path: Path, capsys) -> None:
    torch.manual_seed(0)
    model = GaugeSegmenter(SegmenterConfig(label_names=("a", "b", "c"), **TINY))
    model.save(tmp_path / "weights.safetensors")
    mesh.save(tmp_path / "mesh.ply")
    out = tmp_path / "out"
    command = ["segment", str(tmp_path / "mesh.ply"), "--out", str(out), "--json"]
    command += ["--weights", str(tmp_path / "weights.safetensors")]
    assert main([*command, "--smooth", "0.3"]) == 0
    assert json.loads(capsys.readouterr().out)["smoothing"] == 0.3
    with np.load(out.with_suffix(".npz")) as file:
        expected = smoothed_labels(mesh, file["probabilities"], 0.3)
        np.testing.assert_array_equal(file["face_labels"], expected)
    assert main([*command, "--smooth"]) == 0
    assert json.loads(capsys.readouterr().out)["smoothing"] == 0.1
