"""Straight lines on a triangle mesh, compiled with numba.

A path is cut into *fans*: from a vertex (at first the centre) the faces that it crosses are unfolded
into one plane with that vertex at the origin, until it hits another vertex. The path is a ray from
the origin, so rounding does not build up from face to face. Angles at a vertex are unscaled.
"""

import math

import numpy as np
from numba import njit

TWO_PI = 2 * math.pi
HIT = 1e-12  # a ray that passes a vertex at a smaller angle, seen from its origin, runs through it
SLACK = 1e-12  # of its length: a path this much too long has arrived

# dx, dy: unit direction of the ray. px … qy: ends of the edge that it leaves the face by, P on its
# right. bx, by: vector along the half-edge `base` of the face. enter, leave: distances from the
# origin. behind: length of the fans before this one. back: unscaled angle of the way back at the
# vertex that the ray runs into; `corner`: the half-edge that starts there, −1 if it runs into none
# and crosses the half-edge `edge` instead.
STRIDE = np.dtype(
    [(name, np.float64) for name in ("dx", "dy", "px", "py", "qx", "qy", "bx", "by")]
    + [(name, np.float64) for name in ("enter", "leave", "behind", "back")]
    + [(name, np.int64) for name in ("base", "edge", "corner")]
)


@njit(nogil=True, inline="always")
def _next(h):
    return h + 1 if h % 3 != 2 else h - 2


@njit(nogil=True, inline="always")
def _previous(h):
    return h - 1 if h % 3 != 0 else h + 2


@njit(nogil=True, inline="always")
def _cross(ax, ay, bx, by):
    return ax * by - ay * bx


@njit(nogil=True)
def _leave_by_edge(at, edge, out):
    """Sets where the ray crosses the edge P→Q of its face; `out` are the barycentric coordinates."""
    p = _cross(at.px, at.py, at.dx, at.dy)
    q = _cross(at.dx, at.dy, at.qx, at.qy)
    s = min(1.0, max(0.0, p / (p + q))) if p + q > 0 else 0.5
    x = at.px + s * (at.qx - at.px)
    y = at.py + s * (at.qy - at.py)
    at.leave = max(at.enter, x * at.dx + y * at.dy)
    at.edge = edge
    at.corner = -1
    out[:] = 0.0
    out[edge % 3] = 1.0 - s
    out[_next(edge) % 3] = s


@njit(nogil=True)
def _leave_by_corner(at, corner, distance, back, out):
    """Sets that the ray runs into the tail of the half-edge `corner`."""
    at.leave = max(at.enter, distance)
    at.corner = corner
    at.back = back
    out[:] = 0.0
    out[corner % 3] = 1.0


@njit(nogil=True)
def _open_fan(he, vx, at, u, angle, into, out):
    """Enters the face at vertex u that the direction `angle` points into."""
    k = vx[u].wheel
    while k + 1 < vx[u + 1].wheel and he[he[k + 1].wheel].angle <= angle:
        k += 1
    h = he[k].wheel
    corner = he[h].corner
    side = he[_previous(h)].length
    right = angle - he[h].angle
    left = corner - right
    at.dx, at.dy = math.cos(right), math.sin(right)
    at.px, at.py = he[h].length, 0.0
    at.qx, at.qy = side * math.cos(corner), side * math.sin(corner)
    at.bx, at.by, at.base = 1.0, 0.0, h
    at.enter = 0.0
    into[:] = 0.0
    into[h % 3] = 1.0
    if left < -HIT:  # beyond the last face of a boundary vertex
        at.leave, at.edge, at.corner = 0.0, _previous(h), -1
        out[:] = into
    elif right <= HIT and right <= left:
        after = _next(h)
        back = he[after].angle + he[after].corner
        _leave_by_corner(at, after, at.px, back, out)
    elif left <= HIT:
        before = _previous(h)
        _leave_by_corner(at, before, side, he[before].angle, out)
    else:
        _leave_by_edge(at, _next(h), out)


