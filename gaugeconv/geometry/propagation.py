"""Exact geodesics on a triangle mesh by window propagation, compiled with numba.

The method of Chen & Han (1990) with one angle, one split and the filter of Xin & Wang (2009), cut off
at a radius. A *pseudo-source* is a vertex where a shortest path may bend: total angle above 2π, or on
the boundary.
"""

import math

from numba import njit

from gaugeconv.geometry.pending import pop_nearest
from gaugeconv.geometry.records import (
    BUDGET,
    JIT,
    OVERFLOW,
    PENDING,
    RUNAWAY,
    SLIVER,
    TIE,
    TOUCHED,
)
from gaugeconv.geometry.windows import (
    along_edges,
    arrive,
    cross,
    middle,
    next_side,
    previous_side,
    push,
    spread,
)

PI = math.pi


@njit(**JIT)
def _start(hit, counts, run, seed, center, reach):
    """Makes the centre the seed and the one vertex reached; it is hit[0].touched."""
    counts[:] = 0
    known = hit[center]
    known.stamp = run
    known.distance = known.direction = known.back = known.transport = 0.0
    known.direction_lo = known.direction_hi = known.back_lo = known.back_hi = 0.0
    known.transport_lo = known.transport_hi = 0.0
    hit[0].touched = center
    counts[TOUCHED] = 1
    seed.origin = center
    seed.root = 1
    seed.length = seed.direction = seed.transport = 0.0
    seed.room = seed.reach = reach


@njit(inline="always", **JIT)
def _move_seed(hit, seed, u):
    """Makes a vertex that has been reached the seed."""
    known = hit[u]
    seed.origin = u
    seed.root = 0
    seed.length = known.distance
    seed.room = seed.reach - known.distance
    seed.direction = middle(known.direction, known.direction_lo, known.direction_hi)
    seed.transport = middle(known.transport, known.transport_lo, known.transport_hi)


@njit(**JIT)
def _open_pseudo_source(he, vx, hit, counts, run, stack, seed):
    """Spreads from the nearest pending pseudo-source into its shadow: π or more from the way back."""
    u = pop_nearest(hit, counts)
    total = vx[u].total
    incoming = hit[u].back / vx[u].scale
    _move_seed(hit, seed, u)
    start = incoming + PI - SLIVER
    if vx[u].boundary:
        n = spread(he, vx, hit, counts, run, stack, 0, seed, start, total - start)
        return spread(he, vx, hit, counts, run, stack, n, seed, 0.0, incoming - PI + SLIVER)
    start -= total * math.floor(start / total)
    width = total - 2 * PI + 2 * SLIVER
    return spread(he, vx, hit, counts, run, stack, 0, seed, start, width)


@njit(inline="always", **JIT)
def _split(cut, run, t, d, at):
    """One angle, one split: which children of a window that sees the corner opposite t may live."""
    left = True
    right = True
    best = cut[t]
    known = best.stamp == run
    if known and d >= best.distance * (1 + 1e-12):
        if at > best.at:
            right = False
        else:
            left = False
    elif not (known and d > best.distance * (1 - 1e-12) and abs(at - best.at) < 1e-9):
        best.stamp = run
        best.distance = d
        best.at = at
    return left, right


@njit(inline="always", **JIT)
def _reach_corner(he, vx, hit, counts, run, center, seed, axis, c, before, cx, cy, qx, qy, d):
    """Offers vertex c, at (cx, cy) in the unfolded plane, the straight path of length d from the seed.

    q: the other end of the side of c's face that the half-edge `before` is on.
    """
    if c == center or d > seed.reach or (hit[c].stamp == run and d > hit[c].distance * (1 + TIE)):
        return
    ux = qx - cx
    uy = qy - cy
    out = (axis + math.atan2(cy, cx)) * vx[seed.origin].scale
    turn = math.atan2(uy * cx - ux * cy, -(ux * cx + uy * cy))
    back = (he[before].angle + turn) * vx[c].scale
    direction = out if seed.root else seed.direction
    transport = seed.transport + out - back - PI
    arrive(vx, hit, counts, run, seed, c, d, direction, back, transport)


