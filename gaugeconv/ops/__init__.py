"""The convolution operator: a readable reference, a fused CPU kernel, and one dispatcher."""

from __future__ import annotations

from gaugeconv.ops.dispatch import Backend, convolve, use_backend

__all__ = ["Backend", "convolve", "use_backend"]
