"""What networks return: labels of faces, of whole meshes, values at vertices."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from gaugeconv.errors import DataError, GaugeConvError
from gaugeconv.files import atomic_path
from gaugeconv.geometry import Frames
from gaugeconv.mesh import TriMesh
from gaugeconv.models.smoothing import smoothed_labels
from gaugeconv.reps import FieldType


@dataclass(frozen=True, eq=False)
class Segmentation:
    """Labels of a mesh. Gauge invariant.

    Attributes:
        mesh: the mesh.
        probabilities: (F, K) per face and label, rows sum to 1.
        label_names: K names.
        smoothing: strength of the graph cut that chooses labels, see `smoothed_labels`; 0 for none.
    """

    mesh: TriMesh
    probabilities: Float64[np.ndarray, "F K"]
    label_names: tuple[str, ...]
    smoothing: float = 0.0

    @cached_property
    def face_labels(self) -> Int64[np.ndarray, " F"]:
        """(F,) the label of every face, an index into `label_names`: the most probable one, or with
        smoothing the one that makes the borders between labels short as well.
        """
        if self.smoothing == 0:
            return self.probabilities.argmax(axis=1)
        return smoothed_labels(self.mesh, self.probabilities, self.smoothing)

    @cached_property
    def vertex_labels(self) -> Int64[np.ndarray, " V"]:
        """(V,) the most probable label by area over the faces at a vertex; −1 where there is none.

        With smoothing the label of most area among those faces.
        """
        mass = np.zeros((self.mesh.num_vertices, len(self.label_names)))
        belief = self.probabilities
        if self.smoothing > 0:
            belief = np.eye(len(self.label_names))[self.face_labels]
        weighted = belief * self.mesh.face_areas[:, None] / self.mesh.area
        for corner in self.mesh.faces.T:
            np.add.at(mass, corner, weighted)
        used = np.zeros(self.mesh.num_vertices, dtype=np.bool_)
        used[self.mesh.faces] = True
        return np.where(used, mass.argmax(axis=1), -1)

    @property
    def area_shares(self) -> dict[str, float]:
        """The share of the total area that each label takes."""
        area = np.bincount(self.face_labels, self.mesh.face_areas, len(self.label_names))
        return dict(zip(self.label_names, (area / self.mesh.area).tolist(), strict=True))

    def save(self, path: str | PathLike[str]) -> None:
        """Writes the labels, whole or not at all; the suffix chooses the form.

        `.npz`: face_labels, vertex_labels, probabilities, label_names. `.txt`: one face label a line.
        `.ply`: the mesh with the face property `label`.

        Raises:
            DataError: another suffix.
        """
        suffix = Path(path).suffix.lower()
        if suffix == ".ply":
            self.mesh.save(path, face_labels=self.face_labels)
            return
        if suffix not in (".npz", ".txt"):
            raise DataError(f"{path}: labels are saved as .npz, .txt or .ply, not {suffix!r}")
        with atomic_path(path) as temporary:
            if suffix == ".txt":
                np.savetxt(temporary, self.face_labels, fmt="%d")
            else:
                np.savez_compressed(
                    temporary,
                    face_labels=self.face_labels,
                    vertex_labels=self.vertex_labels,
                    probabilities=self.probabilities,
                    label_names=np.array(self.label_names),
                )


@dataclass(frozen=True, eq=False)
class Classification:
    """The label of a mesh. Gauge invariant.

    Attributes:
        probabilities: (K,) per label, with sum 1.
        label_names: K names.
    """

    probabilities: Float64[np.ndarray, " K"]
    label_names: tuple[str, ...]

    @property
    def label(self) -> str:
        """The name of the most probable label."""
        return self.label_names[int(self.probabilities.argmax())]


@dataclass(frozen=True, eq=False)
class VertexField:
    """Values at the vertices of a mesh. Covariant under changes of `frames`.

    Attributes:
        frames: in which components of order ≥ 1 are given.
        values: (V, dim) of type `field_type`.
        field_type: their type.
    """

    frames: Frames
    values: Float64[np.ndarray, "V dim"]
    field_type: FieldType

    @property
    def scalars(self) -> Float64[np.ndarray, "V n"]:
        """(V, n) the values of order 0. Gauge invariant."""
        return self._of_order(0)

    @property
    def vectors(self) -> Float64[np.ndarray, "V n 3"]:
        """(V, n, 3) the values of order 1 as tangent vectors in space. Gauge invariant."""
        x, y = np.moveaxis(self._of_order(1).reshape(len(self.values), -1, 2), -1, 0)[..., None]
        return x * self.frames.e1[:, None] + y * self.frames.e2[:, None]

    def _of_order(self, order: int) -> Float64[np.ndarray, "V n"]:
        parts = [self.values[:, b.slice] for b in self.field_type.blocks if b.order == order]
        return np.concatenate([self.values[:, :0], *parts], axis=1)


def finite(values: Float[Tensor, "*shape"]) -> Float64[np.ndarray, "*shape"]:
    """What a network returned, as an array.

    Raises:
        GaugeConvError: it is not finite.
    """
    array: Float64[np.ndarray, "*shape"] = values.double().cpu().numpy()
    if not np.isfinite(array).all():
        raise GaugeConvError(
            "the network's scores are not finite: its weights are too large for this mesh, or broken"
        )
    return array
