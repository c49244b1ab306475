"""The gauge equivariant convolution layer."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gaugeconv import ops
from gaugeconv.geometry.neighborhoods import Neighborhoods
from gaugeconv.nn.fields import FieldModule, bias_vector
from gaugeconv.reps import FieldType, KernelSpace, RadialBasis

TYPICAL_NEIGHBORS = 32
"""Pairs per target for which the weight initialisation is meant."""


class GaugeConv(FieldModule):
    """Convolution over neighbourhoods that commutes with every change of frames.

    y_p = 1/(πR²) Σ_q w_pq K(log_p q) ρ(φ_pq) x_q + bias, with a steerable kernel that all
    vertices and gauges share (docs/conventions.md; Weiler et al. 2021, equation 2). Covariant: the
    output is of `out_type` in the targets' frames when the input is of `in_type` in the sources'.

    The parameters `rings` and `center` are the kernel's coordinates divided by fixed gains, which
    make moments of unit variance; `kernel()` returns the coordinates themselves. With features of
    unit variance that are independent between channels and vertices, and about
    TYPICAL_NEIGHBORS pairs of equal weight per target, the output has unit variance at the start;
    features that vary slowly over a neighbourhood give up to about twice that.

    Args:
        in_type: type of the input.
        out_type: type of the output.
        radial: number of default radial functions (`CosineRings`), or a radial basis.
        bias: whether to add a bias, on order-0 channels only.
    """

    def __init__(
        self,
        in_type: str | FieldType,
        out_type: str | FieldType,
        radial: int | RadialBasis = 3,
        bias: bool = True,
    ) -> None:
        super().__init__(in_type, out_type)
        self.space = KernelSpace(self.in_type, self.out_type, radial)
        self.rings = nn.Parameter(torch.empty(self.space.rings_shape))
        self.center = nn.Parameter(torch.empty(self.space.num_center))
        scalars = self.out_type.multiplicity(0)
        self.bias = nn.Parameter(torch.empty(scalars)) if bias else None
        center_gain, rings_gain = _gains(self.space.basis)
        self.center_gain = center_gain
        self.register_buffer("_rings_gain", rings_gain[:, None, None], persistent=False)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws new weights; rings and centre each give half of the output's variance."""
        num, _, in_dim = self.space.rings_shape
        nn.init.normal_(self.rings, std=math.sqrt(0.5 / (num * in_dim)))
        # a + bJ of every channel pair: fan-in is counted in coordinates per output component
        fan_in = self.space.num_center / max(1, self._centered_channels())
        nn.init.normal_(self.center, std=math.sqrt(0.5 / max(1.0, fan_in)))
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def _centered_channels(self) -> int:
        """Output channels that an intertwiner reaches."""
        orders = self.in_type.orders
        return sum(b.multiplicity for b in self.out_type.blocks if b.order in orders)

    def kernel(self) -> tuple[Float[Tensor, "num out in"], Float[Tensor, " num_center"]]:
        """The coordinates (rings W_k, center C) of the kernel in `self.space`."""
        return self.rings * self.get_buffer("_rings_gain"), self.center * self.center_gain

    def forward(
        self, x: Float[Tensor, "*batch Q in"], nb: Neighborhoods
    ) -> Float[Tensor, "*batch P out"]:
        """Features of the targets, from features of the sources; a leading batch axis is optional.

        Raises:
            FieldTypeError: x is not of the input type on the sources of nb, or its dtype or device
                differs from the layer's.
            StructureGroupError: a transport reflects.
        """
        rings, center = self.kernel()
        y = ops.convolve(x, rings, center, nb, self.space)
        return y if self.bias is None else y + bias_vector(self.bias, self.out_type)

    def extra_repr(self) -> str:
        """The types and the radial basis."""
        return f"{super().extra_repr()}, radial={self.space.basis!r}"


def _gains(basis: RadialBasis) -> tuple[float, Float[Tensor, " num"]]:
    """Gains of the centre and the rings: 1 / standard deviation of a moment of white features.

    For N pairs of weight πR²/N the variance of ring k's moment is mean(b_k²) / N; the centre has
    the vertex itself besides, b_0(0)² / N².
    """
    variance = basis.mean_squares() / TYPICAL_NEIGHBORS
    at_zero = basis.center(torch.zeros(1, dtype=torch.float64))[0]
    variance[0] += (at_zero / TYPICAL_NEIGHBORS) ** 2
    gains = variance.clamp_min(torch.finfo(torch.float64).tiny).rsqrt()
    return float(gains[0]), gains[1:].to(torch.get_default_dtype())
