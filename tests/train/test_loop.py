from __future__ import annotations

import json
import shutil
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from gaugeconv.data import DatasetFolder
from gaugeconv.errors import DataError, FileFormatError
from gaugeconv.models import GaugeSegmenter, SegmenterConfig
from gaugeconv.train import RunFolder, TrainConfig, train
from gaugeconv.train.checkpoints import Progress, TrainState
from gaugeconv.train.prepare import OnProgress
from gaugeconv.train.schedule import Schedule

FAST = TrainConfig(epochs=3, val_every=1, warmup_steps=2, lr=0.02, augment=1, batch=3, seed=3)


class Crash(BaseException):
    """What a kill looks like from inside: no handler of the library catches it."""


def crash_at(step: int) -> OnProgress:
    def tell(stage: str, done: float, *_: object) -> None:
        if stage == "train" and done == step:
            raise Crash

    return tell


def weights(path: Path) -> dict[str, torch.Tensor]:
    return dict(GaugeSegmenter.load(path).state_dict())


def assert_same_run(one: RunFolder, two: RunFolder) -> None:
    first, second = weights(one.best), weights(two.best)
    assert all(torch.equal(first[name], second[name]) for name in first)
    states = [TrainState.load(run.last) for run in (one, two)]
    for group in ("model", "best", "optimizer"):
        first, second = (getattr(state, group) for state in states)
        assert all(torch.equal(first[name], second[name]) for name in first)
    untimed = [[{**record, "seconds": None} for record in run.read_metrics()] for run in (one, two)]
    assert untimed[0] == untimed[1]


@pytest.fixture(scope="module")
def unbroken(
    tmp_path_factory: pytest.TempPathFactory, rings: DatasetFolder, tiny: SegmenterConfig
) -> RunFolder:
    return train(rings, tmp_path_factory.mktemp("run") / "unbroken", FAST, tiny).run


def test_a_run_leaves_what_it_promises(unbroken: RunFolder, tiny: SegmenterConfig) -> None:
    names = sorted(path.name for path in unbroken.path.iterdir())
    assert names == ["best.safetensors", "config.json", "last.safetensors", "metrics.jsonl"]
    record = unbroken.read_config()
    assert TrainConfig.from_dict(record["train"]) == FAST
    assert SegmenterConfig.from_json(json.dumps(record["model"])) == tiny
    assert record["labels"] == ["inner", "outer"]
    assert record["facts"]["threads"] == torch.get_num_threads()
    records = [json.loads(line) for line in unbroken.metrics.read_text().splitlines()]
    assert [record["epoch"] for record in records] == [1, 2, 3]
    assert [record["step"] for record in records] == [2, 4, 6]
    keys = {"epoch", "step", "loss", "val_accuracy", "lr", "seconds"}
    assert all(set(record) == keys for record in records)
    assert 0 < records[-1]["lr"] < records[1]["lr"] < FAST.lr


def test_training_finds_what_there_is_to_learn(
    tmp_path: Path, rings: DatasetFolder, tiny: SegmenterConfig
) -> None:
    config = TrainConfig(epochs=20, lr=0.02, warmup_steps=5)
    result = train(rings, tmp_path / "run", config, tiny)
    losses = [record["loss"] for record in result.run.read_metrics()]
    assert losses[-1] < 0.5 * losses[0]
    assert result.progress.best_accuracy is not None
    assert result.progress.best_accuracy > 0.95
    best = max(r["val_accuracy"] or 0.0 for r in result.run.read_metrics())
    assert result.progress.best_accuracy == best
    assert result.to_dict()["best_accuracy"] == best


@pytest.mark.parametrize("step", [1, 3, 6])
def test_a_resumed_run_ends_with_the_very_same_weights(
    tmp_path: Path,
    rings: DatasetFolder,
    tiny: SegmenterConfig,
    unbroken: RunFolder,
    step: int,
) -> None:
    with pytest.raises(Crash):
        train(rings, tmp_path / "run", FAST, tiny, on_progress=crash_at(step))
    resumed = train(rings, tmp_path / "run", FAST, tiny, resume=True)
    assert resumed.progress.step == 6
    assert_same_run(resumed.run, unbroken)


def test_a_crash_between_metrics_and_state_is_repaired(
    tmp_path: Path, rings: DatasetFolder, tiny: SegmenterConfig, unbroken: RunFolder
) -> None:
    folder = RunFolder(tmp_path / "run")
    with pytest.raises(Crash):
        train(rings, folder.path, FAST, tiny, on_progress=crash_at(5))
    folder.append_metrics({"epoch": 3, "step": 6, "loss": 9.0})
    with folder.metrics.open("a") as file:
        file.write('{"epoch": 3, "st')
    folder.best.write_bytes(b"half")
    train(rings, folder.path, FAST, tiny, resume=True)
    assert_same_run(folder, unbroken)


def test_a_finished_run_is_resumed_without_work(
    tmp_path: Path, rings: DatasetFolder, tiny: SegmenterConfig, unbroken: RunFolder
) -> None:
    shutil.copytree(unbroken.path, tmp_path / "run")
    stages: set[str] = set()
    result = train(rings, tmp_path / "run", FAST, tiny, True, lambda stage, *_: stages.add(stage))
    assert stages == set()
    assert result.progress.epoch == 3
    assert_same_run(result.run, unbroken)


