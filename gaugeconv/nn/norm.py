"""Normalisation of fields, vertex by vertex."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gaugeconv.nn.fields import FieldModule, bias_vector, check_features, permutes
from gaugeconv.reps import Block, FieldType


class FieldNorm(FieldModule):
    """Normalises a field at each vertex by itself; covariant.

    Order 0: layer normalisation over each block's channels, with a learned scale and bias; a block
    of one channel, which has nothing to be compared with, is scaled and shifted only. Order m ≥ 1:
    division by the root mean square over all components of all orders at the vertex, then a learned
    scale per channel; the root is of (mean + eps), so a zero vector stays zero with a finite
    gradient.

    In other groups: trivial irreps are treated as order 0 and other irreps, signs as well, as order
    m ≥ 1. A block of several regular or quotient copies has layer normalisation over all copies and
    group elements, one copy is divided by the size of the whole; scale and bias are one per copy.

    Why not by the block's own size: where a shape is nearly symmetric, fields of order m ≥ 1 nearly
    cancel, and every such layer would blow up what is left, rounding noise included. On an
    icosphere that made a whole network's output depend on the frames by its own size in float32.

    Args:
        in_type: type of the input and the output.
        eps: added to variances, and so the scale below which features fade out.
    """

    def __init__(self, in_type: str | FieldType, eps: float = 1e-4) -> None:
        super().__init__(in_type)
        self.eps = eps
        self.scale = nn.Parameter(torch.ones(self.in_type.num_channels))
        self.bias = nn.Parameter(torch.zeros(self.in_type.multiplicity(0)))
        components = [b.components for b in self.in_type.blocks for _ in range(b.multiplicity)]
        channel = torch.arange(len(components)).repeat_interleave(torch.tensor(components))
        self.register_buffer("_channel", channel, persistent=False)  # of every component

    def forward(self, x: Float[Tensor, "*batch dim"]) -> Float[Tensor, "*batch dim"]:
        """Normalised features.

        Raises:
            FieldTypeError: x is not of the type.
        """
        check_features(x, self.in_type)
        parts = x.split([b.multiplicity * b.components for b in self.in_type.blocks], dim=-1)
        shrink = torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps)
        normed = [
            self._normed(part, block, shrink)
            for part, block in zip(parts, self.in_type.blocks, strict=True)
        ]
        scale = self.scale.index_select(0, self.get_buffer("_channel"))
        bias = bias_vector(self.bias, self.in_type)
        return torch.addcmul(bias, torch.cat(normed, dim=-1), scale)

    def _normed(self, part: Tensor, block: Block, shrink: Tensor) -> Tensor:
        """One block; `shrink` is one over the size of the whole feature."""
        if not permutes(block.representation):
            return part * shrink
        if block.multiplicity > 1:
            return nn.functional.layer_norm(part, part.shape[-1:], eps=self.eps)
        return part if block.components == 1 else part * shrink

    def extra_repr(self) -> str:
        """The type and eps."""
        return f"{super().extra_repr()}, eps={self.eps}"
