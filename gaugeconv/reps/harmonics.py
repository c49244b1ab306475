"""The kernel constraint on a circle, solved in closed form for every pair of irreps of every group.

Take the two components of an irrep as one complex number z (a single component as a real one). Then
a kernel on the circle is a sum of the maps z ↦ i^p e^{iμθ} z and z ↦ i^p e^{iμθ} z̄, p = 0 or 1, of
which a single output component keeps the real part. K(kX) = η(k) K(X) ρ(k⁻¹) from order m to order
n leaves, for rotations, μ = n − m without and n + m with conjugation, modulo N for C_N and D_N; for
S it leaves p = 0, or p = 1 where the parities differ. This is the content of the tables in appendix
F of Weiler & Cesa 2019.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from jaxtyping import Float64
from torch import Tensor

from gaugeconv.errors import StructureGroupError
from gaugeconv.reps.irreps import Irrep


class Harmonic(NamedTuple):
    """One solution on the circle: z ↦ scale · i^phase e^{iμθ} z, or z̄.

    Solutions of a pair of irreps are orthonormal: mean over θ of tr KᵀK′, per output component.
    White noise in thus gives noise of unit variance in every output component.

    Attributes:
        frequency: μ, of either sign.
        conjugate: whether z is conjugated.
        phase: p, 0 or 1.
        scale: the normalisation.
    """

    frequency: int
    conjugate: bool
    phase: int
    scale: float

    def parts(self, frequency: int) -> Float64[Tensor, "parts 2 2"]:
        """Coefficients of cos |ν|θ and (ν ≠ 0) sin |ν|θ in this map with e^{iνθ} for e^{iμθ}."""
        turn = torch.tensor([[0.0, -1.0], [1.0, 0.0]], dtype=torch.float64)
        start = self.scale * torch.diag(
            torch.tensor([1.0, -1.0 if self.conjugate else 1.0]).double()
        )
        if self.phase:
            start = turn @ start
        if frequency == 0:
            return start[None]
        return torch.stack((start, math.copysign(1, frequency) * turn @ start))


def harmonics(out: Irrep, into: Irrep, max_frequency: int | None = None) -> tuple[Harmonic, ...]:
    """All solutions between two irreps, ordered by conjugation, |μ|, μ and phase.

    Args:
        out: irrep of the output.
        into: irrep of the input.
        max_frequency: the largest |μ|. For C_N and D_N there are infinitely many, so it is needed.

    Raises:
        StructureGroupError: irreps of two groups, or no largest frequency for a finite group.
    """
    group = out.group
    if into.group != group:
        raise StructureGroupError(f"no kernels from a type of {into.group} to one of {group}")
    if max_frequency is None:
        if group.is_finite:
            raise StructureGroupError(f"kernels of {group} need a largest angular frequency")
        max_frequency = out.order + into.order
    odd = (out.parity == -1) != (into.parity == -1)
    phases = (int(odd),) if group.reflections else (0, 1)
    both_single = out.dim == into.dim == 1
    found = []
    for conjugate in (False, True) if out.dim == into.dim == 2 else (False,):
        shift = out.order + (into.order if conjugate else -into.order)
        for mu in _frequencies(shift, group.rotations, max_frequency):
            if both_single and mu < 0:
                continue  # the real part is that of −μ
            silent = both_single and mu == 0  # the real part of i^p is 0 for p = 1
            found += [
                Harmonic(mu, conjugate, p, _scale(out, into, mu))
                for p in phases
                if not (silent and p == 1)
            ]
    return tuple(found)


def _frequencies(shift: int, period: int, largest: int) -> list[int]:
    """All μ ≡ shift modulo the period (equal to it for period 0) with |μ| ≤ largest."""
    if period == 0:
        return [shift] if abs(shift) <= largest else []
    values = [mu for mu in range(-largest, largest + 1) if (mu - shift) % period == 0]
    return sorted(values, key=lambda mu: (abs(mu), mu))


def _scale(out: Irrep, into: Irrep, frequency: int) -> float:
    """What makes the mean square over θ, per output component, one."""
    halved = into.dim == 1 and (out.dim == 2 or frequency != 0)
    return math.sqrt(2.0) if halved else 1.0
