"""The segmenter: one label per face."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gaugeconv.errors import GaugeConvError
from gaugeconv.mesh import TriMesh
from gaugeconv.models.config import SegmenterConfig
from gaugeconv.models.inputs import SegmenterInput
from gaugeconv.models.result import Segmentation, finite
from gaugeconv.models.trunk import ROWS_AT_ONCE, MeshTrunk
from gaugeconv.nn import invariants, num_invariants


class GaugeSegmenter(MeshTrunk):
    """Labels the faces of a mesh, independently of the choice of tangent frames.

    Faces are labelled from the mean over their corners of the invariants of the trunk's field. So the
    output is gauge invariant, and invariant to rigid motions and to scale unless the configuration
    asks for xyz.
    """

    config: SegmenterConfig
    config_class = SegmenterConfig
    rows: ClassVar = "faces"

    def __init__(self, config: SegmenterConfig) -> None:
        super().__init__(config)
        width = num_invariants(self.vertex_type)
        self.head = nn.Sequential(
            nn.Linear(width, 2 * width),
            nn.SiLU(),
            nn.Dropout(config.dropout),
            nn.Linear(2 * width, len(config.label_names)),
        )

    def forward(self, inputs: SegmenterInput) -> Float[Tensor, "F K"]:
        """Scores per face and label; gauge invariant."""
        at_corners = invariants(self.field(inputs), self.vertex_type)[inputs.faces]
        scores: Tensor = self.head(at_corners.mean(dim=1))
        return scores

    def segment(self, mesh: TriMesh, smoothing: float = 0.0) -> Segmentation:
        """Labels every face of a mesh; the network's mode (train or eval) is left as it was.

        Geometry and features are computed in parts, so that memory grows by two or three kilobytes
        per vertex on meshes of any size; the scores are those of `forward`, to rounding.

        Args:
            mesh: the surface.
            smoothing: strength of a graph cut over the faces, see `smoothed_labels`; 0 for none. 0.1 is
                a careful choice (docs/models.md).

        Raises:
            MeshError: the mesh is defective or has no positions.
            GaugeConvError: the scores are not finite, or the strength is not a number from 0 up.
        """
        if not 0 <= smoothing < math.inf:
            raise GaugeConvError(f"smoothing must be a number from 0 up, got {smoothing}")
        with self.predicting() as device:
            inputs = self.prepare(mesh).to(device)
            at_vertices = self.invariants_in_blocks(inputs)
            scores = [
                self.head(at_vertices[faces].mean(dim=1))
                for faces in inputs.faces.split(ROWS_AT_ONCE)
            ]
            probabilities = torch.cat([torch.softmax(part.double(), dim=1) for part in scores])
        return Segmentation(mesh, finite(probabilities), self.config.label_names, smoothing)
