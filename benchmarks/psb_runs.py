"""The segmentation benchmark with few shapes: trains and scores every category of PSB.

    python -m benchmarks.psb_runs --out out/psb                     # 13 categories, three on all splits
    python -m benchmarks.psb_runs --out out/psb --only Human Hand
    python -m benchmarks.psb_runs --out out/psb --record            # only results/psb.json

A run trains on the 12 shapes of its split with one thread, `--jobs` runs side by side, and keeps the last
weights; the 8 test shapes are opened once, when it is over. It leaves `result.json` in its folder and is
not repeated; one that was interrupted is resumed after its last epoch.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import psb
from benchmarks.harness import record
from gaugeconv.files import atomic_path
from gaugeconv.models import GaugeSegmenter

RECIPE = (
    *("--epochs", "24", "--augment", "7", "--mirror", "0.5", "--decimate", "0.5"),
    *("--hks", "16"),
)
SMOOTHING = 0.1
"""Of the graph cut; also recorded is the score without it."""

SPLITS = {"Human": 3, "Hand": 3, "Airplane": 3}
"""Splits of these categories; one of all others."""


@dataclass(frozen=True)
class Run:
    """One category and split, trained in a folder of its own below `out`."""

    category: str
    split: int
    out: Path

    @property
    def folder(self) -> Path:
        """Of the data, and of a folder for every recipe."""
        return self.out / f"{self.category}-{self.split}"

    @property
    def run(self) -> Path:
        """Of the present recipe; weights are in `best.safetensors`, figures in `result.json`."""
        return self.folder / "".join(RECIPE).removeprefix("--").replace("--", "-")

    @property
    def result(self) -> dict[str, Any] | None:
        """What it left; None before it is over."""
        path = self.run / "result.json"
        if not path.is_file():
            return None
        stored: dict[str, Any] = json.loads(path.read_text())
        return stored

    def train_and_score(self) -> None:
        """Trains, or goes on training; scores; writes `result.json`."""
        data, run = self.folder / "data", self.run
        if not (data / "split.json").is_file():
            psb.convert(self.category, data, self.split)
        go_on = ["--resume"] if (run / "config.json").is_file() else []
        command = [sys.executable, "-m", "gaugeconv", "train", str(data), "--out", str(run)]
        command += [*RECIPE, "--threads", "1", "--seed", "0", *go_on]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        with (self.folder / "log.txt").open("a") as log:
            subprocess.run(command, check=True, stdout=log, stderr=log, env=environment)
        with atomic_path(run / "result.json") as partial:
            partial.write_text(json.dumps(self._figures(run), indent=2) + "\n")

    def _figures(self, run: Path) -> dict[str, Any]:
        """Accuracies on the original meshes of the test shapes, and what training took."""
        weights = str(run / "best.safetensors")
        _, test = psb.split(self.category, self.split)
        last = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])
        model = GaugeSegmenter.load(weights)
        scores = {
            name: psb.evaluate(self.category, weights, test, smoothing)
            for name, smoothing in (("accuracy", 0.0), ("smoothed_accuracy", SMOOTHING))
        }
        return {
            **{name: float(np.mean(list(of_shape.values()))) for name, of_shape in scores.items()},
            "shapes": scores,
            "training_seconds": last["seconds"],
            "steps": last["step"],
            "parameters": sum(p.numel() for p in model.parameters()),
        }


def all_runs(out: Path, only: Iterable[str] | None = None) -> list[Run]:
    """Split 0 of all categories first, then the other splits."""
    chosen = list(psb.categories()) if only is None else list(only)
    runs = [Run(category, k, out) for category in chosen for k in range(SPLITS.get(category, 1))]
    return sorted(runs, key=lambda run: run.split)


def table(runs: list[Run]) -> dict[str, dict[str, Any]]:
    """Figures of what is finished, by category and split."""
    found = {f"{run.category}, split {run.split}": run.result for run in runs}
    return {
        name: {key: value for key, value in result.items() if key != "shapes"}
        for name, result in found.items()
        if result is not None
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of all runs")
    parser.add_argument("--only", nargs="+", metavar="CATEGORY", choices=list(psb.categories()))
    parser.add_argument("--jobs", type=int, default=2, help="runs side by side (default: 2)")
    parser.add_argument("--record", action="store_true", help="only write results/psb.json")
    arguments = parser.parse_args()
    runs = all_runs(arguments.out, arguments.only)
    if not arguments.record:
        for run in runs:
            run.folder.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(arguments.jobs) as pool:
            open_runs = [run for run in runs if run.result is None]
            for run, _ in zip(open_runs, pool.map(Run.train_and_score, open_runs), strict=True):
                result = run.result or {}
                print(
                    f"{run.category}, split {run.split}: {result['smoothed_accuracy']:.4f}",
                    flush=True,
                )
        return
    figures = table(runs)
    if not figures:
        parser.error(f"{arguments.out} holds no finished run of the present recipe")
    record("psb", {"recipe": list(RECIPE), "smoothing": SMOOTHING, "table": figures})


if __name__ == "__main__":
    main()
