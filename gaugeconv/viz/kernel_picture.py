"""PNG pictures of kernel grids, by matplotlib."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float64

from gaugeconv.errors import DataError
from gaugeconv.viz.kernel_shapes import SIDE, circle, polygons
from gaugeconv.viz.kernels import KernelGrid
from gaugeconv.viz.picture import LARGEST, SOFT, blank_figure, save_figure, short, write_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEFT, TOP, EDGE = 52, 84, 12
"""Pixels left for the labels of rows, above the panels, and at the other edges."""


def write_kernel_picture(path: str | os.PathLike[str], grid: KernelGrid, panel: int) -> Path:
    """See `KernelGrid.save_png`."""
    width = max(420, LEFT + panel * len(grid.columns) + EDGE)
    height = TOP + panel * len(grid.rows) + EDGE
    if panel < 1 or max(width, height) > LARGEST:
        raise DataError(
            f"panels of {panel} pixels make a picture of {width} × {height}; choose a size of at "
            f"least 1 that keeps it within {LARGEST}"
        )
    figure = blank_figure(width, height)
    write_text(figure, EDGE, height - 24, grid.title, size=12, weight="bold")
    write_text(figure, EDGE, height - 46, grid.subtitle, size=9, color=SOFT)
    small = {"size": 8.5, "color": SOFT}
    x, y = LEFT + panel * 0.5, height - TOP - panel * 0.5
    for j, label in enumerate(grid.columns):
        text = short(label, max(4, panel // 7))
        write_text(figure, x + panel * j, height - TOP + 10, text, ha="center", **small)
    for i, row in enumerate(grid.rows):
        write_text(figure, LEFT - 10, y - panel * i, row.label, ha="right", **small)
    _draw_panels(figure, grid, np.array([x, y]), panel)
    return save_figure(path, figure)


def _draw_panels(
    figure: Figure, grid: KernelGrid, first: Float64[np.ndarray, " 2"], panel: int
) -> None:
    """All panels as polygons in pixel coordinates; `first` is the centre of the first one."""
    from matplotlib.collections import PolyCollection

    scale = 0.5 * panel / SIDE
    corners, colors, rims = [], [], []
    for i, row in enumerate(grid.rows):
        for j, one in enumerate(row.panels):
            middle = first + panel * np.array([j, -i])
            rims.append(middle + scale * circle(1.0, np.zeros(2)))
            for shape in polygons(one, grid.points):
                corners.append(middle + scale * shape.corners)
                colors.append(shape.color)
    width, height = figure.get_size_inches() * figure.dpi
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(0, height))
    axes.axis("off")
    axes.add_collection(
        PolyCollection(rims, facecolors="#f6f7f9", edgecolors="#c9ced8", linewidths=0.8)
    )
    axes.add_collection(PolyCollection(corners, facecolors=colors, linewidths=0))
