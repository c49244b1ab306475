from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gaugeconv.errors import DataError
from gaugeconv.sphere import grids
from gaugeconv.sphere.plots import ball, mollweide, save_figure

figure = pytest.importorskip("matplotlib.figure", reason="plots need gaugeconv[sphere]")


def test_mollweide_puts_the_north_on_top_and_keeps_labels(tmp_path: Path):
    grid = grids.icosphere(2)
    axes = figure.Figure().add_subplot(projection="mollweide")
    smooth = mollweide(axes, grid, grid.points[:, 2]).get_array()
    assert smooth[-1].mean() > 0.9 > -0.9 > smooth[0].mean()
    labels = (grid.points[:, 2] > 0).astype(int)
    drawn = mollweide(axes, grid, labels, labels=True).get_array()
    assert set(np.unique(drawn)) == {0.0, 1.0}
    assert save_figure(axes.figure, tmp_path / "new" / "map.png").stat().st_size > 5000


def test_the_ball_has_a_colour_per_triangle(tmp_path: Path):
    grid = grids.irregular(100, seed=1)
    axes = figure.Figure().add_subplot(projection="3d")
    surface = ball(axes, grid, grid.points[:, 0], seen_from=[0, 0, -2.0])
    assert axes.elev == -90
    assert len(surface.get_array()) == grid.mesh.num_faces
    assert save_figure(axes.figure, tmp_path / "ball.png").stat().st_size > 5000


def test_values_must_fit_the_grid():
    with pytest.raises(DataError, match="42 values"):
        mollweide(figure.Figure().add_subplot(projection="mollweide"), grids.icosphere(1), [1.0])
