"""The regressor: values at every vertex, numbers and tangent vectors."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gaugeconv.geometry import Frames
from gaugeconv.geometry.frames import frames_on
from gaugeconv.mesh import TriMesh
from gaugeconv.models.config import RegressorConfig
from gaugeconv.models.inputs import SegmenterInput
from gaugeconv.models.result import VertexField, finite
from gaugeconv.models.trunk import MeshTrunk
from gaugeconv.nn import FieldDropout, GatedNonlinearity, GaugeLinear
from gaugeconv.reps import FieldType


class MeshRegressor(MeshTrunk):
    """A field of any type on the vertices of a mesh, covariant under changes of frames.

    Numbers ("0") are gauge invariant, tangent vectors ("1") have components in the vertex's frame. For
    correspondence, let "Nx0" be scores over the N vertices of a template.

    Attributes:
        out_type: type of the values.
    """

    config: RegressorConfig
    config_class = RegressorConfig

    def __init__(self, config: RegressorConfig) -> None:
        super().__init__(config)
        self.out_type = FieldType(config.out_type)
        kind = self.vertex_type
        inside = FieldType(" + ".join(f"{2 * count}x{name}" for count, name in kind.terms))
        self.head = nn.Sequential(
            GaugeLinear(kind, inside),
            GatedNonlinearity(inside),
            FieldDropout(inside, config.dropout),
            GaugeLinear(inside, self.out_type),
        )

    def forward(self, inputs: SegmenterInput) -> Float[Tensor, "V dim"]:
        """Values of `out_type` at all vertices, in the frames of the inputs."""
        values: Tensor = self.head(self.field(inputs))
        return values

    def predict(self, mesh: TriMesh, frames: Frames | None = None) -> VertexField:
        """Values at every vertex of a mesh of any size; the network's mode is left as it was.

        Args:
            mesh: the surface.
            frames: in which components of order ≥ 1 are given; canonical frames when None.

        Raises:
            MeshError: the mesh is defective or has no positions, or the frames are of another mesh.
            StructureGroupError: some frames oppose the winding.
            GaugeConvError: the values are not finite.
        """
        frames = frames_on(mesh, frames)
        with self.predicting() as device:
            inputs = self.prepare(mesh, frames).to(device)
            values = torch.cat([self.head(x) for x in self.field_in_blocks(inputs)])
        return VertexField(frames, finite(values.double()), self.out_type)
