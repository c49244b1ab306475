"""PNG pictures of scenes: pixels of our own, and a legend by matplotlib."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float64

from gaugeconv.errors import DataError
from gaugeconv.files import atomic_path
from gaugeconv.viz.camera import Camera
from gaugeconv.viz.colors import UNLABELLED_COLOR, UNLABELLED_NAME, color_map
from gaugeconv.viz.page import part_shares
from gaugeconv.viz.scene import Scene
from gaugeconv.viz.shade import render
from gaugeconv.viz.surface import RINGS, SECTORS, Parts, Polar, Scalar

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MARGIN, ROW, LEGEND, TITLE = 20, 26, 250, 56
"""Pixels: round the legend, per row of it, its width, the height of the title."""
LARGEST = 8192
DARK, SOFT = "#1b1f27", "#626a78"


def write_picture(
    path: str | os.PathLike[str], scene: Scene, size: tuple[int, int], camera: Camera
) -> Path:
    """See `Scene.save_png`."""
    width, height = size
    if not (LEGEND + 50 <= width <= LARGEST and TITLE + 50 <= height <= LARGEST):
        raise DataError(
            f"a picture of {width} × {height} pixels: choose {LEGEND + 50} × {TITLE + 50} to "
            f"{LARGEST} × {LARGEST}"
        )
    figure = blank_figure(width, height)
    image = render(scene, camera, width - LEGEND, height - TITLE)
    figure.figimage(image, 0, 0)
    write_text(figure, MARGIN, height - 26, scene.title, size=13, weight="bold")
    if scene.subtitle:
        write_text(figure, MARGIN, height - 47, scene.subtitle, size=9, color=SOFT)
    _Legend(figure, width - LEGEND + 8, height - TITLE - 8).draw(scene)
    return save_figure(path, figure)


def blank_figure(width: int, height: int) -> Figure:
    """A white matplotlib figure of a size in pixels, tied to no display.

    Raises:
        DataError: matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise DataError(
            'PNG pictures need matplotlib: pip install "gaugeconv[viz]"; pages do not'
        ) from error
    figure = Figure(figsize=(width / 100, height / 100), dpi=100, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def save_figure(path: str | os.PathLike[str], figure: Figure) -> Path:
    """Writes a figure as PNG, the same bytes for the same figure; appears when complete."""
    with atomic_path(path) as partial, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")  # a name in a script it lacks
        figure.savefig(partial, format="png", dpi=100, metadata={"Software": None})
    return Path(path)


def write_text(figure: Figure, x: float, y: float, text: str, **options: Any) -> None:
    """Plain text at pixel coordinates from the bottom left; nothing in it is taken for mathematics."""
    options.setdefault("color", DARK)
    width, height = figure.get_size_inches() * figure.dpi
    plain = text.encode("utf-8", "replace").decode("utf-8")
    plain = "".join(c if c.isprintable() else " " for c in plain)
    figure.text(x / width, y / height, plain, parse_math=False, va="center", **options)


def short(text: str, length: int = 30) -> str:
    """Text cut to a length, with an ellipsis where something is missing."""
    return text if len(text) <= length else text[: length - 1] + "…"


class _Legend:
    """A column of rows; the pen moves down."""

    def __init__(self, figure: Figure, x: float, y: float) -> None:
        self.figure, self.x, self.y = figure, x, y

    def draw(self, scene: Scene) -> None:
        """The field that is shown, then the layers."""
        if scene.surfaces:
            field = scene.surfaces[0]
            self.heading(field.name)
            if isinstance(field, Parts):
                self.parts(scene, field, 2 + sum(1 + len(g.strokes) for g in scene.glyphs))
            elif isinstance(field, Scalar):
                self.color_bar(field)
            else:
                self.wheel(field)
        for layer in scene.glyphs:
            keys = [s for s in layer.strokes if s.label != layer.name]
            if not keys:
                self.row(layer.name, layer.strokes[0].color)
                continue
            self.heading(layer.name)
            for strokes in keys:
                self.row(strokes.label, strokes.color)

    def heading(self, text: str) -> None:
        write_text(self.figure, self.x, self.y, short(text), size=9, weight="bold", color=SOFT)
        self.y -= ROW

    def row(self, text: str, color: Any, value: str = "") -> None:
        from matplotlib.patches import Rectangle

        width, height = self.figure.get_size_inches() * self.figure.dpi
        corner = (self.x / width, (self.y - 6) / height)
        rgb = tuple(float(c) / 255 for c in color)
        swatch = Rectangle(corner, 12 / width, 12 / height, facecolor=rgb, edgecolor="#0003")
        self.figure.add_artist(swatch)
        write_text(self.figure, self.x + 22, self.y, short(text, 22 if value else 30), size=9.5)
        if value:
            right = self.x + LEGEND - 28
            write_text(self.figure, right, self.y, value, size=9, color=SOFT, ha="right")
        self.y -= ROW

    def parts(self, scene: Scene, field: Parts, rows_after: int) -> None:
        shares = part_shares(scene.points[scene.mesh.faces], field.labels, len(field.names))
        rows = [*zip(field.names, field.colors, shares[1:], strict=True)]
        if (field.labels < 0).any():
            rows.append((UNLABELLED_NAME, np.array(UNLABELLED_COLOR), shares[0]))
        room = max(1, int(self.y / ROW) - rows_after)
        for name, color, share in rows if len(rows) <= room else rows[: room - 1]:
            self.row(name, color, f"{100 * share:.1f} %" if share else "–")
        if len(rows) > room:
            self.heading(f"and {len(rows) - room + 1} more")

    def color_bar(self, field: Scalar) -> None:
        axes = self._axes(self.x + 2, self.y - 4, LEGEND - 34, 14)
        axes.imshow(field.colors[None], aspect="auto", extent=(field.low, field.high, 0, 1))
        axes.set_yticks([])
        axes.set_xticks([field.low, (field.low + field.high) / 2, field.high])
        axes.set_xticklabels(
            [f"{x:.4g}" for x in axes.get_xticks()], size=8, color=SOFT, parse_math=False
        )
        for label, side in zip(axes.get_xticklabels(), ("left", "center", "right"), strict=True):
            label.set_horizontalalignment(side)
        self.y -= 2 * ROW

    def wheel(self, field: Polar) -> None:
        axes = self._axes(self.x + 2, self.y - 64, 76, 76)
        axes.imshow(_wheel(152))
        axes.axis("off")
        lines = [
            f"rings every {field.radius / RINGS:.4g}",
            f"sectors of {360 // SECTORS}°",
            "bold: θ = 0, along e1",
        ]
        for k, line in enumerate(lines):
            y = self.y - 6 - 20 * k
            write_text(self.figure, self.x + 90, y, line, size=8.5, color=SOFT)
        self.y -= 88

    def _axes(self, x: float, y: float, w: float, h: float) -> Any:
        width, height = self.figure.get_size_inches() * self.figure.dpi
        return self.figure.add_axes((x / width, y / height, w / width, h / height))


def _wheel(size: int) -> Float64[np.ndarray, "S S 4"]:
    """The colours of the directions, on a transparent square."""
    x, y = np.meshgrid(np.linspace(-1, 1, size), np.linspace(1, -1, size))
    turn = np.floor(np.arctan2(y, x) / (2 * np.pi) % 1 * SECTORS) + 0.5
    colors = color_map("cyclic")[(256 * turn / SECTORS).astype(np.int64)] / 255
    return np.dstack([colors, np.hypot(x, y) <= 1])
