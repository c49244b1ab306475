"""What a panel of a kernel consists of: polygons with colours, for pages and pictures alike."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from gaugeconv.viz.colors import color_map
from gaugeconv.viz.kernels import CIRCLES, Panel

INK = "#1b1f27"
SIDE = 1.12
"""A panel reaches from −SIDE to SIDE in units of R."""
_ARROW = np.array(
    [[0, 0.07], [0.6, 0.07], [0.6, 0.2], [1, 0], [0.6, -0.2], [0.6, -0.07], [0, -0.07]]
)
_ARM = np.array([[0, 0.14], [1, 0.14], [1, -0.14], [0, -0.14]])
_LEAST = 0.02  # of the largest; smaller ones are not drawn


class Polygon(NamedTuple):
    """A filled polygon in units of R, y upwards."""

    corners: Float64[np.ndarray, "K 2"]
    color: str


def polygons(panel: Panel, points: Float64[np.ndarray, "N 2"]) -> list[Polygon]:
    """The arrows, arms or discs of a panel; nothing where the kernel vanishes."""
    size = np.linalg.norm(panel.values, axis=1)
    shown = np.flatnonzero(size > _LEAST)
    if panel.order == 0:
        return [_disc(points[i], float(panel.values[i, 0])) for i in shown]
    angle = np.arctan2(panel.values[:, 1], panel.values[:, 0]) / panel.order
    found = []
    for i in shown:
        length = (0.95 if panel.order == 1 else 0.42) / CIRCLES * size[i]
        for k in range(panel.order):
            c, s = np.cos(a := angle[i] + 2 * np.pi * k / panel.order), np.sin(a)
            turn = length * np.array([[c, s], [-s, c]])
            outline = _ARROW if panel.order == 1 else _ARM
            found.append(Polygon(points[i] + (outline - [0.5 * (panel.order == 1), 0]) @ turn, INK))
    return found


def circle(
    radius: float, center: Float64[np.ndarray, " 2"], corners: int = 48
) -> Float64[np.ndarray, "K 2"]:
    """A circle as a polygon of many corners."""
    angle = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    return center + radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def _disc(point: Float64[np.ndarray, " 2"], value: float) -> Polygon:
    """A disc whose area is the size of a number and whose colour its sign."""
    color = color_map("diverging")[int(np.clip(128 + 127 * np.sign(value), 0, 255))]
    return Polygon(
        circle(0.48 / CIRCLES * abs(value) ** 0.5, point, 16), f"#{color.tobytes().hex()}"
    )
