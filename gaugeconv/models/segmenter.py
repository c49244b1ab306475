"""The gauge equivariant segmenter: a residual U-Net on a geodesic hierarchy, one label per face."""

from __future__ import annotations

from itertools import pairwise
from os import PathLike

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from gaugeconv.errors import FileFormatError, GaugeConvError
from gaugeconv.geometry import Frames, Neighborhoods
from gaugeconv.mesh import TriMesh
from gaugeconv.models import inputs as model_inputs
from gaugeconv.models.config import SegmenterConfig
from gaugeconv.models.inputs import SegmenterInput, level_input_type, vertex_input_type
from gaugeconv.models.result import Segmentation
from gaugeconv.models.weights import load_weights, save_weights
from gaugeconv.nn import (
    FieldNorm,
    GatedNonlinearity,
    GaugeConv,
    GaugeLinear,
    InvariantMix,
    ResidualBlock,
    invariants,
)
from gaugeconv.reps import FieldType


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
    """Residual blocks on one level, then a look at all invariants together."""

    def __init__(self, field_type: FieldType, blocks: int, radial: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(ResidualBlock(field_type, radial=radial) for _ in range(blocks))
        self.mix = InvariantMix(field_type)

    def forward(self, x: Tensor, nb: Neighborhoods) -> Tensor:
        for block in self.blocks:
            x = block(x, nb)
        y: Tensor = self.mix(x)
        return y


class GaugeSegmenter(nn.Module):
    """Labels the faces of a mesh, independently of the choice of tangent frames.

    Features descend a hierarchy of farthest-point sets and come back up; every kernel obeys
    K(kX) = η(k) K(X) ρ(k⁻¹), every nonlinearity is exactly equivariant and faces are labelled from
    invariants. So the output is gauge invariant, and invariant to rigid motions and to scale unless the
    configuration asks for xyz.
    """

    def __init__(self, config: SegmenterConfig) -> None:
        super().__init__()
        self.config = config
        types = [FieldType(t) for t in config.types]
        at_vertices = FieldType(config.vertex_type)
        entry, radial = level_input_type(config), config.radial
        self.enter = nn.Sequential(
            GaugeLinear(entry, types[0]), FieldNorm(types[0]), GatedNonlinearity(types[0])
        )
        self.encode = nn.ModuleList(
            _Stage(t, n, radial) for t, n in zip(types, config.blocks, strict=True)
        )
        pairs = list(pairwise(types))
        self.down = nn.ModuleList(_Join(fine, entry, coarse, radial) for fine, coarse in pairs)
        self.up = nn.ModuleList(_Join(coarse, fine, fine, radial) for fine, coarse in pairs)
        self.decode = nn.ModuleList(
            _Stage(t, (n + 1) // 2, radial)
            for t, n in zip(types[:-1], config.blocks[:-1], strict=True)
        )
        self.leave = _Join(types[0], vertex_input_type(config), at_vertices, radial)
        width = sum(block.multiplicity for block in at_vertices.blocks)
        self.head = nn.Sequential(
            nn.Linear(width, 2 * width),
            nn.SiLU(),
            nn.Dropout(config.dropout),
            nn.Linear(2 * width, len(config.label_names)),
        )
        self.vertex_type = at_vertices

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of the weights, in which features are computed."""
        return next(self.parameters()).dtype

    def prepare(self, mesh: TriMesh, frames: Frames | None = None) -> SegmenterInput:
        """Geometry and input features of a mesh, in float64, in the given or the canonical frames.

        Raises:
            MeshError: the mesh is defective or has no positions.
        """
        return model_inputs.prepare(frames or Frames.canonical(mesh), self.config)

    def forward(self, inputs: SegmenterInput) -> Float[Tensor, "F K"]:
        """Scores per face and label; gauge invariant."""
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
        x = self.leave(x, inputs.features.to(self.dtype), levels[0].up)
        at_corners = invariants(x, self.vertex_type)[inputs.faces]
        scores: Tensor = self.head(at_corners.mean(dim=1))
        return scores

    @torch.no_grad()
    def segment(self, mesh: TriMesh) -> Segmentation:
        """Labels every face of a mesh; the network's mode (train or eval) is left as it was.

        Raises:
            MeshError: the mesh is defective or has no positions.
            GaugeConvError: the scores are not finite.
        """
        inputs = self.prepare(mesh).to(next(self.parameters()).device)
        training = self.training
        self.eval()
        try:
            probabilities = torch.softmax(self(inputs).double(), dim=1).cpu().numpy()
        finally:
            self.train(training)
        if not np.isfinite(probabilities).all():
            raise GaugeConvError(
                "the network's scores are not finite: its weights are too large for this mesh, or broken"
            )
        return Segmentation(mesh, probabilities, self.config.label_names)

    def save(self, path: str | PathLike[str]) -> None:
        """Writes weights and configuration as safetensors, whole or not at all."""
        save_weights(path, self.state_dict(), self.config)

    @classmethod
    def load(cls, name_or_path: str | PathLike[str]) -> GaugeSegmenter:
        """Packaged weights by name ("bodies"), or a file that `save` wrote.

        Raises:
            FileFormatError: no such packaged weights, or a file that is corrupt, truncated, of
                another version, or whose tensors do not fit its configuration.
            OSError: the file cannot be read.
        """
        config, state, source = load_weights(name_or_path)
        model = cls(config)
        model.load_state_dict(_checked(state, model.state_dict(), source))
        return model.eval()


def _checked(
    state: dict[str, Tensor], expected: dict[str, Tensor], source: str
) -> dict[str, Tensor]:
    """The state, if it has exactly the expected tensors, of the same shapes and finite."""
    for name in sorted(state.keys() | expected.keys()):
        if name not in state or name not in expected or state[name].shape != expected[name].shape:
            raise FileFormatError(
                f"{source}: the weights do not fit the configuration beside them, first at {name!r}"
            )
        if not bool(state[name].isfinite().all()):
            raise FileFormatError(f"{source}: the weights hold NaN or infinity in {name!r}")
    return state
