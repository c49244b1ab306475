"""Lengths, angles, areas and normals of triangle meshes.

Every function is pure, works on plain arrays and is finite on zero-area faces. Coordinates are
never squared before they are divided by a power of two near the largest side (an exact
operation), so scales from 1e-150 to 1e150 and offsets such as 1e8 give the same result up to scale.

Corner ``k`` of face ``f`` is the one at vertex ``faces[f, k]``; side ``k`` runs from corner ``k``
to corner ``k + 1`` (mod 3). All results but the normals are intrinsic, and none depends on the
choice of tangent frames (gauge invariant).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, Int64

_CANCELLATION = 1e-12
"""A sum of vectors shorter than this share of their total length has no direction of its own."""


def edge_lengths(
    vertices: Float64[np.ndarray, "V 3"], faces: Int64[np.ndarray, "F 3"]
) -> Float64[np.ndarray, "F 3"]:
    """Length of side ``k`` of every face, in mesh units."""
    sides, exponent = _scaled_sides(vertices, faces)
    return np.ldexp(_norm(sides), exponent)


def corner_angles(
    vertices: Float64[np.ndarray, "V 3"], faces: Int64[np.ndarray, "F 3"]
) -> Float64[np.ndarray, "F 3"]:
    """Corner angles in radians, atan2(|u × v|, u · v): accurate near 0 and π, unlike the cosine.

    |u × v| is twice the face's area at every corner, taken from the two shorter sides, where it
    loses least to rounding.
    """
    sides, _ = _scaled_sides(vertices, faces)
    cross = _norm(_cross_of_short_sides(sides))
    return np.arctan2(cross[:, None], -np.einsum("fki,fki->fk", sides, sides[:, [2, 0, 1]]))


def corner_angles_from_lengths(
    lengths: Float64[np.ndarray, "F 3"],
) -> Float64[np.ndarray, "F 3"]:
    """Corner angles in radians from side lengths alone, by Kahan's formula.

    Kahan, *Miscalculating Area and Angles of a Needle-like Triangle* (2014). The order of the
    additions matters: every difference is of given lengths, so needles lose no accuracy. Sides
    that fail the triangle inequality are treated as a flat triangle (angles 0, 0, π).
    """
    scaled, _ = _scaled(lengths)
    after, before, opposite = scaled, scaled[:, [2, 0, 1]], scaled[:, [1, 2, 0]]
    a, b, c = np.maximum(after, before), np.minimum(after, before), opposite
    mu = np.where(b >= c, c - (a - b), b - (a - c))
    upper = ((a - b) + c) * mu
    lower = (a + (b + c)) * ((a - c) + b)
    return 2.0 * np.arctan2(np.sqrt(np.maximum(upper, 0.0)), np.sqrt(np.maximum(lower, 0.0)))


def face_areas(
    vertices: Float64[np.ndarray, "V 3"], faces: Int64[np.ndarray, "F 3"]
) -> Float64[np.ndarray, " F"]:
    """Area of every face, in squared mesh units; exactly zero on a degenerate face."""
    sides, exponent = _scaled_sides(vertices, faces)
    return np.ldexp(0.5 * _norm(_cross_of_short_sides(sides)), 2 * exponent)


def face_areas_from_lengths(lengths: Float64[np.ndarray, "F 3"]) -> Float64[np.ndarray, " F"]:
    """Area of every face from its side lengths (Kahan's stable form of Heron's formula)."""
    scaled, exponent = _scaled(lengths)
    c, b, a = np.sort(scaled, axis=1).T
    squared = (a + (b + c)) * (c - (a - b)) * (c + (a - b)) * (a + (b - c))
    return np.ldexp(0.25 * np.sqrt(np.maximum(squared, 0.0)), 2 * exponent)


def vertex_areas(
    areas: Float64[np.ndarray, " F"], faces: Int64[np.ndarray, "F 3"], num_vertices: int
) -> Float64[np.ndarray, " V"]:
    """A third of the area of the faces round each vertex; 0 for an unreferenced vertex."""
    thirds = np.repeat(areas / 3.0, 3)
    return np.bincount(faces.ravel(), weights=thirds, minlength=num_vertices)


def face_normals(
    vertices: Float64[np.ndarray, "V 3"], faces: Int64[np.ndarray, "F 3"]
) -> Float64[np.ndarray, "F 3"]:
    """Unit normals that follow the winding.

    A zero-area face gets a unit vector orthogonal to its longest side (any vector, if all three
    corners coincide).
    """
    sides, _ = _scaled_sides(vertices, faces)
    cross = _cross_of_short_sides(sides)
    size = _norm(cross)
    flat = size == 0.0
    normals = cross / np.where(flat, 1.0, size)[:, None]
    if flat.any():
        longest = np.argmax(_norm(sides[flat]), axis=1)
        normals[flat] = _any_orthogonal(sides[flat, longest])
    return normals


def vertex_normals(
    vertices: Float64[np.ndarray, "V 3"], faces: Int64[np.ndarray, "F 3"]
) -> Float64[np.ndarray, "V 3"]:
    """Unit vertex normals: the area-weighted mean of the normals of the faces round the vertex.

    Where the mean vanishes (folded or zero-area faces) the normal of one face there is used; an
    unreferenced vertex gets (0, 0, 1).
    """
    cross = _cross_of_short_sides(_scaled_sides(vertices, faces)[0])
    corner, num_vertices = faces.ravel(), len(vertices)
    weights = np.repeat(cross, 3, axis=0)
    total = np.stack(
        [np.bincount(corner, weights=weights[:, i], minlength=num_vertices) for i in range(3)], 1
    )
    budget = np.bincount(corner, weights=np.repeat(_norm(cross), 3), minlength=num_vertices)
    size = _norm(total)
    lost = size <= _CANCELLATION * budget
    normals = total / np.where(lost, 1.0, size)[:, None]
    if lost.any():
        normals[lost] = (0.0, 0.0, 1.0)
        touching = lost[faces].any(axis=1)
        some_normal = np.repeat(face_normals(vertices, faces[touching]), 3, axis=0)
        at = faces[touching].ravel()
        normals[at[lost[at]]] = some_normal[lost[at]]
    return normals


def _scaled(values: Float64[np.ndarray, "*shape"]) -> tuple[Float64[np.ndarray, "*shape"], int]:
    """``values`` divided by a power of two near their largest magnitude, and its exponent."""
    exponent = int(np.frexp(np.abs(values).max(initial=0.0))[1])
    return np.ldexp(values, -exponent), exponent


def _scaled_sides(
    vertices: Float64[np.ndarray, "V 3"], faces: Int64[np.ndarray, "F 3"]
) -> tuple[Float64[np.ndarray, "F 3 3"], int]:
    """Side vectors (face, side, xyz), scaled; differences are taken before anything else."""
    corners = vertices[faces]
    return _scaled(corners[:, [1, 2, 0]] - corners)


def _cross_of_short_sides(
    sides: Float64[np.ndarray, "F 3 3"],
) -> Float64[np.ndarray, "F 3"]:
    """Cross product of the two shorter sides of every face: twice the area times the normal."""
    start = (np.argmax(np.einsum("fki,fki->fk", sides, sides), axis=1) + 1) % 3
    row = np.arange(len(sides))
    return np.cross(sides[row, start], sides[row, (start + 1) % 3])


def _norm(vectors: Float64[np.ndarray, "*shape 3"]) -> Float64[np.ndarray, "*shape"]:
    return np.sqrt(np.einsum("...i,...i->...", vectors, vectors))


def _any_orthogonal(vectors: Float64[np.ndarray, "N 3"]) -> Float64[np.ndarray, "N 3"]:
    """A unit vector orthogonal to each of ``vectors``; some unit vector where that is zero."""
    axis = np.eye(3)[np.argmin(np.abs(vectors), axis=1)]
    out = np.cross(vectors, axis)
    size = _norm(out)
    zero = size == 0.0
    return np.where(zero[:, None], axis, out / np.where(zero, 1.0, size)[:, None])
