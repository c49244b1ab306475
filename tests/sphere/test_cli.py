from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from gaugeconv.cli import main
from gaugeconv.sphere import experiment
from tests.sphere.test_experiment import PLAN

pytest.importorskip("matplotlib", reason="figures need gaugeconv[sphere]")


@pytest.fixture(scope="module")
def results(digits_folder, tmp_path_factory) -> Path:
    """An experiment run from the command line, on a plan of two tiny cells."""
    pytest.importorskip("e3nn", reason="S2CNNs need gaugeconv[sphere]")
    out = tmp_path_factory.mktemp("cli") / "out"
    plan = replace(PLAN, sizes=(10,), seeds=(0,))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(experiment.PLANS, "quick", plan)
        words = ["sphere", "experiment", "--quick", "--data", str(digits_folder), "--out", str(out)]
        assert main([*words, "--digits", "2", "--json"]) == 0
    return out


def test_an_experiment_leaves_its_report(results):
    assert json.loads((results / "summary.json").read_text())["plan"] == "tiny"
    shown = {
        json.loads(path.read_text())["recipe"]["digits"]
        for path in (results / "cells" / "segmentation").rglob("*.json")
    }
    assert shown == {2}
    assert "## speed" in (results / "tables.md").read_text()


def test_tables_are_printed_and_put_into_a_document(results, tmp_path, capsys):
    assert main(["sphere", "report", str(results)]) == 0
    assert "| gauge-icosphere |" in capsys.readouterr().out
    page = tmp_path / "page.md"
    page.write_text("<!-- table: classification -->\n<!-- end -->\n")
    assert main(["sphere", "report", str(results), "--into", str(page)]) == 0
    assert "| cnn | at rest |" in page.read_text()
    assert main(["sphere", "report", str(results), "--json"]) == 0
    assert '"rows"' in capsys.readouterr().out


def test_digits_and_eigenvalues_are_drawn(digits_folder, tmp_path, capsys):
    picture = tmp_path / "digit.png"
    words = ["--data", str(digits_folder), "--grid", "icosphere", "--size", "2", "--rotated"]
    assert main(["sphere", "show", *words, "--digits", "2", "--out", str(picture)]) == 0
    assert picture.stat().st_size > 10_000
    figure = tmp_path / "truth.png"
    assert main(["sphere", "truth", "--subdivisions", "2", "--out", str(figure), "--json"]) == 0
    assert figure.stat().st_size > 10_000
    out = capsys.readouterr().out
    assert json.loads(out[out.index("[") :])[0]["analytic"] > 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["report", "nowhere"], "run the experiment"),
        (["show", "--data", "nowhere", "--out", "x.png"], "train-images"),
        (["show", "--data", "nowhere", "--out", "x.png", "--grid", "cube"], "no grid is called"),
        (["experiment", "--data", "nowhere", "--out", "out"], "required"),
        (["experiment", "--quick", "--data", "nowhere", "--out", "out"], "train-images"),
    ],
)
def test_bad_input_is_one_line(words, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["sphere", *words]) == 2
    error = capsys.readouterr().err
    assert message in error and len(error.splitlines()) == 1
