"""Batch normalisation of fields: linear in every image, so that empty regions stay quiet."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gaugeconv.errors import FieldTypeError
from gaugeconv.nn.fields import FieldModule, bias_vector, check_features
from gaugeconv.reps import FieldType


class FieldBatchNorm(FieldModule):
    """Scales every channel by its size over a batch of signals; covariant.

    Order 0: mean and variance over batch and vertices are removed, then a learned scale and bias. Order
    m ≥ 1: division by the root mean square of the channel, then a learned scale. In evaluation running
    statistics are used.

    `nn.FieldNorm` normalises every vertex by itself. Digits on a sphere are zero on most of it, and
    there that would blow up what little a kernel's rim brings in: features of full size whose form
    depends on the grid.

    Args:
        in_type: type of the input and the output, of SO2.
        momentum: share of a batch in the running statistics.
        eps: added to variances.

    Raises:
        FieldTypeError: a type of another group, whose signs and regular parts need other rules.
    """

    def __init__(self, in_type: str | FieldType, momentum: float = 0.1, eps: float = 1e-5) -> None:
        super().__init__(in_type)
        if self.in_type.group.name != "SO2":
            raise FieldTypeError(
                f"FieldBatchNorm is for types of SO2, got {self.in_type} of {self.in_type.group.name}"
            )
        self.momentum, self.eps = momentum, eps
        channels = [
            (b.order, b.components) for b in self.in_type.blocks for _ in range(b.multiplicity)
        ]
        index = torch.arange(len(channels)).repeat_interleave(
            torch.tensor([c for _, c in channels])
        )
        scalar = torch.tensor([float(order == 0) for order, _ in channels])
        self.register_buffer("_channel", index, persistent=False)
        self.register_buffer("_scalar", scalar[index], persistent=False)
        self.scale = nn.Parameter(torch.ones(len(channels)))
        self.bias = nn.Parameter(torch.zeros(self.in_type.multiplicity(0)))
        self.register_buffer("mean", torch.zeros(self.in_type.dim))
        self.register_buffer("variance", torch.ones(len(channels)))

    def forward(self, x: Float[Tensor, "B V dim"]) -> Float[Tensor, "B V dim"]:
        """Normalised features.

        Raises:
            FieldTypeError: x is not of the type.
        """
        check_features(x, self.in_type)
        mean, variance = self.get_buffer("mean"), self.get_buffer("variance")
        channel = self.get_buffer("_channel")
        if self.training:
            mean = x.mean(dim=(0, 1)) * self.get_buffer("_scalar")
            power = x.square().mean(dim=(0, 1)) - mean.square()
            count = torch.bincount(channel).to(power)
            variance = torch.zeros_like(self.scale).index_add(0, channel, power) / count
            with torch.no_grad():
                self.get_buffer("mean").lerp_(mean, self.momentum)
                self.get_buffer("variance").lerp_(variance, self.momentum)
        gain = (self.scale * torch.rsqrt(variance + self.eps))[channel]
        return torch.addcmul(bias_vector(self.bias, self.in_type) - mean * gain, x, gain)
