"""Rows about spherical images: rotation equivariance, eigenvalues, speed beside S2CNNs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gaugeconv.errors import DataError
from gaugeconv.sphere import (
    S2CNN,
    GaugeLayout,
    GaugeSphereNet,
    S2CNNLayout,
    SpherePyramid,
    Task,
    driscoll_healy,
    icosphere,
    rotation_error,
    smooth_signals,
    sphere_pyramid,
)
from gaugeconv.sphere.experiment import load_summary
from gaugeconv.sphere.experiment.contenders import Contender, GridSpec, paper_s2cnn
from gaugeconv.sphere.experiment.plan import TASKS
from gaugeconv.sphere.experiment.speed import measure_speed
from gaugeconv.sphere.s2cnn_layers import ToGrid
from gaugeconv.sphere.truth import as_json, measured_eigenvalues

RADIUS = 0.5
SUBDIVISIONS = (2, 3, 4, 5)
BANDWIDTHS = (6, 9, 12, 18, 24)
FINE = 48  # bandwidth on which S2CNN maps are compared: their degrees are below it


def sphere_equivariance() -> dict[str, Any]:
    """SO(3)-equivariance error of a gauge network (fixed R) on finer icospheres, S2CNNs beside it."""
    return {task: {"gauge": _gauge_errors(task), "s2cnn": _s2cnn_errors(task)} for task in TASKS}


def _gauge_errors(task: Task) -> dict[str, Any]:
    """The same weights on every icosphere, no pooling, float64."""
    pyramids = [_whole(subdivisions) for subdivisions in SUBDIVISIONS]
    torch.manual_seed(0)
    layout = GaugeLayout(("6x0 + 3x1 + 2x2",), (1,))
    base = GaugeSphereNet(pyramids[1], layout, task).double()
    _set_statistics(base)  # on a grid that resolves the signals
    errors = [
        rotation_error(
            base.on(levels).eval(), levels.grid, smooth_signals(4), np.random.default_rng(0)
        )
        for levels in pyramids
    ]
    points = [levels.grid.num_points for levels in pyramids]
    spacing = -0.5 * np.log(np.array(points[1:], dtype=float))
    order = np.polyfit(spacing, np.log(errors[1:]), 1)[0]
    return {"radius": RADIUS, "points": points, "errors": errors, "order": float(order)}


def _whole(subdivisions: int) -> SpherePyramid:
    """An icosphere with itself as the only level, and neighbourhoods of the same radius on all."""
    grid = icosphere(subdivisions)
    neighbors = grid.num_points * RADIUS**2 / 4
    return sphere_pyramid(grid, (grid.num_points,), nested=True, neighbors=neighbors)


def _s2cnn_errors(task: Task) -> dict[str, Any]:
    errors = []
    for bandwidth in BANDWIDTHS:
        torch.manual_seed(0)
        network = S2CNN(S2CNNLayout(bandwidth, (6, 6), (bandwidth, bandwidth)), task)
        _set_statistics(network)
        output = None
        if task == "segmentation":
            network.leave, output = ToGrid(bandwidth, FINE), driscoll_healy(FINE)
        rng = np.random.default_rng(0)
        signals = smooth_signals(4, max_degree=min(6, bandwidth - 1))
        errors.append(rotation_error(network.eval(), network.grid, signals, rng, output))
    return {"bandwidths": list(BANDWIDTHS), "errors": errors}


def _set_statistics(network: torch.nn.Module) -> None:
    """Gives the norms running statistics of smooth signals."""
    signals = smooth_signals(8, seed=1)
    values = np.stack([f(network.grid.points) for f in signals])
    x = torch.from_numpy(values).to(next(network.parameters()).dtype)
    network.train()
    with torch.no_grad():
        for _ in range(40):
            network(x)


def sphere_eigenvalues() -> dict[str, Any]:
    """Zonal and order-changing kernels on spin-weighted harmonics beside their analytic eigenvalues."""
    return {grid.name: as_json(measured_eigenvalues(grid)) for grid in (icosphere(3), icosphere(4))}


def sphere_scaling() -> dict[str, Any]:
    """Time per image against bandwidth b, S2CNN and a gauge network on 10·4ⁿ + 2 ≈ b² points."""
    figures: dict[str, Any] = {}
    for bandwidth, subdivisions in ((12, 2), (24, 3), (48, 4)):
        levels = (10 * 4 ** (subdivisions - 1) + 2,)
        layout = GaugeLayout(("24x0 + 12x1 + 6x2",), (2,))
        for task in TASKS:
            pair = (
                Contender("s2cnn", task, paper_s2cnn(task, bandwidth)),
                Contender(
                    "gauge", task, layout, GridSpec("icosphere", subdivisions), levels, nested=True
                ),
            )
            found = measure_speed(pair, batch=4, rounds=3)
            figures[f"{task}, b = {bandwidth}"] = {
                **{name: times["per_image_ms"] for name, times in found.items()},
                "ratio": found["s2cnn"]["per_image_ms"] / found["gauge"]["per_image_ms"],
            }
    return figures


def sphere_small() -> dict[str, Any]:
    """Summary of a finished `gaugeconv sphere experiment --small`, from the folder $GAUGECONV_SPHERE."""
    folder = os.environ.get("GAUGECONV_SPHERE")
    if folder is None:
        raise DataError("set GAUGECONV_SPHERE to the folder of a finished sphere experiment")
    return load_summary(Path(folder))


ROWS = (sphere_equivariance, sphere_eigenvalues, sphere_scaling, sphere_small)
