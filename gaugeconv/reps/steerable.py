"""Kernels that a layer may share, for any structure group and any two of its field types.

K(r, θ) = b_0(r) C + Σ_k b_k(r) Σ_j w_kj H_j(θ) with an intertwiner C and the solutions H_j of the
kernel constraint on the circle (`gaugeconv.reps.harmonics`). The rings b_1 … b_num vanish at r = 0,
so that K is an intertwiner there and single-valued.

In an operator each H_j is a fixed combination of moments. With features of order m as complex numbers
and u = ρ(φ − θ) x, e^{iμθ} ρ(φ) x = e^{i(μ+m)θ} u, and e^{iμθ} times the conjugate is e^{i(μ−m)θ} ū.
So the sums of cos nθ u and sin nθ u for the orders n = |μ ± m|, then one dense product, convolve.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from gaugeconv.errors import FieldTypeError, StructureGroupError
from gaugeconv.reps.change import carrier, to_irreps
from gaugeconv.reps.circle import circle_space
from gaugeconv.reps.field_type import FieldType
from gaugeconv.reps.groups import StructureGroup
from gaugeconv.reps.intertwiners import Intertwiners
from gaugeconv.reps.kernels import KernelSpace, SharedKernels
from gaugeconv.reps.radial import RadialBasis, as_radial_basis

LEAST_FREQUENCY = 3
"""Groups of few rotations get kernels with angular frequencies up to this by default."""


def default_frequency(group: str | StructureGroup) -> int | None:
    """The angular cut-off where none is named: max(3, ⌊N/2⌋) for C_N and D_N, none for SO2 and O2.

    Every residue modulo N has a frequency within ⌊N/2⌋, so it connects every pair of irreps but those
    of one order and opposite parities of D_N, whose kernels begin with sin Nθ.
    """
    group = StructureGroup.of(group)
    return max(LEAST_FREQUENCY, group.rotations // 2) if group.is_finite else None


class OrbitForm(NamedTuple):
    """A kernel of SO(2) or O(2) in a `KernelSpace`, for `gaugeconv.ops.convolve`.

    Attributes:
        space: the space, between the SO(2) types that carry the irreps of input and output.
        rings, center: the coordinates there.
    """

    space: KernelSpace
    rings: Tensor
    center: Tensor


class SteerableKernels(SharedKernels):
    """The kernels between two types of one group: coordinates, values, and matrices for operators.

    Coordinates of a kernel are `rings` (num, size), w_kj above, and `center` (num_center,), those of
    the intertwiner C (see `Intertwiners`). The `size` coordinates run over pairs of irrep blocks (of
    `to_irreps(out_type)`, outermost, and `to_irreps(in_type)`), output channels, input channels and
    the solutions in the order of `harmonics`.

    Args:
        in_type, out_type: the types, of the same group.
        radial: number of default radial functions, or a radial basis.
        max_frequency: the largest |μ|; `default_frequency` of the group when left out.

    Attributes:
        size: number of solutions on the circle.
        ring_fan_in: (size,) how many coordinates of a ring add to the same output component: with
            variance 1 / fan-in they turn white noise into noise of the same variance.
        center_fan_in: (num_center,) the same for C.
        orders: the angular orders n ≥ 0 that an operator aggregates, ascending.
        in_irreps, out_irreps: the changes from the types to irreps.
        intertwiners: the space of C, between these irreps.
        carrier: the change from irreps of the input to the SO(2) type that an operator aggregates.

    Raises:
        StructureGroupError: the types are of different groups.
        FieldTypeError: max_frequency is negative.
    """

    def __init__(
        self,
        in_type: FieldType,
        out_type: FieldType,
        radial: int | RadialBasis = 3,
        max_frequency: int | None = None,
    ) -> None:
        if in_type.group != out_type.group:
            raise StructureGroupError(
                f"no kernels from {in_type!r} to {out_type!r}: restrict one to the other's group"
            )
        if max_frequency is not None and max_frequency < 0:
            raise FieldTypeError(f"the largest angular frequency must be ≥ 0, got {max_frequency}")
        self.in_type, self.out_type, self.group = in_type, out_type, in_type.group
        self.basis = as_radial_basis(radial)
        cut_off = default_frequency(self.group) if max_frequency is None else max_frequency
        self.max_frequency = cut_off
        self.in_irreps, self.out_irreps = to_irreps(in_type), to_irreps(out_type)
        between = (self.in_irreps.out_type, self.out_irreps.out_type)
        self.carrier = carrier(between[0])
        self.intertwiners = Intertwiners(*between)
        self._circle = circle_space(*between, cut_off)
        self.size, self.orders = self._circle.size, self._circle.orders
        self.ring_fan_in, self.center_fan_in = self._circle.fan_in, self.intertwiners.fan_in

    @property
    def rings_shape(self) -> tuple[int, int]:
        """Shape of `rings`: (num, size)."""
        return self.basis.num, self.size

    def fourier(
        self, coordinates: Float[Tensor, "*batch size"]
    ) -> Float[Tensor, "*batch slots out in"]:
        """Σ_j w_j H_j as coefficients of 1, cos θ, sin θ, cos 2θ, …, between the types themselves."""
        inner = self._circle.fourier(coordinates)
        return _between(self.out_irreps.matrix, inner, self.in_irreps.matrix)

    def center_matrix(self, center: Float[Tensor, " num_center"]) -> Float[Tensor, "out in"]:
        """C, the intertwiner between the types themselves."""
        fixed = self.intertwiners.matrix(center)
        return _between(self.out_irreps.matrix, fixed, self.in_irreps.matrix)

    def evaluate(
        self,
        rings: Float[Tensor, "num size"],
        center: Float[Tensor, " num_center"],
        rho: Float[Tensor, " E"],
        theta: Float[Tensor, " E"],
    ) -> Float[Tensor, "E out in"]:
        """K(X) at X = ρR (cos θ, sin θ): covariant, K(kX) = η(k) K(X) ρ(k⁻¹).

        Args:
            rings: w_kj.
            center: coordinates of C.
            rho: r / R in [0, 1].
            theta: directions in radians, in the frame of the target.

        Raises:
            FieldTypeError: the coordinates do not have the shapes of this space.
        """
        self.check(rings, center)
        waves = circular_functions(theta, self._circle.highest)
        moving = torch.einsum("ek,es,ksij->eij", self.basis.rings(rho), waves, self.fourier(rings))
        return moving + self.basis.center(rho)[:, None, None] * self.center_matrix(center)

    def moment_matrix(
        self, rings: Float[Tensor, "num size"], center: Float[Tensor, " num_center"]
    ) -> Float[Tensor, "width out"]:
        """What multiplies the moments of the carrier: moments @ matrix are irreps of the output.

        Rows are laid out like the moments of `gaugeconv.ops.aggregate` for `self.carrier.out_type`
        and `self.orders`: by angular order, cos before sin, then rings, then components; the centre
        term last. `self.out_irreps.inverse` makes the result a feature of `out_type`. Linear in the
        coordinates, and differentiable.

        Raises:
            FieldTypeError: the coordinates do not have the shapes of this space.
        """
        self.check(rings, center)
        moving = self._circle.moments(rings).transpose(0, 1).flatten(0, 2)
        fixed = self.carrier.matrix.to(center) @ self.intertwiners.matrix(center).T
        return torch.cat((moving, fixed))

    def product(
        self,
        moments: Float[Tensor, "*batch width"],
        rings: Float[Tensor, "num size"],
        center: Float[Tensor, " num_center"],
    ) -> Float[Tensor, "*batch out"]:
        """Features of `out_type` from moments: `moment_matrix` without its zeros, then back to the type.

        An angular order reaches few of the output's irreps, those of order ≡ ±n modulo N.

        Raises:
            FieldTypeError: the coordinates do not have the shapes of this space.
        """
        matrix = self.moment_matrix(rings, center)
        start, tail = 0, self.carrier.out_type.dim
        result = moments[..., -tail:] @ matrix[-tail:]
        for order in self.orders:
            count = (1 if order == 0 else 2) * self.basis.num * tail
            rows, reached = slice(start, start + count), self._circle.reached[order]
            reached = reached.to(matrix.device)
            part = moments[..., rows] @ matrix[rows].index_select(1, reached)
            result = result.index_add_(-1, reached, part)
            start += count
        return self.out_irreps.inverse(result)

    def orbit_form(
        self, rings: Float[Tensor, "num size"], center: Float[Tensor, " num_center"]
    ) -> OrbitForm:
        """The kernel of SO(2) or O(2) as K(r, θ) = η(θ) K(r) ρ(−θ), for the operator of `KernelSpace`.

        K(r) is the value at θ = 0. For O(2) it satisfies K(r) = η(s) K(r) ρ(s) besides.

        Raises:
            FieldTypeError: the coordinates do not have the shapes of this space.
            StructureGroupError: the group is finite, and the orbits of its kernels no circles.
        """
        self.check(rings, center)
        if self.group.is_finite:
            raise StructureGroupError(
                f"kernels of {self.group} have no orbit form, only SO2's and O2's"
            )
        out_type = carrier(self.out_irreps.out_type).out_type
        space = KernelSpace(self.carrier.out_type, out_type, self.basis)
        inner = self._circle.fourier(rings)
        at_zero = torch.cat((inner[:, :1], inner[:, 1::2]), dim=1).sum(dim=1)
        fixed = space.intertwiners.coordinates(self.intertwiners.matrix(center))
        return OrbitForm(space, at_zero, fixed)


def circular_functions(theta: Float[Tensor, " E"], highest: int) -> Float[Tensor, "E slots"]:
    """1, cos θ, sin θ, cos 2θ, sin 2θ, … up to a frequency."""
    values = [torch.ones_like(theta)]
    for frequency in range(1, highest + 1):
        values += [torch.cos(frequency * theta), torch.sin(frequency * theta)]
    return torch.stack(values, dim=-1)


def _between(out: Tensor, inner: Tensor, into: Tensor) -> Tensor:
    """A matrix between irreps as one between the types: Q_outᵀ A Q_in."""
    return out.to(inner).T @ inner @ into.to(inner)
