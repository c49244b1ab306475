"""Results as Markdown tables, and a document's tables renewed in place."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from gaugeconv.errors import DataError
from gaugeconv.files import atomic_path
from gaugeconv.sphere.experiment.plan import TASKS
from gaugeconv.sphere.experiment.summary import best_row

_MARK = re.compile(r"(<!-- table: ([\w-]+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
_MEASURE = {"classification": "accuracy", "segmentation": "mean IoU of the digits"}
_ORDER = {"s2cnn": 0, "gauge": 1, "planar": 2}


def tables(summary: dict[str, Any]) -> dict[str, str]:
    """Markdown of every table: per task its scores, "speed", "sampling" and "equal-accuracy"."""
    return {
        **{task: score_table(summary, task) for task in TASKS},
        "speed": speed_table(summary),
        "sampling": sampling_table(summary),
        "equal-accuracy": equal_accuracy_table(summary),
    }


def score_table(summary: dict[str, Any], task: str) -> str:
    """Scores on rotated digits, ± standard deviation over seeds; a column per training-set size."""
    rows = [row for row in summary["rows"] if row["task"] == task]
    sizes = sorted({row["size"] for row in rows})
    names = sorted({(_ORDER[row["family"]], row["network"], row["augmented"]) for row in rows})
    lines = [
        f"| network | trained | {' | '.join(f'{size} digits' for size in sizes)} |",
        f"|---|---|{'---|' * len(sizes)}",
    ]
    for _, name, augmented in names:
        found = {
            row["size"]: _with_spread(row, "score")
            for row in rows
            if (row["network"], row["augmented"]) == (name, augmented)
        }
        cells = " | ".join(found.get(size, "–") for size in sizes)
        lines.append(f"| {name} | {'rotated' if augmented else 'at rest'} | {cells} |")
    return _text(lines, f"{_MEASURE[task]} on rotated digits, {summary['seeds']} seeds")


def speed_table(summary: dict[str, Any]) -> str:
    """Parameters, latency, throughput and training time, in the form of Gerken et al. 2022."""
    lines = [
        "| task | network | parameters | latency | per image in batches | images/s "
        "| training step per image | training |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for task in TASKS:
        for name, times in summary["speed"].get(task, {}).items():
            row = best_row(summary, task, name)
            trained = "–" if row is None else f"{row['training_seconds']:.0f} s"
            lines.append(
                f"| {task} | {name} | {times['parameters']:,} | {times['latency_ms']:.1f} ms "
                f"| {times['per_image_ms']:.2f} ms | {1e3 / times['per_image_ms']:.0f} "
                f"| {times['training_ms']:.1f} ms | {trained} |"
            )
    return _text(lines)


def sampling_table(summary: dict[str, Any]) -> str:
    """The gauge network on every grid: points, error of rotation equivariance, score, speed."""
    size = max(row["size"] for row in summary["rows"])
    rows = [r for r in summary["rows"] if r["family"] == "gauge" and r["size"] == size]
    widest = {(r["task"], r["grid"]): r for r in sorted(rows, key=lambda r: int(r["parameters"]))}
    lines = [
        "| task | grid | rotation error | score, rotated | score, at rest | per image |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        same = widest[row["task"], row["grid"]]["network"] == row["network"]
        if same and not row["augmented"]:
            times = summary["speed"].get(row["task"], {}).get(row["network"])
            per_image = "–" if times is None else f"{times['per_image_ms']:.2f} ms"
            lines.append(
                f"| {row['task']} | {row['grid']} | {_with_spread(row, 'rotation_error')} "
                f"| {_with_spread(row, 'score')} | {_with_spread(row, 'score_at_rest')} | {per_image} |"
            )
    return _text(lines)


def equal_accuracy_table(summary: dict[str, Any]) -> str:
    """Every gauge network beside the S2CNN: best scores without augmentation, and speeds."""
    lines = [
        "| task | gauge network | its score | S2CNN | its score | times faster |",
        "|---|---|---|---|---|---|",
    ]
    for task in TASKS:
        speed = summary["speed"].get(task, {})
        for spectral in (name for name in speed if name.startswith("s2cnn")):
            theirs = best_row(summary, task, spectral)
            for name in (name for name in speed if name.startswith("gauge")):
                ours = best_row(summary, task, name)
                if ours is not None and theirs is not None:
                    ratio = speed[spectral]["per_image_ms"] / speed[name]["per_image_ms"]
                    lines.append(
                        f"| {task} | {name} | {_with_spread(ours, 'score')} | {spectral} "
                        f"| {_with_spread(theirs, 'score')} | {ratio:.1f} |"
                    )
    return _text(lines)


def fill(document: Path, summary: dict[str, Any]) -> list[str]:
    """Renews the tables between `<!-- table: NAME -->` and `<!-- end -->`; returns their names.

    Raises:
        DataError: the document names a table that there is none of, or none at all.
        OSError: it cannot be read or written.
    """
    made, filled = tables(summary), []

    def renewed(match: re.Match[str]) -> str:
        name = match[2]
        if name not in made:
            raise DataError(f"{document} asks for a table {name!r}; there are {', '.join(made)}")
        filled.append(name)
        return f"{match[1]}{made[name]}\n{match[4]}"

    text = _MARK.sub(renewed, document.read_text(encoding="utf-8"))
    if not filled:
        raise DataError(f"{document} has no place marked <!-- table: NAME --> … <!-- end -->")
    with atomic_path(document) as partial:
        partial.write_text(text, encoding="utf-8")
    return filled


def _with_spread(row: dict[str, Any], name: str) -> str:
    if row[name] is None:
        return "–"
    spread = row[f"{name}_spread"]
    return f"{row[name]:.3f}" + ("" if spread is None else f" ± {spread:.3f}")


def _text(lines: list[str], caption: str | None = None) -> str:
    table = "\n".join(lines)
    return table if caption is None else f"{caption}:\n\n{table}"
