"""The nearest point of a triangle mesh, exactly, for many points at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64
from scipy.spatial import cKDTree

from gaugeconv.mesh import TriMesh

_CHUNK = 4096
"""Points handled together, which bounds the memory for candidates."""


@dataclass(frozen=True, eq=False)
class SurfacePoints:
    """Points on a mesh.

    Attributes:
        face: (N,) the face that each lies in; −1 where a point that was looked for is not finite.
        barycentric: (N, 3) weights of its corners, ≥ 0, sum 1.
        distance: (N,) to the points that they are nearest to, in mesh units.
    """

    face: Int64[np.ndarray, " N"]
    barycentric: Float64[np.ndarray, "N 3"]
    distance: Float64[np.ndarray, " N"]


def closest_points(mesh: TriMesh, points: Float64[np.ndarray, "N 3"]) -> SurfacePoints:
    """The nearest point of the surface to each given point; among ties, the first face.

    Candidates are all faces whose ball about their centre comes as close as the nearest centre plus
    its radius does, by trees of faces of about equal size.
    """
    corners = mesh.vertices[mesh.faces]
    centers = corners.mean(axis=1)
    radius = np.linalg.norm(corners - centers[:, None], axis=2).max(axis=1)
    octave = np.floor(np.log2(np.maximum(radius, radius.max() * 1e-6))).astype(np.int64)
    groups = [np.flatnonzero(octave == value) for value in np.unique(octave)]
    trees = [cKDTree(centers[group]) for group in groups]
    face = np.full(len(points), -1)
    weights = np.zeros((len(points), 3))
    distance = np.full(len(points), np.inf)
    finite = np.flatnonzero(np.isfinite(points).all(axis=1))
    for start in range(0, len(finite), _CHUNK):
        here = finite[start : start + _CHUNK]
        row, candidate = _candidates(points[here], groups, trees, centers, radius)
        nearest, bary = _on_triangles(points[here][row], corners[candidate])
        gap = np.linalg.norm(nearest - points[here][row], axis=1)
        order = np.lexsort((candidate, gap, row))
        first = order[np.searchsorted(row[order], np.arange(len(here)))]
        face[here], weights[here], distance[here] = candidate[first], bary[first], gap[first]
    return SurfacePoints(face, weights, distance)


def _candidates(
    points: Float64[np.ndarray, "N 3"],
    groups: list[Int64[np.ndarray, " _"]],
    trees: Sequence[cKDTree],
    centers: Float64[np.ndarray, "F 3"],
    radius: Float64[np.ndarray, " F"],
) -> tuple[Int64[np.ndarray, " C"], Int64[np.ndarray, " C"]]:
    """Pairs of a point and a face that may hold its nearest point."""
    bound = np.stack([np.asarray(tree.query(points)[0]) for tree in trees]).min(axis=0)
    rows, faces = [], []
    for group, tree in zip(groups, trees, strict=True):
        reach = (bound + radius[group].max()) * (1 + 1e-9)
        found = tree.query_ball_point(points, reach)
        count = np.fromiter(map(len, found), dtype=np.int64, count=len(points))
        rows.append(np.repeat(np.arange(len(points)), count))
        faces.append(group[np.concatenate([*found, []]).astype(np.int64)])
    row, face = np.concatenate(rows), np.concatenate(faces)
    gap = np.linalg.norm(points[row] - centers[face], axis=1) - radius[face]
    near = gap <= bound[row] * (1 + 1e-9)
    return row[near], face[near]


def _on_triangles(
    points: Float64[np.ndarray, "C 3"], corners: Float64[np.ndarray, "C 3 3"]
) -> tuple[Float64[np.ndarray, "C 3"], Float64[np.ndarray, "C 3"]]:
    """The nearest point of each triangle and its barycentric weights.

    It is the foot of the perpendicular where that lies inside, else the nearest on the three sides.
    """
    best = _inside(points, corners)
    nearest = np.einsum("ck,cki->ci", best, corners)
    gap = np.where(best.min(axis=1) >= 0, ((nearest - points) ** 2).sum(axis=1), np.inf)
    for k in range(3):
        a, b = corners[:, k], corners[:, (k + 1) % 3]
        side = b - a
        square = (side**2).sum(axis=1)
        along = ((points - a) * side).sum(axis=1) / np.where(square > 0, square, 1.0)
        along = np.clip(along, 0.0, 1.0)
        foot = a + along[:, None] * side
        distance = ((foot - points) ** 2).sum(axis=1)
        closer = distance < gap
        weights = np.zeros_like(best)
        weights[:, k], weights[:, (k + 1) % 3] = 1 - along, along
        best[closer], nearest[closer], gap[closer] = weights[closer], foot[closer], distance[closer]
    return nearest, best


def _inside(
    points: Float64[np.ndarray, "C 3"], corners: Float64[np.ndarray, "C 3 3"]
) -> Float64[np.ndarray, "C 3"]:
    """Barycentric weights of the foot of the perpendicular; −1 throughout on a face without area."""
    u, v = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    w = points - corners[:, 0]
    normal = np.cross(u, v)
    square = (normal**2).sum(axis=1)
    safe = np.where(square > 0, square, 1.0)
    second = (np.cross(w, v) * normal).sum(axis=1) / safe
    third = (np.cross(u, w) * normal).sum(axis=1) / safe
    weights = np.stack([1 - second - third, second, third], axis=1)
    return np.where((square > 0)[:, None], weights, -1.0)
