"""Spin-weighted harmonics, and what a steerable kernel does to them: the analytic truth.

With frames (e_θ, e_φ) a field of order m is spanned by f_m = d^l_{M,−m}(θ) exp(iMφ), l ≥ |m|. It is a
function on SO(3) that turns along the fibres: F(R Z(γ)) = exp(−imγ) F(R), F = conj D^l_{M,−m}. The
kernel exp(inθ) k(r) exp(−imθ) sends it to λ f_n with λ = 2π ∫ k(r) d^l_mn(r) r dr.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from jaxtyping import Complex128, Float64

_NODES = 256


def wigner_d(degree: int, beta: Float64[np.ndarray, "*batch"]) -> Float64[np.ndarray, "*batch d d"]:
    """d^l_mn(β) in Wigner's convention, indices m, n = −l … l; d^1_10 = −sin β / √2.

    exp(−iβJ_y) through the eigenvectors of J_y: exact to rounding for every degree.
    """
    values, vectors = _generator(degree)
    phases = np.exp(-1j * np.asarray(beta)[..., None] * values)
    return ((vectors * phases[..., None, :]) @ vectors.conj().T).real


@lru_cache(maxsize=128)
def _generator(degree: int) -> tuple[Float64[np.ndarray, " d"], Complex128[np.ndarray, "d d"]]:
    """Eigenvalues −l … l and eigenvectors of J_y."""
    m = np.arange(-degree, degree)
    raising = np.diag(np.sqrt(degree * (degree + 1.0) - m * (m + 1.0)), -1)
    _, vectors = np.linalg.eigh((raising - raising.T) / 2j)
    return np.arange(-degree, degree + 1.0), vectors


def spin_harmonic(
    degree: int, row: int, order: int, points: Float64[np.ndarray, "N 3"]
) -> Complex128[np.ndarray, " N"]:
    """f_m = d^l_{M,−m}(θ) exp(iMφ) in the frames (e_θ, e_φ): covariant of order m.

    Args:
        degree: l ≥ max(|M|, |m|).
        row: M.
        order: m, of either sign; the order of the field is what gauge changes see.
        points: unit vectors.
    """
    theta = np.arctan2(np.hypot(points[:, 0], points[:, 1]), points[:, 2])
    phi = np.arctan2(points[:, 1], points[:, 0])
    d = wigner_d(degree, theta)[:, degree + row, degree - order]
    return d * np.exp(1j * row * phi)


def polar_frames(
    points: Float64[np.ndarray, "N 3"],
) -> tuple[Float64[np.ndarray, "N 3"], Float64[np.ndarray, "N 3"]]:
    """(e_θ, e_φ): southwards and eastwards; at the poles as on the meridian φ = 0."""
    rho = np.hypot(points[:, 0], points[:, 1])
    at_pole = rho < 1e-12
    safe = np.where(at_pole, 1.0, rho)
    cos = np.where(at_pole, 1.0, points[:, 0] / safe)
    sin = np.where(at_pole, 0.0, points[:, 1] / safe)
    z = points[:, 2]
    return np.stack([z * cos, z * sin, -rho], 1), np.stack([-sin, cos, np.zeros_like(cos)], 1)


def kernel_eigenvalue(
    radial: Callable[[Float64[np.ndarray, " nodes"]], Float64[np.ndarray, " nodes"]],
    radius: float,
    degree: int,
    order_in: int = 0,
    order_out: int = 0,
) -> float:
    """λ = 2π ∫_0^R k(r) d^l_mn(r) r dr for the kernel exp(inθ) k(r) exp(−imθ); 0 for l < |m| or |n|.

    Args:
        radial: k, of r in [0, R], smooth between the ends (Gauss–Legendre with 256 nodes).
        radius: R.
        degree: l.
        order_in: m.
        order_out: n.
    """
    if degree < max(abs(order_in), abs(order_out)):
        return 0.0
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    r = radius * (nodes + 1) / 2
    d = wigner_d(degree, r)[:, degree + order_in, degree + order_out]
    return float(np.pi * radius * np.sum(weights * radial(r) * d * r))
