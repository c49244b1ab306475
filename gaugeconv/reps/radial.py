"""Radial bases: how the kernel depends on the distance |X| / R.

A kernel is K(r) = b_0(r) C + Σ_k b_k(r) W_k (see `gaugeconv.reps.kernels`). The centre function b_0
carries intertwiners only; the rings b_1 … b_num carry any matrix and therefore vanish at r = 0.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor

from gaugeconv.errors import FieldTypeError


class RadialBasis(ABC):
    """A centre function and `num` rings on ρ = r / R in [0, 1].

    A basis is fixed geometry, without parameters: what is computed from it is kept with the
    neighbourhoods. Implement `rings` and `center`. Instances are compared by identity unless
    `__eq__` and `__hash__` say otherwise; they must not change after construction.

    Args:
        num: number of rings, at least 1.

    Raises:
        FieldTypeError: num is less than 1.
    """

    def __init__(self, num: int) -> None:
        if num < 1:
            raise FieldTypeError(f"a radial basis needs at least one ring, got num={num}")
        self.num = num

    @abstractmethod
    def rings(self, rho: Float[Tensor, " E"]) -> Float[Tensor, "E num"]:
        """b_1 … b_num at ρ = r / R; zero at ρ = 0, and at ρ = 1 for no jump at the cut-off."""

    @abstractmethod
    def center(self, rho: Float[Tensor, " E"]) -> Float[Tensor, " E"]:
        """b_0 at ρ = r / R."""

    def mean_squares(self) -> Float[Tensor, " num_functions"]:
        """The mean of b_0², b_1², … b_num² over the unit disk, 2 ∫ b_k(ρ)² ρ dρ (float64)."""
        count = 4096
        rho = (torch.arange(count, dtype=torch.float64) + 0.5) / count
        values = torch.cat((self.center(rho)[:, None], self.rings(rho)), dim=1)
        return (2 * rho[:, None] * values.square()).mean(dim=0)


class CosineRings(RadialBasis):
    """Raised-cosine bumps on equally spaced nodes ρ_k = k / (num + 1), k = 0 … num.

    b_k(ρ) = cos²(π/2 · ((num + 1) ρ − k)) within one spacing of its node and 0 elsewhere:
    continuously differentiable, at most two of them non-zero anywhere, and a partition of unity on
    [0, num / (num + 1)]. All rings vanish with their slope at ρ = 0 and everything vanishes with
    its slope at ρ = 1.
    """

    def rings(self, rho: Float[Tensor, " E"]) -> Float[Tensor, "E num"]:
        """b_1 … b_num."""
        nodes = torch.arange(1, self.num + 1, dtype=rho.dtype, device=rho.device)
        return _bump(rho[..., None] * (self.num + 1) - nodes)

    def center(self, rho: Float[Tensor, " E"]) -> Float[Tensor, " E"]:
        """b_0, one at ρ = 0 and zero from the first node on."""
        return _bump(rho * (self.num + 1))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CosineRings) and other.num == self.num

    def __hash__(self) -> int:
        return hash((CosineRings, self.num))

    def __repr__(self) -> str:
        return f"CosineRings({self.num})"


def _bump(t: Tensor) -> Tensor:
    """cos²(π t / 2) for |t| < 1 and 0 elsewhere."""
    return torch.where(t.abs() < 1, torch.cos(0.5 * math.pi * t).square(), torch.zeros_like(t))


def as_radial_basis(radial: int | RadialBasis) -> RadialBasis:
    """The default basis with that many rings, or the basis itself.

    Raises:
        FieldTypeError: neither, or a basis whose rings do not vanish at ρ = 0: the kernel would not
            be single-valued there.
    """
    if isinstance(radial, int) and not isinstance(radial, bool):
        return CosineRings(radial)
    if not isinstance(radial, RadialBasis):
        raise FieldTypeError(f"radial must be a count or a RadialBasis, got {radial!r}")
    at_zero = radial.rings(torch.zeros(1, dtype=torch.float64))
    if at_zero.shape != (1, radial.num) or at_zero.abs().max() > 1e-12:
        raise FieldTypeError(
            f"the rings of {radial!r} must be (E, {radial.num}) and vanish at r = 0, "
            f"got {at_zero.tolist()}: only intertwiners are allowed there, through `center`"
        )
    return radial
