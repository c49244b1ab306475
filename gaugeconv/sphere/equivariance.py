"""How far a network on the sphere is from commuting with rotations."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor, nn

from gaugeconv.sphere.grids import SphereGrid, fibonacci
from gaugeconv.sphere.harmonics import spin_harmonic
from gaugeconv.sphere.interpolation import Interpolation
from gaugeconv.sphere.rotations import random_rotation

_COMPARED_AT = 1000

Signal = Callable[[Float64[np.ndarray, "N 3"]], Float64[np.ndarray, " N"]]
"""A function on the sphere, at any unit vectors."""


class SmoothSignal:
    """A random real function of degrees 0 … L on the sphere, of unit mean square.

    Args:
        max_degree: L.
        seed: of the coefficients.
    """

    def __init__(self, max_degree: int, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.terms = [
            (degree, row, complex(*rng.standard_normal(2)) * (2 * degree + 1) ** 0.5)
            for degree in range(max_degree + 1)
            for row in range(-degree, degree + 1)
        ]
        self.scale = sum(abs(c) ** 2 / (4 * degree + 2) for degree, _, c in self.terms) ** -0.5

    def __call__(self, points: Float64[np.ndarray, "N 3"]) -> Float64[np.ndarray, " N"]:
        """Values at unit vectors."""
        total = sum(c * spin_harmonic(degree, row, 0, points) for degree, row, c in self.terms)
        return np.real(total) * self.scale


def smooth_signals(count: int, max_degree: int = 6, seed: int = 0) -> list[Signal]:
    """Random functions of degree ≤ L; the same for the same seed."""
    return [SmoothSignal(max_degree, seed=seed * count + i) for i in range(count)]


@torch.no_grad()
def rotation_error(
    network: nn.Module,
    grid: SphereGrid,
    signals: Sequence[Signal],
    rng: np.random.Generator,
    output_grid: SphereGrid | None = None,
) -> float:
    """‖Φ(R▹f) − R▹Φ(f)‖ / ‖Φ(f)‖ over signals f, each with a uniform random rotation R.

    Norms are root mean squares about the mean over points (or, for one output per image, over
    signals). Fields of outputs are compared at a thousand points, interpolated linearly on their grid,
    which adds an error of second order.

    Args:
        network: from (B, N) signals to (B, K) or (B, M, K) scores; its mode is left as it is.
        grid: where it takes its signals.
        signals: functions on the sphere.
        rng: draws the rotations.
        output_grid: where its scores lie, if not on `grid`.
    """
    turns = [random_rotation(rng) for _ in signals]
    dtype = next(network.parameters()).dtype
    at_rest = _scores(network, [f(grid.points) for f in signals], dtype)
    turned = _scores(
        network, [f(grid.points @ r) for f, r in zip(signals, turns, strict=True)], dtype
    )
    if at_rest.ndim == 3:
        where, points = output_grid or grid, fibonacci(_COMPARED_AT).points
        turned = Interpolation.between(where, points)(turned.transpose(1, 2))
        at_rest = torch.stack(
            [
                Interpolation.between(where, points @ r)(scores.T)
                for scores, r in zip(at_rest, turns, strict=True)
            ]
        )
    around = at_rest - at_rest.mean(dim=-1 if at_rest.ndim == 3 else 0, keepdim=True)
    return float((turned - at_rest).square().mean().sqrt() / around.square().mean().sqrt())


def _scores(
    network: nn.Module, signals: list[Float64[np.ndarray, " N"]], dtype: torch.dtype
) -> Float[Tensor, "B ..."]:
    scores: Tensor = network(torch.from_numpy(np.stack(signals)).to(dtype))
    return scores.double()
