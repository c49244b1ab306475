"""What a mesh file holds, and its polygons cut into triangles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64

from gaugeconv.errors import MeshError
from gaugeconv.mesh.messages import listed

_MOST_APEXES = 256


@dataclass(frozen=True, eq=False)
class FileContent:
    """Vertices and polygons in the order of the file.

    Attributes:
        vertices: (V, 3) positions.
        corners: (C,) vertex indices of all polygons, one after the other.
        sizes: (P,) corners of each polygon.
        labels: (P,) the ``label`` property of each polygon, or None.
    """

    vertices: Float64[np.ndarray, "V 3"]
    corners: Int64[np.ndarray, " C"]
    sizes: Int64[np.ndarray, " P"]
    labels: Int64[np.ndarray, " P"] | None = None


def triangulate(
    content: FileContent,
) -> tuple[Int64[np.ndarray, "F 3"], Int64[np.ndarray, " F"]]:
    """Triangles in file order and the polygon that each comes from.

    A polygon of n corners becomes a fan of n − 2 triangles from its first corner for which no
    triangle is turned over, so a quad is cut along a diagonal that lies inside it. Only the first 256
    corners are tried.

    Raises:
        MeshError: polygons with fewer than three corners, with corners out of range, or so far
            from convex that no fan fits.
    """
    small = np.flatnonzero(content.sizes < 3)
    if len(small):
        raise MeshError(f"faces need at least three corners: {listed(small, 'face')}")
    if (content.sizes == 3).all():
        return content.corners.reshape(-1, 3), np.arange(len(content.sizes))
    start = np.cumsum(content.sizes) - content.sizes
    outside = (content.corners < 0) | (content.corners >= len(content.vertices))
    bad = np.flatnonzero(np.add.reduceat(outside, start))
    if len(bad):
        raise MeshError(
            f"face indices must lie in [0, {len(content.vertices)}): {listed(bad, 'face')}"
        )
    triangles, owners = [], []
    for size in np.unique(content.sizes):
        polygon = np.flatnonzero(content.sizes == size)
        corners = content.corners[start[polygon, None] + np.arange(size)]
        triangles.append(_fans(content.vertices, corners, polygon).reshape(-1, 3))
        owners.append(np.repeat(polygon, size - 2))
    owner = np.concatenate(owners)
    order = np.argsort(owner, kind="stable")
    return np.concatenate(triangles)[order], owner[order]


def _fans(
    vertices: Float64[np.ndarray, "V 3"],
    corners: Int64[np.ndarray, "P N"],
    polygon: Int64[np.ndarray, " P"],
) -> Int64[np.ndarray, "P M 3"]:
    """A fan for each of several polygons with equally many corners; ``polygon`` names them."""
    size = corners.shape[1]
    fans = _fan(corners)
    left = np.flatnonzero(~_turns_one_way(vertices, fans))
    for first in range(1, min(size, _MOST_APEXES)):
        if not len(left):
            break
        fans[left] = _fan(np.roll(corners[left], -first, axis=1))
        left = left[~_turns_one_way(vertices, fans[left])]
    if len(left):
        raise MeshError(
            "polygons are too far from convex to be cut into a fan: "
            f"{listed(polygon[left], 'face')}; triangulate them first"
        )
    return fans


def _fan(corners: Int64[np.ndarray, "P N"]) -> Int64[np.ndarray, "P M 3"]:
    apex = np.broadcast_to(corners[:, :1], corners[:, 2:].shape)
    return np.stack([apex, corners[:, 1:-1], corners[:, 2:]], axis=-1)


def _turns_one_way(
    vertices: Float64[np.ndarray, "V 3"], triangles: Int64[np.ndarray, "P M 3"]
) -> Bool[np.ndarray, " P"]:
    """Whether no triangle of a fan is turned against the polygon's area vector."""
    corner = vertices[triangles]
    sides = corner[:, :, 1:] - corner[:, :, :1]
    with np.errstate(invalid="ignore", over="ignore"):
        sides = sides / np.maximum(np.abs(sides).max(axis=(1, 2, 3), keepdims=True), 1e-300)
        area = np.cross(sides[:, :, 0], sides[:, :, 1])
        total = area.sum(axis=1)
        along = np.einsum("pmi,pi->pm", area, total)
        return ~(along < -1e-12 * np.einsum("pi,pi->p", total, total)[:, None]).any(axis=1)
