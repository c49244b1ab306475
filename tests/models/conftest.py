from __future__ import annotations

import numpy as np
import pytest
import torch

from gaugeconv.mesh import TriMesh, shapes
from gaugeconv.models import GaugeSegmenter, SegmenterConfig

FORMAT = "gaugeconv-segmenter-1"


TINY: dict = {
    "sizes": (96, 24),
    "types": ("6x0 + 4x1 + 2x2", "8x0 + 4x1 + 2x2"),
    "vertex_type": "6x0 + 2x1",
    "blocks": (1, 1),
}
"""Of every network's configuration."""


def tiny_config(**changes: object) -> SegmenterConfig:
    return SegmenterConfig(**{"label_names": ("a", "b", "c"), **TINY, **changes})


def bumpy(num_vertices: int, seed: int) -> TriMesh:
    """A closed surface without symmetries."""
    sphere = shapes.irregular_sphere(num_vertices, seed=seed)
    x, y, z = sphere.vertices.T
    radius = 1 + 0.2 * np.sin(3 * x + 0.4) + 0.15 * np.cos(4 * y - z) + 0.1 * x * z
    return TriMesh(sphere.vertices * radius[:, None] * [1.0, 1.3, 0.8], sphere.faces)


@pytest.fixture(scope="package")
def mesh() -> TriMesh:
    return bumpy(300, seed=0)


@pytest.fixture(scope="package")
def model() -> GaugeSegmenter:
    torch.manual_seed(0)
    return GaugeSegmenter(tiny_config()).double().eval()
