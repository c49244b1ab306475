"""Gauge equivariant networks for signals on the sphere, on the mesh of any grid."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gaugeconv.errors import DataError
from gaugeconv.geometry import Neighborhoods
from gaugeconv.nn import (
    GatedNonlinearity,
    GaugeConv,
    GaugeLinear,
    InvariantMix,
    invariants,
)
from gaugeconv.reps import FieldType
from gaugeconv.sphere.norms import FieldBatchNorm
from gaugeconv.sphere.pyramid import SpherePyramid
from gaugeconv.sphere.tasks import Task, num_outputs

SIGNAL = FieldType("1x0")


@dataclass(frozen=True)
class GaugeLayout:
    """Widths and depths of a `GaugeSphereNet`.

    Attributes:
        types: field type on every level of the pyramid, fine to coarse.
        blocks: residual blocks per level on the way down, and again on the way up.
        point_type: field type at the grid's points, from which they are labelled.
        radial: rings per kernel.
    """

    types: tuple[str, ...] = ("16x0 + 8x1 + 4x2", "48x0 + 24x1 + 8x2")
    blocks: tuple[int, ...] = (1, 1)
    point_type: str = "12x0 + 4x1"
    radial: int = 2

    def __post_init__(self) -> None:
        if len(self.types) != len(self.blocks) or not self.types:
            raise DataError("a layout needs one type and one count of blocks per level")


class _Arrive(nn.Module):
    """A convolution from another set of points, plus what is here already; normalised and gated."""

    def __init__(
        self, source: FieldType, here: FieldType, own: FieldType | None, radial: int
    ) -> None:
        super().__init__()
        self.conv = GaugeConv(source, here, radial, bias=False)  # the norm brings one
        self.own = None if own is None else GaugeLinear(own, here, bias=False)
        self.norm, self.gate = FieldBatchNorm(here), GatedNonlinearity(here)

    def forward(self, x: Tensor, nb: Neighborhoods, own: Tensor | None = None) -> Tensor:
        y = self.conv(x, nb)
        if self.own is not None:
            y = y + self.own(own)
        gated: Tensor = self.gate(self.norm(y))
        return gated


class _Block(nn.Module):
    """x ↦ gate(norm(x + conv(gate(norm(conv(x))))))."""

    def __init__(self, kind: FieldType, radial: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = (GaugeConv(kind, kind, radial, bias=False) for _ in range(2))
        self.norm1, self.norm2 = FieldBatchNorm(kind), FieldBatchNorm(kind)
        self.gate1, self.gate2 = GatedNonlinearity(kind), GatedNonlinearity(kind)

    def forward(self, x: Tensor, nb: Neighborhoods) -> Tensor:
        y = self.conv2(self.gate1(self.norm1(self.conv1(x, nb))), nb)
        gated: Tensor = self.gate2(self.norm2(x + y))
        return gated


class _Stage(nn.Module):
    """Residual blocks on one level, then a look at all invariants together."""

    def __init__(self, field_type: FieldType, blocks: int, radial: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(_Block(field_type, radial) for _ in range(blocks))
        self.mix = InvariantMix(field_type)

    def forward(self, x: Tensor, nb: Neighborhoods) -> Tensor:
        for block in self.blocks:
            x = block(x, nb)
        mixed: Tensor = self.mix(x)
        return mixed


class GaugeSphereNet(nn.Module):
    """Gauge equivariant at every vertex, and so equivariant under rotations up to discretisation.

    The weights do not depend on the grid: `on` puts them on another pyramid with as many levels.
    Classification: invariants at the coarsest level, averaged over the sphere, then a perceptron.
    Segmentation: back up with skip connections, and a perceptron of the invariants at every point.

    Args:
        pyramid: the grid and its levels.
        layout: widths and depths.
        task: "classification" or "segmentation".
    """

    def __init__(self, pyramid: SpherePyramid, layout: GaugeLayout, task: Task) -> None:
        super().__init__()
        if len(pyramid.levels) != len(layout.types):
            raise DataError(
                f"{len(layout.types)} field types for {len(pyramid.levels)} levels of the pyramid"
            )
        self.layout, self.task, self.grid = layout, task, pyramid.grid
        self._pyramids = {"cpu": pyramid}
        types, radial = [FieldType(t) for t in layout.types], layout.radial
        self.enter = _Arrive(SIGNAL, types[0], None, radial)
        self.encode = nn.ModuleList(
            _Stage(t, n, radial) for t, n in zip(types, layout.blocks, strict=True)
        )
        self.down = nn.ModuleList(
            _Arrive(fine, coarse, None, radial) for fine, coarse in pairwise(types)
        )
        width = types[-1].num_channels
        if task == "segmentation":
            points = FieldType(layout.point_type)
            self.up = nn.ModuleList(
                _Arrive(coarse, fine, fine, radial) for fine, coarse in pairwise(types)
            )
            self.decode = nn.ModuleList(
                _Stage(t, n, radial) for t, n in zip(types[:-1], layout.blocks[:-1], strict=True)
            )
            self.narrow = GaugeLinear(types[0], points)  # before it spreads to many points
            self.leave = _Arrive(points, points, SIGNAL, radial)
            width = points.num_channels
        outputs = num_outputs(task)
        self.head = nn.Sequential(
            nn.Linear(width, 2 * width), nn.SiLU(), nn.Linear(2 * width, outputs)
        )

    def forward(self, x: Float[Tensor, "B N"]) -> Float[Tensor, "B ..."]:
        """Scores (B, 10) of the digits, or (B, N, 11) of the classes at every grid point.

        Gauge invariant.
        """
        levels = self.pyramid(x.device).levels
        y, skips = x[..., None], []
        for level, arrive, stage in zip(levels, (self.enter, *self.down), self.encode, strict=True):
            y = stage(arrive(y, level.down), level.within)
            skips.append(y)
        if self.task == "classification":
            values = invariants(y, self.layout.types[-1])
            weights = levels[-1].weights.to(values.dtype)
            scores: Tensor = self.head(torch.einsum("bnc,n->bc", values, weights))
            return scores
        for i in reversed(range(len(self.up))):
            y = self.up[i](y, levels[i + 1].up, skips[i])
            y = self.decode[i](y, levels[i].within)
        y = self.leave(self.narrow(y), levels[0].up, x[..., None])
        labelled: Tensor = self.head(invariants(y, self.layout.point_type))
        return labelled

    def pyramid(self, device: torch.device | str = "cpu") -> SpherePyramid:
        """The grid and its levels, with tensors on a device."""
        key = str(device)
        if key not in self._pyramids:
            self._pyramids[key] = self._pyramids["cpu"].to(device)
        return self._pyramids[key]

    def on(self, pyramid: SpherePyramid) -> GaugeSphereNet:
        """A network with the same weights, shared, on another grid.

        Raises:
            DataError: the pyramid has another number of levels.
        """
        other = GaugeSphereNet(pyramid, self.layout, self.task)
        for name, module in self.named_children():
            setattr(other, name, module)
        return other.train(self.training)