@njit(inline="always", **JIT)
def _is_beyond(qx, qy, ex, ey, c2):
    """Whether a corner at distance² c2 is behind its edge q + t e: one without height may seem nearer."""
    foot = min(1.0, max(0.0, -(qx * ex + qy * ey) / (ex * ex + ey * ey)))
    fx = qx + foot * ex
    fy = qy + foot * ey
    return c2 >= (fx * fx + fy * fy) * (1 - 1e-12)


@njit(inline="always", **JIT)
def _advance(he, vx, hit, cut, counts, run, center, stack, n, seed):
    """Carries the window stack[n] across the triangle behind its edge; returns the stack's new height."""
    window = stack[n]  # read before its children take its place
    ax, ay, bx, by = window.ax, window.ay, window.bx, window.by
    px, py, qx, qy = window.px, window.py, window.qx, window.qy
    axis, t = window.axis, window.twin
    front = he[t]
    p, q, c = front.head, front.tail, front.apex
    after, before = next_side(t), previous_side(t)
    ex = px - qx
    ey = py - qy
    cx = qx + front.along * ex - front.height * ey
    cy = qy + front.along * ey + front.height * ex
    c2 = cx * cx + cy * cy
    from_a = cross(ax, ay, cx, cy)
    to_b = cross(cx, cy, bx, by)
    inside_a = from_a >= 0 or from_a * from_a < SLIVER * SLIVER * (ax * ax + ay * ay) * c2
    inside_b = to_b >= 0 or to_b * to_b < SLIVER * SLIVER * (bx * bx + by * by) * c2
    left = inside_a
    right = inside_b or not inside_a
    if inside_a and inside_b:
        d = seed.length + math.sqrt(c2)
        if _is_beyond(qx, qy, ex, ey, c2):
            _reach_corner(
                he, vx, hit, counts, run, center, seed, axis, c, before, cx, cy, qx, qy, d
            )  # fmt: skip
        across = cross(ex, ey, cx, cy)
        at = -cross(qx, qy, cx, cy) / across if across != 0.0 else 0.5
        left, right = _split(cut, run, t, d, at)
    if left:
        zx, zy = (cx, cy) if inside_b else (bx, by)
        n = push(
            he, hit, counts, run, stack, n, seed, axis, after, p, c, px, py, cx, cy, ax, ay, zx, zy
        )
    if right:
        zx, zy = (cx, cy) if inside_a else (ax, ay)
        n = push(
            he, hit, counts, run, stack, n, seed, axis, before, c, q, cx, cy, qx, qy, zx, zy, bx, by
        )
    return n


@njit(**JIT)
def _mend(he, vx, hit, counts, run, seed):
    """Follows edges where there is a needle; whether that gave any shorter path, or reached a vertex.

    The side of a needle is known to rounding of its length alone, and so a window through it may miss
    what lies behind. A geodesic is no longer than one to a neighbour and on along the edge.
    """
    needle = False
    for i in range(counts[TOUCHED]):
        needle |= vx[hit[i].touched].needle > 0
    ever = False
    gained = needle
    while gained:
        gained = False
        i = 0
        while i < counts[TOUCHED]:
            _move_seed(hit, seed, hit[i].touched)
            gained |= along_edges(he, vx, hit, counts, run, seed)
            i += 1
        ever |= gained
    return ever


@njit(**JIT)
def propagate(he, vx, hit, cut, counts, run, center, stack, seed, reach):
    """Shortest paths from `center` to every vertex within `reach`; results lie in `hit`.

    A last-in-first-out stack is faster than a heap: windows need no order to be right, and hardly more
    of them are made. All on the stack have one seed; the next is taken once the stack is empty,
    nearest first.
    """
    _start(hit, counts, run, seed, center, reach)
    n = spread(he, vx, hit, counts, run, stack, 0, seed, 0.0, vx[center].total)
    work = 0
    while n > 0 or counts[PENDING] > 0 or _mend(he, vx, hit, counts, run, seed):
        work += 1
        if work > BUDGET * (counts[TOUCHED] + 10):
            counts[RUNAWAY] = 1
        if counts[OVERFLOW] or counts[RUNAWAY]:
            return
        if n == 0 and counts[PENDING] > 0:
            n = _open_pseudo_source(he, vx, hit, counts, run, stack, seed)
        elif n > 0:
            n = _advance(he, vx, hit, cut, counts, run, center, stack, n - 1, seed)
