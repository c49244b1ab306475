"""Networks of several sizes, by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

PRESETS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "small": {
            "sizes": (512, 128, 32),
            "types": ("16x0 + 8x1 + 4x2", "24x0 + 12x1 + 6x2", "32x0 + 16x1 + 8x2"),
            "vertex_type": "16x0 + 4x1 + 2x2",
            "blocks": (1, 1, 1),
        },
        "base": {},
        "large": {
            "sizes": (2048, 512, 128),
            "types": ("48x0 + 24x1 + 12x2", "72x0 + 36x1 + 18x2", "96x0 + 48x1 + 24x2"),
            "vertex_type": "48x0 + 12x1 + 6x2",
            "blocks": (3, 3, 3),
        },
    }
)
"""Sizes of networks: the fields in which each differs from the defaults (docs/models.md)."""
