"""Recorded figures as Markdown: `python -m benchmarks.tables ROW …`, or `--page docs/layers.md`."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

from benchmarks import harness

NONE = "(not recorded yet)"
_PLACE = re.compile(r"(<!-- row (\w+) -->\n).*?(\n<!-- end -->)", re.DOTALL)


def table(figures: dict[str, dict[str, Any]]) -> str:
    """One line per entry, one column per figure; figures to two digits, accuracies to three."""
    columns = list(next(iter(figures.values())))
    lines = ["| | " + " | ".join(name.replace("_", " ") for name in columns) + " |"]
    lines.append("|---" * (len(columns) + 1) + "|")
    for name, entry in figures.items():
        lines.append(f"| {name} | " + " | ".join(_text(c, entry[c]) for c in columns) + " |")
    return "\n".join(lines)


def _text(column: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return f"`{value}`"
    if isinstance(value, int) or value == 0:
        return str(int(value))
    if column.endswith("accuracy"):
        return f"{value:.3f}"
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.0e}" if value < 1e-3 else f"{value:.2g}"


def recorded(row: str) -> str:
    """The table of `results/ROW.json`."""
    path = harness.RESULTS / f"{row}.json"
    if not path.is_file():
        return NONE
    figures = json.loads(path.read_text())["figures"]
    return table(figures.get("table", figures))


def updated(page: str) -> str:
    """The page with a recorded table between each `<!-- row ROW -->` and `<!-- end -->`."""
    return _PLACE.sub(lambda found: found[1] + recorded(found[2]) + found[3], page)


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Prints results/ROW.json as Markdown tables; run `python -m benchmarks ROW` before."
    )
    parser.add_argument(
        "rows", nargs="*", metavar="ROW", help="rows whose entries have equal figures"
    )
    parser.add_argument("--page", type=Path, help="a page whose tables to bring up to date")
    arguments = parser.parse_args()
    if arguments.page:
        text = arguments.page.read_text(encoding="utf-8")
        arguments.page.write_text(updated(text), encoding="utf-8")
    for row in arguments.rows:
        if not (harness.RESULTS / f"{row}.json").is_file():
            parser.error(f"no results of {row!r}: run `python -m benchmarks {row}`")
        print(recorded(row), end="\n\n")


if __name__ == "__main__":
    main()
