"""The ordinary CNN on the equiangular grid, and random layouts of a given size."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from gaugeconv.errors import DataError
from gaugeconv.sphere.grids import SphereGrid, driscoll_healy
from gaugeconv.sphere.tasks import Task, num_outputs


@dataclass(frozen=True)
class PlanarLayout:
    """Widths, kernels and strides of a `PlanarCNN`, one entry per layer.

    Attributes:
        bandwidth: b of the input's grid of 2b × 2b points.
        channels: channels after every layer.
        kernels: odd side lengths.
        strides: 1, or 2 to halve the resolution.
    """

    bandwidth: int
    channels: tuple[int, ...]
    kernels: tuple[int, ...]
    strides: tuple[int, ...]

    def __post_init__(self) -> None:
        if not len(self.channels) == len(self.kernels) == len(self.strides) > 0:
            raise DataError("a CNN needs one kernel and one stride per layer, at least one layer")
        if any(k < 1 or k % 2 == 0 for k in self.kernels) or set(self.strides) - {1, 2}:
            raise DataError("kernels have odd side lengths and strides are 1 or 2")


class PlanarCNN(nn.Module):
    """Treats the equiangular grid as a flat image: equivariant to nothing on the sphere.

    Classification: convolutions, mean over the image, a linear layer. Segmentation: the same
    convolutions, mirrored by transposed ones, with the features of equal resolution added
    (Gerken et al. 2022, section 5).

    Args:
        layout: widths, kernels and strides.
        task: "classification" or "segmentation".
    """

    def __init__(self, layout: PlanarLayout, task: Task) -> None:
        super().__init__()
        self.layout, self.task = layout, task
        self.grid: SphereGrid = driscoll_healy(layout.bandwidth)
        pairs = list(pairwise((1, *layout.channels)))
        sizes = list(zip(layout.kernels, layout.strides, strict=True))
        self.encode = nn.ModuleList(
            nn.Conv2d(a, b, k, s, k // 2) for (a, b), (k, s) in zip(pairs, sizes, strict=True)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(b) for _, b in pairs)
        if task == "classification":
            self.head = nn.Linear(layout.channels[-1], num_outputs(task))
            return
        back = [(b, a if a > 1 else num_outputs(task)) for a, b in reversed(pairs)]
        self.decode = nn.ModuleList(
            nn.ConvTranspose2d(b, a, k, s, k // 2)
            for (b, a), (k, s) in zip(back, reversed(sizes), strict=True)
        )
        self.back_norms = nn.ModuleList(nn.BatchNorm2d(a) for _, a in back[:-1])

    def forward(self, x: Float[Tensor, "B N"]) -> Float[Tensor, "B ..."]:
        """Scores (B, 10) of the digits, or (B, N, 11) of the classes at every grid point."""
        side = 2 * self.layout.bandwidth
        y = x.view(-1, 1, side, side)
        skips = [y]
        for conv, norm in zip(self.encode, self.norms, strict=True):
            y = nn.functional.relu(norm(conv(y)))
            skips.append(y)
        if self.task == "classification":
            scores: Tensor = self.head(y.mean(dim=(2, 3)))
            return scores
        skips.pop()
        for conv, norm in zip(self.decode[:-1], self.back_norms, strict=True):
            skip = skips.pop()
            y = nn.functional.relu(norm(conv(y, output_size=skip.shape)) + skip)
        y = self.decode[-1](y, output_size=skips[0].shape)
        return y.flatten(2).transpose(1, 2)


def num_parameters(layout: PlanarLayout, task: Task) -> int:
    """Parameters of a `PlanarCNN`, without making one."""
    with torch.device("meta"):
        return sum(p.numel() for p in PlanarCNN(layout, task).parameters())


def random_layout(
    rng: np.random.Generator, bandwidth: int, task: Task, parameters: int
) -> PlanarLayout:
    """A layout drawn at random, with about as many parameters as asked for (within 10 %).

    Five to seven layers, kernels of 3 to 9, one or two strides, widths growing by random factors and
    then scaled to the wanted size.
    """
    while True:
        depth = int(rng.integers(5, 8))
        kernels = tuple(int(k) for k in rng.choice((3, 5, 7, 9), depth, p=(0.5, 0.3, 0.1, 0.1)))
        strided = rng.choice(np.arange(1, depth), int(rng.integers(1, 3)), replace=False)
        strides = tuple(2 if i in strided else 1 for i in range(depth))
        growth = np.cumprod(rng.uniform(1.0, 2.0, depth))
        low, high = 1.0, 1000.0
        for _ in range(20):
            width = (low * high) ** 0.5
            channels = tuple(max(2, round(width * g)) for g in growth)
            layout = PlanarLayout(bandwidth, channels, kernels, strides)
            count = num_parameters(layout, task)
            if abs(count - parameters) <= 0.1 * parameters:
                return layout
            low, high = (width, high) if count < parameters else (low, width)
