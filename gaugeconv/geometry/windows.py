"""Exact geodesics on a triangle mesh by window propagation, compiled with numba.

The method of Chen & Han (1990) with one angle, one split and the filter of Xin & Wang (2009), cut off
at a radius. A *window* is a cone of straight lines from a (pseudo-)source through an edge; the
triangles that it has crossed are unfolded into the plane of the first one, the source at the origin,
so distance and direction are read off the unfolded coordinates. A *pseudo-source* is a vertex where
a shortest path may bend: total angle above 2π, or on the boundary. Angles at a vertex run from 0 to
its total corner angle ("unscaled") and are multiplied by its scale where they leave this module.
"""

import math
from typing import Any

import numpy as np
from numba import njit

TWO_PI = 2 * math.pi
TIE = 1e-10  # relative difference of lengths below which two geodesics count as tied
FLAT = 1e-9  # a total angle this close to 2π may already be a saddle of rounding
SLIVER = 1e-12
BUDGET = 2000  # windows per reached vertex; six are usual, so this only stops a run-away
TOUCHED, PENDING, OVERFLOW, RUNAWAY = 0, 1, 2, 3

# The entry in sweep.py is cached on disk with all of these compiled into it; alone, none is.
JIT: dict[str, Any] = {
    "nogil": True,
    "error_model": "numpy",
    "fastmath": {"nsz", "arcp", "contract"},
}

# Arrays of records, so that what is read together lies together in memory. Functions pass them in the
# order he (half-edges), vx (vertices), hit (what has been reached), cut (splits), counts, run.

# angle: unscaled direction of the half-edge at its tail. corner: angle of the face at its tail.
# along, height: the opposite corner in units of the half-edge, unfolded to its left.
# wheel: row k is the k-th entry of TriMesh.halfedges.wheel and has nothing to do with half-edge k.
HALFEDGE = np.dtype(
    [(name, np.float64) for name in ("length", "along", "height", "angle", "corner")]
    + [(name, np.int32) for name in ("twin", "tail", "wheel")]
)
# wheel: where the vertex's wheel starts; one more row than vertices, for the end of the last.
VERTEX = np.dtype(
    [("total", np.float64), ("scale", np.float64), ("wheel", np.int32), ("boundary", np.int32)]
)
# Valid where stamp == run. direction: at the centre. back: at the vertex, back along the path.
# transport: to the centre. The extremes (lo, hi) are those of tied paths, relative to the first.
# touched, pending: row i is the i-th vertex reached, the i-th pseudo-source not yet opened.
REACHED = np.dtype(
    [(name, np.float64) for name in ("distance", "direction", "back", "transport")]
    + [(name, np.float64) for name in ("direction_lo", "direction_hi", "back_lo", "back_hi")]
    + [("transport_lo", np.float64), ("transport_hi", np.float64)]
    + [("stamp", np.int64), ("queued", np.int64), ("touched", np.int32), ("pending", np.int32)]
)
SPLIT = np.dtype([("distance", np.float64), ("at", np.float64), ("stamp", np.int64)])
# p→q: unfolded edge, the source on its left. a, b: clockwise and counter-clockwise ray of the cone.
# length, direction, transport: of the path centre → origin. axis: unscaled angle of the x axis.
WINDOW = np.dtype(
    [(name, np.float64) for name in ("px", "py", "qx", "qy", "ax", "ay", "bx", "by")]
    + [(name, np.float64) for name in ("length", "direction", "transport", "axis")]
    + [("edge", np.int32), ("origin", np.int32)]
)


