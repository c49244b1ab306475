"""Kills a training run again and again and compares the end with an unbroken run's.

`python -m benchmarks.kill_resume [--kills 20]` trains a tiny network on four of the bundled bodies
in processes that receive SIGKILL at random moments: while they prepare geometry, compute, or write.
After every kill all files must be whole; the next process resumes. In the end the weights must
equal, bit for bit, those of a run that nobody disturbed.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import torch

from benchmarks.harness import record
from gaugeconv.data import DatasetFolder
from gaugeconv.models import GaugeSegmenter, SegmenterConfig
from gaugeconv.train import RunFolder, TrainConfig, train
from gaugeconv.train.checkpoints import TrainState

BODIES = Path(__file__).parents[1] / "meshes" / "bodies"
NETWORK = {
    "sizes": (64,),
    "types": ("6x0 + 3x1 + 2x2",),
    "vertex_type": "6x0 + 2x1",
    "blocks": (1,),
}
RECIPE = {"val_every": 2, "warmup_steps": 5, "lr": 0.01, "ema": 0.9, "class_balance": 0.5}
START = 0.15
"""The share of kills that strike within the first seconds of a process, not in an epoch."""
PATIENCE = 120.0
"""Seconds after which a process that does not come forward is given up."""


def train_in_child(data: Path, out: Path, epochs: int) -> None:
    """What a child process does, on one thread; resumes when there is something to resume."""
    torch.set_num_threads(1)
    dataset = DatasetFolder(data)
    network = SegmenterConfig(label_names=dataset.label_names, **NETWORK)
    resume = RunFolder(out).config.exists()
    train(dataset, out, TrainConfig(epochs=epochs, **RECIPE), network, resume)


def killed_run(data: Path, folder: Path, epochs: int, kills: int, seed: int) -> dict[str, Any]:
    """Trains once without disturbance and once with kills, below an empty folder.

    Returns:
        What was counted and seen: JSON-ready.

    Raises:
        FileFormatError: a file was not whole after a kill.
        RuntimeError: a process failed by itself, or a resumed one did not go on from the last epoch.
    """
    rng = random.Random(seed)
    unbroken, broken = RunFolder(folder / "unbroken"), RunFolder(folder / "broken")
    _finish(_start(int))  # from here on, the server has imported everything
    whole = _start(train_in_child, data, unbroken.path, epochs)
    began = time.perf_counter()
    _wait_for(whole, unbroken, 1)
    setup = time.perf_counter() - began
    _finish(whole)
    epoch_seconds = (time.perf_counter() - began - setup) / (epochs - 1)
    early = max(1, round(START * kills))
    moments = sorted([0] * early + [rng.randrange(1, epochs) for _ in range(kills - early)])
    seen = [0]
    for moment in moments:
        lines = _lines(broken)[: seen[-1]]
        child = _start(train_in_child, data, broken.path, epochs)
        if moment:
            _wait_for(child, broken, moment)
        time.sleep(rng.uniform(0, epoch_seconds if moment else setup))
        child.kill()
        child.join()
        seen.append(_require_whole(broken, lines))
    _finish(_start(train_in_child, data, broken.path, epochs))
    return {
        "kills": kills,
        "epochs": epochs,
        "seed": seed,
        "epochs_stored_at_the_kills": seen[1:],
        "setup_seconds": round(setup, 3),
        "epoch_seconds": round(epoch_seconds, 4),
        "weights_equal_bit_for_bit": _same(unbroken, broken),
        "metrics_equal": _untimed(unbroken) == _untimed(broken),
        "files_left": sorted(path.name for path in broken.path.iterdir()),
    }


def _start(work: Callable[..., Any], *args: Any) -> BaseProcess:
    """A child of a server that has imported everything, so that no child has to."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["gaugeconv.train", "benchmarks.harness"])
    child = context.Process(target=work, args=args)
    child.start()
    return child


def _finish(child: BaseProcess) -> None:
    child.join()
    if child.exitcode != 0:
        raise RuntimeError(f"a training process ended with code {child.exitcode}")


def _wait_for(child: BaseProcess, folder: RunFolder, epoch: int) -> None:
    """Returns once the epoch is in metrics.jsonl or the child is over."""
    deadline = time.perf_counter() + PATIENCE
    while child.is_alive() and len(_lines(folder)) < epoch:
        if time.perf_counter() > deadline:
            child.kill()
            raise RuntimeError(f"epoch {epoch} was not reached in {PATIENCE:.0f} s")
        time.sleep(0.002)


def _lines(folder: RunFolder) -> list[str]:
    return folder.metrics.read_text().splitlines() if folder.metrics.exists() else []


def _require_whole(folder: RunFolder, lines: list[str]) -> int:
    """The epoch that is stored after a kill; every file must load.

    The lines of the epochs stored before must be there as they were: they hold measured seconds, so a
    run that had begun anew would have others.
    """
    if not folder.last.exists():
        return 0
    folder.read_config()
    progress = TrainState.load(folder.last).progress
    if progress.best_epoch:
        GaugeSegmenter.load(folder.best)
    if _lines(folder)[: len(lines)] != lines:
        raise RuntimeError(f"{folder.path} did not go on after epoch {len(lines)}")
    return progress.epoch


def _same(one: RunFolder, two: RunFolder) -> bool:
    """Whether weights, averages and optimiser agree bit for bit."""
    first, second = TrainState.load(one.last), TrainState.load(two.last)
    pairs = [
        (getattr(first, g), getattr(second, g)) for g in ("model", "best", "optimizer", "average")
    ]
    pairs.append(tuple(dict(GaugeSegmenter.load(run.best).state_dict()) for run in (one, two)))
    return all(
        a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a) for a, b in pairs
    )


def _untimed(folder: RunFolder) -> list[dict[str, Any]]:
    return [{**line, "seconds": None} for line in folder.read_metrics()]


def bodies(folder: Path) -> Path:
    """A dataset of three bundled bodies to train on and one to validate on."""
    bundled = DatasetFolder(BODIES)
    names = bundled.names("test")[:4]
    splits = {"train": names[:3], "val": names[3:]}
    DatasetFolder.write(folder, map(bundled.load, names), bundled.label_names, splits)
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="gaugeconv-kill-"))
    try:
        data = bodies(folder / "bodies")
        figures = killed_run(data, folder, args.epochs, args.kills, args.seed)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    record("kill_resume", figures)
    if not (figures["weights_equal_bit_for_bit"] and figures["metrics_equal"]):
        sys.exit("the resumed run ended elsewhere than the unbroken one")


if __name__ == "__main__":
    main()
