"""Verifies a lawful layer, then breaks it and watches the verifier object."""

from __future__ import annotations

import torch

import gaugeconv as gc


class BiasOnVectors(gc.nn.GaugeConv):
    """The mistake that made a published network move by 5 %: a bias on components of order 1."""

    def forward(self, x: torch.Tensor, nb: gc.Neighborhoods) -> torch.Tensor:
        return super().forward(x, nb) + 0.1


def main(vertices: int = 642) -> tuple[float, float]:
    torch.manual_seed(0)
    mesh = gc.shapes.irregular_sphere(vertices, seed=0)
    field = gc.FieldType("8x0 + 4x1 + 2x2")
    lawful = gc.nn.GaugeConv(field, field).double()
    broken = BiasOnVectors(field, field).double()
    reports = [gc.verify(layer, mesh, samples=4) for layer in (lawful, broken)]
    for report in reports:
        print(report, end="\n\n")
    return reports[0].max_relative_error, reports[1].max_relative_error


if __name__ == "__main__":
    main()
