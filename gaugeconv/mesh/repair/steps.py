"""The steps of a repair. Each changes the draft and says so, or finds nothing to do."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float64, Int64
from scipy.spatial import cKDTree

from gaugeconv.errors import MeshError
from gaugeconv.mesh.connectivity import cuts_to_orient, orient, several_fans
from gaugeconv.mesh.defects import DefectKind
from gaugeconv.mesh.edges import repeated_index
from gaugeconv.mesh.repair.draft import Draft
from gaugeconv.mesh.validate import ZERO_LENGTH, duplicate_faces, zero_edges

MOLLIFIED = 1e-6
"""Lengthened edges get this many mean edge lengths: little, yet far above rounding."""

LARGEST_WELD = 0.5
"""Welding across more mean edge lengths than this would collapse whole faces."""

_CROWD = 50
"""Welding is refused where a vertex has more close ones than this on average."""


def weld(draft: Draft, tolerance: float) -> None:
    """Merges vertices at most ``tolerance`` mean edge lengths apart, and chains of such.

    Raises:
        MeshError: no positions, a tolerance outside 0 … 0.5, or one at which too much is close.
    """
    if draft.positions is None:
        raise MeshError("an intrinsic mesh has no positions to weld by; leave weld out")
    if not 0.0 <= tolerance <= LARGEST_WELD:
        raise MeshError(f"weld is {tolerance!r}; give 0 … {LARGEST_WELD:g} mean edge lengths")
    points, first, place = np.unique(
        draft.positions + 0.0,  # −0 is 0
        axis=0,
        return_index=True,
        return_inverse=True,
    )
    close = _close_pairs(points, tolerance * float(draft.lengths.mean()))
    draft.merge(
        np.concatenate([np.arange(len(draft.positions)), first[close[:, 0]]]),
        np.concatenate([first[place.ravel()], first[close[:, 1]]]),
    )
    welded = np.flatnonzero(draft.merged_into != np.arange(len(draft.merged_into)))
    draft.record(None, "welded to others", welded)


def drop_repeated(draft: Draft) -> bool:
    """Drops faces that use one vertex twice; whether there were any."""
    bad = np.flatnonzero(repeated_index(draft.faces))
    draft.record(DefectKind.REPEATED_INDEX, "dropped, one vertex used twice", bad)
    draft.drop(bad)
    return len(bad) > 0


def end_zero_edges(draft: Draft, mollify: bool) -> bool:
    """Merges the two ends of edges of length zero, or lengthens these; whether there were any."""
    ends = zero_edges(draft.table, draft.lengths)
    if not len(ends):
        return False
    if mollify or draft.positions is None:
        mean = draft.lengths.mean()
        short = draft.lengths <= ZERO_LENGTH * mean
        draft.lengths = np.where(short, MOLLIFIED * mean, draft.lengths)
        draft.positions = None
        draft.record(DefectKind.ZERO_LENGTH_EDGE, "zero length, lengthened", ends)
    else:
        draft.record(DefectKind.ZERO_LENGTH_EDGE, "zero length, ends merged", ends)
        draft.merge(*ends.T)
    return True


def drop_copies(draft: Draft) -> bool:
    """Drops faces on the same three vertices as an earlier one; whether there were any."""
    copies, originals = duplicate_faces(draft.table).T
    draft.record(DefectKind.DUPLICATE_FACE, "dropped, copies of others", copies)
    draft.drop(copies, instead=originals)
    return len(copies) > 0


def cut_crowded_edges(draft: Draft) -> None:
    """Makes boundary of edges with three or more faces.

    Two of their faces stay joined if faces round both ends of the edge connect them: a wing is cut
    off a closed surface, and two closed surfaces that share an edge come apart, without a hole.
    """
    table = draft.table
    ends = table.ends[table.count > 2]
    draft.record(DefectKind.NON_MANIFOLD_EDGE, "cut, three or more faces met there", ends)
    draft.split(table.pairs, _marked(draft, ends))


def cut_one_sided_pieces(draft: Draft) -> None:
    """Cuts every one-sided component open until it can be wound consistently."""
    table = draft.table
    cut = cuts_to_orient(table)
    ends = table.ends[table.count == 2][cut]
    draft.record(DefectKind.NON_ORIENTABLE, "cut, the surface was one-sided", ends)
    draft.split(table.pairs[~cut], _marked(draft, ends))


def wind_consistently(draft: Draft) -> None:
    """Turns over the fewer faces of each component that is wound inconsistently."""
    flipped = orient(draft.table).flipped
    draft.record(
        DefectKind.INCONSISTENT_WINDING, "turned over, wound against their neighbours", flipped
    )
    draft.turn(flipped)


def split_bow_ties(draft: Draft) -> None:
    """Gives each fan of faces at a vertex a vertex of its own."""
    table = draft.table
    pinched = several_fans(table, len(draft.origin))
    draft.record(DefectKind.BOW_TIE_VERTEX, "split, one for each fan of faces", pinched)
    draft.split(table.neighbours, _marked(draft, pinched))


def _marked(draft: Draft, vertices: Int64[np.ndarray, "*shape"]) -> Bool[np.ndarray, " W"]:
    out = np.zeros(len(draft.origin), dtype=bool)
    out[vertices] = True
    return out


def _close_pairs(points: Float64[np.ndarray, "N 3"], distance: float) -> Int64[np.ndarray, "K 2"]:
    """Pairs of different points at most ``distance`` apart.

    Raises:
        MeshError: there are too many of them for welding to make sense.
    """
    low = points.min(axis=0)
    extent = float((points.max(axis=0) - low).max())
    if distance == 0.0 or extent == 0.0:
        return np.zeros((0, 2), dtype=np.int64)
    tree = cKDTree((points - low) / extent)
    reach = distance / extent
    if tree.count_neighbors(tree, reach) > (1 + 2 * _CROWD) * len(points):
        raise MeshError(
            "weld is too large for this mesh: vertices have more than "
            f"{_CROWD} others within it on average; give a smaller tolerance"
        )
    return tree.query_pairs(reach, output_type="ndarray").astype(np.int64)
