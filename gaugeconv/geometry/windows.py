"""Windows and the paths they offer to vertices, compiled with numba.

A *window* is a cone of straight lines from a seed (the centre or a pseudo-source) through an edge. The
triangles that it has crossed are unfolded into the plane of the first one, the seed at the origin, so
distance and direction are read off the unfolded coordinates.
"""

import math

import numpy as np
from numba import njit

from gaugeconv.geometry.pending import queue_up
from gaugeconv.geometry.records import FLAT, GAIN, JIT, OVERFLOW, TIE, TOUCHED, TWO_PI


@njit(inline="always", **JIT)
def next_side(h):
    """The half-edge after h in its face."""
    return h + 1 if h % 3 != 2 else h - 2


@njit(inline="always", **JIT)
def previous_side(h):
    """The half-edge before h in its face."""
    return h - 1 if h % 3 != 0 else h + 2


@njit(inline="always", **JIT)
def cross(ax, ay, bx, by):
    """Of two vectors in the plane: positive if b is counter-clockwise of a."""
    return ax * by - ay * bx


@njit(inline="always", **JIT)
def _wrap(x):
    return x - TWO_PI * math.floor(x / TWO_PI + 0.5)


@njit(inline="always", **JIT)
def middle(value, lo, hi):
    """The value in the middle of all that tied: independent of the order in which they came."""
    return value + 0.5 * (lo + hi)


@njit(inline="always", **JIT)
def arrive(vx, hit, counts, run, seed, w, d, direction, back, transport):
    """Offers vertex w a path of length d; keeps it if shorter, takes it into account if tied."""
    if d <= seed.reach:
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
            if vx[w].boundary or vx[w].total > TWO_PI - FLAT:
                queue_up(hit, counts, run, w)


@njit(inline="always", **JIT)
def _is_overtaken(hit, run, end, along, length, x, y):
    """Xin & Wang: whether a path to (x, y) is longer than one by the end of the edge, `along` away."""
    known = hit[end]
    if known.stamp != run:
        return False
    way_round = known.distance + along
    bound = way_round - length
    return bound < 0 or x * x + y * y > bound * bound + 4e-12 * way_round * way_round


@njit(inline="always", **JIT)
def push(he, hit, counts, run, stack, n, seed, axis, edge, p, q, px, py, qx, qy, ax, ay, bx, by):
    """Pushes the part of edge p→q that the cone (a, b) sees, unless it cannot matter."""
    side = he[edge]
    if side.twin < 0 or cross(ax, ay, bx, by) <= 0:
        return n
    ex = qx - px
    ey = qy - py
    cross_a = cross(ax, ay, ex, ey)
    cross_b = cross(bx, by, ex, ey)
    t0 = 0.0
    t1 = 1.0
    if cross_a > 1e-300:
        t0 = min(1.0, max(0.0, -cross(ax, ay, px, py) / cross_a))
    if cross_b > 1e-300:
        t1 = min(1.0, max(0.0, -cross(bx, by, px, py) / cross_b))
    room2 = seed.room * seed.room
    if px * px + py * py > room2 or qx * qx + qy * qy > room2:
        nearest = min(t1, max(t0, -(px * ex + py * ey) / (ex * ex + ey * ey)))
        x = px + nearest * ex
        y = py + nearest * ey
        if x * x + y * y > room2:
            return n
    length = seed.length
    if _is_overtaken(hit, run, p, t1 * side.length, length, px + t1 * ex, py + t1 * ey):
        return n
    if _is_overtaken(hit, run, q, (1 - t0) * side.length, length, px + t0 * ex, py + t0 * ey):
        return n
    if n == stack.shape[0]:
        counts[OVERFLOW] = 1
        return n
    child = stack[n]
    child.px, child.py, child.qx, child.qy = px, py, qx, qy
    child.ax, child.ay, child.bx, child.by = ax, ay, bx, by
    child.axis, child.twin = axis, side.twin
    return n + 1


