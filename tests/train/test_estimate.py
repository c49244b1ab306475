from __future__ import annotations

import json
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch

from gaugeconv.cli import main
from gaugeconv.data import DatasetFolder
from gaugeconv.errors import GaugeConvError
from gaugeconv.models import SegmenterConfig
from gaugeconv.train import TrainConfig, estimate, train
from gaugeconv.train.estimate import bytes_held


def test_an_estimate_extrapolates_from_one_mesh(
    rings: DatasetFolder, tiny: SegmenterConfig
) -> None:
    config = TrainConfig(epochs=10, val_every=5, augment=2)
    found = estimate(rings, config, tiny)
    assert (found.meshes, found.validation_meshes, found.epochs) == (6, 1, 10)
    assert found.vertices == 7 * 72
    parts = found.geometry_seconds + 10 * found.epoch_seconds + 3 * found.validation_seconds
    assert found.total_seconds == pytest.approx(parts)
    assert min(found.geometry_seconds, found.epoch_seconds, found.validation_seconds) > 0
    assert json.loads(json.dumps(found.to_dict()))["disk_mb"] > 0
    timed = estimate(rings, TrainConfig(epochs=None, minutes=1.0), tiny)
    assert timed.epochs * timed.epoch_seconds == pytest.approx(60, rel=0.1)


def test_memory_is_counted_once_for_each_tensor() -> None:
    tensor, array = torch.zeros(10), np.zeros(5)
    assert bytes_held({"a": (tensor, tensor[:3]), "b": [array, array], "c": 1.0}) == 120
    assert bytes_held(object()) == 0


def test_a_dry_run_tells_and_leaves_no_trace(
    tmp_path: Path, rings: DatasetFolder, capfd: pytest.CaptureFixture[str]
) -> None:
    before = sorted(rings.path.rglob("*"))
    words = ["train", str(rings.path), "--out", str(tmp_path / "run"), "--width", "0.1"]
    assert main([*words, "--dry-run", "--epochs", "3"]) == 0
    said = capfd.readouterr()
    assert said.err == ""
    assert "an epoch, 3 epochs" in said.out
    assert main([*words, "--dry-run", "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["meshes"] == 2
    assert not (tmp_path / "run").exists()
    assert sorted(rings.path.rglob("*")) == before


def test_without_tensorboard_the_error_says_what_to_install(
    tmp_path: Path, rings: DatasetFolder, tiny: SegmenterConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(GaugeConvError, match=r"install gaugeconv\[tensorboard\]"):
        train(rings, tmp_path / "run", TrainConfig(epochs=1), tiny, tensorboard=True)
    assert not (tmp_path / "run").exists()


class Writer:
    """Stands for TensorBoard's, which need not be installed: remembers what it is told."""

    made: list[Writer]

    def __init__(self, folder: str, purge_step: int) -> None:
        self.folder, self.purge_step = Path(folder), purge_step
        self.scalars: list[tuple[str, float, int]] = []
        self.closed = False
        self.made.append(self)

    def add_scalar(self, name: str, value: float, epoch: int) -> None:
        self.scalars.append((name, value, epoch))

    def flush(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True


def test_events_are_the_lines_of_the_metrics_also_after_resuming(
    tmp_path: Path, rings: DatasetFolder, tiny: SegmenterConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Writer, "made", [], raising=False)
    monkeypatch.setitem(sys.modules, "tensorboard", types.ModuleType("tensorboard"))
    module = types.ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = Writer  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    config = TrainConfig(epochs=2, val_every=2)
    for resume in (False, True):
        folder = train(rings, tmp_path / "run", config, tiny, resume, tensorboard=True).run
    expected = [
        (name, value, record["epoch"])
        for record in folder.read_metrics()
        for name, value in record.items()
        if name != "epoch" and value is not None
    ]
    assert len(Writer.made) == 2
    for writer in Writer.made:
        assert writer.scalars == expected
        assert writer.closed
        assert (writer.folder, writer.purge_step) == (folder.path / "tensorboard", 0)


def test_tensorboard_reads_the_events(
    tmp_path: Path, rings: DatasetFolder, tiny: SegmenterConfig
) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    folder = train(rings, tmp_path / "run", TrainConfig(epochs=2), tiny, tensorboard=True).run
    events = EventAccumulator(str(folder.path / "tensorboard"))
    events.Reload()
    read = [(scalar.step, scalar.value) for scalar in events.Scalars("loss")]
    assert read == [
        (record["epoch"], pytest.approx(record["loss"], rel=1e-6))
        for record in folder.read_metrics()
    ]
