"""The measurements can be run; what they measure is not a matter for tests."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import harness, psb, trained
from benchmarks.rows import ROWS
from gaugeconv.mesh import shapes

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("module", ["benchmarks", "benchmarks.psb"])
def test_help_is_printed(module: str) -> None:
    run = subprocess.run(
        [sys.executable, "-m", module, "--help"], cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    assert "usage" in run.stdout


def test_every_row_says_what_it_measures() -> None:
    assert all(row.__doc__ for row in ROWS.values())


def test_results_hold_figures_and_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(harness, "RESULTS", tmp_path)
    harness.record("row", {"x": 1})
    result = json.loads((tmp_path / "row.json").read_text())
    assert result["figures"] == {"x": 1}
    assert result["machine"]["torch"]


def test_a_training_run_is_summed_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness, "RESULTS", tmp_path / "results")
    (tmp_path / "config.json").write_text("{}")
    lines = [
        {"epoch": 1, "step": 5, "seconds": 1.0, "val_accuracy": 0.5},
        {"epoch": 2, "step": 10, "seconds": 2.0, "val_accuracy": None},
    ]
    text = "\n".join(json.dumps(line) for line in lines)
    (tmp_path / "metrics.jsonl").write_text(text)
    trained.main(tmp_path, "run")
    figures = json.loads((tmp_path / "results" / "run.json").read_text())["figures"]
    assert (figures["epochs"], figures["best_epoch"]) == (2, 1)


def test_accuracy_is_the_share_of_the_original_area() -> None:
    mesh = shapes.icosphere(0)
    labels = np.arange(20) % 3
    area = np.zeros((20, 3))
    area[np.arange(20), labels] = 0.04
    area[0, 2] += 0.2  # a part of the original mesh that the small face hides
    shape = psb.Shape("x", mesh, labels, area)
    assert psb.original_accuracy(shape, labels) == pytest.approx(0.8)
    assert psb.original_accuracy(shape, np.where(labels == 1, 0, labels)) < 0.8
