"""The whole experiment: cells, speed, summary, tables and figures in one folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from gaugeconv.errors import DataError, FileFormatError
from gaugeconv.files import read_json_object
from gaugeconv.sphere.experiment.figures import score_figure, speed_figure
from gaugeconv.sphere.experiment.plan import TASKS, Cell, Plan, cells
from gaugeconv.sphere.experiment.report import tables
from gaugeconv.sphere.experiment.runner import run_cells, write_json
from gaugeconv.sphere.experiment.search import searched
from gaugeconv.sphere.experiment.speed import measure_speed
from gaugeconv.sphere.experiment.summary import summarise

OnProgress = Callable[[str, int, int, str], None]
"""Called with a stage, what is done, what there is in all, and a note."""


@dataclass(frozen=True)
class Settings:
    """How an experiment is run.

    Attributes:
        data: folder of the MNIST files.
        out: folder for results, which may hold some already.
        jobs: processes side by side.
        device: where to train and measure.
        search: random layouts tried for every ordinary CNN; 0 for the plan's own.
    """

    data: str
    out: Path
    jobs: int = 1
    device: str = "cpu"
    search: int = 0


def run_experiment(
    plan: Plan, settings: Settings, on_progress: OnProgress | None = None
) -> dict[str, Any]:
    """Trains what is missing, measures speed, and writes summary.json, tables.md and figures.

    Interrupted, it goes on where it stopped: cells with a result are not trained again, nor is a
    speed measured twice.

    Args:
        plan: what to train.
        settings: how.
        on_progress: called as things are done.

    Returns:
        The summary.

    Raises:
        DataError: digits, packages or the device are missing.
        OSError: a file cannot be written.
    """
    if settings.device == "cuda" and not torch.cuda.is_available():
        raise DataError("PyTorch finds no CUDA device here; leave --device at cpu")
    tell = on_progress or _silent
    shared: dict[str, Any] = {"jobs": settings.jobs, "device": settings.device}
    networks = None
    if settings.search:
        networks = searched(
            plan,
            settings.search,
            settings.data,
            settings.out,
            on_cell=lambda done, total, cell: tell("search", done, total, str(cell.path)),
            **shared,
        )
    todo = cells(plan, networks)
    run_cells(
        todo,
        plan,
        settings.data,
        settings.out,
        on_cell=lambda done, total, cell: tell("training", done, total, str(cell.path)),
        **shared,
    )
    speed = _speed(plan, todo, settings, tell)
    summary = summarise(plan, todo, settings.out, speed)
    write_report(summary, settings.out)
    return summary


def write_report(summary: dict[str, Any], out: Path) -> None:
    """Writes summary.json, tables.md, scores.png and speed.png.

    Raises:
        DataError: matplotlib is missing.
        OSError: a file cannot be written.
    """
    write_json(out / "summary.json", summary)
    text = "\n\n".join(f"## {name}\n\n{table}" for name, table in tables(summary).items())
    (out / "tables.md").write_text(text + "\n", encoding="utf-8")
    score_figure(summary, out / "scores.png")
    speed_figure(summary, out / "speed.png")


def load_summary(out: Path) -> dict[str, Any]:
    """The summary of a finished experiment.

    Raises:
        DataError: there is none, or it cannot be read.
    """
    path = out / "summary.json"
    try:
        return read_json_object(path)
    except FileNotFoundError as error:
        raise DataError(f"no {path}; run the experiment to its end first") from error
    except FileFormatError as error:
        raise DataError(f"{error}; run the experiment again") from error


def _speed(
    plan: Plan, todo: list[Cell], settings: Settings, tell: OnProgress
) -> dict[str, dict[str, Any]]:
    """Speeds per task, from the folder where they are."""
    path = settings.out / "speed.json"
    contenders = {
        task: tuple(
            {c.contender.name: c.contender for c in todo if c.contender.task == task}.values()
        )
        for task in TASKS
    }
    key = json.loads(
        json.dumps({t: [c.to_dict() for c in found] for t, found in contenders.items()})
    )
    if path.is_file():
        stored = read_json_object(path)
        if stored.get("contenders") == key:
            speed: dict[str, dict[str, Any]] = stored["speed"]
            return speed
    measured: dict[str, dict[str, Any]] = {
        task: measure_speed(
            found,
            plan.batch,
            device=settings.device,
            on_round=lambda done, total, task=task: tell("speed", done, total, task),  # type: ignore[misc]
        )
        for task, found in contenders.items()
    }
    write_json(path, {"contenders": key, "speed": measured})
    return measured


def _silent(_stage: str, _done: int, _total: int, _note: str) -> None:
    """Tells nobody."""
