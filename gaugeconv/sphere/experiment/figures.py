"""Figures of an experiment, of projected digits and of eigenvalues."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from gaugeconv.sphere.digits import ProjectedDigits
from gaugeconv.sphere.experiment.plan import TASKS
from gaugeconv.sphere.experiment.summary import best_row
from gaugeconv.sphere.grids import SphereGrid
from gaugeconv.sphere.plots import ball, mollweide, require_figure, save_figure
from gaugeconv.sphere.tasks import BACKGROUND
from gaugeconv.sphere.truth import Eigenvalue


def score_figure(summary: dict[str, Any], path: Path) -> Path:
    """Score against training-set size, one panel per task; dashed where training was augmented.

    Networks that were trained at one size only are left to the tables.

    Raises:
        DataError: matplotlib is missing.
        OSError: the file cannot be written.
    """
    figure = require_figure()(figsize=(11, 4))
    for axes, task in zip(figure.subplots(1, len(TASKS)), TASKS, strict=True):
        rows = [row for row in summary["rows"] if row["task"] == task]
        sizes = {name: {r["size"] for r in rows if r["network"] == name} for name in _names(rows)}
        everything = set().union(*sizes.values())
        names = [name for name, found in sizes.items() if len(found) == len(everything)]
        for index, name in enumerate(names):
            for augmented in (False, True):
                line = [r for r in rows if (r["network"], r["augmented"]) == (name, augmented)]
                axes.errorbar(
                    [row["size"] for row in line],
                    [row["score"] for row in line],
                    [row["score_spread"] or 0.0 for row in line],
                    color=f"C{index}",
                    linestyle="--" if augmented else "-",
                    marker="s" if augmented else "o",
                    capsize=3,
                    label=f"{name}, {'rotated' if augmented else 'at rest'}" if line else None,
                )
        axes.set(xscale="log", xlabel="training digits", title=task, ylim=(0, 1))
        axes.set_xticks(sorted(everything), labels=[str(size) for size in sorted(everything)])
        axes.minorticks_off()
        axes.set_ylabel("accuracy" if task == "classification" else "mean IoU of digits")
        axes.grid(alpha=0.3)
    axes.legend(fontsize=7, loc="upper left", bbox_to_anchor=(1.02, 1.0))  # one for both panels
    return save_figure(figure, path)


def _names(rows: list[dict[str, Any]]) -> list[str]:
    return sorted({row["network"] for row in rows})


def speed_figure(summary: dict[str, Any], path: Path) -> Path:
    """Best score without augmentation against the time for an image, per task.

    Raises:
        DataError: matplotlib is missing.
        OSError: the file cannot be written.
    """
    figure = require_figure()(figsize=(11, 4))
    for axes, task in zip(figure.subplots(1, len(TASKS)), TASKS, strict=True):
        for name, times in summary["speed"].get(task, {}).items():
            best = best_row(summary, task, name)
            if best is not None:
                axes.plot(times["per_image_ms"], best["score"], "o", label=name)
        axes.set(xscale="log", xlabel="milliseconds per image", title=task)
        axes.set_ylabel("best accuracy" if task == "classification" else "best mean IoU of digits")
        axes.grid(alpha=0.3)
        axes.legend(fontsize=7)
    return save_figure(figure, path)


def digit_figure(digits: ProjectedDigits, grid: SphereGrid, index: int, path: Path) -> Path:
    """One projected digit: signal and mask in Mollweide's projection, and the signal on the ball.

    Raises:
        DataError: matplotlib is missing.
        OSError: the file cannot be written.
    """
    item = digits[index]
    figure = require_figure()(figsize=(13, 3.5))
    signal = figure.add_subplot(1, 3, 1, projection="mollweide")
    mollweide(signal, grid, item.signal, cmap="gray")
    mask = figure.add_subplot(1, 3, 2, projection="mollweide")
    mollweide(mask, grid, item.mask, labels=True, cmap="tab20", vmin=0, vmax=BACKGROUND)
    below = item.rotation @ np.array([0.0, 0.0, -1.0])  # where the south pole has gone
    axes = figure.add_subplot(1, 3, 3, projection="3d")
    ball(axes, grid, item.signal, cmap="gray", seen_from=below)
    signal.set_title(f"signal ({grid.name})")
    mask.set_title("mask")
    return save_figure(figure, path)


def eigenvalue_figure(found: list[Eigenvalue], path: Path) -> Path:
    """Eigenvalues against degree: lines are analytic, markers measured on the grid's mesh.

    Raises:
        DataError: matplotlib is missing.
        OSError: the file cannot be written.
    """
    figure = require_figure()(figsize=(7, 4.5))
    axes = figure.add_subplot()
    pairs = sorted({(value.order_in, value.order_out) for value in found})
    for index, (m, n) in enumerate(pairs):
        here = [value for value in found if (value.order_in, value.order_out) == (m, n)]
        degrees = [value.degree for value in here]
        color = f"C{index}"
        axes.plot(degrees, [value.analytic for value in here], "-", color=color)
        axes.plot(degrees, [value.measured for value in here], "o", color=color, label=f"{m} → {n}")
    axes.set(xlabel="degree l", ylabel="eigenvalue / πR²")
    axes.grid(alpha=0.3)
    axes.legend(title="orders m → n", fontsize=8)
    return save_figure(figure, path)
