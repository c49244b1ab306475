"""The recorded measurements as Markdown: one section for every file of benchmarks/results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.rows import ROWS

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"
LONGEST = 24  # lines of a table that is shown without being opened


def described(row: str) -> str:
    """What a row measures: its docstring, or its line in benchmarks/README.md."""
    if row in ROWS and ROWS[row].__doc__:
        return str(ROWS[row].__doc__).strip().partition("\n\n")[0]
    for line in (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("|") and f"{row}.json" in line:
            return line.split("|")[1].strip().capitalize() + "."
    return ""


def text(value: Any) -> str:
    """A figure to three digits, whole numbers and words as they are."""
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value).replace("|", r"\|")
    if isinstance(value, int) or value == 0:
        return f"{int(value):,}"
    return f"{value:.1e}" if not 1e-3 <= abs(value) < 1e5 else f"{value:.3g}"


def named(key: Any) -> str:
    """A key as a heading: no underscores."""
    return str(key).replace("_", " ").replace("|", r"\|")


def is_plain(value: Any) -> bool:
    """Whether a value fits a cell."""
    if isinstance(value, list):
        return len(value) <= 12 and all(not isinstance(item, dict | list) for item in value)
    return not isinstance(value, dict)


def cell(value: Any) -> str:
    """A value as the text of a cell."""
    return ", ".join(map(text, value)) if isinstance(value, list) else text(value)


def rendered(figures: Any, depth: int = 0) -> list[str]:
    """Figures of any nesting as blocks of Markdown."""
    if isinstance(figures, list):
        figures = dict(enumerate(figures, start=1))
    entries = {key: value for key, value in figures.items() if value not in ({}, [])}
    if entries and all(
        isinstance(v, dict) and all(map(is_plain, v.values())) for v in entries.values()
    ):
        columns = list(dict.fromkeys(c for value in entries.values() for c in value))
        if len(columns) <= 9:
            rows = [[named(k), *(cell(v.get(c)) for c in columns)] for k, v in entries.items()]
            return [_table(["", *map(named, columns)], rows)]
    plain = [[named(k), cell(v)] for k, v in entries.items() if is_plain(v)]
    blocks = [_table(["", "figure"], plain)] if plain else []
    for key, value in entries.items():
        if not is_plain(value):
            blocks += [f"**{'— ' * depth}{named(key)}**", *rendered(value, depth + 1)]
    return blocks


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    whole = "\n".join(lines)
    if len(rows) <= LONGEST:
        return whole
    return f"<details><summary>{len(rows)} lines</summary>\n\n{whole}\n\n</details>"


def section(path: Path) -> str:
    """One file of results: what it is, the machine's facts, the figures."""
    record = json.loads(path.read_text(encoding="utf-8"))
    machine = ", ".join(f"{named(k)} {v}" for k, v in record["machine"].items())
    row = record["row"]
    blocks = [f"## {named(row)}", described(row), f"*{machine}*", *rendered(record["figures"])]
    return "\n\n".join(filter(None, blocks))


def page() -> str:
    """All recorded rows, by name."""
    return "\n\n".join(section(path) for path in sorted(RESULTS.glob("*.json")))
