"""Transport within a face from its corners, compiled with numba."""

import math

import numpy as np
from numba import njit

TWO_PI = 2 * math.pi
AT_CORNER = 1e-9  # of the longest side: a point this near a corner is the corner


@njit(nogil=True, inline="always")
def _outside(turn, corner):
    """How far a direction in [0, 2π) lies outside the corner [0, corner]."""
    return max(0.0, min(turn - corner, TWO_PI - turn))


@njit(cache=True, nogil=True)
def corner_angles(faces, lengths, corners, angle, scale, face, barycentric, direction, out):
    """Fills `out` (N, 3) with frameless φ_{face←corner}; see `rays.corner_directions`."""
    px, py, side = np.zeros(3), np.zeros(3), np.zeros(3)
    for i in range(face.shape[0]):
        f = face[i]
        px[1] = lengths[f, 0]
        px[2] = lengths[f, 2] * math.cos(corners[f, 0])
        py[2] = lengths[f, 2] * math.sin(corners[f, 0])
        side[1], side[2] = math.pi - corners[f, 1], math.pi + corners[f, 0]
        x = barycentric[i, 1] * px[1] + barycentric[i, 2] * px[2]
        y = barycentric[i, 2] * py[2]
        near = AT_CORNER * max(lengths[f, 0], lengths[f, 1], lengths[f, 2])
        for k in range(3):
            corner = corners[f, k]
            dx, dy = x - px[k], y - py[k]
            if math.hypot(dx, dy) > near:
                turn = (math.atan2(dy, dx) - side[k]) % TWO_PI
            else:
                turn = (direction[i] - side[k]) % TWO_PI
                back = (turn + math.pi) % TWO_PI
                if _outside(back, corner) <= _outside(turn, corner):
                    turn = back
            # rounding may take a direction along a side out of the corner
            turn = 0.0 if turn > 0.5 * corner + math.pi else min(turn, corner)
            at_vertex = scale[faces[f, k]] * (angle[3 * f + k] + turn)
            out[i, k] = side[k] + turn - at_vertex
