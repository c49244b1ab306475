"""How far a posed body's limbs reach into the rest of it: a cheap test, not a cure."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, Int64
from scipy.spatial import cKDTree

from gaugeconv.data.body_model import RestBody
from gaugeconv.data.body_shape import vertex_normals

_TRUNK = ("spine", "pelvis", "neck", "head", "upperleg")
_FOREARM = ("lowerarm02", "wrist", "finger", "metacarpal")
_SHIN = ("lowerleg02", "foot", "toe")
_REACH = 0.06  # of the body's diagonal, about half the depth of a trunk
_THINNING = 4  # every fourth vertex of a limb is tested


def contact_groups(body: RestBody) -> Int64[np.ndarray, " V"]:
    """0 for trunk, head and thighs; 1, 2 for forearms; 3, 4 for shins; -1 for what joins them."""
    names = body.skeleton.names
    group_of_bone = np.full(len(names), -1, dtype=np.int64)
    group_of_bone[body.skeleton.select(_TRUNK)] = 0
    for k, side in enumerate("LR"):
        group_of_bone[body.skeleton.select(_FOREARM, side)] = 1 + k
        group_of_bone[body.skeleton.select(_SHIN, side)] = 3 + k
    return group_of_bone[np.argmax(body.weights, axis=1)]


def penetration(
    vertices: Float64[np.ndarray, "V 3"],
    faces: Int64[np.ndarray, "F 3"],
    groups: Int64[np.ndarray, " V"],
) -> float:
    """Largest share of a forearm or shin, with hand or foot, that lies inside another group.

    A vertex counts as inside when it is behind the tangent plane of the nearest vertex of any
    other group, and near it: the trunk is open where the upper arms are left out. Gauge
    invariant; `groups` is as `contact_groups` returns it.
    """
    normals = vertex_normals(vertices, faces)
    reach = _REACH * float(np.sqrt(np.ptp(vertices, axis=0) @ np.ptp(vertices, axis=0)))
    worst = 0.0
    for limb in range(1, 5):
        own = vertices[groups == limb][::_THINNING]
        other = np.flatnonzero((groups >= 0) & (groups != limb))
        distance, nearest = cKDTree(vertices[other]).query(own)
        near = other[nearest]
        behind = np.einsum("ij,ij->i", own - vertices[near], normals[near]) < 0
        behind &= distance < reach
        worst = max(worst, float(behind.mean()))
    return worst