def new_scratch(num_vertices: int, num_halfedges: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """hit, cut and counts for one thread; reused from centre to centre through the stamps."""
    hit = np.zeros(num_vertices, REACHED)
    cut = np.zeros(num_halfedges, SPLIT)
    hit["stamp"] = hit["queued"] = cut["stamp"] = -1
    return hit, cut, np.zeros(4, np.int64)


@njit(inline="always", **JIT)
def _next(h):
    return h + 1 if h % 3 != 2 else h - 2


@njit(inline="always", **JIT)
def _previous(h):
    return h - 1 if h % 3 != 0 else h + 2


@njit(inline="always", **JIT)
def _cross(ax, ay, bx, by):
    return ax * by - ay * bx


@njit(inline="always", **JIT)
def _wrap(x):
    return x - TWO_PI * math.floor(x / TWO_PI + 0.5)


@njit(inline="always", **JIT)
def middle(value, lo, hi):
    """The value in the middle of all that tied: independent of the order in which they came."""
    return value + 0.5 * (lo + hi)


@njit(inline="always", **JIT)
def arrive(vx, hit, counts, run, w, d, direction, back, transport, radius):
    """Offers vertex w a path of length d; keeps it if shorter, takes it into account if tied."""
    if d <= radius:
        known = hit[w]
        if known.stamp != run:
            known.stamp = run
            known.distance = np.inf
            hit[counts[TOUCHED]].touched = w
            counts[TOUCHED] += 1
        best = known.distance
        if abs(d - best) <= TIE * d:
            x = _wrap(direction - known.direction)
            y = _wrap(back - known.back)
            z = _wrap(transport - known.transport)
            known.direction_lo = min(known.direction_lo, x)
            known.direction_hi = max(known.direction_hi, x)
            known.back_lo = min(known.back_lo, y)
            known.back_hi = max(known.back_hi, y)
            known.transport_lo = min(known.transport_lo, z)
            known.transport_hi = max(known.transport_hi, z)
            known.distance = min(best, d)
        elif d < best:
            known.distance = d
            known.direction = direction
            known.back = back
            known.transport = transport
            known.direction_lo = known.direction_hi = 0.0
            known.back_lo = known.back_hi = 0.0
            known.transport_lo = known.transport_hi = 0.0
            vertex = vx[w]
            if (vertex.boundary or vertex.total > TWO_PI - FLAT) and known.queued != run:
                known.queued = run
                hit[counts[PENDING]].pending = w
                counts[PENDING] += 1


@njit(inline="always", **JIT)
def _is_overtaken(he, hit, run, edge, t, end, length, x, y):
    """Xin & Wang: whether a path to (x, y) on the edge, at parameter t, is longer than one by an end."""
    known = hit[he[edge if end == 0 else _next(edge)].tail]
    if known.stamp != run:
        return False
    way_round = known.distance + (t if end == 0 else 1 - t) * he[edge].length
    bound = way_round - length
    return bound < 0 or x * x + y * y > bound * bound + 4e-12 * way_round * way_round


@njit(inline="always", **JIT)
def push(he, hit, counts, run, stack, n, parent, px, py, qx, qy, edge, ax, ay, bx, by, radius):
    """Pushes the part of edge P→Q that the cone (a, b) sees, unless it cannot matter."""
    if he[edge].twin < 0 or _cross(ax, ay, bx, by) <= 0:
        return n
    ex = qx - px
    ey = qy - py
    cross_a = _cross(ax, ay, ex, ey)
    cross_b = _cross(bx, by, ex, ey)
    t0 = 0.0
    t1 = 1.0
    if cross_a > 1e-300:
        t0 = min(1.0, max(0.0, -_cross(ax, ay, px, py) / cross_a))
    if cross_b > 1e-300:
        t1 = min(1.0, max(0.0, -_cross(bx, by, px, py) / cross_b))
    nearest = min(t1, max(t0, -(px * ex + py * ey) / (ex * ex + ey * ey)))
    x = px + nearest * ex
    y = py + nearest * ey
    length = parent.length
    room = radius - length
    if room < 0 or x * x + y * y > room * room:
        return n
    if _is_overtaken(he, hit, run, edge, t1, 0, length, px + t1 * ex, py + t1 * ey):
        return n
    if _is_overtaken(he, hit, run, edge, t0, 1, length, px + t0 * ex, py + t0 * ey):
        return n
    if n == stack.shape[0]:
        counts[OVERFLOW] = 1
        return n
    child = stack[n]
    child.px, child.py, child.qx, child.qy = px, py, qx, qy
    child.ax, child.ay, child.bx, child.by = ax, ay, bx, by
    child.length, child.direction = parent.length, parent.direction
    child.transport, child.axis = parent.transport, parent.axis
    child.edge, child.origin = edge, parent.origin
    return n + 1


@njit(**JIT)
def push_fan(he, vx, hit, counts, run, stack, n, seed, start, width, radius):
    """Windows from vertex seed.origin through its faces, for unscaled directions start … start+width."""
    u = seed.origin
    first = vx[u].wheel
    last = vx[u + 1].wheel
    k = first
    while k + 1 < last and he[he[k + 1].wheel].angle <= start:
        k += 1
    lo = start - he[he[k].wheel].angle if last > first else 0.0
    while width > 0 and last > first:
        h = he[k].wheel
        corner = he[h].corner
        hi = min(lo + width, corner)
        if hi > lo:
            px = he[h].length
            side = he[_previous(h)].length
            qx = side * math.cos(corner)
            qy = side * math.sin(corner)
            ax, ay = (px, 0.0) if lo <= 0 else (math.cos(lo), math.sin(lo))
            bx, by = (qx, qy) if hi >= corner - 1e-14 else (math.cos(hi), math.sin(hi))
            seed.axis = he[h].angle
            edge = _next(h)
            n = push(
                he, hit, counts, run, stack, n, seed, px, 0.0, qx, qy, edge, ax, ay, bx, by, radius
            )
        width -= corner - lo
        lo = 0.0
        k += 1
        if k == last:
            if vx[u].boundary:
                break
            k = first
    return n
