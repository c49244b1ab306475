"""Random changes of a labelled mesh that a network should not mind and its symmetry does not give."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gaugeconv.data.folder import LabelledMesh
from gaugeconv.data.project import project_labels
from gaugeconv.data.resample import crop, decimate
from gaugeconv.data.transforms import deform
from gaugeconv.errors import DataError


@dataclass(frozen=True)
class Augmentation:
    """What to change, by how much, how often: ``augmentation(item, rng)`` makes a new item.

    The order is: decimate, crop, deform. Rotations, translations and uniform scaling are left out: the
    network's inputs do not change under them. The same generator state gives the same item.

    Attributes:
        stretch: see `deform`; largest relative change of length along three random axes.
        bend: bound on the strain of a smooth bending, below 1.
        noise: standard deviation of vertex noise, in mean edge lengths.
        mirror: probability of the mirror image.
        crop: probability of taking a part away.
        crop_share: largest share of the area to take away.
        decimate: probability of other, fewer triangles; needs fast-simplification.
        decimate_keep: smallest share of the faces that is kept then.

    Raises:
        DataError: a value is no number or out of range.
    """

    stretch: float = 0.15
    bend: float = 0.3
    noise: float = 0.0
    mirror: float = 0.0
    crop: float = 0.0
    crop_share: float = 0.2
    decimate: float = 0.0
    decimate_keep: float = 0.5

    def __post_init__(self) -> None:
        for name, value in self.to_dict().items():
            high = {"crop_share": 0.9}.get(name, 1.0)
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if not number or not math.isfinite(value) or not 0 <= value <= high:
                raise DataError(f"augmentation: {name} = {value!r} must be in [0, {high}]")
        for name in ("stretch", "bend"):
            if getattr(self, name) == 1:
                raise DataError(f"augmentation: {name} must be below 1")

    def __call__(self, item: LabelledMesh, rng: np.random.Generator) -> LabelledMesh:
        """A changed copy of a labelled mesh; labels follow the surface.

        Raises:
            GaugeConvError: decimation is asked for and fast-simplification is not installed.
            MeshError: the mesh has no positions, or cannot be decimated.
        """
        if self.decimate > 0 and rng.random() < self.decimate:
            item = _decimated(item, rng.uniform(self.decimate_keep, 1.0), rng)
        if self.crop > 0 and rng.random() < self.crop:
            item = _cropped(item, rng.uniform(0.0, self.crop_share), rng)
        mesh = deform(item.mesh, rng, self.stretch, self.bend, self.noise, self.mirror)
        return replace(item, mesh=mesh)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return dataclasses.asdict(self)


def _decimated(item: LabelledMesh, keep: float, rng: np.random.Generator) -> LabelledMesh:
    mesh = decimate(item.mesh, max(4, round(keep * item.mesh.num_faces)), rng)
    if mesh is item.mesh:
        return item
    per_vertex = item.vertex_labels
    return replace(
        item,
        mesh=mesh,
        face_labels=project_labels(item.face_labels, item.mesh, mesh, "face"),
        vertex_labels=None
        if per_vertex is None
        else project_labels(per_vertex, item.mesh, mesh, "vertex"),
    )


def _cropped(item: LabelledMesh, share: float, rng: np.random.Generator) -> LabelledMesh:
    mesh, kept = crop(item.mesh, rng, share)
    used = np.unique(item.mesh.faces[kept])
    per_vertex = item.vertex_labels
    return replace(
        item,
        mesh=mesh,
        face_labels=item.face_labels[kept],
        vertex_labels=None if per_vertex is None else per_vertex[used],
    )
