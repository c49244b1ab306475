"""The rows of `python -m benchmarks`: one function each, returning its figures as plain data.

A row whose data are not at hand raises `DataError` before it measures anything.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.rows import (
    convergence,
    exp_log,
    geometry,
    gpu,
    groups,
    layers,
    mobius,
    models,
    operator,
    operator_choices,
    quadrature,
    robustness,
    segmenter,
    sphere,
    training_step,
    trust,
)

ROWS: dict[str, Callable[[], dict[str, Any]]] = {
    row.__name__: row
    for module in (
        convergence,
        exp_log,
        geometry,
        gpu,
        groups,
        layers,
        mobius,
        models,
        operator,
        operator_choices,
        quadrature,
        robustness,
        segmenter,
        sphere,
        training_step,
        trust,
    )
    for row in module.ROWS
}
