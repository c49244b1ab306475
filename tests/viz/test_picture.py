"""Pictures without a browser: the rasteriser against geometry, colours, text, errors."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from gaugeconv import TriMesh, shapes
from gaugeconv.errors import DataError
from gaugeconv.viz import Camera, Scene, label_colors, save_png
from gaugeconv.viz.raster import rasterise
from gaugeconv.viz.shade import render
from tests.browser import read_png

SMALL = (420, 260)


@pytest.fixture(scope="module")
def mesh() -> TriMesh:
    return shapes.icosphere(2)


def test_pixels_are_those_whose_centre_is_inside_and_weights_are_barycentric():
    corners = np.random.default_rng(0).uniform(-4, 20, (1, 3, 2))
    raster = rasterise(corners, np.ones((1, 3)), 16, 12)
    x, y = np.meshgrid(np.arange(16) + 0.5, np.arange(12) + 0.5)
    matrix = np.concatenate([corners[0].T, np.ones((1, 3))])
    weights = np.linalg.solve(matrix, np.stack([x, y, np.ones_like(x)]).reshape(3, -1)).T
    inside = (weights >= 0).all(axis=1).reshape(12, 16)
    np.testing.assert_array_equal(raster.triangle == 0, inside)
    np.testing.assert_allclose(raster.weights[inside], weights.reshape(12, 16, 3)[inside])


def test_the_nearer_triangle_wins_in_any_order():
    corners = np.random.default_rng(1).uniform(0, 40, (30, 3, 2))
    depth = np.random.default_rng(2).uniform(0.5, 1, (30, 3))
    once = rasterise(corners, depth, 40, 40)
    back = rasterise(corners[::-1], depth[::-1], 40, 40)
    np.testing.assert_array_equal(
        once.triangle, np.where(back.triangle < 0, -1, 29 - back.triangle)
    )
    behind = depth.copy()
    behind[3, 1] = -1.0  # a corner behind the eye: the triangle is left out
    assert not (rasterise(corners, behind, 40, 40).triangle == 3).any()
    assert (rasterise(corners[:0], depth[:0], 4, 4).triangle == -1).all()


def test_the_sphere_fills_the_disk_that_the_lens_says(mesh):
    image = render(Scene(mesh), Camera(), 200, 200)
    drawn = (image < 0.95).any(axis=2)
    radius = 0.5 * 200 * 3.5 * np.tan(np.arcsin(1 / 4))
    assert drawn.mean() * 200**2 == pytest.approx(np.pi * radius**2, rel=0.05)
    np.testing.assert_allclose(render(Scene(mesh), Camera(zoom=0.5), 200, 200).shape, image.shape)
    assert np.isfinite(image).all()


def test_parts_have_their_colours_and_scalars_those_of_the_bar(mesh):
    labels = (mesh.vertices[mesh.faces].mean(axis=1)[:, 0] > 0).astype(int)
    palette = [[30, 200, 60], [230, 20, 220]]
    front = Camera(yaw=0.0, pitch=0.0)
    image = render(Scene(mesh).add_parts(labels, ["l", "r"], palette), front, 120, 120)
    left, right = image[60, 30], image[60, 90]
    assert left[1] > left[0] + 0.2
    assert right[0] > right[1] + 0.2
    height = Scene(mesh).add_scalar("y", mesh.vertices[:, 1], colors="sequential")
    image = render(height, front, 120, 120)
    assert image[20, 60].mean() > image[100, 60].mean() + 0.2  # yellow above, dark blue below


def test_strokes_in_front_are_drawn_and_those_behind_are_hidden(mesh):
    def ink(vertex: int) -> int:
        values = np.zeros((mesh.num_vertices, 2))
        values[vertex] = [1, 0]
        camera = Camera(yaw=0.0, pitch=0.0)
        scene = Scene(mesh).add_vectors("v", values)
        plain = render(Scene(mesh), camera, 160, 160)
        return int((np.abs(render(scene, camera, 160, 160) - plain) > 0.3).any(axis=2).sum())

    z = mesh.vertices[:, 2]
    assert ink(int(np.argmax(z))) > 10
    assert ink(int(np.argmin(z))) == 0


@pytest.mark.parametrize("up", ["x", "y", "z"])
def test_the_axis_that_points_up_does(mesh, up):
    labels = (mesh.vertices[mesh.faces].mean(axis=1)[:, "xyz".index(up)] > 0).astype(int)
    scene = Scene(mesh, up=up).add_parts(labels, ["a", "b"], [[0, 0, 255], [255, 0, 0]])
    image = render(scene, Camera(up, pitch=0.0), 80, 80)
    assert image[15, 40, 0] > image[15, 40, 2]
    assert image[65, 40, 2] > image[65, 40, 0]


def test_every_kind_of_field_makes_a_picture_and_any_name_is_plain_text(tmp_path, mesh):
    nasty = r"_$\frac{ \ud800 😀 <b>" + "\ud800\n"
    first = Scene(mesh, nasty, nasty).add_scalar(nasty, mesh.vertices[:, 2])
    first.add_vectors(nasty, np.ones((mesh.num_vertices, 2)), order=3)
    second = Scene(mesh, nasty).add_log_map(0, 0.7).add_transport(0, 0.7).add_frames()
    for number, scene in enumerate((first, second)):
        path = scene.save_png(tmp_path / f"{number}.png", SMALL)
        assert read_png(path).shape == (260, 420, 3)
        assert scene.save_png(tmp_path / "again.png", SMALL).read_bytes() == path.read_bytes()


def test_a_segmentation_with_many_parts_keeps_its_legend_on_the_page(tmp_path, mesh):
    labels = np.arange(mesh.num_faces) % 40 - 1
    names = [f"part number {k} with a very long name" for k in range(39)]
    image = read_png(save_png(tmp_path / "p.png", mesh, labels, names, size=SMALL))
    assert (np.abs(image - label_colors(1)[0]).sum(axis=2) < 12).sum() > 50  # the first swatch


def test_what_cannot_be_drawn_is_refused_and_nothing_is_written(tmp_path, mesh, monkeypatch):
    for size in ((10, 400), (400, 10), (400, 100_000)):
        with pytest.raises(DataError, match="pixels: choose"):
            Scene(mesh).save_png(tmp_path / "p.png", size)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(DataError, match=r"pip install \"gaugeconv\[viz\]\""):
        Scene(mesh).save_png(tmp_path / "p.png", SMALL)
    assert list(tmp_path.iterdir()) == []