@njit(nogil=True)
def _cross_edge(he, at, into, out):
    """Enters the face on the other side of the edge."""
    t = he[at.edge].twin
    before = _previous(t)
    s = out[_next(at.edge) % 3]
    into[:] = 0.0
    into[t % 3] = s
    into[_next(t) % 3] = 1.0 - s
    ex = at.px - at.qx
    ey = at.py - at.qy
    cx = at.qx + he[t].along * ex - he[t].height * ey
    cy = at.qy + he[t].along * ey + he[t].height * ex
    at.bx, at.by, at.base = ex, ey, t
    at.enter = at.leave
    side = _cross(at.dx, at.dy, cx, cy)
    ahead = at.dx * cx + at.dy * cy
    if ahead > 0 and abs(side) <= HIT * ahead:
        ux = at.qx - cx
        uy = at.qy - cy
        turn = math.atan2(uy * cx - ux * cy, -(ux * cx + uy * cy))
        _leave_by_corner(at, before, ahead, he[before].angle + turn, out)
    elif side > 0:
        at.qx, at.qy = cx, cy
        _leave_by_edge(at, _next(t), out)
    else:
        at.px, at.py = cx, cy
        _leave_by_edge(at, before, out)


@njit(nogil=True)
def _direction(he, at):
    """Angle of the ray in the frame of its face, from the face's first side."""
    turn = math.atan2(_cross(at.bx, at.by, at.dx, at.dy), at.bx * at.dx + at.by * at.dy)
    first = at.base - at.base % 3
    if at.base % 3 == 1:
        turn += math.pi - he[first + 1].corner
    elif at.base % 3 == 2:
        turn += math.pi + he[first].corner
    return turn - TWO_PI * math.ceil(turn / TWO_PI - 0.5)


@njit(nogil=True)
def _advance(he, vx, at, into, out):
    """Enters the next face of the path; returns whether there is one."""
    if at.corner < 0:
        if he[at.edge].twin < 0:
            return False
        _cross_edge(he, at, into, out)
        return True
    w = he[at.corner].tail
    if vx[w].boundary:
        return False
    at.behind += at.leave
    total = vx[w].total
    _open_fan(he, vx, at, w, (at.back + 0.5 * total) % total, into, out)
    return True


@njit(nogil=True)
def _mark(he, at, into, out, i, k, length, face, barycentric, direction, travelled):
    """Writes down the point at `length`, or where the ray leaves the face if that comes first."""
    room = at.leave - at.enter
    share = min(1.0, max(0.0, (length - at.behind - at.enter) / room)) if room > 0 else 1.0
    face[i, k] = at.base // 3
    for c in range(3):
        barycentric[i, k, c] = into[c] + share * (out[c] - into[c])
    direction[i, k] = _direction(he, at)
    travelled[i, k] = min(length, at.behind + at.leave)


@njit(cache=True, nogil=True)
def trace_many(
    he, vx, center, angle, lengths, max_steps, face, barycentric, direction, travelled, hit
):
    """Paths from centers (N,) at unscaled angles (N,), with points at lengths (N, K), ascending.

    Fills face, direction, travelled, hit (N, K) and barycentric (N, K, 3). Points beyond a boundary
    are the point where the path hits it. Returns the index of a path that does not end within
    `max_steps` faces, or −1.
    """
    at = np.zeros(1, STRIDE)[0]
    into, out = np.zeros(3), np.zeros(3)
    points = lengths.shape[1]
    for i in range(center.shape[0]):
        at.behind = 0.0
        _open_fan(he, vx, at, center[i], angle[i], into, out)
        k = 0
        steps = 0
        while k < points:
            inside = lengths[i, k] * (1 - SLACK) <= at.behind + at.leave
            if not inside:
                steps += 1
                if steps > max_steps:
                    return i
                if _advance(he, vx, at, into, out):
                    continue
                hit[i, k:] = True
            # past the boundary nothing advances, so the points that are left all come here
            _mark(he, at, into, out, i, k, lengths[i, k], face, barycentric, direction, travelled)
            k += 1
    return -1
