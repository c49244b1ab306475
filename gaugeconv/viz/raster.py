"""A small rasteriser: which triangle a pixel shows, with nothing but numpy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

CHUNK = 1 << 20  # candidates, pairs of a triangle and a pixel of its box, looked at at a time


@dataclass(frozen=True, eq=False)
class Raster:
    """What the pixels of an image show.

    Attributes:
        triangle: (H, W) index of the triangle in front, −1 for none.
        weights: (H, W, 3) barycentric weights on the screen of the pixel's centre in its triangle.
    """

    triangle: Int64[np.ndarray, "H W"]
    weights: Float64[np.ndarray, "H W 3"]


def rasterise(
    corners: Float64[np.ndarray, "T 3 2"],
    depth: Float64[np.ndarray, "T 3"],
    width: int,
    height: int,
) -> Raster:
    """Draws triangles with a depth buffer.

    Args:
        corners: pixel coordinates from the top left; pixel (0, 0) has its centre at (0.5, 0.5).
        depth: 1 / distance along the axis of view at the corners, which is linear on the screen; the
            larger is in front. Triangles with a corner behind the eye (≤ 0) are left out.
        width, height: of the image.
    """
    triangle = np.full(width * height, -1)
    weights = np.zeros((width * height, 3))
    front = np.zeros(width * height)
    low = np.clip(np.floor(corners.min(axis=1)), 0, [width, height])
    high = np.clip(np.ceil(corners.max(axis=1)), 0, [width, height])
    low, extent = low.astype(np.int64), (high - low).astype(np.int64)
    double_area = _cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    drawn = (depth > 0).all(axis=1) & (extent > 0).all(axis=1) & (np.abs(double_area) > 1e-12)
    candidates = np.where(drawn, extent.prod(axis=1), 0)
    end = np.cumsum(candidates)
    for start in range(0, int(end[-1]) if len(end) else 0, CHUNK):
        number = np.arange(start, min(start + CHUNK, int(end[-1])))
        owner = np.searchsorted(end, number, side="right")
        within = number - (end - candidates)[owner]
        x = low[owner, 0] + within % extent[owner, 0]
        y = low[owner, 1] + within // extent[owner, 0]
        share = _barycentric(np.stack([x, y], axis=1) + 0.5, corners[owner], double_area[owner])
        inside = (share >= 0).all(axis=1)
        owner, share, pixel = owner[inside], share[inside], (y * width + x)[inside]
        near = (share * depth[owner]).sum(axis=1)
        np.maximum.at(front, pixel, near)
        ahead = near >= front[pixel]
        triangle[pixel[ahead]] = owner[ahead]
        weights[pixel[ahead]] = share[ahead]
    return Raster(triangle.reshape(height, width), weights.reshape(height, width, 3))


def _barycentric(
    points: Float64[np.ndarray, "N 2"],
    corners: Float64[np.ndarray, "N 3 2"],
    double_area: Float64[np.ndarray, " N"],
) -> Float64[np.ndarray, "N 3"]:
    """Weights of points in triangles of either winding."""
    spokes = corners - points[:, None]
    parts = [_cross(spokes[:, (k + 1) % 3], spokes[:, (k + 2) % 3]) for k in range(3)]
    return np.stack(parts, axis=1) / double_area[:, None]


def _cross(
    a: Float64[np.ndarray, "N 2"], b: Float64[np.ndarray, "N 2"]
) -> Float64[np.ndarray, " N"]:
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
