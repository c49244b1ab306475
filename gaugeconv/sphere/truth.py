"""Convolutions of the library beside the analytic eigenvalues of their kernels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Complex128, Float64

from gaugeconv.geometry import Frames, Neighborhoods, neighborhoods
from gaugeconv.ops import convolve
from gaugeconv.reps import CosineRings, KernelSpace
from gaugeconv.sphere.grids import SphereGrid
from gaugeconv.sphere.harmonics import kernel_eigenvalue, polar_frames, spin_harmonic

RADIUS = 0.5
PAIRS = ((0, 0), (0, 1), (1, 0), (1, 1), (1, 2), (2, 1), (2, 2))
"""Orders (m, n) of input and output."""


@dataclass(frozen=True)
class Eigenvalue:
    """One eigenvalue of the kernel exp(inθ) k(r) exp(−imθ), divided by πR² as layers do.

    Attributes:
        order_in, order_out: m and n.
        degree: l.
        analytic: from the integral.
        measured: projection of the convolution of f_m on f_n.
        residual: what is left of the convolution beside that, relative to f_n.
    """

    order_in: int
    order_out: int
    degree: int
    analytic: float
    measured: float
    residual: float


def measured_eigenvalues(
    grid: SphereGrid,
    max_degree: int = 8,
    radius: float = RADIUS,
    pairs: tuple[tuple[int, int], ...] = PAIRS,
) -> list[Eigenvalue]:
    """Eigenvalues of the convolution with one ring, k(r) = b_1(r/R), on a grid's mesh.

    Args:
        grid: the points.
        max_degree: largest l.
        radius: R of the kernel.
        pairs: orders (m, n) ≥ 0 of input and output.
    """
    mesh, (south, _) = grid.mesh, polar_frames(grid.points)
    nb = neighborhoods(mesh, radius, Frames.from_directions(mesh, south))
    found = []
    for m, n in pairs:
        space = KernelSpace(f"1x{m}", f"1x{n}", CosineRings(1))
        for degree in range(max(m, n), max_degree + 1):
            row = min(1, degree)
            f_in, f_out = (spin_harmonic(degree, row, order, grid.points) for order in (m, n))
            result = _convolved(space, f_in, nb)
            norm = np.sum(grid.weights * np.abs(f_out) ** 2)
            value = np.sum(grid.weights * f_out.conj() * result) / norm
            rest = np.sum(grid.weights * np.abs(result - value * f_out) ** 2) / norm
            exact = kernel_eigenvalue(_ring(radius), radius, degree, m, n) / (np.pi * radius**2)
            found.append(Eigenvalue(m, n, degree, exact, float(value.real), float(rest**0.5)))
    return found


def as_json(found: list[Eigenvalue]) -> list[dict[str, Any]]:
    """The eigenvalues as plain data."""
    return [asdict(value) for value in found]


def _convolved(
    space: KernelSpace, field: Complex128[np.ndarray, " V"], nb: Neighborhoods
) -> Complex128[np.ndarray, " P"]:
    """The convolution, extended to complex fields: a + ib for the components (a, b) of order ≥ 1."""
    if space.in_type.dim == 1:  # scalars are real: one part after the other
        parts = [_column(field.real), _column(field.imag)]
    elif space.out_type.dim == 1:  # only the real part of the result comes out
        parts = [_two(field), _two(-1j * field)]
    else:
        return _joined(_unit_ring(space, _two(field), nb))
    real, imaginary = (_joined(_unit_ring(space, part, nb)) for part in parts)
    return real + 1j * imaginary


def _unit_ring(space: KernelSpace, x: torch.Tensor, nb: Neighborhoods) -> torch.Tensor:
    """Convolution with exp(inθ) k(r) exp(−imθ), k the first ring of the basis."""
    rings = torch.eye(*space.rings_shape[1:], dtype=torch.float64)[None]
    return convolve(x, rings, torch.zeros(space.num_center, dtype=torch.float64), nb, space)


def _column(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(values))[:, None]


def _two(field: Complex128[np.ndarray, " V"]) -> torch.Tensor:
    return torch.from_numpy(np.stack([field.real, field.imag], -1))


def _joined(values: torch.Tensor) -> Complex128[np.ndarray, " P"]:
    array = values.numpy()
    return array[:, 0] + (1j * array[:, 1] if array.shape[1] == 2 else 0j)


def _ring(radius: float) -> Callable[[Float64[np.ndarray, " n"]], Float64[np.ndarray, " n"]]:
    """k(r) of the first ring."""
    return lambda r: CosineRings(1).rings(torch.from_numpy(r / radius))[:, 0].numpy()
