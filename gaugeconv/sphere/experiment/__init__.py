"""Equivariance versus augmentation: training-set size × augmentation × network × task."""

from __future__ import annotations

from gaugeconv.sphere.experiment.experiment import (
    Settings,
    load_summary,
    run_experiment,
    write_report,
)
from gaugeconv.sphere.experiment.plan import PLANS, Cell, Plan, cells, plan_named
from gaugeconv.sphere.experiment.report import fill, tables

__all__ = [
    "PLANS",
    "Cell",
    "Plan",
    "Settings",
    "cells",
    "fill",
    "load_summary",
    "plan_named",
    "run_experiment",
    "tables",
    "write_report",
]
