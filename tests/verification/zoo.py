"""Surfaces, layers and faults that the verifier is tested with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from gaugeconv.geometry import Frames, Neighborhoods, neighborhoods
from gaugeconv.mesh import TriMesh
from gaugeconv.mesh.shapes import irregular_sphere, plane
from gaugeconv.nn import (
    FieldNorm,
    GatedNonlinearity,
    GaugeAttention,
    GaugeConv,
    GaugeLinear,
    InvariantMix,
    NormNonlinearity,
    NormPool,
    ResidualBlock,
)
from gaugeconv.reps import FieldType

TYPES = {
    "SO2": "3x0 + 2x1 + 1x2",
    "O2": "2x0+ + 2x0- + 2x1",
    "C1": "4x0",
    "C3": "2xreg + 1x1",
    "C4": "2xreg + 2x1 + 1x2 + 1x0",
    "D1": "2xreg + 1x0- + 1xvec",
    "D3": "1xreg + 1xquoD1 + 1x0-",
    "D4": "1xreg + 2x1 + 1x2-",
}
"""A type with something of everything, for every group."""

LAYERS: dict[str, Callable[[FieldType], nn.Module]] = {
    "conv": lambda t: GaugeConv(t, t, 2, connection="snap"),
    "attention": lambda t: GaugeAttention(t, t, 2, 2, connection="snap"),
    "linear": lambda t: GaugeLinear(t, t),
    "norm": lambda t: FieldNorm(t),
    "gate": lambda t: GatedNonlinearity(t),
    "norm-nonlinearity": lambda t: NormNonlinearity(t),
    "mix": lambda t: InvariantMix(t),
    "invariants": lambda t: NormPool(t),
    "block": lambda t: ResidualBlock(t, 2, connection="snap"),
}


def layer(kind: str, group: str) -> nn.Module:
    """With biases and scales away from 0 and 1."""
    torch.manual_seed(5)
    module = LAYERS[kind](FieldType(TYPES[group], group)).double()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return module


def bumpy(count: int = 120, seed: int = 3) -> TriMesh:
    """An ellipsoid with bumps and without any symmetry."""
    sphere = irregular_sphere(count, seed=seed)
    stretched = sphere.vertices * [1.0, 0.7, 1.4]
    x, y, _ = stretched.T
    return TriMesh(
        stretched * (1 + 0.15 * np.sin(3 * x) * np.cos(2 * y + 1))[:, None], sphere.faces
    )


def moebius(rows: int = 18, columns: int = 5) -> TriMesh:
    """A Möbius band in space without any symmetry."""
    u = np.linspace(0, 2 * np.pi, rows, endpoint=False)[:, None]
    v = np.linspace(-0.5, 0.5, columns)[None]
    out = 1 + v * np.cos(u / 2)
    points = np.stack([out * np.cos(u), out * np.sin(u), v * np.sin(u / 2)], -1).reshape(-1, 3)
    points += np.random.default_rng(0).normal(scale=0.03, size=points.shape)
    i, j = (k.ravel() for k in np.meshgrid(range(rows), range(columns - 1), indexing="ij"))
    a, b, c, d = (
        np.where(i + m < rows, (i + m) * columns + j + n, columns - 1 - j - n)
        for m, n in ((0, 0), (1, 0), (1, 1), (0, 1))
    )
    faces = np.stack([a, b, c, a, c, d], axis=-1).reshape(-1, 3)
    return TriMesh(points, faces, validate=False)


def sheet() -> tuple[TriMesh, Frames]:
    """A flat irregular sheet, and the frames along the axes: all transports are trivial."""
    mesh = plane(9, 8, jitter=0.2, seed=1)
    return mesh, Frames.from_directions(mesh, np.tile([1.0, 0, 0], (mesh.num_vertices, 1)))


def wrong_sign(mesh: TriMesh, radius: float, frames: Frames) -> Neighborhoods:
    """Transports the wrong way round."""
    nb = neighborhoods(mesh, radius, frames)
    return replace(nb, transport=-nb.transport, _memo={})


def without_flips(mesh: TriMesh, radius: float, frames: Frames) -> Neighborhoods:
    """Transports that have lost their reflections."""
    nb = neighborhoods(mesh, radius, frames)
    return replace(nb, flip=torch.zeros_like(nb.flip), _memo={})
