"""Convolutions of every structure group by way of SO(2) convolutions, which are fused.

With features as complex numbers and u = ρ(φ − θ) x, a kernel of any group is a sum of maps
u ↦ e^{iνθ} W u (`gaugeconv.reps.steerable`), and e^{iνθ} W u is what an SO(2) kernel computes whose
output has order |ν|, or its conjugate for ν < 0. An output irrep of order n takes the ν ≡ n modulo N
(ν = n for SO(2) and O(2)). So one SO(2) convolution with an output block for each such ν, and a sum
over them, is the convolution; no moments are stored.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from gaugeconv import ops
from gaugeconv.errors import FieldTypeError
from gaugeconv.geometry.neighborhoods import Neighborhoods
from gaugeconv.ops.dispatch import unfold
from gaugeconv.reps import (
    Block,
    FieldType,
    Intertwiners,
    KernelSpace,
    RadialBasis,
    SteerableKernels,
)

TYPICAL_NEIGHBORS = 32
"""Pairs per target for which the weight initialisation is meant."""

Kernels = KernelSpace | SteerableKernels


class _Piece(NamedTuple):
    """What an angular order |ν| adds to one block of irreps of the output, and the sign of ν."""

    order: int
    block: Block
    sign: int


class FusedForm:
    """The kernels of a space as kernels of SO(2), and how their outputs add up.

    Args:
        kernels: the kernels, between any two types of one group.

    Attributes:
        space: the SO(2) kernels from the carrier of the input to one output block for every ν.
        collect: the sum over ν and the change from irreps, (wide, out) with wide the outputs of space.

    Raises:
        FieldTypeError: the cut-off in frequency leaves no kernel.
    """

    def __init__(self, kernels: SteerableKernels) -> None:
        if kernels.size == 0:
            raise FieldTypeError(
                f"no kernel from '{kernels.in_type}' to '{kernels.out_type}' has an angular "
                f"frequency up to {kernels.max_frequency}: raise max_frequency"
            )
        self.kernels = kernels
        irreps = kernels.out_irreps.out_type
        self._pieces = _pieces(irreps, kernels.orders, kernels.group.rotations)
        terms = " + ".join(f"{p.block.multiplicity}x{p.order}" for p in self._pieces)
        self.space = KernelSpace(kernels.carrier.out_type, FieldType(terms), kernels.basis)
        self._wide = list(zip(self._pieces, self.space.out_type.blocks, strict=True))
        columns = torch.zeros(self.space.out_type.dim, irreps.dim, dtype=torch.float64)
        for (_, block, sign), wide in self._wide:
            for i in range(block.components):
                rows = torch.arange(wide.slice.start + i, wide.slice.stop, wide.components)
                into = torch.arange(block.slice.start + i, block.slice.stop, block.components)
                columns[rows, into] = 1.0 if i == 0 else float(sign)
        self.collect: Float64[Tensor, "wide out"] = kernels.out_irreps.inverse(columns)
        self._center_place = self._places_of_center()

    def _places_of_center(self) -> Int64[Tensor, " num_center"]:
        """Which coordinates of `space` those of C are: ν = n there, and a stays a, b stays b."""
        kernels, within = self.kernels, self.space.intertwiners
        into_type = kernels.in_irreps.out_type
        between = Intertwiners(into_type, kernels.out_irreps.out_type)
        places = torch.zeros(between.size, dtype=torch.int64)
        pairs = list(zip(into_type.blocks, kernels.carrier.out_type.blocks, strict=True))
        for piece, wide in self._wide:
            block = piece.block
            if piece.sign * piece.order != block.order:
                continue
            for into, carried in pairs:
                if into.irrep == block.irrep:
                    for part in range(block.irrep.endomorphisms):
                        source = between.index[_entries(block, part), _entries(into)]
                        place = within.index[_entries(wide, part), _entries(carried)]
                        places[torch.from_numpy(source)] = torch.from_numpy(place)
        return places

    def coordinates(
        self, rings: Float[Tensor, "num size"], center: Float[Tensor, " num_center"]
    ) -> tuple[Float[Tensor, "num wide carried"], Float[Tensor, " num_center_wide"]]:
        """The kernel's coordinates in `space`; linear and differentiable.

        Raises:
            FieldTypeError: the coordinates do not have the shapes of the kernels.
        """
        kernels = self.kernels
        matrix, carried = kernels.moment_matrix(rings, center), kernels.carrier.out_type.dim
        by_order, start = {}, 0
        for order in kernels.orders:
            parts = 1 if order == 0 else 2
            stop = start + parts * kernels.basis.num * carried
            moments = matrix[start:stop].unflatten(0, (parts, kernels.basis.num, carried))
            by_order[order], start = moments, stop
        rows = [_rows(by_order[p.order][..., p.block.slice], p) for p in self._pieces]
        wide_center = center.new_zeros(self.space.num_center)
        place = self._center_place.to(center.device)
        return torch.cat(rows, dim=1), wide_center.index_copy(0, place, center)

    def convolve(
        self,
        x: Float[Tensor, "*batch Q in"],
        rings: Float[Tensor, "num size"],
        center: Float[Tensor, " num_center"],
        nb: Neighborhoods,
    ) -> Float[Tensor, "*batch P out"]:
        """1/(πR²) Σ_q w_pq K(log_p q) ρ(k_{p←q}) x_q with transports k = R(φ) S^flip in the group."""
        kernels = self.kernels
        if kernels.group.reflections:
            x, nb = unfold(x, nb, kernels.in_type)
        x = kernels.carrier(kernels.in_irreps(x))
        y = ops.convolve(x, *self.coordinates(rings, center), nb, self.space)
        return y @ self.collect.to(y)


def _entries(block: Block, part: int = 0) -> slice:
    """The rows or columns of one component of every copy; as NumPy takes them side by side."""
    return slice(block.slice.start + part, block.slice.stop, block.components)


def _pieces(irreps: FieldType, orders: tuple[int, ...], rotations: int) -> list[_Piece]:
    """For every order |ν| the output blocks of an order n ≡ ν or n ≡ −ν; plus where both hold."""
    found = []
    for order in orders:
        for block in irreps.blocks:
            for sign in (1, -1):
                apart = sign * order - block.order
                if apart == 0 or (rotations and apart % rotations == 0):
                    found.append(_Piece(order, block, sign))
                    break
    return found


def _rows(
    moments: Float[Tensor, "parts num in out"], piece: _Piece
) -> Float[Tensor, "num wide in"]:
    """The matrices W_k of an SO(2) output block, from what multiplies the cos and the sin moments.

    y_1 = (W A^cos)_1 − (W A^sin)_2 and y_2 = ±((W A^cos)_2 + (W A^sin)_1), ± the sign of ν.
    """
    by_row = moments.transpose(-1, -2)
    if piece.order == 0:
        return by_row[0]
    cos, sin = by_row[0], by_row[1]
    if piece.block.components == 1:
        first, second = cos, -sin
    else:
        first = 0.5 * (cos[:, 0::2] + piece.sign * sin[:, 1::2])
        second = 0.5 * (piece.sign * cos[:, 1::2] - sin[:, 0::2])
    return torch.stack((first, second), dim=2).flatten(1, 2)


def weight_scales(space: Kernels) -> tuple[Tensor | float, Tensor | float]:
    """Standard deviations of new rings and centre: each gives half of the output's variance."""
    if isinstance(space, SteerableKernels):
        rings = (space.basis.num * space.ring_fan_in).rsqrt()
        return math.sqrt(0.5) * rings, math.sqrt(0.5) * space.center_fan_in.rsqrt()
    # a + bJ of every channel pair: fan-in is counted in coordinates per output component
    orders = space.in_type.orders
    channels = sum(b.multiplicity for b in space.out_type.blocks if b.order in orders)
    fan_in = max(1.0, space.num_center / max(1, channels))
    return math.sqrt(0.5 / (space.basis.num * space.in_type.dim)), math.sqrt(0.5 / fan_in)


def gains(basis: RadialBasis) -> tuple[float, Float[Tensor, " num"]]:
    """Gains of the centre and the rings: 1 / standard deviation of a moment of white features.

    For N pairs of weight πR²/N the variance of ring k's moment is mean(b_k²) / N; the centre has
    the vertex itself besides, b_0(0)² / N².
    """
    variance = basis.mean_squares() / TYPICAL_NEIGHBORS
    at_zero = basis.center(torch.zeros(1, dtype=torch.float64))[0]
    variance[0] += (at_zero / TYPICAL_NEIGHBORS) ** 2
    found = variance.clamp_min(torch.finfo(torch.float64).tiny).rsqrt()
    return float(found[0]), found[1:].to(torch.get_default_dtype())
