"""Datasets: folders of labelled meshes, public sets, transforms, generated bodies."""

from __future__ import annotations

from gaugeconv.data.augment import Augmentation
from gaugeconv.data.closest import SurfacePoints, closest_points
from gaugeconv.data.folder import DatasetFolder, LabelledMesh
from gaugeconv.data.project import project_labels
from gaugeconv.data.resample import crop, decimate, refine
from gaugeconv.data.transforms import deform, mirror

__all__ = [
    "Augmentation",
    "DatasetFolder",
    "LabelledMesh",
    "SurfacePoints",
    "closest_points",
    "crop",
    "decimate",
    "deform",
    "mirror",
    "project_labels",
    "refine",
]
