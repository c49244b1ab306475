"""Random search for the layout of the ordinary CNN, as in Gerken et al. 2022."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from gaugeconv.errors import DataError
from gaugeconv.sphere.experiment.contenders import Contender
from gaugeconv.sphere.experiment.plan import TASKS, Cell, Plan
from gaugeconv.sphere.experiment.runner import OnCell, finished, run_cells
from gaugeconv.sphere.planar import PlanarLayout, num_parameters, random_layout
from gaugeconv.sphere.tasks import Task

_SEED = 7


def candidates(contender: Contender, count: int) -> list[Contender]:
    """Networks of random layouts with about as many parameters as the given CNN.

    Raises:
        DataError: the contender is no CNN.
    """
    layout = contender.layout
    if not isinstance(layout, PlanarLayout):
        raise DataError(f"{contender.name} is no ordinary CNN")
    rng = np.random.default_rng((_SEED, TASKS.index(contender.task)))
    wanted = num_parameters(layout, contender.task)
    return [
        replace(
            contender,
            name=f"{contender.name}-try{number:02d}",
            layout=random_layout(rng, layout.bandwidth, contender.task, wanted),
        )
        for number in range(count)
    ]


def searched(
    plan: Plan,
    count: int,
    folder: str,
    out: Path,
    *,
    jobs: int = 1,
    device: str = "cpu",
    on_cell: OnCell | None = None,
) -> dict[Task, tuple[Contender, ...]]:
    """The plan's contenders with the best of `count` random layouts for every ordinary CNN.

    Candidates are trained with augmentation at the largest size and compared on training digits that
    were left out; the test digits play no part. Resumable like the cells.

    Args:
        plan: sizes and recipe.
        count: layouts tried per CNN.
        folder: of the MNIST files.
        out: the experiment's folder.
        jobs, device, on_cell: as in `run_cells`.
    """
    tries: dict[tuple[Task, str], list[Cell]] = {
        (task, contender.name): [
            Cell(candidate, plan.sizes[-1], True, _SEED, validation=True)
            for candidate in candidates(contender, count)
        ]
        for task in TASKS
        for contender in plan.networks(task)
        if contender.family == "planar"
    }
    everything = [cell for found in tries.values() for cell in found]
    run_cells(everything, plan, folder, out, jobs=jobs, device=device, on_cell=on_cell)

    def best(task: Task, contender: Contender) -> Contender:
        if (task, contender.name) not in tries:
            return contender
        winner = max(tries[task, contender.name], key=lambda cell: _score(cell, plan, out))
        return replace(contender, layout=winner.contender.layout)

    return {task: tuple(best(task, c) for c in plan.networks(task)) for task in TASKS}


def _score(cell: Cell, plan: Plan, out: Path) -> float:
    figures = finished(cell, plan, out)
    if figures is None:
        raise DataError(f"{out / cell.path} is missing or damaged: start the search again")
    return float(figures["score"])
