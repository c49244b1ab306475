"""One of each layer, for every group, called alike: `Case.run(module, x, nb)`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import nn

from gaugeconv import nn as gnn
from gaugeconv.geometry import Neighborhoods
from gaugeconv.reps import Element, FieldType, StructureGroup
from tests.ops.random_pairs import random_neighborhoods

IN, OUT = "3x0 + 2x1 + 1x0 + 2x2", "1x1 + 2x0 + 2x2 + 1x3"

TYPES = {  # input, output, and a type whose components the group permutes
    "SO2": (IN, OUT, "3x0"),
    "O2": ("2x0+ + 2x0- + 2x1 + 2", "2x1 + 0- + 2x0+ + 3", "2x0+"),
    "C1": ("2xvec + 3x0 + reg", "2x0 + reg", "3x0 + reg"),
    "C2": ("2x0 + 2x1 + reg", "reg + 2x1", "2xreg + 0"),
    "C4": ("2xreg + 2x1 + 2 + 0", "2x2 + 1 + reg + quoC2", "2xreg + 3x0 + quoC2"),
    "C5": ("2xreg + 2x1 + 2 + 0", "2x2 + 1 + reg", "2xreg + 3x0"),
    "D1": ("2xreg + vec + 2x0- + 0+", "vec + reg + 0-", "2xreg + 0+"),
    "D3": ("reg + 2x1 + 0- + quoC3", "quoD1 + 1 + 0-", "reg + quoD1 + 2x0+"),
    "D4": ("reg + 2x1 + 2- + 0- + quoC2", "reg + 2+ + 0- + 1", "reg + quoD1 + 2x0+"),
}
FINITE = tuple(group for group in TYPES if group not in ("SO2", "O2"))


@dataclass(frozen=True)
class Case:
    """A layer with non-trivial weights; `pairs` says whether it reads neighbourhoods."""

    name: str
    make: Callable[[], nn.Module]
    pairs: bool = False

    def build(self, seed: int = 0) -> nn.Module:
        torch.manual_seed(seed)
        module = self.make().double()
        with torch.no_grad():
            for p in module.parameters():  # biases and scales away from 0 and 1
                p.add_(0.3 * torch.randn_like(p))
        return module

    def run(self, module: nn.Module, x: torch.Tensor, nb) -> torch.Tensor:
        return module(x, nb) if self.pairs else module(x)

    def __str__(self) -> str:
        return self.name


def cases_of(group: str) -> list[Case]:
    """Every layer that is exact for the group."""
    into, out, permuted = (FieldType(t, group) for t in TYPES[group])
    found = [
        Case("GaugeConv", lambda: gnn.GaugeConv(into, out), pairs=True),
        Case(
            "GaugeConv-frequency", lambda: gnn.GaugeConv(into, out, 1, max_frequency=1), pairs=True
        ),
        Case("GaugeAttention", lambda: gnn.GaugeAttention(into, out, heads=2), pairs=True),
        Case("GaugePool", lambda: gnn.GaugePool(into), pairs=True),
        Case("GaugeUnpool", lambda: gnn.GaugeUnpool(into), pairs=True),
        Case("ResidualBlock", lambda: gnn.ResidualBlock(into, dropout=0.2), pairs=True),
        Case("TransformerBlock", lambda: gnn.TransformerBlock(into, dropout=0.2), pairs=True),
        Case("GaugeLinear", lambda: gnn.GaugeLinear(into, out)),
        Case("FieldNorm", lambda: gnn.FieldNorm(into)),
        Case("GatedNonlinearity", lambda: gnn.GatedNonlinearity(into)),
        Case("GatedNonlinearity-permuted", lambda: gnn.GatedNonlinearity(permuted)),
        Case("NormNonlinearity", lambda: gnn.NormNonlinearity(into)),
        Case("TensorProductNonlinearity", lambda: gnn.TensorProductNonlinearity(into, width=2)),
        Case("PointwiseNonlinearity", lambda: gnn.PointwiseNonlinearity(permuted, "gelu")),
        Case("InvariantMix", lambda: gnn.InvariantMix(into)),
        Case("NormPool", lambda: gnn.NormPool(into)),
        Case("FieldDropout", lambda: gnn.FieldDropout(into, 0.4)),
    ]
    if group in FINITE:
        found.append(Case("FourierNonlinearity", lambda: gnn.FourierNonlinearity(into, "silu")))
    return found


CASES = [
    *cases_of("SO2"),
    Case("GaugeConv-plain", lambda: gnn.GaugeConv("2x1", "3x0", 1, bias=False), pairs=True),
    Case(
        "ResidualBlock-product",
        lambda: gnn.ResidualBlock("2x0 + 2x1", nonlinearity=gnn.TensorProductNonlinearity),
        pairs=True,
    ),
    Case(
        "TransformerBlock-norm",
        lambda: gnn.TransformerBlock("2x0 + 2x1", nonlinearity=gnn.NormNonlinearity),
        pairs=True,
    ),
    Case("GatedNonlinearity-vectors", lambda: gnn.GatedNonlinearity("3x1")),
]


def pairs_in(
    group: str, vertices: int, sources: int | None = None, degree: int = 8, seed: int = 2
) -> Neighborhoods:
    """Random neighbourhoods with random transports of the group."""
    nb = random_neighborhoods(vertices, sources, degree, seed)
    if group == "SO2":
        return nb
    generator = torch.Generator().manual_seed(seed)
    k = StructureGroup.of(group).random(nb.r.numel(), generator=generator)
    own = nb.r == 0  # a vertex is its own neighbour with the trivial transport
    return replace(nb, transport=torch.where(own, 0.0, k.gamma), flip=k.reflect & ~own, _memo={})


def changes(group: str, vertices: int, seed: int) -> Element:
    """A random change of frame at every vertex."""
    generator = torch.Generator().manual_seed(seed)
    return StructureGroup.of(group).random(vertices, generator=generator)


def changed(nb: Neighborhoods, at_targets: Element, at_sources: Element | None = None):
    """The neighbourhoods in frames changed by elements of a group."""
    at_sources = at_targets if at_sources is None else at_sources
    return nb.change_gauge(
        at_targets.gamma, at_sources.gamma, at_targets.reflect, at_sources.reflect
    )
