"""The classifier: one label per mesh."""

from __future__ import annotations

from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gaugeconv.mesh import TriMesh
from gaugeconv.models.config import ClassifierConfig
from gaugeconv.models.inputs import SegmenterInput
from gaugeconv.models.result import Classification, finite
from gaugeconv.models.trunk import MeshTrunk
from gaugeconv.nn import invariants, num_invariants


class MeshClassifier(MeshTrunk):
    """Labels a mesh as a whole, independently of the choice of tangent frames.

    The head reads the area-weighted mean and the maximum over all vertices of the invariants of the
    trunk's field: gauge invariant, whatever the numbering and, but for the maximum, the sampling.
    Vertices that no face uses do not count.
    """

    config: ClassifierConfig
    config_class = ClassifierConfig
    rows: ClassVar = None

    def __init__(self, config: ClassifierConfig) -> None:
        super().__init__(config)
        width = num_invariants(self.vertex_type)
        self.head = nn.Sequential(
            nn.Linear(2 * width, 2 * width),
            nn.SiLU(),
            nn.Dropout(config.dropout),
            nn.Linear(2 * width, len(config.label_names)),
        )

    def forward(self, inputs: SegmenterInput) -> Float[Tensor, " K"]:
        """Scores per label; gauge invariant."""
        return self._scores(invariants(self.field(inputs), self.vertex_type), inputs)

    def classify(self, mesh: TriMesh) -> Classification:
        """Labels a mesh of any size; the network's mode (train or eval) is left as it was.

        Raises:
            MeshError: the mesh is defective or has no positions.
            GaugeConvError: the scores are not finite.
        """
        with self.predicting() as device:
            inputs = self.prepare(mesh).to(device)
            scores = self._scores(self.invariants_in_blocks(inputs), inputs)
            probabilities = torch.softmax(scores.double(), dim=0)
        return Classification(finite(probabilities), self.config.label_names)

    def _scores(self, at_vertices: Float[Tensor, "V n"], inputs: SegmenterInput) -> Tensor:
        areas = inputs.areas.to(at_vertices)
        mean = areas @ at_vertices
        largest = at_vertices[areas > 0].amax(dim=0)
        scores: Tensor = self.head(torch.cat((mean, largest)))
        return scores
