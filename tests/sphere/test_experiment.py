from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from gaugeconv.errors import DataError
from gaugeconv.sphere.experiment import (
    PLANS,
    Cell,
    Plan,
    Settings,
    cells,
    fill,
    load_summary,
    plan_named,
    run_experiment,
    tables,
)
from gaugeconv.sphere.experiment.contenders import Contender, GridSpec
from gaugeconv.sphere.experiment.runner import finished, run_cells
from gaugeconv.sphere.experiment.search import candidates, searched
from gaugeconv.sphere.experiment.training import score, segmentation_loss, split_digits, train_cell
from gaugeconv.sphere.gauge import GaugeLayout
from gaugeconv.sphere.grids import fibonacci
from gaugeconv.sphere.planar import PlanarLayout
from gaugeconv.sphere.tasks import BACKGROUND


def tiny(task) -> tuple[Contender, ...]:
    gauge = GaugeLayout(("2x0 + 1x1",), (1,), "2x0")
    return (
        Contender("cnn", task, PlanarLayout(4, (3, 4), (3, 3), (1, 2))),
        Contender("gauge-icosphere", task, gauge, GridSpec("icosphere", 1), (12,), nested=True),
    )


PLAN = Plan(
    name="tiny",
    networks=tiny,
    extra=lambda _: (),
    sizes=(10, 20),
    seeds=(0, 1),
    batch=4,
    steps={"planar": 2, "gauge": 2},
    epochs=0,
    rates={"planar": 1e-3, "gauge": 1e-3},
    test_images=8,
)


@pytest.fixture(scope="module")
def result(digits_folder, tmp_path_factory):
    pytest.importorskip("matplotlib", reason="figures need gaugeconv[sphere]")
    out = tmp_path_factory.mktemp("experiment")
    summary = run_experiment(PLAN, Settings(str(digits_folder), out))
    return out, summary


def test_one_file_per_cell_and_a_report(result):
    out, summary = result
    # the CNN: 2 sizes × 2, the gauge network: 2 at rest and the largest rotated; × 2 seeds × 2 tasks
    assert len(cells(PLAN)) == (4 + 3) * 2 * 2
    assert len(list((out / "cells").rglob("*.json"))) == len(cells(PLAN))
    assert {row["runs"] for row in summary["rows"]} == {2}
    for name in ("summary.json", "tables.md", "scores.png", "speed.png", "speed.json"):
        assert (out / name).stat().st_size > 100
    assert load_summary(out) == json.loads(json.dumps(summary))


def test_finished_cells_are_not_trained_again(result, digits_folder, monkeypatch):
    out, summary = result
    trained: list[Path] = []

    def record(cell: Cell, *rest):
        trained.append(cell.path)
        return train_cell(cell, *rest)

    monkeypatch.setattr("gaugeconv.sphere.experiment.runner.train_cell", record)
    lost = cells(PLAN)[3]
    (out / lost.path).unlink()
    (out / cells(PLAN)[5].path).write_text("{")
    again = run_experiment(PLAN, Settings(str(digits_folder), out))
    assert trained == [lost.path, cells(PLAN)[5].path]
    scores = [[row["score"] for row in found["rows"]] for found in (summary, again)]
    assert scores[0] == scores[1]
    assert finished(lost, replace(PLAN, batch=5), out) is None  # another recipe


def test_a_cell_gives_the_same_figures_again(digits_folder):
    cell = Cell(tiny("segmentation")[1], 10, True, 3)
    state = torch.random.get_rng_state()
    first, second = (train_cell(cell, PLAN, str(digits_folder)) for _ in range(2))
    assert torch.equal(state, torch.random.get_rng_state())
    for name in ("score", "score_at_rest", "rotation_error", "loss"):
        assert first[name] == second[name]
    other = train_cell(replace(cell, seed=4), PLAN, str(digits_folder))
    assert other["loss"] != first["loss"]


def test_processes_side_by_side_give_the_same(digits_folder, tmp_path):
    todo = [Cell(tiny("classification")[0], 10, False, seed) for seed in (0, 1)]
    plan = replace(PLAN, networks=PLANS["quick"].networks, extra=PLANS["quick"].extra)  # picklable
    for jobs in (1, 2):
        run_cells(todo, plan, str(digits_folder), tmp_path / str(jobs), jobs=jobs)
    for cell in todo:
        one, two = (finished(cell, plan, tmp_path / jobs) for jobs in ("1", "2"))
        assert one is not None and two is not None
        assert one["score"] == two["score"]


def test_tables_hold_every_cell(result):
    _, summary = result
    made = tables(summary)
    assert set(made) == {"classification", "segmentation", "speed", "sampling", "equal-accuracy"}
    assert "| cnn | rotated |" in made["classification"]
    assert " ± " in made["classification"]
    assert "| gauge-icosphere | rotated | – |" in made["segmentation"]
    assert "icosphere-42" in made["sampling"]
    assert made["speed"].count("\n") == 1 + 4


