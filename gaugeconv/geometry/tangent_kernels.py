"""Compiled loops over the wheels of outgoing half-edges."""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def wheel_angles(wheel_ptr, wheel, corner):
    """Direction of each half-edge within its wheel and the total per vertex, summed wheel by wheel.

    One running sum over all vertices would lose a digit for every tenfold in size.
    """
    angle = np.zeros(corner.shape[0])
    total = np.zeros(wheel_ptr.shape[0] - 1)
    for v in range(total.shape[0]):
        for k in range(wheel_ptr[v], wheel_ptr[v + 1]):
            h = wheel[k]
            angle[h] = total[v]
            total[v] += corner[h]
    return angle, total
