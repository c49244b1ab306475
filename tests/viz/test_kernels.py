"""Kernel grids: what is drawn is the kernel, for every group."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest
import torch

from gaugeconv.errors import DataError, FieldTypeError
from gaugeconv.reps import FieldType, SteerableKernels
from gaugeconv.viz import KernelGrid
from gaugeconv.viz.kernel_shapes import polygons
from tests.browser import read_png

GROUPS = [
    ("SO2", "0 + 1", "1 + 2"),
    ("O2", "0- + 1", "0+ + 1"),
    ("C4", "reg", "1"),
    ("D2", "1-", "reg"),
    ("C1", "2x0", "0"),
]


def grid_of(group: str, source: str, target: str, **options) -> KernelGrid:
    return KernelGrid(
        SteerableKernels(FieldType(source, group), FieldType(target, group)), **options
    )


@pytest.mark.parametrize(("group", "source", "target"), GROUPS)
def test_pages_and_pictures_of_every_group(tmp_path, group, source, target):
    grid = grid_of(group, source, target, title="a <b> & {{style}} </style>")
    text = grid.write_html(tmp_path / "k.html").read_text("utf-8")
    assert text.count("<svg") == len(grid.rows) * len(grid.columns)
    assert "<script" not in text
    assert not re.search(r"https?:", text)
    assert "a &lt;b&gt; &amp; {{style}} &lt;/style&gt;" in text
    body = re.search(r"<tbody>.*</tbody>", text, re.DOTALL)[0]
    assert len(ElementTree.fromstring(body).findall(".//path")) > len(grid.rows)
    image = read_png(grid.save_png(tmp_path / "k.png", panel=40))
    assert (image[84:, 52:] < 195).any(axis=2).mean() > 0.005  # darker than the rims of panels


def test_panels_hold_the_values_of_the_kernel():
    space = SteerableKernels(FieldType("0 + 1"), FieldType("1 + 0"))
    generator = torch.Generator().manual_seed(0)
    rings = torch.randn(space.rings_shape, generator=generator, dtype=torch.float64)
    center = torch.randn(space.num_center, generator=generator, dtype=torch.float64)
    grid = KernelGrid(space, rings, center)
    assert grid.columns == ("0 → 1", "0 → 0", "1[x] → 1", "1[x] → 0", "1[y] → 1", "1[y] → 0")
    x, y = torch.from_numpy(grid.points.T)
    kernel = space.evaluate(rings, center, torch.hypot(x, y), torch.atan2(y, x)).numpy()
    (row,) = grid.rows
    assert [panel.order for panel in row.panels] == [1, 0] * 3
    drawn = np.concatenate([panel.values for panel in row.panels], axis=1)
    columns = kernel.transpose(0, 2, 1).reshape(len(kernel), -1)  # input by input
    scale = np.abs(columns).max() / np.abs(drawn).max()
    np.testing.assert_allclose(scale * drawn, columns, atol=1e-12)
    assert max(np.linalg.norm(p.values, axis=1).max() for p in row.panels) == pytest.approx(1)


def test_arrows_point_where_the_kernel_does():
    """From scalars to vectors H1 is X / |X| up to sign: every arrow lies on the ray from the centre."""
    grid = grid_of("SO2", "0", "1")
    panel = grid.rows[0].panels[0]
    shapes = polygons(panel, grid.points)
    assert len(shapes) == len(grid.points) - 1  # nothing at the centre
    for shape in shapes:
        tail, tip = shape.corners[[0, 6]].mean(axis=0), shape.corners[3]
        direction, place = tip - tail, (tip + tail) / 2
        assert abs(direction[0] * place[1] - direction[1] * place[0]) < 1e-12
        assert np.linalg.norm(direction) > 0.05


def test_an_order_n_output_has_n_arms_whose_multiple_angle_is_that_of_the_kernel():
    grid = grid_of("SO2", "0", "3")
    panel = grid.rows[0].panels[0]
    shapes = polygons(panel, grid.points)
    assert len(shapes) == 3 * (len(grid.points) - 1)
    arm = shapes[0].corners
    direction = (arm[1] + arm[2] - arm[0] - arm[3]) / 2
    value = panel.values[1]
    assert np.exp(3j * np.arctan2(*direction[::-1])) == pytest.approx(
        complex(*value) / np.hypot(*value)
    )


def test_many_kernels_are_cut_and_the_page_says_so():
    grid = grid_of("D4", "reg", "reg")
    assert len(grid.rows) * len(grid.columns) <= 160
    assert re.search(r"first \d+ of 64 kernels", grid.subtitle)


def test_kernels_that_cannot_be_drawn_are_refused(tmp_path):
    space = SteerableKernels(FieldType("0"), FieldType("1"))
    with pytest.raises(DataError, match="both or neither"):
        KernelGrid(space, rings=torch.zeros(space.rings_shape))
    with pytest.raises(FieldTypeError, match="rings"):
        KernelGrid(space, torch.zeros(1, 1), torch.zeros(0))
    with pytest.raises(DataError, match="no kernels"):
        grid_of("O2", "0-", "0+")
    with pytest.raises(DataError, match="within 8192"):
        KernelGrid(space).save_png(tmp_path / "k.png", panel=9000)
    assert list(tmp_path.iterdir()) == []
