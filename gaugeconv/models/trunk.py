"""The network that all heads share: a residual U-Net on a geodesic hierarchy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from os import PathLike
from typing import ClassVar, Literal, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gaugeconv.geometry import Frames, Neighborhoods
from gaugeconv.geometry.batch import target_rows
from gaugeconv.geometry.frames import frames_on
from gaugeconv.mesh import TriMesh
from gaugeconv.models import inputs as model_inputs
from gaugeconv.models.config import BlockKind, TrunkConfig
from gaugeconv.models.inputs import SegmenterInput, level_input_type, vertex_input_type
from gaugeconv.models.weights import fitting, load_weights, save_weights
from gaugeconv.nn import (
    FieldNorm,
    GatedNonlinearity,
    GaugeConv,
    GaugeLinear,
    InvariantMix,
    ResidualBlock,
    TransformerBlock,
    invariants,
)
from gaugeconv.reps import FieldType

Network = TypeVar("Network", bound="MeshTrunk")

ROWS_AT_ONCE = 1 << 16
"""Vertices or faces whose features are computed at a time where no gradients are wanted."""


class _Join(nn.Module):
    """What arrives through a convolution plus what is there already, normalised and gated."""

    def __init__(
        self, from_type: FieldType, own_type: FieldType, to: FieldType, radial: int
    ) -> None:
        super().__init__()
        self.conv = GaugeConv(from_type, to, radial=radial)
        self.own = GaugeLinear(own_type, to)
        self.norm = FieldNorm(to)
        self.gate = GatedNonlinearity(to)

    def forward(self, arriving: Tensor, own: Tensor, nb: Neighborhoods) -> Tensor:
        y: Tensor = self.gate(self.norm(self.conv(arriving, nb) + self.own(own)))
        return y


class _Stage(nn.Module):
    """Blocks on one level, then a look at all invariants together."""

    def __init__(self, field_type: FieldType, blocks: int, radial: int, block: BlockKind) -> None:
        super().__init__()
        make = ResidualBlock if block == "conv" else TransformerBlock
        self.blocks = nn.ModuleList(make(field_type, radial=radial) for _ in range(blocks))
        self.mix = InvariantMix(field_type)

    def forward(self, x: Tensor, nb: Neighborhoods) -> Tensor:
        for block in self.blocks:
            x = block(x, nb)
        y: Tensor = self.mix(x)
        return y


class MeshTrunk(nn.Module):
    """From a mesh to a field on its vertices; the part of a network before its head.

    Features descend a hierarchy of farthest-point sets and come back up; every kernel obeys
    K(kX) = η(k) K(X) ρ(k⁻¹) and every nonlinearity is exactly equivariant, so the field is covariant. It
    does not depend on rigid motions and on scale unless the configuration asks for xyz.

    Attributes:
        config: as given.
        vertex_type: type of the field.
        rows: what the rows of the network's output are; None for one row for the whole mesh.
    """

    config_class: ClassVar[type[TrunkConfig]] = TrunkConfig
    rows: ClassVar[Literal["faces", "vertices"] | None] = "vertices"

    def __init__(self, config: TrunkConfig) -> None:
        super().__init__()
        self.config = config
        types = [FieldType(t) for t in config.types]
        at_vertices = FieldType(config.vertex_type)
        entry, radial, block = level_input_type(config), config.radial, config.block
        self.enter = nn.Sequential(
            GaugeLinear(entry, types[0]), FieldNorm(types[0]), GatedNonlinearity(types[0])
        )
        self.encode = nn.ModuleList(
            _Stage(t, n, radial, block) for t, n in zip(types, config.blocks, strict=True)
        )
        pairs = list(pairwise(types))
        self.down = nn.ModuleList(_Join(fine, entry, coarse, radial) for fine, coarse in pairs)
        self.up = nn.ModuleList(_Join(coarse, fine, fine, radial) for fine, coarse in pairs)
        self.decode = nn.ModuleList(
            _Stage(t, (n + 1) // 2, radial, block)
            for t, n in zip(types[:-1], config.blocks[:-1], strict=True)
        )
        self.leave = _Join(types[0], vertex_input_type(config), at_vertices, radial)
        self.vertex_type = at_vertices

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of the weights, in which features are computed."""
        return next(self.parameters()).dtype

    def prepare(self, mesh: TriMesh, frames: Frames | None = None) -> SegmenterInput:
        """Geometry and input features of a mesh, in float64, in the given or the canonical frames.

        Raises:
            MeshError: the mesh is defective or has no positions, or the frames are of another mesh.
            StructureGroupError: some frames oppose the winding.
        """
        return model_inputs.prepare(frames_on(mesh, frames), self.config)

    def field(self, inputs: SegmenterInput) -> Float[Tensor, "V d"]:
        """The features of all vertices, of type `vertex_type`."""
        x = self._on_finest_level(inputs)
        y: Tensor = self.leave(x, inputs.features.to(self.dtype), inputs.levels[0].up)
        return y

    def field_in_blocks(self, inputs: SegmenterInput) -> Iterator[Float[Tensor, "n d"]]:
        """The same to rounding, `ROWS_AT_ONCE` vertices at a time.

        Levels have as many vertices on any mesh. It is here that features grow with it.
        """
        x, up = self._on_finest_level(inputs), inputs.levels[0].up
        for start in range(0, up.num_targets, ROWS_AT_ONCE):
            stop = min(start + ROWS_AT_ONCE, up.num_targets)
            own = inputs.features[start:stop].to(self.dtype)
            yield self.leave(x, own, target_rows(up, start, stop))

    def invariants_in_blocks(self, inputs: SegmenterInput) -> Float[Tensor, "V n"]:
        """The invariants of the field, computed block by block."""
        blocks = self.field_in_blocks(inputs)
        return torch.cat([invariants(x, self.vertex_type) for x in blocks])

    @contextmanager
    def predicting(self) -> Iterator[torch.device]:
        """Evaluation mode without gradients, on the device it yields; the mode comes back afterwards."""
        training = self.training
        self.eval()
        try:
            with torch.no_grad():
                yield next(self.parameters()).device
        finally:
            self.train(training)

    def save(self, path: str | PathLike[str]) -> None:
        """Writes weights and configuration as safetensors, whole or not at all."""
        save_weights(path, self.state_dict(), self.config)

    @classmethod
    def load(cls: type[Network], name_or_path: str | PathLike[str]) -> Network:
        """Packaged weights by name ("bodies"), or a file that `save` wrote.

        Raises:
            FileFormatError: no such packaged weights, or a file that is corrupt, truncated, of
                another kind of network or version, or whose tensors do not fit its configuration.
            OSError: the file cannot be read.
        """
        config, state, source = load_weights(name_or_path, cls.config_class)
        model = cls(config)
        model.load_state_dict(fitting(state, model.state_dict(), source))
        return model.eval()

    def _on_finest_level(self, inputs: SegmenterInput) -> Float[Tensor, "N d"]:
        """Down the levels and up again."""
        levels = inputs.levels
        features = [level.features.to(self.dtype) for level in levels]
        x = self.encode[0](self.enter(features[0]), levels[0].within)
        skips = [x]
        for i, join in enumerate(self.down, start=1):
            x = join(x, features[i], levels[i].down)
            x = self.encode[i](x, levels[i].within)
            skips.append(x)
        for i in reversed(range(len(self.up))):
            x = self.up[i](x, skips[i], levels[i + 1].up)
            x = self.decode[i](x, levels[i].within)
        return x
