"""The convolution operator: a readable reference, fused kernels for CPU and GPU, one dispatcher."""

from __future__ import annotations

from gaugeconv.ops.dispatch import Backend, aggregate, convolve, use_backend
from gaugeconv.ops.fused import use_table_memory
from gaugeconv.ops.kernel_field import convolve_kernel_field
from gaugeconv.ops.moments import MomentLayout, moment_layout

__all__ = [
    "Backend",
    "MomentLayout",
    "aggregate",
    "convolve",
    "convolve_kernel_field",
    "moment_layout",
    "use_backend",
    "use_table_memory",
]