@njit(**JIT)
def _along(vx, hit, counts, run, seed, w, length, angle, back):
    """Offers the neighbour w of the seed the path along the edge between them."""
    if w != hit[0].touched:
        out = angle * vx[seed.origin].scale
        back *= vx[w].scale
        direction = out if seed.root else seed.direction
        transport = seed.transport + out - back - math.pi
        arrive(vx, hit, counts, run, seed, w, seed.length + length, direction, back, transport)


@njit(**JIT)
def _along_halfedge(he, vx, hit, counts, run, seed, h):
    side = he[h]
    # without a twin the way back is the last direction of the head's open wheel
    back = he[side.twin].angle if side.twin >= 0 else vx[side.head].total
    _along(vx, hit, counts, run, seed, side.head, side.length, side.angle, back)


@njit(inline="always", **JIT)
def _push_wedge(he, hit, counts, run, stack, n, seed, h, lo, hi):
    """Pushes the window between angles lo and hi from half-edge h, through the edge opposite the seed."""
    face = he[h]
    px = face.length
    qx = px * face.along
    qy = px * face.height
    ax, ay = (px, 0.0) if lo <= 0 else (math.cos(lo), math.sin(lo))
    bx, by = (qx, qy) if hi >= face.corner - 1e-14 else (math.cos(hi), math.sin(hi))
    return push(
        he, hit, counts, run, stack, n, seed, face.angle, next_side(h), face.head, face.apex,
        px, 0.0, qx, qy, ax, ay, bx, by,
    )  # fmt: skip


@njit(**JIT)
def spread(he, vx, hit, counts, run, stack, n, seed, start, width):
    """Paths from the seed into the unscaled directions start … start + width: along edges, and windows.

    Edges within FLAT of the range belong to it, for it may be a saddle's shadow of no width.
    """
    u = seed.origin
    first = vx[u].wheel
    last = vx[u + 1].wheel
    if width < -FLAT or first == last:
        return n
    k = first
    while k + 1 < last and he[he[k + 1].wheel].angle < start - FLAT:
        k += 1
    h = he[k].wheel
    lo = start - he[h].angle
    if lo <= FLAT:
        _along_halfedge(he, vx, hit, counts, run, seed, h)
    for _ in range(last - first):
        corner = he[h].corner
        hi = min(lo + width, corner)
        if hi > lo:
            n = _push_wedge(he, hit, counts, run, stack, n, seed, h, lo, hi)
        width -= corner - lo
        lo = 0.0
        k += 1
        if width < -FLAT:
            break
        if k == last:
            end = he[previous_side(h)]
            if end.twin < 0:  # the last edge of a boundary vertex has no outgoing half-edge
                _along(vx, hit, counts, run, seed, end.tail, end.length, vx[u].total, 0.0)
                break
            k = first
        h = he[k].wheel
        _along_halfedge(he, vx, hit, counts, run, seed, h)
    return n


@njit(**JIT)
def along_edges(he, vx, hit, counts, run, seed):
    """Offers all neighbours of the seed the path along the edge, where it gains; whether any did."""
    gained = False
    for k in range(vx[seed.origin].wheel, vx[seed.origin + 1].wheel):
        h = he[k].wheel
        if _gains(hit, run, seed, he[h].head, he[h].length):
            _along_halfedge(he, vx, hit, counts, run, seed, h)
            gained = True
        end = he[previous_side(h)]  # the last edge of a boundary vertex has no outgoing half-edge
        if end.twin < 0 and _gains(hit, run, seed, end.tail, end.length):
            total = vx[seed.origin].total
            _along(vx, hit, counts, run, seed, end.tail, end.length, total, 0.0)
            gained = True
    return gained


@njit(inline="always", **JIT)
def _gains(hit, run, seed, w, length):
    """Whether vertex w, `length` from the seed, is not reached or well farther from the centre so far."""
    d = seed.length + length
    if d > seed.reach or w == hit[0].touched:
        return False
    return hit[w].stamp != run or hit[w].distance > d * (1 + GAIN)
