"""The propagation itself: windows and pseudo-sources from one centre outwards."""

import math

from numba import njit

from gaugeconv.geometry.windows import (
    BUDGET,
    FLAT,
    JIT,
    OVERFLOW,
    PENDING,
    RUNAWAY,
    SLIVER,
    TIE,
    TOUCHED,
    _cross,
    _next,
    _previous,
    arrive,
    middle,
    push,
    push_fan,
)

PI = math.pi


@njit(**JIT)
def _in_shadow(vx, u, incoming, angle):
    """Whether a path that came from direction `incoming` may leave u at `angle`: π on both sides."""
    relative = angle - incoming
    if vx[u].boundary:
        return abs(relative) >= PI - FLAT
    total = vx[u].total
    relative -= total * math.floor(relative / total)
    return PI - FLAT <= relative <= total - PI + FLAT


@njit(**JIT)
def _along_edges(he, vx, hit, counts, run, seed, incoming, is_root, radius):
    """Offers the neighbours of seed.origin the paths along its edges."""
    u = seed.origin
    for k in range(vx[u].wheel, vx[u + 1].wheel):
        h = he[k].wheel
        before = _previous(h)
        for side in range(2):
            if side == 0:
                w = he[_next(h)].tail
                length = he[h].length
                angle = he[h].angle
                twin = he[h].twin
                back = he[twin].angle if twin >= 0 else vx[w].total
            else:  # the last edge of a boundary vertex has no outgoing half-edge
                if he[before].twin >= 0:
                    continue
                w = he[before].tail
                length = he[before].length
                angle = vx[u].total
                back = 0.0
            if w == hit[0].touched or not (is_root or _in_shadow(vx, u, incoming, angle)):
                continue
            scaled = angle * vx[u].scale
            back *= vx[w].scale
            direction = scaled if is_root else seed.direction
            transport = seed.transport + scaled - back - PI
            d = seed.length + length
            arrive(vx, hit, counts, run, w, d, direction, back, transport, radius)


@njit(**JIT)
def _pop_pseudo_source(he, vx, hit, counts, run, stack, seed, radius):
    """Spreads from the nearest pending pseudo-source into its shadow; returns the windows pushed."""
    best = 0
    for i in range(1, counts[PENDING]):
        if hit[hit[i].pending].distance < hit[hit[best].pending].distance:
            best = i
    u = hit[best].pending
    counts[PENDING] -= 1
    hit[best].pending = hit[counts[PENDING]].pending
    known = hit[u]
    known.queued = -1
    total = vx[u].total
    incoming = known.back / vx[u].scale
    seed.origin = u
    seed.length = known.distance
    seed.direction = middle(known.direction, known.direction_lo, known.direction_hi)
    seed.transport = middle(known.transport, known.transport_lo, known.transport_hi)
    n = 0
    if vx[u].boundary:
        left = incoming + PI - SLIVER
        n = push_fan(he, vx, hit, counts, run, stack, n, seed, left, total - left, radius)
        n = push_fan(he, vx, hit, counts, run, stack, n, seed, 0.0, incoming - PI + SLIVER, radius)
    else:
        start = incoming + PI - SLIVER
        start -= total * math.floor(start / total)
        width = total - 2 * PI + 2 * SLIVER
        n = push_fan(he, vx, hit, counts, run, stack, n, seed, start, width, radius)
    _along_edges(he, vx, hit, counts, run, seed, incoming, False, radius)
    return n


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
def _reach_corner(he, vx, hit, counts, run, center, window, c, before, cx, cy, d, radius):
    """Offers vertex c, at (cx, cy) in the unfolded plane, the straight path from the window's origin."""
    u = window.origin
    out = (window.axis + math.atan2(cy, cx)) * vx[u].scale
    ux = window.qx - cx
    uy = window.qy - cy
    turn = math.atan2(uy * cx - ux * cy, -(ux * cx + uy * cy))
    back = (he[before].angle + turn) * vx[c].scale
    direction = out if u == center else window.direction
    transport = window.transport + out - back - PI
    arrive(vx, hit, counts, run, c, d, direction, back, transport, radius)


@njit(inline="always", **JIT)
def _advance(he, vx, hit, cut, counts, run, center, stack, n, window, radius):
    """Carries a window across the triangle behind its edge; returns the new height of the stack."""
    ax, ay, bx, by = window.ax, window.ay, window.bx, window.by
    px, py, qx, qy = window.px, window.py, window.qx, window.qy
    t = he[window.edge].twin
    after = _next(t)
    before = _previous(t)
    ex = px - qx
    ey = py - qy
    cx = qx + he[t].along * ex - he[t].height * ey
    cy = qy + he[t].along * ey + he[t].height * ex
    c2 = cx * cx + cy * cy
    from_a = _cross(ax, ay, cx, cy)
    to_b = _cross(cx, cy, bx, by)
    inside_a = from_a >= 0 or from_a * from_a < SLIVER * SLIVER * (ax * ax + ay * ay) * c2
    inside_b = to_b >= 0 or to_b * to_b < SLIVER * SLIVER * (bx * bx + by * by) * c2
    left = inside_a
    right = inside_b or not inside_a
    if inside_a and inside_b:
        d = window.length + math.sqrt(c2)
        c = he[before].tail
        improves = hit[c].stamp != run or d <= hit[c].distance * (1 + TIE)
        if c != center and d <= radius and improves:
            _reach_corner(he, vx, hit, counts, run, center, window, c, before, cx, cy, d, radius)
        across = _cross(ex, ey, cx, cy)
        at = -_cross(qx, qy, cx, cy) / across if across != 0.0 else 0.5
        left, right = _split(cut, run, t, d, at)
    if left:
        zx, zy = (cx, cy) if inside_b else (bx, by)
        n = push(
            he, hit, counts, run, stack, n, window, px, py, cx, cy, after, ax, ay, zx, zy, radius
        )
    if right:
        zx, zy = (cx, cy) if inside_a else (ax, ay)
        n = push(
            he, hit, counts, run, stack, n, window, cx, cy, qx, qy, before, zx, zy, bx, by, radius
        )
    return n


@njit(**JIT)
def propagate(he, vx, hit, cut, counts, run, center, stack, seeds, radius):
    """Shortest paths from `center` to every vertex within `radius`; results lie in `hit`.

    The centre itself is hit[0].touched. A last-in-first-out stack is faster than a heap: windows
    need no order to be right, and pseudo-sources are opened nearest first once the stack is empty.
    """
    counts[:] = 0
    known = hit[center]
    known.stamp = run
    known.distance = known.direction = known.back = known.transport = 0.0
    known.direction_lo = known.direction_hi = known.back_lo = known.back_hi = 0.0
    known.transport_lo = known.transport_hi = 0.0
    hit[0].touched = center
    counts[TOUCHED] = 1
    seed = seeds[0]
    seed.origin = center
    seed.length = seed.direction = seed.transport = 0.0
    _along_edges(he, vx, hit, counts, run, seed, 0.0, True, radius)
    n = push_fan(he, vx, hit, counts, run, stack, 0, seed, 0.0, vx[center].total, radius)
    work = 0
    while n > 0 or counts[PENDING] > 0:
        work += 1
        if work > BUDGET * (counts[TOUCHED] + 10):
            counts[RUNAWAY] = 1
        if counts[OVERFLOW] or counts[RUNAWAY]:
            return
        if n == 0:
            n = _pop_pseudo_source(he, vx, hit, counts, run, stack, seed, radius)
            continue
        n -= 1
        seeds[1] = stack[n]
        n = _advance(he, vx, hit, cut, counts, run, center, stack, n, seeds[1], radius)
