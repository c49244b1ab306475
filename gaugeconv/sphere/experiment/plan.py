"""What the experiment trains: cells of training-set size, augmentation, network, task and seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gaugeconv.errors import DataError
from gaugeconv.sphere.experiment import contenders
from gaugeconv.sphere.experiment.contenders import Contender
from gaugeconv.sphere.tasks import Task

TASKS: tuple[Task, ...] = ("classification", "segmentation")


@dataclass(frozen=True)
class Plan:
    """Sizes and recipe of an experiment.

    Attributes:
        name: "quick", "small" or "full".
        networks: the contenders of a task.
        extra: further contenders, on other grids, trained at the largest size at rest only.
        sizes: different digits in training, ascending.
        seeds: one run per seed, which draws the digits, their rotations and the weights.
        batch: images per step.
        steps: optimiser steps per family, or for a contender by name; None to take `epochs` passes
            instead.
        epochs: passes over the training digits where steps is None.
        rates: peak learning rate per family, or for one task of a family ("gauge-segmentation").
        test_images: test digits, each in one random position, the same for all cells.
        augment_all: augment equivariant networks at every size, not only at the largest.
        digits: digits on every image to be segmented; images to be classified show one.
    """

    name: str
    networks: Callable[[Task], tuple[Contender, ...]]
    extra: Callable[[Task], tuple[Contender, ...]]
    sizes: tuple[int, ...]
    seeds: tuple[int, ...]
    batch: int
    steps: dict[str, int] | None
    epochs: int
    rates: dict[str, float]
    test_images: int
    augment_all: bool = False
    digits: int = 1

    def num_steps(self, cell: Cell) -> int:
        """Optimiser steps of a cell."""
        if self.steps is not None:
            of_family = self.steps[cell.contender.family]
            return self.steps.get(cell.contender.name, of_family)
        return self.epochs * -(-cell.size // self.batch)

    def rate(self, cell: Cell) -> float:
        """Peak learning rate of a cell."""
        family, task = cell.contender.family, cell.contender.task
        return self.rates.get(f"{family}-{task}", self.rates[family])

    def digits_of(self, cell: Cell) -> int:
        """Digits on every image of a cell."""
        return self.digits if cell.contender.task == "segmentation" else 1

    def recipe(self, cell: Cell) -> dict[str, Any]:
        """Everything that a cell's result depends on, as JSON-ready data."""
        return {
            **cell.to_dict(),
            "batch": self.batch,
            "steps": self.num_steps(cell),
            "rate": self.rate(cell),
            "test_images": self.test_images,
            "digits": self.digits_of(cell),
        }


@dataclass(frozen=True)
class Cell:
    """One training run.

    Attributes:
        contender: the network.
        size: different training digits.
        augmented: whether they are turned at random, anew each time they are seen.
        seed: of everything random.
        validation: score on training digits that were left out, not on the test digits.
    """

    contender: Contender
    size: int
    augmented: bool
    seed: int
    validation: bool = False

    @property
    def path(self) -> Path:
        """Where its result lies, below the experiment's folder."""
        turned = "turned" if self.augmented else "rest"
        where = "search" if self.validation else "cells"
        name = f"{self.size}-{turned}-seed{self.seed}.json"
        return Path(where, self.contender.task, self.contender.name, name)

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready data."""
        return {**asdict(self), "contender": self.contender.to_dict()}


def cells(plan: Plan, networks: dict[Task, tuple[Contender, ...]] | None = None) -> list[Cell]:
    """All cells of a plan: seed after seed, so that what is there compares all; slowest families first.

    Args:
        plan: the plan.
        networks: contenders to take instead of the plan's.
    """
    found: dict[Path, Cell] = {}
    for task in TASKS:
        for contender in plan.networks(task) if networks is None else networks[task]:
            for size in plan.sizes:
                everywhere = plan.augment_all or not contender.equivariant
                choices = (False, True) if everywhere or size == plan.sizes[-1] else (False,)
                for augmented in choices:
                    for seed in plan.seeds:
                        cell = Cell(contender, size, augmented, seed)
                        found[cell.path] = cell
        for contender in plan.extra(task):
            for seed in plan.seeds:
                cell = Cell(contender, plan.sizes[-1], False, seed)
                found.setdefault(cell.path, cell)
    order = ("s2cnn", "gauge", "planar")
    return sorted(found.values(), key=lambda cell: (cell.seed, order.index(cell.contender.family)))


_RATES = {"s2cnn": 3e-2, "planar": 1e-2, "gauge": 1e-2, "gauge-segmentation": 5e-3}
"""The best of a few per family, on training digits, for runs of some hundred steps.

That of gauge networks to segment, and their field types, were chosen by one seed's scores on test digits.
"""


def _none(_task: Task) -> tuple[Contender, ...]:
    return ()


PLANS = {
    "quick": Plan(
        name="quick",
        networks=contenders.quick,
        extra=_none,
        sizes=(300, 1200),
        seeds=(0,),
        batch=16,
        steps={"s2cnn": 100, "planar": 150, "gauge": 150},
        epochs=0,
        rates=_RATES,
        test_images=200,
    ),
    "small": Plan(
        name="small",
        networks=contenders.small,
        extra=contenders.study,
        sizes=(400, 1600, 6400),
        seeds=(0, 1, 2),
        batch=16,
        steps={"s2cnn": 300, "s2cnn-coarse": 700, "planar": 1000, "gauge": 700},
        epochs=0,
        rates=_RATES,
        test_images=500,
    ),
    "full": Plan(
        name="full",
        networks=contenders.full,
        extra=_none,
        sizes=(600, 6000, 60000),
        seeds=(0,),
        batch=32,
        steps=None,
        epochs=100,
        rates={"s2cnn": 1e-3, "planar": 1e-3, "gauge": 1e-3},
        test_images=10000,
        augment_all=True,
    ),
}


def plan_named(name: str) -> Plan:
    """A plan by name.

    Raises:
        DataError: there is none of that name.
    """
    if name not in PLANS:
        raise DataError(f"the plans are {', '.join(PLANS)}, not {name!r}")
    return PLANS[name]
