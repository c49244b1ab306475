"""Datasets: folders of labelled meshes, deformations, generated bodies."""

from __future__ import annotations

from gaugeconv.data.folder import DatasetFolder, LabelledMesh
from gaugeconv.data.transforms import deform

__all__ = ["DatasetFolder", "LabelledMesh", "deform"]
