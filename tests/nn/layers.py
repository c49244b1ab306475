"""One of each layer, called alike: `Case.run(module, x, nb)`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from gaugeconv import nn as gnn

IN, OUT = "3x0 + 2x1 + 1x0 + 2x2", "1x1 + 2x0 + 2x2 + 1x3"


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


CASES = [
    Case("GaugeConv", lambda: gnn.GaugeConv(IN, OUT), pairs=True),
    Case("GaugeConv-plain", lambda: gnn.GaugeConv("2x1", "3x0", 1, bias=False), pairs=True),
    Case("GaugeLinear", lambda: gnn.GaugeLinear(IN, OUT)),
    Case("FieldNorm", lambda: gnn.FieldNorm(IN)),
    Case("GatedNonlinearity", lambda: gnn.GatedNonlinearity(IN)),
    Case("GatedNonlinearity-vectors", lambda: gnn.GatedNonlinearity("3x1")),
    Case("GatedNonlinearity-scalars", lambda: gnn.GatedNonlinearity("3x0")),
    Case("InvariantMix", lambda: gnn.InvariantMix(IN)),
    Case("NormPool", lambda: gnn.NormPool(IN)),
    Case("FieldDropout", lambda: gnn.FieldDropout(IN, 0.4)),
    Case("ResidualBlock", lambda: gnn.ResidualBlock(IN, dropout=0.2), pairs=True),
]
