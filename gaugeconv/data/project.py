"""Labels carried from one mesh to another of the same surface, finer or coarser."""

from __future__ import annotations

from typing import Literal

import numpy as np
from jaxtyping import Float64, Int64

from gaugeconv.data.closest import closest_points
from gaugeconv.errors import DataError
from gaugeconv.mesh import TriMesh

Element = Literal["face", "vertex"]
_FINEST = 12
"""Most pieces along a side that a target face is looked at in."""


def project_labels(
    labels: Int64[np.ndarray, " N"],
    source: TriMesh,
    target: TriMesh,
    to: Element | None = None,
) -> Int64[np.ndarray, " M"]:
    """The label of most of the area of every target face, or round every target vertex.

    Every target face is cut into equal triangles about as large as the source's faces, at most 144;
    each takes the label of the point of the source nearest to its centre: that of the face there, or of
    the corner with the largest weight. A vertex gathers the triangles nearest to it in its faces. −1 is a
    label like any other; between equals the smaller wins. Gauge invariant.

    Args:
        labels: (F,) or (V,) of the source, told apart by their count.
        source: the mesh that they belong to.
        target: a mesh of about the same surface, in the same place.
        to: "face" or "vertex" of the target; like the source's when None.

    Returns:
        One label per face or vertex of the target; −1 for a vertex that no face uses.

    Raises:
        DataError: the labels fit neither faces nor vertices of the source, or both and `to` cannot
            tell either.
    """
    per = _element(labels, source, to)
    face, corner, centers, area = _pieces(target, _mean_area(source))
    found = closest_points(source, centers)
    if per == "vertex":
        picked = source.faces[found.face, found.barycentric.argmax(axis=1)]
    else:
        picked = found.face
    if (to or per) == "face":
        return _majority(face, labels[picked], area, target.num_faces)
    return _majority(target.faces[face, corner], labels[picked], area, target.num_vertices)


def _element(labels: Int64[np.ndarray, " N"], mesh: TriMesh, to: Element | None) -> Element:
    """What the source's labels belong to."""
    fits_faces, fits_vertices = len(labels) == mesh.num_faces, len(labels) == mesh.num_vertices
    if fits_faces and fits_vertices and to is not None:
        return to
    if fits_faces == fits_vertices:
        raise DataError(
            f"{len(labels)} labels fit {'both' if fits_faces else 'neither'}: the source has "
            f"{mesh.num_faces} faces and {mesh.num_vertices} vertices"
        )
    return "face" if fits_faces else "vertex"


def _mean_area(mesh: TriMesh) -> float:
    return mesh.area / mesh.num_faces


def _pieces(
    mesh: TriMesh, size: float
) -> tuple[
    Int64[np.ndarray, " P"],
    Int64[np.ndarray, " P"],
    Float64[np.ndarray, "P 3"],
    Float64[np.ndarray, " P"],
]:
    """Face, nearest corner, centre and area of the triangles that all faces are cut into."""
    wanted = np.sqrt(mesh.face_areas / size) if size > 0 else np.ones(mesh.num_faces)
    sides = np.clip(np.ceil(wanted), 2, _FINEST).astype(np.int64)
    parts = []
    for count in np.unique(sides):
        faces = np.flatnonzero(sides == count)
        weights = _grid(int(count))
        centers = np.einsum("pk,fki->fpi", weights, mesh.vertices[mesh.faces[faces]])
        parts.append(
            (
                np.repeat(faces, len(weights)),
                np.tile(weights.argmax(axis=1), len(faces)),
                centers.reshape(-1, 3),
                np.repeat(mesh.face_areas[faces] / len(weights), len(weights)),
            )
        )
    face, corner, center, area = (np.concatenate(column) for column in zip(*parts, strict=True))
    return face, corner, center, area


def _grid(count: int) -> Float64[np.ndarray, "P 3"]:
    """Barycentric centres of the count² equal triangles of a triangle."""
    up = [(i + 1 / 3, j + 1 / 3) for i in range(count) for j in range(count - i)]
    down = [(i + 2 / 3, j + 2 / 3) for i in range(count - 1) for j in range(count - 1 - i)]
    first, second = np.array(up + down).T / count
    return np.stack([first, second, 1 - first - second], axis=1)


def _majority(
    element: Int64[np.ndarray, " P"],
    labels: Int64[np.ndarray, " P"],
    weight: Float64[np.ndarray, " P"],
    size: int,
) -> Int64[np.ndarray, " N"]:
    """The label with the largest total weight on each element; −1 where there is none."""
    low = int(labels.min())
    span = int(labels.max()) - low + 1
    key, index = np.unique(element * span + labels - low, return_inverse=True)
    total = np.bincount(index, weight)
    where, label = np.divmod(key, span)
    order = np.lexsort((label, -total, where))
    result = np.full(size, -1)
    first = order[np.flatnonzero(np.diff(where[order], prepend=-1))]
    result[where[first]] = label[first] + low
    return result
