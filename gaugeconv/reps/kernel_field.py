"""Kernel fields: kernels that differ from vertex to vertex, κ_p: T_pM → Hom(E_ρ, E_η).

In a gauge each is a matrix-valued function of X = R ρ (cos θ, sin θ), and a change of gauge by k takes it
to κ^B(X) = η(k) κ^A(k⁻¹X) ρ(k⁻¹), which is κ^A = η(k⁻¹) κ^B ρ(k) at X^B = k ▷ X^A. Weight sharing is the
special case of one function at all vertices that no change of gauge alters; see `shared_kernel`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from gaugeconv.errors import FieldTypeError, StructureGroupError
from gaugeconv.reps.elements import Element
from gaugeconv.reps.field_type import FieldType
from gaugeconv.reps.radial import RadialBasis
from gaugeconv.reps.steerable import SteerableKernels, circular_functions

KernelFunction = Callable[[Tensor, Tensor, Tensor], Tensor]
"""κ(p, ρ, θ): rows (E,) of vertices, r/R (E,) and directions (E,) to matrices (E, out, in)."""


class KernelField(ABC):
    """A kernel at every vertex, in some gauge.

    At r = 0 there is no direction: values there must not depend on θ.

    Attributes:
        in_type, out_type: ρ and η, types of the same group.

    Raises:
        StructureGroupError: the types are of different groups.
    """

    def __init__(self, in_type: FieldType, out_type: FieldType) -> None:
        if in_type.group != out_type.group:
            raise StructureGroupError(f"no kernels from {in_type!r} to {out_type!r}")
        self.in_type, self.out_type = in_type, out_type

    @abstractmethod
    def evaluate(
        self, row: Int64[Tensor, " E"], rho: Float[Tensor, " E"], theta: Float[Tensor, " E"]
    ) -> Float[Tensor, "E out in"]:
        """κ_p(X) at the target rows p and X = R ρ (cos θ, sin θ) in the frame of p."""

    @abstractmethod
    def change_gauge(self, k: Element) -> KernelField:
        """The same field of kernels after a change of gauge by k, one element per row."""


class KernelFunctionField(KernelField):
    """A kernel field given as a function of vertex and X.

    Args:
        in_type, out_type: ρ and η.
        function: κ(p, r/R, θ) in the present gauge.
    """

    def __init__(self, in_type: FieldType, out_type: FieldType, function: KernelFunction) -> None:
        super().__init__(in_type, out_type)
        self.function = function

    def evaluate(
        self, row: Int64[Tensor, " E"], rho: Float[Tensor, " E"], theta: Float[Tensor, " E"]
    ) -> Float[Tensor, "E out in"]:
        """See `KernelField.evaluate`.

        Raises:
            FieldTypeError: the function's values are not matrices from ρ to η.
        """
        values = self.function(row, rho, theta)
        expected = (len(row), self.out_type.dim, self.in_type.dim)
        if tuple(values.shape) != expected:
            raise FieldTypeError(f"kernels must be {expected}, got {tuple(values.shape)}")
        return values

    def change_gauge(self, k: Element) -> KernelFunctionField:
        """X ↦ η(k) κ(k⁻¹X) ρ(k⁻¹).

        Raises:
            StructureGroupError: an element is not in the group.
        """
        left, right = self.out_type.action(*k), self.in_type.action(*k.inverse())
        back = k.inverse()

        def changed(row: Tensor, rho: Tensor, theta: Tensor) -> Tensor:
            before = Element(back.gamma[row], back.reflect[row]).direction(theta)
            values = self.evaluate(row, rho, torch.where(rho > 0, before, theta))
            return left[row].to(values) @ values @ right[row].to(values)

        return KernelFunctionField(self.in_type, self.out_type, changed)


class KernelCoefficientField(KernelField):
    """A kernel field given by coefficients, κ_p(X) = b_0(r) C_p + Σ_ks b_k(r) f_s(θ) A_pks.

    The circular functions f_s are 1, cos θ, sin θ, cos 2θ, …; no law restricts the matrices.

    Args:
        in_type, out_type: ρ and η.
        basis: the radial functions b.
        rings: A_pks.
        center: C_p.

    Raises:
        FieldTypeError: the shapes contradict each other.
    """

    def __init__(
        self,
        in_type: FieldType,
        out_type: FieldType,
        basis: RadialBasis,
        rings: Float[Tensor, "P num slots out in"],
        center: Float[Tensor, "P out in"],
    ) -> None:
        super().__init__(in_type, out_type)
        matrix, count = (out_type.dim, in_type.dim), len(center)
        expected = (count, basis.num, rings.shape[2], *matrix)
        if tuple(rings.shape) != expected or tuple(center.shape) != (count, *matrix):
            raise FieldTypeError(
                f"expected rings {expected} and center {(count, *matrix)}, "
                f"got {tuple(rings.shape)} and {tuple(center.shape)}"
            )
        if rings.shape[2] % 2 == 0:
            raise FieldTypeError(f"1, cos and sin make an odd number, got {rings.shape[2]}")
        self.basis, self.rings, self.center = basis, rings, center

    def evaluate(
        self, row: Int64[Tensor, " E"], rho: Float[Tensor, " E"], theta: Float[Tensor, " E"]
    ) -> Float[Tensor, "E out in"]:
        """See `KernelField.evaluate`; differentiable in the coefficients."""
        waves = circular_functions(theta, self.rings.shape[2] // 2).to(self.rings)
        radial = self.basis.rings(rho).to(self.rings)
        moving = torch.einsum("ek,es,eksij->eij", radial, waves, self.rings[row])
        fixed = self.basis.center(rho).to(self.center)[:, None, None] * self.center[row]
        return moving + fixed

    def change_gauge(self, k: Element) -> KernelCoefficientField:
        """Coefficients in the new gauge: cos fθ and sin fθ change into each other like an order-f irrep.

        Raises:
            StructureGroupError: an element is not in the group.
        """
        highest = self.rings.shape[2] // 2
        circular = FieldType(" + ".join(["0+", *map(str, range(1, highest + 1))]), "O2")
        left, right = self.out_type.action(*k), self.in_type.action(*k.inverse())
        waves = circular.action(*k).to(self.rings)
        left, right = left.to(self.rings), right.to(self.rings)
        turned = torch.einsum("pts,pksij->pktij", waves, self.rings)
        rings = left[:, None, None] @ turned @ right[:, None, None]
        center = left @ self.center @ right
        return KernelCoefficientField(self.in_type, self.out_type, self.basis, rings, center)


def shared_kernel(
    space: SteerableKernels,
    rings: Float[Tensor, "num size"],
    center: Float[Tensor, " num_center"],
    num_vertices: int,
) -> KernelCoefficientField:
    """The kernel field of weight sharing: one lawful kernel at all vertices; gauge invariant.

    Raises:
        FieldTypeError: the coordinates do not have the shapes of the space.
    """
    space.check(rings, center)
    coefficients, fixed = space.fourier(rings), space.center_matrix(center)
    return KernelCoefficientField(
        space.in_type,
        space.out_type,
        space.basis,
        coefficients.expand(num_vertices, *coefficients.shape),
        fixed.expand(num_vertices, *fixed.shape),
    )
