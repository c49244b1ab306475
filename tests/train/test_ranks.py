"""Training on two ranks of one machine against training on one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from gaugeconv.data import DatasetFolder
from gaugeconv.errors import DataError
from gaugeconv.models import GaugeSegmenter, SegmenterConfig
from gaugeconv.train import Ranks, RunFolder, TrainConfig, train
from gaugeconv.train.checkpoints import TrainState
from tests.train import distributed_run
from tests.train.distributed_run import run

ROOT = Path(__file__).parents[2]
ALONE = Ranks()


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, rings: DatasetFolder) -> Path:
    """Folders: `one` and `two` ranks; `two-then-one` and `one-then-two`, stopped and resumed."""
    folder = tmp_path_factory.mktemp("ranks")
    data = str(rings.path)
    run(data, str(folder / "one"), ALONE)
    run(data, str(folder / "one-then-two"), ALONE, stop=3)
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [sys.executable, *launcher, distributed_run.__file__, data, str(folder)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    (folder / "stopped").rename(folder / "two-then-one")
    run(data, str(folder / "two-then-one"), ALONE, resume=True)
    return folder


@pytest.fixture(scope="module")
def told(runs: Path) -> list[dict[str, Any]]:
    """What either rank has found out."""
    return [json.loads((runs / f"rank{rank}.json").read_text()) for rank in (0, 1)]


@pytest.mark.parametrize("name", ["two", "two-then-one", "one-then-two"])
def test_two_ranks_train_as_one_does_to_rounding(runs: Path, name: str) -> None:
    one, other = RunFolder(runs / "one"), RunFolder(runs / name)
    for first, second in zip(one.read_metrics(), other.read_metrics(), strict=True):
        for key in ("epoch", "step", "loss", "val_accuracy", "lr"):
            assert second[key] == pytest.approx(first[key], abs=1e-10)
    states = [TrainState.load(folder.last) for folder in (one, other)]
    for group in ("model", "best", "optimizer", "average"):
        expected, found = (getattr(state, group) for state in states)
        assert expected
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)
    weights = [dict(GaugeSegmenter.load(folder.best).state_dict()) for folder in (one, other)]
    torch.testing.assert_close(weights[1], weights[0], rtol=0, atol=1e-6)


def test_losses_differ_enough_for_a_wrong_denominator_to_show(runs: Path) -> None:
    losses = [record["loss"] for record in RunFolder(runs / "one").read_metrics()]
    assert min(losses) < 0.9 * max(losses)


def test_each_rank_prepares_its_share_and_no_more(told: list[dict[str, Any]]) -> None:
    for part in ("meshes", "stopped", "resumed"):
        shares = [found[part] for found in told]
        assert sorted(shares[0] + shares[1]) == [0, 1, 2, 3]
        assert all(shares)


def test_only_the_first_rank_writes(runs: Path) -> None:
    names = sorted(path.name for path in (runs / "two").iterdir())
    assert names == ["best.safetensors", "config.json", "last.safetensors", "metrics.jsonl"]
    assert len((runs / "two" / "metrics.jsonl").read_text().splitlines()) == 4


def test_gradients_are_added_up_and_unused_parameters_keep_none(
    told: list[dict[str, Any]],
) -> None:
    for found in told:
        assert found["gradients"] == [[3.0, 3.0], [3.0, 4.0], None]


def test_a_loss_that_is_not_finite_stops_every_rank(told: list[dict[str, Any]]) -> None:
    assert told[0]["loss"].startswith("the loss on a mesh of another rank is not finite")
    assert told[1]["loss"].startswith("the loss on a is not finite")


def test_ranks_with_other_data_are_refused(told: list[dict[str, Any]]) -> None:
    for found in told:
        agreed, refused = found["agreement"]
        assert agreed == "agreed"
        assert "do not see the same data" in refused


def test_the_command_line_trains_on_all_ranks_and_one_of_them_reports(
    told: list[dict[str, Any]],
) -> None:
    result = json.loads(told[0]["printed"])
    assert (result["epoch"], result["step"]) == (1, 1)
    assert Path(result["weights"]).is_file()
    assert told[1]["printed"] == ""


def test_more_ranks_than_meshes_in_a_batch_are_refused(
    tmp_path: Path, rings: DatasetFolder, tiny: SegmenterConfig
) -> None:
    config = TrainConfig(epochs=1, batch=2)
    with pytest.raises(DataError, match="3 ranks cannot share batches of 2: give a batch of 3"):
        train(rings, tmp_path / "run", config, tiny, ranks=Ranks(2, 3))
    assert not (tmp_path / "run").exists()
