"""Rows about the convolution: speed, memory, roofline, growth."""

from __future__ import annotations

from typing import Any

import torch

from benchmarks.harness import median_seconds
from gaugeconv import FieldType, neighborhoods, shapes
from gaugeconv.nn import GaugeConv


def convolution_10k() -> dict[str, Any]:
    """GaugeConv 16×(0,1,2) → 16×(0,1,2), three rings, 10,242 vertices, about 32 neighbours."""
    mesh = shapes.icosphere(5)
    nb = neighborhoods(mesh, 2.95 * mesh.mean_edge_length)
    field = FieldType("16x0 + 16x1 + 16x2")
    conv = GaugeConv(field, field, radial=3)
    x = torch.randn(mesh.num_vertices, field.dim, requires_grad=True)
    with torch.no_grad():
        forward = median_seconds(lambda: conv(x, nb))
    both = median_seconds(lambda: conv(x, nb).square().sum().backward())
    return {
        "neighbors": nb.r.numel() / mesh.num_vertices,
        "forward_seconds": forward,
        "forward_backward_seconds": both,
    }


ROWS = (convolution_10k,)