def test_equal_accuracy_compares_speeds():
    row = {"runs": 1, "augmented": False, "score_spread": None, "family": "", "size": 5}
    rows = [
        {**row, "task": "classification", "network": name, "score": value}
        for name, value in (("s2cnn", 0.8), ("gauge-x", 0.9))
    ]
    speed = {"s2cnn": {"per_image_ms": 30.0}, "gauge-x": {"per_image_ms": 2.0}}
    summary = {"rows": rows, "seeds": 1, "speed": {"classification": speed}}
    from gaugeconv.sphere.experiment.report import equal_accuracy_table

    assert "| classification | gauge-x | 0.900 | s2cnn | 0.800 | 15.0 |" in equal_accuracy_table(
        summary
    )


def test_documents_are_renewed_in_place(result, tmp_path):
    _, summary = result
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- table: speed -->\nold\n<!-- end -->\nafter\n")
    assert fill(page, summary) == ["speed"]
    once = page.read_text()
    assert "old" not in once and once.startswith("before") and once.endswith("after\n")
    fill(page, summary)
    assert page.read_text() == once
    page.write_text("<!-- table: nonsense -->\n<!-- end -->")
    with pytest.raises(DataError, match="nonsense"):
        fill(page, summary)
    page.write_text("no place")
    with pytest.raises(DataError, match="no place marked"):
        fill(page, summary)


def test_training_and_scoring_digits_are_apart(digits_folder):
    contender = tiny("classification")[0]
    split = split_digits(str(digits_folder), Cell(contender, 30, False, 0, validation=True), 10)
    train = {image.tobytes() for image in split.train[0]}
    assert len(split.train[0]) == 30 and len(split.held_out[0]) == 10
    order = np.random.default_rng(0).permutation(80)
    assert not set(order[:30]) & set(order[30:40])
    assert len(train) <= 30
    with pytest.raises(DataError, match="training digits"):
        split_digits(str(digits_folder), Cell(contender, 81, False, 0), 10)
    with pytest.raises(DataError, match="test digits"):
        split_digits(str(digits_folder), Cell(contender, 10, False, 0), 31)


class Oracle(torch.nn.Module):
    """Labels every point by its grey value: a lit point is of the one digit there is."""

    def __init__(self) -> None:
        super().__init__()
        self.grid = fibonacci(3000)
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scores = torch.zeros(*x.shape, 11)
        scores[..., 4] = x
        scores[..., BACKGROUND] = 150 / 255 + 1e-6
        return scores


@pytest.mark.parametrize("rotated", [True, False])
def test_the_score_is_the_overlap_of_the_digits_alone(rotated):
    image = np.zeros((1, 28, 28), np.uint8)
    image[0, 8:20, 8:20] = 255
    assert score(Oracle(), "segmentation", (image, np.array([4])), rotated) > 0.99
    # called another digit, nothing overlaps: 0 for the true label and 0 for the one found
    assert score(Oracle(), "segmentation", (image, np.array([7])), rotated) == 0.0


def test_the_background_counts_less_in_the_loss():
    scores = torch.zeros(1, 2, 11)
    area = torch.ones(2)
    masks = torch.tensor([[3, BACKGROUND]])
    single = float(torch.log(torch.tensor(11.0)))
    assert segmentation_loss(scores, masks, area).item() == pytest.approx(single * 1.15 / 2)


def test_random_search_takes_the_best_of_its_tries(digits_folder, tmp_path):
    pytest.importorskip("matplotlib", reason="figures need gaugeconv[sphere]")
    plan = replace(PLAN, networks=wide, sizes=(10,), seeds=(0,))
    found = searched(plan, 2, str(digits_folder), tmp_path)
    tried = {path.parent.name: path for path in (tmp_path / "search").rglob("*.json")}
    assert set(tried) == {"cnn-try00", "cnn-try01"}
    layouts = [c.layout for c in candidates(wide("classification")[0], 2)]
    assert found["classification"][0].layout in layouts
    assert found["classification"][0].name == "cnn"
    assert found["classification"][1] == wide("classification")[1]


def wide(task) -> tuple[Contender, ...]:
    return (
        Contender("cnn", task, PlanarLayout(4, (8, 12, 16), (3, 3, 3), (1, 2, 1))),
        tiny(task)[1],
    )


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there_is_refused(digits_folder, tmp_path):
    with pytest.raises(DataError, match="CUDA"):
        run_experiment(PLAN, Settings(str(digits_folder), tmp_path, device="cuda"))


@pytest.mark.parametrize("name", sorted(PLANS))
def test_plans_are_complete(name):
    plan = plan_named(name)
    todo = cells(plan)
    assert len({cell.path for cell in todo}) == len(todo)
    for cell in todo:
        assert plan.num_steps(cell) > 0
        assert json.dumps(plan.recipe(cell))
    families = {(c.contender.task, c.contender.family, c.augmented) for c in todo}
    assert len(families) == 2 * 3 * 2
    with pytest.raises(DataError, match="not 'huge'"):
        plan_named("huge")


Check = Callable[[], object]


@pytest.mark.parametrize(
    "call",
    [
        lambda: GridSpec("cube", 3),
        lambda: Contender("gauge", "classification", GaugeLayout()).build(),
        lambda: load_summary(Path("nowhere")),
    ],
)
def test_what_cannot_be_is_refused(call: Check):
    with pytest.raises(DataError):
        call()
