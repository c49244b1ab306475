"""Recorded figures as the tables of the docs."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from benchmarks import harness, tables
from benchmarks.rows import layers

ROOT = Path(__file__).parents[1]


def test_entries_are_lines_and_figures_are_columns() -> None:
    figures = {
        "a": {"type": "2x0", "error_float64": 3e-16, "accuracy": 0.9137, "kernels": 7},
        "b": {"type": "1x1", "error_float64": 0.0, "accuracy": None, "kernels": 8},
    }
    assert tables.table(figures).splitlines() == [
        "| | type | error float64 | accuracy | kernels |",
        "|---|---|---|---|---|",
        "| a | `2x0` | 3e-16 | 0.914 | 7 |",
        "| b | `1x1` | 0 |  | 8 |",
    ]


def test_the_command_prints_what_was_recorded(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(harness, "RESULTS", tmp_path)
    (tmp_path / "row.json").write_text(json.dumps({"figures": {"x": {"y": 2}}}))
    monkeypatch.setattr(sys, "argv", ["tables", "row"])
    tables.main()
    assert "| x | 2 |" in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", ["tables", "other"])
    with pytest.raises(SystemExit):
        tables.main()
    assert "python -m benchmarks other" in capsys.readouterr().err


def test_the_tables_of_the_page_about_layers_are_the_recorded_ones() -> None:
    page = (ROOT / "docs" / "layers.md").read_text(encoding="utf-8")
    assert page.count("<!-- row ") == 4
    assert tables.updated(page) == page


def test_a_page_is_brought_up_to_date(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(harness, "RESULTS", tmp_path)
    (tmp_path / "row.json").write_text(json.dumps({"figures": {"x": {"y": 2}}}))
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- row row -->\nold\n<!-- end -->\nb\n")
    monkeypatch.setattr(sys, "argv", ["tables", "--page", str(page)])
    tables.main()
    assert page.read_text().splitlines()[2:5] == ["| | y |", "|---|---|", "| x | 2 |"]


def test_every_group_of_the_table_has_48_components() -> None:
    assert {layers.FieldType(spec, group).dim for group, _, spec in layers.TYPES} == {48}
