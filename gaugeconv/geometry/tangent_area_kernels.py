"""Areas of log-mapped triangles, compiled with numba."""

import math

import numpy as np
from numba import njit


@njit(nogil=True, inline="always")
def _torn(xa, ya, xb, yb, limit):
    dx = xb - xa
    dy = yb - ya
    return dx * dx + dy * dy > limit * limit


@njit(cache=True, nogil=True)
def stretched_areas(
    faces, lengths, areas, vertex_area, wheel_ptr, wheel, scale, ptr, source, r, theta,
    stretch, weight,
):  # fmt: skip
    """Fills `weight` with the area of every source's share of the surface in its target's plane.

    A face counts where log_p of all its corners is known and no side of its image is longer than
    `stretch` times the side itself (times the scale of p's plane, which stretches all round p).
    """
    size = vertex_area.shape[0]
    x, y = np.zeros(size), np.zeros(size)
    image, surface = np.zeros(size), np.zeros(size)
    row = np.full(size, -1, np.int64)
    for p in range(ptr.shape[0] - 1):
        wide = stretch
        for e in range(ptr[p], ptr[p + 1]):
            q = source[e]
            row[q] = p
            x[q] = r[e] * math.cos(theta[e])
            y[q] = r[e] * math.sin(theta[e])
            image[q] = surface[q] = 0.0
            if r[e] == 0.0:
                wide = stretch * max(1.0, scale[q])
        for e in range(ptr[p], ptr[p + 1]):
            a = source[e]
            for k in range(wheel_ptr[a], wheel_ptr[a + 1]):
                f = wheel[k] // 3
                if wheel[k] != 3 * f:  # every face at its first corner
                    continue
                b, c = faces[f, 1], faces[f, 2]
                if row[b] != p or row[c] != p:
                    continue
                if (
                    _torn(x[a], y[a], x[b], y[b], wide * lengths[f, 0])
                    or _torn(x[b], y[b], x[c], y[c], wide * lengths[f, 1])
                    or _torn(x[c], y[c], x[a], y[a], wide * lengths[f, 2])
                ):
                    continue
                area = 0.5 * ((x[b] - x[a]) * (y[c] - y[a]) - (y[b] - y[a]) * (x[c] - x[a]))
                for v in (a, b, c):
                    image[v] += area
                    surface[v] += areas[f]
        most = wide * wide
        for e in range(ptr[p], ptr[p + 1]):
            q = source[e]
            ratio = 1.0
            if surface[q] > 0.0:
                ratio = min(most, max(0.0, image[q] / surface[q]))
            weight[e] = ratio * vertex_area[q]
