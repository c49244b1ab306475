"""Steerable kernels of SO(2): matrix-valued functions on the tangent disk that a layer may share.

The law for one kernel shared by all points and gauges is K(kX) = η(k) K(X) ρ(k⁻¹) (docs/conventions.md;
Gerken et al. 2021, section 3). In polar coordinates its solutions are
K(r, θ) = η(θ) K(r) ρ(−θ) with any matrix K(r) for r > 0 and an intertwiner at r = 0.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor

from gaugeconv.errors import FieldTypeError, StructureGroupError
from gaugeconv.reps.field_type import FieldType
from gaugeconv.reps.intertwiners import Intertwiners
from gaugeconv.reps.radial import RadialBasis, as_radial_basis


class SharedKernels(ABC):
    """A space of kernels that a layer may share, with coordinates `rings` and `center`.

    Attributes:
        in_type, out_type: the field types.
        basis: the radial functions.
        intertwiners: the space of the centre term C.
    """

    in_type: FieldType
    out_type: FieldType
    basis: RadialBasis
    intertwiners: Intertwiners

    @property
    @abstractmethod
    def rings_shape(self) -> tuple[int, ...]:
        """Shape of `rings`, the number of rings first."""

    @property
    def num_center(self) -> int:
        """Length of `center`: the dimension of the space of intertwiners."""
        return self.intertwiners.size

    def check(self, rings: Tensor, center: Tensor) -> None:
        """Raises FieldTypeError unless the coordinates have the shapes of this space."""
        if tuple(rings.shape) != self.rings_shape or tuple(center.shape) != (self.num_center,):
            raise FieldTypeError(
                f"kernels {self.in_type} -> {self.out_type} have rings {self.rings_shape} and "
                f"center ({self.num_center},), got {tuple(rings.shape)}, {tuple(center.shape)}"
            )


class KernelSpace(SharedKernels):
    """The kernels K(r) = b_0(r) C + Σ_k b_k(r) W_k between two field types.

    Coordinates of a kernel are `rings` (num, out.dim, in.dim), the matrices W_k, all entries free,
    and `center` (num_center,), the coordinates of the intertwiner C (see `Intertwiners`). Other
    groups have `gaugeconv.reps.SteerableKernels`.

    Raises:
        StructureGroupError: a type is not one of SO(2).
    """

    def __init__(
        self, in_type: str | FieldType, out_type: str | FieldType, radial: int | RadialBasis = 3
    ) -> None:
        self.in_type, self.out_type = FieldType(in_type), FieldType(out_type)
        for given in (self.in_type, self.out_type):
            if given.group.name != "SO2":
                raise StructureGroupError(
                    f"these are the kernels of SO2, got {given!r}: use SteerableKernels"
                )
        self.basis = as_radial_basis(radial)
        self.intertwiners = Intertwiners(self.in_type, self.out_type)

    @property
    def rings_shape(self) -> tuple[int, int, int]:
        """Shape of `rings`: (num, out.dim, in.dim)."""
        return self.basis.num, self.out_type.dim, self.in_type.dim

    def evaluate(
        self,
        rings: Float[Tensor, "num out in"],
        center: Float[Tensor, " num_center"],
        rho: Float[Tensor, " E"],
        theta: Float[Tensor, " E"],
    ) -> Float[Tensor, "E out in"]:
        """K(X) at X = ρR (cos θ, sin θ): covariant, K(kX) = η(k) K(X) ρ(k⁻¹).

        Args:
            rings: W_k.
            center: coordinates of C.
            rho: r / R in [0, 1].
            theta: directions in radians, in the frame of the target.

        Raises:
            FieldTypeError: the coordinates do not have the shapes of this space.
        """
        self.check(rings, center)
        radial = torch.einsum("ek,kij->eij", self.basis.rings(rho), rings)
        radial = radial + self.basis.center(rho)[:, None, None] * self.intertwiners.matrix(center)
        return self.out_type.action(theta) @ radial @ self.in_type.action(-theta)