def test_without_validation_the_last_weights_are_taken(
    tmp_path: Path, rings: DatasetFolder, tiny: SegmenterConfig
) -> None:
    shutil.copytree(rings.path, tmp_path / "set")
    (tmp_path / "set" / "split.json").write_text(json.dumps({"train": ["a"], "test": ["d"]}))
    dataset = DatasetFolder(tmp_path / "set")
    config = TrainConfig(epochs=2, warmup_steps=0)
    result = train(dataset, tmp_path / "run", config, tiny)
    assert result.progress.best_accuracy is None
    assert result.progress.best_epoch == 2
    assert [record["val_accuracy"] for record in result.run.read_metrics()] == [None, None]
    model = GaugeSegmenter.load(result.run.best)
    assert model.config.label_names == ("inner", "outer")


def test_a_time_budget_ends_the_run_with_the_rate_near_its_floor(
    tmp_path: Path, rings: DatasetFolder, tiny: SegmenterConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = count()  # a step takes a second
    clock = SimpleNamespace(perf_counter=lambda: float(next(ticks)))
    monkeypatch.setattr("gaugeconv.train.trainer.time", clock)
    config = TrainConfig(epochs=None, minutes=0.15, lr=0.01, warmup_steps=2, val_every=2)
    result = train(rings, tmp_path / "run", config, tiny)
    records = result.run.read_metrics()
    assert [record["step"] for record in records] == [2, 4, 6, 8, 9]
    assert [record["val_accuracy"] is not None for record in records] == [False, True] * 2 + [True]
    assert result.progress.seconds == 9.0
    last = Schedule(config, 2).learning_rate(Progress(step=8, seconds=8.0))
    assert records[-1]["lr"] == last < 0.001
    again = train(rings, tmp_path / "run", config, tiny, resume=True)
    assert again.progress == result.progress


def test_the_callers_generator_is_left_alone(
    tmp_path: Path, rings: DatasetFolder, tiny: SegmenterConfig, unbroken: RunFolder
) -> None:
    torch.manual_seed(99)
    expected = torch.rand(3)
    torch.manual_seed(99)
    result = train(rings, tmp_path / "run", FAST, tiny)
    assert torch.equal(torch.rand(3), expected)
    assert_same_run(result.run, unbroken)


def test_another_seed_gives_another_network(
    tmp_path: Path, rings: DatasetFolder, tiny: SegmenterConfig
) -> None:
    runs = [
        train(rings, tmp_path / str(seed), TrainConfig(epochs=1, seed=seed), tiny).run
        for seed in (0, 1)
    ]
    first, second = (weights(run.best) for run in runs)
    assert not all(torch.equal(first[name], second[name]) for name in first)


def test_a_run_is_not_started_over_another(
    rings: DatasetFolder, tiny: SegmenterConfig, unbroken: RunFolder
) -> None:
    with pytest.raises(DataError, match="already holds a run"):
        train(rings, unbroken.path, FAST, tiny)


def test_what_cannot_be_resumed_is_refused(
    tmp_path: Path, rings: DatasetFolder, tiny: SegmenterConfig, unbroken: RunFolder
) -> None:
    with pytest.raises(DataError, match=r"no run to resume: .*config\.json is missing"):
        train(rings, tmp_path / "nothing", FAST, tiny, resume=True)
    with pytest.raises(DataError, match=r"train: epochs 3 then, 60 now, .*lr 0\.02 then, 0\.003"):
        train(rings, unbroken.path, TrainConfig(), tiny, resume=True)
    shutil.copytree(unbroken.path, tmp_path / "run")
    shutil.copytree(rings.path, tmp_path / "set")
    split = {"train": ["b", "a"], "val": ["c"]}
    (tmp_path / "set" / "split.json").write_text(json.dumps(split))
    with pytest.raises(DataError, match="changed after"):
        train(DatasetFolder(tmp_path / "set"), tmp_path / "run", FAST, tiny, resume=True)
    last = tmp_path / "run" / "last.safetensors"
    last.write_bytes(last.read_bytes()[:-5])
    with pytest.raises(FileFormatError, match=r"last\.safetensors"):
        train(rings, tmp_path / "run", FAST, tiny, resume=True)
    (tmp_path / "run" / "config.json").write_text("{")
    with pytest.raises(FileFormatError, match=r"config\.json is damaged"):
        train(rings, tmp_path / "run", FAST, tiny, resume=True)


def test_bad_labels_are_refused_before_anything_is_written(
    tmp_path: Path, rings: DatasetFolder, tiny: SegmenterConfig
) -> None:
    shutil.copytree(rings.path, tmp_path / "set")
    (tmp_path / "set" / "labels").mkdir()
    np.savetxt(tmp_path / "set" / "labels" / "c.txt", np.zeros(7), fmt="%d")
    with pytest.raises(DataError, match=r"c\.txt has 7 labels"):
        train(DatasetFolder(tmp_path / "set"), tmp_path / "run", FAST, tiny)
    assert not (tmp_path / "run").exists()
