"""S2CNNs: convolutions on S² and SO(3) in the spectral domain, for both tasks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn

from gaugeconv.errors import DataError
from gaugeconv.sphere.grids import SphereGrid, driscoll_healy
from gaugeconv.sphere.s2cnn_layers import (
    BandNorm,
    FromGrid,
    RotationConv,
    RotationReLU,
    RotationToSphere,
    SphereConv,
    ToGrid,
)
from gaugeconv.sphere.tasks import Task, num_outputs

REACH = 3.94
"""Outermost ring of a kernel in grid spacings π/2b, as in the networks of Gerken et al. 2022."""


@dataclass(frozen=True)
class S2CNNLayout:
    """Widths and bandwidths of an `S2CNN`.

    Attributes:
        bandwidth: b of the input's grid of 2b × 2b points.
        channels: channels after every convolution on SO(3), the lifting one first.
        bands: bandwidth of the grid after each of them.
    """

    bandwidth: int
    channels: tuple[int, ...]
    bands: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.channels) != len(self.bands) or not self.channels:
            raise DataError("an S2CNN needs as many bands as channels, at least one")
        if min(self.bands) < 1 or min(self.channels) < 1 or self.bandwidth < 2:
            raise DataError("bandwidths and channels of an S2CNN must be positive")


class S2CNN(nn.Module):
    """Equivariant under all rotations, up to the aliasing of ReLU on its grids.

    Classification: the last features are averaged over SO(3), then a linear layer: invariant.
    Segmentation: SO(3) to S², equivariant.

    Args:
        layout: widths and bandwidths.
        task: "classification" or "segmentation".
    """

    def __init__(self, layout: S2CNNLayout, task: Task) -> None:
        super().__init__()
        self.layout, self.task = layout, task
        self.grid: SphereGrid = driscoll_healy(layout.bandwidth)
        bands = (layout.bandwidth, *layout.bands)
        degrees = [min(pair) for pair in pairwise(bands)]  # a convolution adds none
        last = min(bands[-1], layout.bandwidth)
        self.enter = FromGrid(layout.bandwidth, degrees[0])
        self.lift = SphereConv(1, layout.channels[0], degrees[0], _reach(layout.bandwidth))
        self.convs = nn.ModuleList(
            RotationConv(a, b, degree, _reach(band))
            for (a, b), degree, band in zip(
                pairwise(layout.channels), degrees[1:], layout.bands, strict=False
            )
        )
        self.norms = nn.ModuleList(BandNorm(channels) for channels in layout.channels)
        after = [*degrees[1:], last if task == "segmentation" else 1]
        self.relus = nn.ModuleList(
            RotationReLU(degree, grid, out)
            for degree, grid, out in zip(degrees, layout.bands, after, strict=True)
        )
        width = layout.channels[-1]
        if task == "segmentation":
            self.project = RotationToSphere(width, num_outputs(task), last, _reach(bands[-1]))
            self.leave = ToGrid(last, layout.bandwidth)
        else:
            self.head = nn.Linear(width, num_outputs(task))

    def forward(self, x: Float[Tensor, "B N"]) -> Float[Tensor, "B ..."]:
        """Scores (B, 10) of the digits, or (B, N, 11) of the classes at every grid point."""
        side = 2 * self.layout.bandwidth
        y = self.enter(x.view(-1, 1, side, side))
        for conv, norm, relu in zip((self.lift, *self.convs), self.norms, self.relus, strict=True):
            y = relu(norm(conv(y)))
        if self.task == "classification":
            scores: Tensor = self.head(y[0])
            return scores
        return self.leave(self.project(y)).flatten(2).transpose(1, 2)


def _reach(band: int) -> float:
    """Colatitude of a kernel's outermost ring on the grid of a bandwidth."""
    return min(REACH * math.pi / (2 * band), math.pi)
