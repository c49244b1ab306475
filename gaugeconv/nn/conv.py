"""The gauge equivariant convolution layer."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gaugeconv import ops
from gaugeconv.geometry.neighborhoods import Neighborhoods
from gaugeconv.nn.connection import (
    Connection,
    carried_type,
    checked_connection,
    compatible_pairs,
)
from gaugeconv.nn.fields import FieldModule, bias_vector, check_on_sources
from gaugeconv.nn.steerable_conv import FusedForm, Kernels, gains, weight_scales
from gaugeconv.reps import FieldType, KernelSpace, RadialBasis, SteerableKernels


class GaugeConv(FieldModule):
    """Convolution over neighbourhoods that commutes with every change of frames.

    y_p = 1/(πR²) Σ_q w_pq K(log_p q) ρ(k_pq) x_q + bias, with the transport k_pq = R(φ_pq) S^flip and a
    steerable kernel that all vertices and gauges share (docs/conventions.md; Weiler et al. 2021,
    equation 2). Covariant: the output is of `out_type` in the targets' frames when the input is of
    `in_type` in the sources', for all changes of frame in the structure group of the types.

    The parameters `rings` and `center` are the kernel's coordinates divided by fixed gains, which
    make moments of unit variance; `kernel()` returns the coordinates themselves. With features of
    unit variance that are independent between channels and vertices, and about
    TYPICAL_NEIGHBORS pairs of equal weight per target, the output has unit variance at the start;
    features that vary slowly over a neighbourhood give up to about twice that.

    Args:
        in_type: type of the input; a string means SO2.
        out_type: type of the output, of the same group.
        radial: number of default radial functions (`CosineRings`), or a radial basis.
        bias: whether to add a bias, on trivial irreps only: to a regular copy one number.
        max_frequency: largest angular frequency of the kernel, see `gaugeconv.reps.SteerableKernels`;
            all that there are for SO2 and O2, max(3, ⌊N/2⌋) for C_N and D_N when left out.
        connection: what to do where transports are not in the group of the types, see
            `gaugeconv.nn.Connection`. With "fourier" the kernels are those of SO2 or O2, and changes of
            frame by any angle act on features as `gaugeconv.reps.extension` says.

    Attributes:
        space: the kernels, a `KernelSpace` for SO2 and otherwise `SteerableKernels`.

    Raises:
        StructureGroupError: the types are of different groups, or nothing of them can be extended.
        FieldTypeError: max_frequency leaves no kernel.
        OptionError: no such connection.
    """

    def __init__(
        self,
        in_type: str | FieldType,
        out_type: str | FieldType,
        radial: int | RadialBasis = 3,
        bias: bool = True,
        max_frequency: int | None = None,
        connection: Connection = "exact",
    ) -> None:
        super().__init__(in_type, out_type)
        self.connection = checked_connection(connection)
        self._into = carried_type(self.in_type, connection)
        self._back = carried_type(self.out_type, connection)
        inner = self._into.out_type if self._into else self.in_type
        outer = self._back.out_type if self._back else self.out_type
        self.space: Kernels
        self._convolve: Callable[..., Tensor]
        if inner.group.name == "SO2" and max_frequency is None:
            self.space = KernelSpace(inner, outer, radial)
            self._convolve = partial(ops.convolve, space=self.space)
        else:
            self.space = SteerableKernels(inner, outer, radial, max_frequency)
            self._convolve = FusedForm(self.space).convolve
        self.rings = nn.Parameter(torch.empty(self.space.rings_shape))
        self.center = nn.Parameter(torch.empty(self.space.num_center))
        scalars = self.out_type.multiplicity(0)
        self.bias = nn.Parameter(torch.empty(scalars)) if bias else None
        center_gain, rings_gain = gains(self.space.basis)
        self.center_gain = center_gain
        shape = (-1, *[1] * (self.rings.ndim - 1))
        self.register_buffer("_rings_gain", rings_gain.reshape(shape), persistent=False)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws new weights; rings and centre each give half of the output's variance."""
        rings, center = weight_scales(self.space)
        with torch.no_grad():
            self.rings.normal_().mul_(rings)
            self.center.normal_().mul_(center)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def kernel(self) -> tuple[Float[Tensor, "num ..."], Float[Tensor, " num_center"]]:
        """The coordinates (rings, center) of the kernel in `self.space`."""
        return self.rings * self.get_buffer("_rings_gain"), self.center * self.center_gain

    def forward(
        self, x: Float[Tensor, "*batch Q in"], nb: Neighborhoods
    ) -> Float[Tensor, "*batch P out"]:
        """Features of the targets, from features of the sources; a leading batch axis is optional.

        Raises:
            FieldTypeError: x is not of the input type on the sources of nb, or its dtype or device
                differs from the layer's.
            StructureGroupError: a transport is not in the structure group, and `connection` is
                "exact", or it reflects and the group does not.
        """
        check_on_sources(x, nb, self.in_type)
        nb = compatible_pairs(nb, self.in_type.group, self.connection)
        x = self._into(x) if self._into else x
        y = self._convolve(x, *self.kernel(), nb)
        y = self._back.inverse(y) if self._back else y
        return y if self.bias is None else y + bias_vector(self.bias, self.out_type)

    def extra_repr(self) -> str:
        """The types, the radial basis and, for C_N and D_N, the connection."""
        text = f"{super().extra_repr()}, radial={self.space.basis!r}"
        finite = self.in_type.group.is_finite
        return f"{text}, connection={self.connection!r}" if finite else text
