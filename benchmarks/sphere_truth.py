"""What a convolution does to spin-weighted harmonics on the unit sphere, in closed form.

With frames (e_θ, e_φ) the field of order m is f_m = d^l_{M,−m}(θ) e^{iMφ}, a complex number for the
two real components. The kernel e^{inα} k(r) e^{−imα} of X = r (cos α, sin α) takes it to λ f_n with
λ = 2π ∫ k(r) d^l_{mn}(r) r dr; for m = n = 0 that is the zonal case, d^l_00(r) = P_l(cos r). d is
Wigner's, ⟨lm| exp(−iβ J_y) |ln⟩; see docs/exp_and_quadrature.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy.sparse import csr_array

from gaugeconv.geometry import Frames, Neighborhoods
from gaugeconv.mesh import TriMesh, shapes

Profile = Callable[[np.ndarray], np.ndarray]
"""k(r): the radial factor of a kernel."""


def wigner_d(l: int, m: int, n: int, beta: np.ndarray) -> np.ndarray:  # noqa: E741
    """d^l_{mn}(β) by Wigner's sum; for the small l of the benchmarks."""
    factorial = math.factorial
    front = math.sqrt(factorial(l + m) * factorial(l - m) * factorial(l + n) * factorial(l - n))
    cosine, sine = np.cos(beta / 2), np.sin(beta / 2)
    total = np.zeros_like(np.asarray(beta, dtype=np.float64))
    for s in range(max(0, n - m), min(l + n, l - m) + 1):
        below = factorial(l + n - s) * factorial(s) * factorial(m - n + s) * factorial(l - m - s)
        total += (
            (-1) ** (m - n + s)
            * cosine ** (2 * l + n - m - 2 * s)
            * sine ** (m - n + 2 * s)
            / below
        )
    return front * total


def polar_frames(mesh: TriMesh) -> Frames:
    """Frames (e_θ, e_φ) on a mesh of the unit sphere without a vertex at a pole."""
    x, y, z = mesh.vertices.T
    south = np.stack([x * z, y * z, -(x**2 + y**2)], axis=1)
    return Frames.from_directions(mesh, south)


def harmonic(mesh: TriMesh, l: int, M: int, m: int) -> np.ndarray:  # noqa: E741
    """The field f_m of degree l at the vertices, complex."""
    x, y, z = mesh.vertices.T
    polar, azimuth = np.arctan2(np.hypot(x, y), z), np.arctan2(y, x)
    return wigner_d(l, M, -m, polar) * np.exp(1j * M * azimuth)


def eigenvalue(profile: Profile, radius: float, panels: int, l: int, m: int, n: int) -> float:  # noqa: E741
    """λ by Gauss-Legendre on panels that end where the profile has its kinks."""
    x, w = np.polynomial.legendre.leggauss(40)
    width = radius / panels
    r = (width * (np.arange(panels)[:, None] + 0.5 * (x + 1))).ravel()
    return float(
        2 * np.pi * np.sum(np.tile(0.5 * width * w, panels) * profile(r) * wigner_d(l, m, n, r) * r)
    )


def convolution_matrix(nb: Neighborhoods, profile: Profile, m: int, n: int) -> csr_array:
    """The matrix Σ_e w_e e^{inα_e} k(r_e) e^{−imα_e} e^{imφ_e} from fields at sources to targets."""
    r, theta, transport = (a.numpy() for a in (nb.r, nb.theta, nb.transport))
    values = nb.weight.numpy() * profile(r) * np.exp(1j * ((n - m) * theta + m * transport))
    shape = (nb.num_targets, nb.num_sources)
    return csr_array((values, nb.source.numpy(), nb.ptr.numpy()), shape=shape)


def turned_icosphere(num_vertices: int) -> TriMesh:
    """The icosphere with that many vertices, turned so that none is at a pole."""
    mesh = shapes.icosphere(round(np.log((num_vertices - 2) / 10) / np.log(4)))
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    return TriMesh(mesh.vertices @ (turn * np.sign(np.linalg.det(turn))).T, mesh.faces)
