"""Normalisation of fields, vertex by vertex."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gaugeconv.nn.fields import FieldModule, add_bias, check_features
from gaugeconv.reps import FieldType


class FieldNorm(FieldModule):
    """Normalises every block of a field at each vertex by itself; covariant.

    Order 0: layer normalisation over the block's channels, with a learned scale and bias; a block
    of one channel, which has nothing to be compared with, is scaled and shifted only. Order m ≥ 1:
    division by the root mean square over all components of the block, then a learned scale per
    channel; the root is of (mean + eps), so a zero vector stays zero with a finite gradient.

    Args:
        in_type: type of the input and the output.
        eps: added to variances, and so the scale below which features fade out.
    """

    def __init__(self, in_type: str | FieldType, eps: float = 1e-4) -> None:
        super().__init__(in_type)
        self.eps = eps
        self.scale = nn.Parameter(torch.ones(self.in_type.num_channels))
        self.bias = nn.Parameter(torch.zeros(self.in_type.multiplicity(0)))

    def forward(self, x: Float[Tensor, "*batch dim"]) -> Float[Tensor, "*batch dim"]:
        """Normalised features.

        Raises:
            FieldTypeError: x is not of the type.
        """
        check_features(x, self.in_type)
        parts, start = [], 0
        for block in self.in_type.blocks:
            part = x[..., block.slice]
            scale = self.scale[start : start + block.multiplicity]
            start += block.multiplicity
            if block.order > 0:
                scale = scale.repeat_interleave(block.components)
                part = part * torch.rsqrt(part.square().mean(-1, keepdim=True) + self.eps)
            elif block.multiplicity > 1:
                part = nn.functional.layer_norm(part, (block.multiplicity,), eps=self.eps)
            parts.append(part * scale)
        return add_bias(torch.cat(parts, dim=-1), self.bias, self.in_type)

    def extra_repr(self) -> str:
        """The type and eps."""
        return f"{super().extra_repr()}, eps={self.eps}"
