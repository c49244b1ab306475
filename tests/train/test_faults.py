"""What may happen to the machine during a run: kills, full disks, folders that cannot be written."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
import torch

from benchmarks.kill_resume import killed_run
from gaugeconv.cli import main
from gaugeconv.data import DatasetFolder
from gaugeconv.models import GaugeSegmenter, SegmenterConfig
from gaugeconv.train import RunFolder, TrainConfig, train
from gaugeconv.train.checkpoints import TrainState

RECIPE = TrainConfig(epochs=4, val_every=1, lr=0.02, ema=0.9, batch=2)


def assert_same_end(one: RunFolder, two: RunFolder) -> None:
    first, second = (dict(GaugeSegmenter.load(run.best).state_dict()) for run in (one, two))
    assert all(torch.equal(first[name], second[name]) for name in first)
    untimed = [[{**line, "seconds": None} for line in run.read_metrics()] for run in (one, two)]
    assert untimed[0] == untimed[1]


def test_three_kills_leave_whole_files_and_change_nothing(
    tmp_path: Path, rings: DatasetFolder
) -> None:
    figures = killed_run(rings.path, tmp_path, epochs=6, kills=3, seed=1)
    assert figures["weights_equal_bit_for_bit"]
    assert figures["metrics_equal"]
    assert figures["files_left"] == [
        "best.safetensors",
        "config.json",
        "last.safetensors",
        "metrics.jsonl",
    ]


def test_what_a_kill_left_half_written_is_swept_away(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    kept = [folder.last, folder.config, tmp_path / ".mine", tmp_path / ".last.txt"]
    left = [tmp_path / ".last.x1.safetensors", tmp_path / ".config.ab_.json"]
    for path in (*kept, *left):
        path.write_text("x")
    folder.sweep()
    assert sorted(tmp_path.iterdir()) == sorted(kept)


@pytest.mark.skipif(os.name != "posix", reason="limits of file size are POSIX's")
def test_a_disk_that_fills_up_stops_the_run_and_costs_no_finished_epoch(
    tmp_path: Path, rings: DatasetFolder, tiny: SegmenterConfig
) -> None:
    import resource

    unbroken = train(rings, tmp_path / "unbroken", RECIPE, tiny).run
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(stage: str, done: float, *_: object) -> None:
        if stage == "train" and done == 3:  # no file may grow beyond 2 kB from here on
            resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))

    broken = RunFolder(tmp_path / "run")
    try:
        with pytest.raises(OSError, match=r"cannot write into .*run \(.*make room, then go on"):
            train(rings, broken.path, RECIPE, tiny, on_progress=fill)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert TrainState.load(broken.last).progress.epoch == 2
    GaugeSegmenter.load(broken.best)
    assert not list(broken.path.glob(".*"))
    train(rings, broken.path, RECIPE, tiny, resume=True)
    assert_same_end(broken, unbroken)


def test_a_folder_that_becomes_read_only_stops_the_run_and_costs_no_finished_epoch(
    tmp_path: Path,
    rings: DatasetFolder,
    tiny: SegmenterConfig,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    unbroken = train(rings, tmp_path / "unbroken", RECIPE, tiny).run
    broken = RunFolder(tmp_path / "run")

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), "somewhere")

    def protect(stage: str, done: float, *_: object) -> None:
        if stage == "train" and done == 2:
            monkeypatch.setattr("tempfile.mkstemp", refuse)

    with pytest.raises(OSError, match="Read-only file system"):
        train(rings, broken.path, RECIPE, tiny, on_progress=protect)
    monkeypatch.undo()
    assert TrainState.load(broken.last).progress.epoch == 1
    train(rings, broken.path, RECIPE, tiny, resume=True)
    assert_same_end(broken, unbroken)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder closed even to root")
def test_an_output_that_cannot_be_written_is_one_line_before_any_work(
    rings: DatasetFolder, capfd: pytest.CaptureFixture[str]
) -> None:
    code = main(["train", str(rings.path), "--out", "/proc/gaugeconv-run", "--epochs", "1"])
    said = capfd.readouterr().err
    assert code == 2
    assert said.startswith("gaugeconv: error: cannot write into /proc")
    assert said.count("\n") == 1
