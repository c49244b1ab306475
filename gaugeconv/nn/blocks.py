"""Building blocks of networks."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gaugeconv.geometry.neighborhoods import Neighborhoods
from gaugeconv.nn.attention import GaugeAttention
from gaugeconv.nn.connection import Connection
from gaugeconv.nn.conv import GaugeConv
from gaugeconv.nn.fields import FieldModule
from gaugeconv.nn.invariant import FieldDropout
from gaugeconv.nn.linear import GaugeLinear
from gaugeconv.nn.nonlinearity import GatedNonlinearity
from gaugeconv.nn.norm import FieldNorm
from gaugeconv.reps import FieldType, RadialBasis

Nonlinearity = Callable[[FieldType], FieldModule]
"""What makes a nonlinearity for a type, for instance `GatedNonlinearity` itself."""


class ResidualBlock(FieldModule):
    """x ↦ gate(norm(x + conv(dropout(gate(norm(conv(x))))))); covariant.

    Both normalisations stand before a nonlinearity, so features stay of unit scale whatever the
    depth. The second convolution starts at `SECOND_SCALE` of its usual weights: a new block is
    close to gate ∘ norm, and deep stacks train from the first step on.

    Args:
        in_type: type of the input and the output, on one set of vertices.
        radial: number of radial functions, or a radial basis.
        dropout: probability with which whole channels are dropped between the convolutions.
        connection: what convolutions do about transports outside of the group, see `GaugeConv`.
        nonlinearity: what makes the two gates (docs/layers.md compares them).
    """

    SECOND_SCALE = 0.5

    def __init__(
        self,
        in_type: str | FieldType,
        radial: int | RadialBasis = 3,
        dropout: float = 0.0,
        connection: Connection = "exact",
        nonlinearity: Nonlinearity = GatedNonlinearity,
    ) -> None:
        super().__init__(in_type)
        kind = self.in_type
        # norms bring their own bias
        self.conv1 = GaugeConv(kind, kind, radial, bias=False, connection=connection)
        self.norm1 = FieldNorm(kind)
        self.gate1 = nonlinearity(kind)
        self.dropout = FieldDropout(kind, dropout)
        self.conv2 = GaugeConv(kind, kind, radial, bias=False, connection=connection)
        self.norm2 = FieldNorm(kind)
        self.gate2 = nonlinearity(kind)
        with torch.no_grad():
            self.conv2.rings.mul_(self.SECOND_SCALE)
            self.conv2.center.mul_(self.SECOND_SCALE)

    def forward(
        self, x: Float[Tensor, "*batch V dim"], nb: Neighborhoods
    ) -> Float[Tensor, "*batch V dim"]:
        """Features of the same type on the same vertices.

        Raises:
            FieldTypeError: x is not of the type on the sources of nb, or nb has other targets.
            StructureGroupError: a transport is not in the structure group, see `GaugeConv`.
        """
        y = self.dropout(self.gate1(self.norm1(self.conv1(x, nb))))
        return self.gate2(self.norm2(x + self.conv2(y, nb)))


class TransformerBlock(FieldModule):
    """y = x + attention(norm(x)), then y ↦ y + mlp(norm(y)); covariant.

    The perceptron works at each vertex: linear, gate, linear. Takes the place of a `ResidualBlock`
    anywhere.

    Args:
        in_type: type of the input and the output, on one set of vertices.
        radial: number of radial functions of the attention, or a radial basis.
        dropout: probability with which whole channels of the two branches are dropped.
        connection: what the attention does about transports outside of the group.
        heads: number of heads.
        expansion: how many times the type is repeated inside the perceptron.
        nonlinearity: what makes the gate of the perceptron (docs/layers.md compares them).
    """

    def __init__(
        self,
        in_type: str | FieldType,
        radial: int | RadialBasis = 3,
        dropout: float = 0.0,
        connection: Connection = "exact",
        heads: int = 4,
        expansion: int = 2,
        nonlinearity: Nonlinearity = GatedNonlinearity,
    ) -> None:
        super().__init__(in_type)
        kind = self.in_type
        terms = " + ".join(f"{expansion * count}x{name}" for count, name in kind.terms)
        inside = FieldType(terms, kind.group)
        self.norm1 = FieldNorm(kind)
        self.attention = GaugeAttention(kind, kind, heads, radial, connection)
        self.norm2 = FieldNorm(kind)
        self.mlp = nn.Sequential(
            GaugeLinear(kind, inside), nonlinearity(inside), GaugeLinear(inside, kind)
        )
        self.dropout = FieldDropout(kind, dropout)

    def forward(
        self, x: Float[Tensor, "*batch V dim"], nb: Neighborhoods
    ) -> Float[Tensor, "*batch V dim"]:
        """Features of the same type on the same vertices.

        Raises:
            FieldTypeError: x is not of the type on the sources of nb, or nb has other targets.
            StructureGroupError: a transport is not in the structure group, see `GaugeAttention`.
        """
        x = x + self.dropout(self.attention(self.norm1(x), nb))
        return x + self.dropout(self.mlp(self.norm2(x)))
