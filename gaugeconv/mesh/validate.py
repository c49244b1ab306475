"""What makes a face list a mesh that geometry can be computed on."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float64, Int64

from gaugeconv.mesh.connectivity import orient, referenced, several_fans
from gaugeconv.mesh.defects import Defect, DefectKind
from gaugeconv.mesh.edges import EdgeTable, repeated_index
from gaugeconv.mesh.halfedges import HalfEdges, build_halfedges

ZERO_LENGTH = 1e-12
"""Edges of at most this many mean edge lengths count as zero."""

LENGTH_TOLERANCE = 1e-12
"""Relative slack for rounding in the triangle inequality and in shared lengths."""

FLAT_HEIGHT = 1e-12
"""A face whose smallest height is at most this many of its longest sides has zero area."""

NEEDLE_ANGLE = 1e-2
"""A face with a corner below this angle (radians) is a needle."""


def checked_halfedges(
    faces: Int64[np.ndarray, "F 3"],
    num_vertices: int,
    lengths: Float64[np.ndarray, "F 3"],
    intrinsic: bool,
) -> HalfEdges:
    """Half-edges of a mesh, after every check.

    Args:
        faces: (F, 3) indices in range.
        num_vertices: V.
        lengths: (F, 3) side lengths.
        intrinsic: whether the lengths were given, and so need to be checked among themselves.

    Raises:
        MeshError: the first kind of defect, with its indices.
        NonOrientableError: no consistent winding exists.
    """
    table = EdgeTable.of(faces)
    for defect in _defects(table, lengths, intrinsic):
        raise defect.error()
    halfedges = build_halfedges(table, num_vertices)
    if halfedges is None:
        raise Defect(DefectKind.BOW_TIE_VERTEX, several_fans(table, num_vertices)).error()
    return halfedges


def find_defects(
    table: EdgeTable,
    num_vertices: int,
    lengths: Float64[np.ndarray, "F 3"],
    intrinsic: bool,
) -> list[Defect]:
    """Every defect, one entry for each kind that occurs, in the order of ``DefectKind``."""
    found = list(_defects(table, lengths, intrinsic))
    fans = several_fans(table, num_vertices)
    return [*found, *_some(DefectKind.BOW_TIE_VERTEX, fans)]


def find_warnings(
    faces: Int64[np.ndarray, "F 3"],
    num_vertices: int,
    lengths: Float64[np.ndarray, "F 3"],
    angles: Float64[np.ndarray, "F 3"],
    areas: Float64[np.ndarray, " F"],
) -> list[Defect]:
    """What is accepted but worth knowing: zero areas, needles, unreferenced vertices."""
    longest = lengths.max(axis=1)
    longest = np.where(longest > 0.0, longest, 1.0)
    flat = 2.0 * (areas / longest) <= FLAT_HEIGHT * longest
    needle = (angles.min(axis=1) < NEEDLE_ANGLE) & ~flat
    unused = ~referenced(faces, num_vertices)
    kinds = (
        (DefectKind.ZERO_AREA_FACE, flat),
        (DefectKind.NEEDLE_FACE, needle),
        (DefectKind.UNREFERENCED_VERTEX, unused),
    )
    return [Defect(kind, np.flatnonzero(mask)) for kind, mask in kinds if mask.any()]


def _defects(
    table: EdgeTable, lengths: Float64[np.ndarray, "F 3"], intrinsic: bool
) -> Iterator[Defect]:
    """Every defect but bow-ties, which cost more; cheap where there are none."""
    yield from _some(DefectKind.REPEATED_INDEX, np.flatnonzero(repeated_index(table.faces)))
    if intrinsic:
        yield from _some(DefectKind.TRIANGLE_INEQUALITY, _impossible(lengths))
    yield from _some(DefectKind.ZERO_LENGTH_EDGE, zero_edges(table, lengths))
    yield from _some(DefectKind.DUPLICATE_FACE, duplicate_faces(table)[:, 0])
    yield from _some(DefectKind.NON_MANIFOLD_EDGE, table.ends[table.count > 2])
    if intrinsic:
        yield from _some(DefectKind.LENGTH_MISMATCH, _mismatches(table, lengths))
    orientation = orient(table)
    yield from _some(DefectKind.NON_ORIENTABLE, orientation.one_sided_edges)
    yield from _some(DefectKind.INCONSISTENT_WINDING, orientation.flipped)


def _some(kind: DefectKind, indices: Int64[np.ndarray, "*shape"]) -> Iterator[Defect]:
    if len(indices):
        yield Defect(kind, indices)


def _impossible(lengths: Float64[np.ndarray, "F 3"]) -> Int64[np.ndarray, " N"]:
    short, middle, long = np.sort(lengths, axis=1).T
    return np.flatnonzero((long - middle) - short > LENGTH_TOLERANCE * long)


def zero_edges(table: EdgeTable, lengths: Float64[np.ndarray, "F 3"]) -> Int64[np.ndarray, "N 2"]:
    """Vertex pairs of edges whose length is zero beside the mean of ``lengths``."""
    if table.num_edges == 0:
        return table.ends
    shortest = np.minimum.reduceat(lengths.ravel()[table.order], table.start[:-1])
    return table.ends[shortest <= ZERO_LENGTH * lengths.mean()]


def _mismatches(table: EdgeTable, lengths: Float64[np.ndarray, "F 3"]) -> Int64[np.ndarray, "N 2"]:
    first, second = lengths.ravel()[table.pairs].T
    wrong = np.abs(first - second) > LENGTH_TOLERANCE * np.maximum(first, second)
    return table.ends[table.count == 2][wrong]


def duplicate_faces(table: EdgeTable) -> Int64[np.ndarray, "N 2"]:
    """Later copies of a face, whatever their winding, each with the first of its kind.

    Copies share their edges, so equal opposite corners on one edge give them away.
    """
    first, second = table.pairs.T
    same = table.opposite(first) == table.opposite(second)
    crowded = np.repeat(table.count > 2, table.count)
    suspects = [first[same], second[same], table.order[crowded]]
    candidate = np.unique(np.concatenate(suspects) // 3)
    if not len(candidate):
        return np.zeros((0, 2), dtype=np.int64)
    corners = np.sort(table.faces[candidate], axis=1)
    _, index, inverse = np.unique(corners, axis=0, return_index=True, return_inverse=True)
    original = candidate[index[inverse.ravel()]]
    return np.stack([candidate, original], axis=1)[candidate != original]
