"""`python -m benchmarks.tables ROW …`: recorded figures as the Markdown tables of the docs."""

from __future__ import annotations

import argparse
import json
from typing import Any

from benchmarks import harness


def table(figures: dict[str, dict[str, Any]]) -> str:
    """One line per entry, one column per figure; figures to three digits."""
    columns = list(next(iter(figures.values())))
    lines = ["| | " + " | ".join(name.replace("_", " ") for name in columns) + " |"]
    lines.append("|---" * (len(columns) + 1) + "|")
    for name, entry in figures.items():
        lines.append(f"| {name} | " + " | ".join(_text(entry[c]) for c in columns) + " |")
    return "\n".join(lines)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return f"`{value}`"
    if isinstance(value, int) or value == 0:
        return str(value)
    return f"{value:.0e}" if value < 1e-3 else f"{value:.2g}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Prints results/ROW.json as Markdown tables; run `python -m benchmarks ROW` before."
    )
    parser.add_argument(
        "rows", nargs="+", metavar="ROW", help="rows whose entries have equal figures"
    )
    for row in parser.parse_args().rows:
        path = harness.RESULTS / f"{row}.json"
        if not path.is_file():
            parser.error(f"no results of {row!r}: run `python -m benchmarks {row}`")
        print(table(json.loads(path.read_text())["figures"]), end="\n\n")


if __name__ == "__main__":
    main()
