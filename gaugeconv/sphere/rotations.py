"""Rotations of the sphere: uniform random ones and the symmetries of the icosahedron."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64
from scipy.spatial.transform import Rotation


def random_rotation(rng: np.random.Generator) -> Float64[np.ndarray, "3 3"]:
    """A rotation matrix drawn uniformly (Haar measure) from SO(3).

    Four independent normal numbers point in a uniform direction of the unit quaternions, which cover
    SO(3) twice.
    """
    return Rotation.from_quat(rng.standard_normal(4)).as_matrix()


def icosahedral_rotations() -> Float64[np.ndarray, "60 3 3"]:
    """The 60 rotations that map the icosphere of `gaugeconv.shapes` to itself."""
    return Rotation.create_group("I").as_matrix()


def euler_angles(
    rotations: Float64[np.ndarray, "P 3 3"],
) -> tuple[Float64[np.ndarray, " P"], Float64[np.ndarray, " P"], Float64[np.ndarray, " P"]]:
    """(α, β, γ) with R = Z(α) Y(β) Z(γ), radians, β in [0, π]; γ = 0 at both poles.

    Z and Y turn about the z and y axis. R takes the north pole to the point of colatitude β and
    longitude α.
    """
    r = rotations
    beta = np.arctan2(np.hypot(r[..., 0, 2], r[..., 1, 2]), r[..., 2, 2])
    alpha = np.arctan2(r[..., 1, 2], r[..., 0, 2])
    gamma = np.arctan2(r[..., 2, 1], -r[..., 2, 0])
    # at a pole only α ± γ is defined
    at_pole = np.hypot(r[..., 0, 2], r[..., 1, 2]) < 1e-12
    alpha = np.where(at_pole, np.arctan2(-r[..., 0, 1], r[..., 1, 1]), alpha)
    return alpha, beta, np.where(at_pole, 0.0, gamma)


def from_euler(
    alpha: Float64[np.ndarray, " P"],
    beta: Float64[np.ndarray, " P"],
    gamma: Float64[np.ndarray, " P"],
) -> Float64[np.ndarray, "P 3 3"]:
    """Z(α) Y(β) Z(γ): the inverse of `euler_angles`."""
    ca, sa, cb, sb = np.cos(alpha), np.sin(alpha), np.cos(beta), np.sin(beta)
    cg, sg = np.cos(gamma), np.sin(gamma)
    rows = [
        [ca * cb * cg - sa * sg, -ca * cb * sg - sa * cg, ca * sb],
        [sa * cb * cg + ca * sg, -sa * cb * sg + ca * cg, sa * sb],
        [-sb * cg, sb * sg, cb],
    ]
    return np.stack([np.stack(np.broadcast_arrays(*row), -1) for row in rows], -2)
