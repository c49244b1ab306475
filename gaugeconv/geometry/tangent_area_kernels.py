"""Areas of log-mapped triangles, compiled with numba."""

import math

import numpy as np
from numba import njit


@njit(nogil=True, inline="always")
def _is_torn(x, y, a, b, limit):
    dx = x[b] - x[a]
    dy = y[b] - y[a]
    return dx * dx + dy * dy > limit * limit


@njit(nogil=True, inline="always")
def _area(x, y, a, b, c):
    return 0.5 * ((x[b] - x[a]) * (y[c] - y[a]) - (y[b] - y[a]) * (x[c] - x[a]))


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
                torn = _is_torn(x, y, a, b, wide * lengths[f, 0])
                torn = torn or _is_torn(x, y, b, c, wide * lengths[f, 1])
                if torn or _is_torn(x, y, c, a, wide * lengths[f, 2]):
                    continue
                area = _area(x, y, a, b, c)
                for v in (a, b, c):
                    image[v] += area
                    surface[v] += areas[f]
        for e in range(ptr[p], ptr[p + 1]):
            q = source[e]
            ratio = image[q] / surface[q] if surface[q] > 0.0 else 1.0
            weight[e] = min(wide * wide, max(0.0, ratio)) * vertex_area[q]
