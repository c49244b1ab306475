"""Strokes as triangles on the screen, for pictures; pages do the same on the graphics card."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from gaugeconv.viz.camera import Camera
from gaugeconv.viz.scene import Scene

RIM = 0.9
"""Pixels of light rim on either side of a stroke, which sets it off from dark surfaces."""


@dataclass(frozen=True, eq=False)
class StrokeTriangles:
    """Two triangles for each stroke.

    Attributes:
        corners: (T, 3, 2) pixel coordinates.
        depth: (T, 3) inverse distances.
        across: (T, 3) pixels from the middle line, signed.
        inner: (T, 3) where the ink ends and the rim begins.
        ink: (T, 3) colours, sRGB in 0 … 1.
    """

    corners: Float64[np.ndarray, "T 3 2"]
    depth: Float64[np.ndarray, "T 3"]
    across: Float64[np.ndarray, "T 3"]
    inner: Float64[np.ndarray, "T 3"]
    ink: Float64[np.ndarray, "T 3"]

    def color(
        self, triangle: Int64[np.ndarray, " N"], weights: Float64[np.ndarray, "N 3"]
    ) -> Float64[np.ndarray, "N 3"]:
        """Colours at points of triangles with barycentric weights."""
        across = (weights * self.across[triangle]).sum(axis=1)
        inner = (weights * self.inner[triangle]).sum(axis=1)
        ink = self.ink[triangle]
        return np.where((np.abs(across) <= inner)[:, None], ink, 0.2 * ink + 0.8)


def stroke_triangles(
    scene: Scene, camera: Camera, width: int, height: int, pixel: float
) -> StrokeTriangles:
    """All strokes of a scene as seen on an image.

    Args:
        scene: its layers.
        camera: the view.
        width, height: of the image in pixels.
        pixel: what counts as one pixel for the thinnest lines.
    """
    all_strokes = [(s, g.lift) for g in scene.glyphs for s in g.strokes]
    tips = np.concatenate(
        [np.zeros((0, 2, 3)), *(np.stack([s.start, s.end], axis=1) for s, _ in all_strokes)]
    )
    widths = np.concatenate([np.zeros((0, 2)), *(s.width for s, _ in all_strokes)]) / scene.scale
    counts = [len(s.start) for s, _ in all_strokes]
    lift = np.repeat([lift for _, lift in all_strokes], counts)[:, None] / scene.scale
    ink = np.repeat(
        np.array([s.color for s, _ in all_strokes]).reshape(-1, 3) / 255, counts, axis=0
    )

    seen = camera.seen((tips.reshape(-1, 3) - scene.center) / scene.scale)
    flat = camera.on_screen(seen, width, height).reshape(-1, 2, 2)
    away = -seen[:, 2].reshape(-1, 2)
    along = flat[:, 1] - flat[:, 0]
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
    inner = 0.5 * camera.lens(width, height) * widths / away
    inner = np.where(widths > 0, np.maximum(inner, 0.5 * pixel), 0)
    half = inner + RIM * pixel
    normal = np.stack([-along[:, 1], along[:, 0]], axis=1)[:, None]
    # four corners: start and end on one side, start and end on the other
    corners = np.concatenate([flat + half[..., None] * normal, flat - half[..., None] * normal], 1)
    across = np.concatenate([half, -half], axis=1)
    twice = [np.tile(x, (1, 2)) for x in (1 / np.maximum(away - lift, 1e-3), inner)]

    def split(values: np.ndarray) -> np.ndarray:
        return np.concatenate([values[:, [0, 1, 3]], values[:, [0, 3, 2]]])

    return StrokeTriangles(
        split(corners), split(twice[0]), split(across), split(twice[1]), np.tile(ink, (2, 1))
    )
