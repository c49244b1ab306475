"""Pictures of signals on the sphere, with matplotlib."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float64
from numpy.typing import ArrayLike

from gaugeconv.errors import DataError
from gaugeconv.files import atomic_path
from gaugeconv.sphere.grids import SphereGrid
from gaugeconv.sphere.interpolation import Interpolation

_ROWS = 181


def require_figure() -> Any:
    """The class `matplotlib.figure.Figure`, which needs no display.

    Raises:
        DataError: matplotlib is missing.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise DataError("plots need matplotlib: install gaugeconv[sphere]") from error
    return Figure


def mollweide(
    axes: Any, grid: SphereGrid, values: ArrayLike, *, labels: bool = False, **style: Any
) -> Any:
    """Draws a signal on axes of matplotlib's projection "mollweide": equal areas stay equal.

    Args:
        axes: made with ``figure.add_subplot(projection="mollweide")``.
        grid: the points.
        values: (N,) one number per point.
        labels: take the value of the nearest corner, as labels need, instead of interpolating.
        style: further arguments of ``pcolormesh``, like cmap, vmin and vmax.

    Returns:
        The mesh drawn, for a colour bar.

    Raises:
        DataError: not one value per point.
    """
    longitude = np.linspace(-np.pi, np.pi, 2 * _ROWS - 1)
    latitude = np.linspace(-np.pi / 2, np.pi / 2, _ROWS)
    phi, theta = np.meshgrid(longitude, np.pi / 2 - latitude)
    points = np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], -1)
    picture = _resampled(grid, values, points.reshape(-1, 3), labels).reshape(phi.shape)
    axes.set_xticklabels([])
    axes.set_yticklabels([])
    return axes.pcolormesh(
        longitude, latitude, picture, shading="nearest", rasterized=True, **style
    )


def ball(
    axes: Any,
    grid: SphereGrid,
    values: ArrayLike,
    *,
    cmap: str = "viridis",
    seen_from: ArrayLike | None = None,
) -> Any:
    """Draws a signal on the triangles of its grid, on axes of matplotlib's projection "3d".

    Args:
        axes: made with ``figure.add_subplot(projection="3d")``.
        grid: the points.
        values: (N,) one number per point; a triangle has the mean of its corners.
        cmap: a colour map by name.
        seen_from: (3,) direction of the eye; matplotlib's own when None.

    Returns:
        The surface drawn.

    Raises:
        DataError: not one value per point.
    """
    array, faces = _checked(grid, values), grid.mesh.faces
    surface = axes.plot_trisurf(*grid.points.T, triangles=faces, cmap=cmap, antialiased=False)
    surface.set_array(array[faces].mean(axis=1))
    surface.set_clim(float(array.min()), float(array.max()))
    if seen_from is not None:
        x, y, z = np.asarray(seen_from, dtype=np.float64)
        elevation = np.degrees(np.arctan2(z, np.hypot(x, y)))
        axes.view_init(elev=elevation, azim=np.degrees(np.arctan2(y, x)))
    axes.set_aspect("equal")
    axes.set_axis_off()
    return surface


def save_figure(figure: Any, path: str | os.PathLike[str]) -> Path:
    """Writes a figure, whole or not at all; the suffix says the format.

    Raises:
        OSError: the file cannot be written.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(target) as partial:
        figure.savefig(partial, dpi=150, bbox_inches="tight")
    return target


def _checked(grid: SphereGrid, values: ArrayLike) -> Float64[np.ndarray, " N"]:
    array = np.asarray(values, dtype=np.float64)
    if array.shape != (grid.num_points,):
        raise DataError(f"{grid.name} needs {grid.num_points} values, got shape {array.shape}")
    return array


def _resampled(
    grid: SphereGrid, values: ArrayLike, points: Float64[np.ndarray, "M 3"], nearest: bool
) -> Float64[np.ndarray, " M"]:
    array = _checked(grid, values)
    across = Interpolation.between(grid, points)
    if nearest:
        corner = across.corners[np.arange(len(points)), across.shares.argmax(axis=1)]
        return array[corner]
    return across(torch.tensor(array)).numpy()
