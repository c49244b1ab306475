"""Gauge equivariant layers; each has `in_type`, `out_type` and says how it behaves."""

from __future__ import annotations

from gaugeconv.nn.attention import GaugeAttention
from gaugeconv.nn.blocks import ResidualBlock, TransformerBlock
from gaugeconv.nn.connection import Connection, snapped
from gaugeconv.nn.conv import GaugeConv
from gaugeconv.nn.fields import FieldModule, invariants, num_invariants, smooth_norm
from gaugeconv.nn.invariant import FieldDropout, InvariantMix, NormPool
from gaugeconv.nn.linear import GaugeLinear
from gaugeconv.nn.nonlinearity import (
    Activation,
    GatedNonlinearity,
    NormNonlinearity,
    PointwiseNonlinearity,
)
from gaugeconv.nn.norm import FieldNorm
from gaugeconv.nn.pool import GaugePool, GaugeUnpool
from gaugeconv.nn.sampled import FourierNonlinearity
from gaugeconv.nn.tensor_product import TensorProductNonlinearity

__all__ = [
    "Activation",
    "Connection",
    "FieldDropout",
    "FieldModule",
    "FieldNorm",
    "FourierNonlinearity",
    "GatedNonlinearity",
    "GaugeAttention",
    "GaugeConv",
    "GaugeLinear",
    "GaugePool",
    "GaugeUnpool",
    "InvariantMix",
    "NormNonlinearity",
    "NormPool",
    "PointwiseNonlinearity",
    "ResidualBlock",
    "TensorProductNonlinearity",
    "TransformerBlock",
    "invariants",
    "num_invariants",
    "smooth_norm",
    "snapped",
]
