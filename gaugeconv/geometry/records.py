"""What the propagation reads and writes: arrays of records, so that what is read together lies together.

Functions pass them in the order he (half-edges), vx (vertices), hit (what has been reached), cut
(splits), counts, run. Angles at a vertex run from 0 to its total corner angle ("unscaled") and are
multiplied by its scale where they leave the propagation.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

TWO_PI = 2 * math.pi
TIE = 1e-10  # relative difference of lengths below which two geodesics count as tied
FLAT = 1e-9  # a total angle this close to 2π may already be a saddle of rounding
SLIVER = 1e-12
NEEDLE = 1e-6  # a face this low, or this high, in units of one of its sides
GAIN = 1e-9  # by which, relatively, a path through a neighbour must be shorter to replace one
BUDGET = 2000  # windows per reached vertex; six are usual, so this only stops a run-away
TOUCHED, PENDING, OVERFLOW, RUNAWAY = 0, 1, 2, 3

# The entry in sweep.py is cached on disk with all that it calls compiled into it; alone, none is.
JIT: dict[str, Any] = {
    "nogil": True,
    "error_model": "numpy",
    "fastmath": {"nsz", "arcp", "contract"},
}

# angle: unscaled direction of the half-edge at its tail. corner: angle of the face at its tail.
# along, height: the opposite corner in units of the half-edge, unfolded to its left.
# tail, head, apex: its two ends and the opposite corner. twin: −1 at the boundary.
# wheel: row k is the k-th entry of TriMesh.halfedges.wheel and has nothing to do with half-edge k.
HALFEDGE = np.dtype(
    [(name, np.float64) for name in ("length", "along", "height", "angle", "corner")]
    + [(name, np.int32) for name in ("twin", "tail", "head", "apex", "wheel", "unused")]
)
# wheel: where the vertex's wheel starts; one more row than vertices, for the end of the last.
# needle: whether a face at the vertex is one, so that windows may get lost in rounding there.
VERTEX = np.dtype(
    [("total", np.float64), ("scale", np.float64), ("wheel", np.int32)]
    + [(name, np.int16) for name in ("boundary", "needle")]
)
# Valid where stamp == run. direction: at the centre. back: at the vertex, back along the path.
# transport: to the centre. The extremes (lo, hi) are those of tied paths, relative to the first.
# touched: row i is the i-th vertex reached. pending: row i is entry i of the heap of pseudo-sources
# not yet opened; slot: where the vertex stands in it, if queued == run.
REACHED = np.dtype(
    [("distance", np.float64), ("stamp", np.int64), ("queued", np.int64)]
    + [(name, np.float64) for name in ("direction", "back", "transport")]
    + [(name, np.float64) for name in ("direction_lo", "direction_hi", "back_lo", "back_hi")]
    + [("transport_lo", np.float64), ("transport_hi", np.float64)]
    + [("touched", np.int32), ("pending", np.int32), ("slot", np.int32), ("unused", np.int32)]
)
SPLIT = np.dtype([("distance", np.float64), ("at", np.float64), ("stamp", np.int64)])
# The centre (root = 1) or the pseudo-source that all windows on the stack spread from.
# length, direction, transport: of the path centre → origin. room: what is left of reach there.
SEED = np.dtype(
    [(name, np.float64) for name in ("length", "direction", "transport", "room", "reach")]
    + [("origin", np.int64), ("root", np.int64)]
)
# p→q: unfolded edge, the seed on its left. twin: the half-edge on its other side. a, b: clockwise and
# counter-clockwise ray of the cone. axis: unscaled angle of the x axis at the seed.
WINDOW = np.dtype(
    [(name, np.float64) for name in ("px", "py", "qx", "qy", "ax", "ay", "bx", "by", "axis")]
    + [("twin", np.int64)]
)


def new_scratch(num_vertices: int, num_halfedges: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """hit, cut and counts for one thread; reused from centre to centre through the stamps."""
    hit = np.zeros(num_vertices, REACHED)
    cut = np.zeros(num_halfedges, SPLIT)
    hit["stamp"] = hit["queued"] = cut["stamp"] = -1
    return hit, cut, np.zeros(4, np.int64)
