"""Results of all cells of an experiment, gathered and averaged over seeds."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

from gaugeconv.errors import DataError
from gaugeconv.sphere.experiment.plan import TASKS, Cell, Plan
from gaugeconv.sphere.experiment.runner import finished

_AVERAGED = ("score", "score_at_rest", "rotation_error", "training_seconds")


def summarise(
    plan: Plan, todo: list[Cell], out: Path, speed: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    """All results as plain data.

    Args:
        plan: the plan.
        todo: its cells.
        out: the experiment's folder; cells without a result there are left out.
        speed: per task, what `measure_speed` found.

    Returns:
        {"plan": name, "rows": [...], "speed": ...}; a row has task, network, size, augmented, seeds and,
        for every figure, its mean and standard deviation over seeds (`score`, `score_spread`, …).

    Raises:
        DataError: there is no result at all.
    """
    groups: dict[tuple[str, str, int, bool], list[dict[str, Any]]] = {}
    for cell in todo:
        figures = finished(cell, plan, out)
        if figures is not None:
            key = (cell.contender.task, cell.contender.name, cell.size, cell.augmented)
            groups.setdefault(key, []).append({**figures, "family": cell.contender.family})
    if not groups:
        raise DataError(
            f"{out} holds no results of the plan {plan.name!r}; run the experiment first"
        )
    order = {task: i for i, task in enumerate(TASKS)}
    rows = [_row(key, runs) for key, runs in groups.items()]
    rows.sort(key=lambda row: (order[row["task"]], row["network"], row["size"], row["augmented"]))
    return {"plan": plan.name, "seeds": len(plan.seeds), "rows": rows, "speed": speed}


def _row(key: tuple[str, str, int, bool], runs: list[dict[str, Any]]) -> dict[str, Any]:
    task, network, size, augmented = key
    row: dict[str, Any] = {
        "task": task,
        "network": network,
        "family": runs[0]["family"],
        "grid": runs[0]["grid"],
        "parameters": runs[0]["parameters"],
        "size": size,
        "augmented": augmented,
        "runs": len(runs),
    }
    for name in _AVERAGED:
        values = [run[name] for run in runs if run[name] is not None]
        row[name] = statistics.fmean(values) if values else None
        row[f"{name}_spread"] = statistics.stdev(values) if len(values) > 1 else None
    return row


def best_row(summary: dict[str, Any], task: str, network: str) -> dict[str, Any] | None:
    """The row of a network with the highest score of those trained at rest; None without any."""
    rows = [
        row
        for row in summary["rows"]
        if row["task"] == task and row["network"] == network and not row["augmented"]
    ]
    return max(rows, key=lambda row: row["score"], default=None)
