"""Gauge equivariant layers; each has `in_type`, `out_type` and says how it behaves."""

from __future__ import annotations

from gaugeconv.nn.blocks import ResidualBlock
from gaugeconv.nn.conv import GaugeConv
from gaugeconv.nn.fields import FieldModule, invariants, smooth_norm
from gaugeconv.nn.linear import GaugeLinear
from gaugeconv.nn.nonlinearity import FieldDropout, GatedNonlinearity, InvariantMix, NormPool
from gaugeconv.nn.norm import FieldNorm

__all__ = [
    "FieldDropout",
    "FieldModule",
    "FieldNorm",
    "GatedNonlinearity",
    "GaugeConv",
    "GaugeLinear",
    "InvariantMix",
    "NormPool",
    "ResidualBlock",
    "invariants",
    "smooth_norm",
]
