"""The pointwise linear layer: intertwiners at every vertex."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gaugeconv.nn.fields import FieldModule, bias_vector, check_features
from gaugeconv.reps import FieldType, Intertwiners


class GaugeLinear(FieldModule):
    """Mixes channels of equal irreps at each vertex; covariant.

    Order 0 mixes as an ordinary linear layer, order m ≥ 1 with a + bJ for every channel pair, which
    is a complex number, or with a alone in groups with reflections. Regular and quotient channels mix
    irrep by irrep, which for C_N is a circular convolution over the group. Output irreps that the
    input lacks are zero. Unit variance in gives unit variance out at the start.

    Args:
        in_type: type of the input; a string means SO2.
        out_type: type of the output, of the same group.
        bias: whether to add a bias, on trivial irreps only.

    Raises:
        StructureGroupError: the types are of different groups.
    """

    def __init__(
        self, in_type: str | FieldType, out_type: str | FieldType, bias: bool = True
    ) -> None:
        super().__init__(in_type, out_type)
        self.intertwiners = Intertwiners(self.in_type, self.out_type)
        self.weight = nn.Parameter(torch.empty(self.intertwiners.size))
        scalars = self.out_type.multiplicity(0)
        self.bias = nn.Parameter(torch.empty(scalars)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws new weights, each scaled by its own fan-in."""
        std = self.intertwiners.fan_in.rsqrt()
        with torch.no_grad():
            self.weight.normal_().mul_(std)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def forward(self, x: Float[Tensor, "*batch in"]) -> Float[Tensor, "*batch out"]:
        """Features of the output type at the same vertices.

        Raises:
            FieldTypeError: x is not of the input type.
        """
        check_features(x, self.in_type)
        y = nn.functional.linear(x, self.intertwiners.matrix(self.weight))
        return y if self.bias is None else y + bias_vector(self.bias, self.out_type)
