"""The result of a segmentation."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Int64

from gaugeconv.errors import DataError
from gaugeconv.files import atomic_path
from gaugeconv.mesh import TriMesh


@dataclass(frozen=True, eq=False)
class Segmentation:
    """Labels of a mesh. Gauge invariant.

    Attributes:
        mesh: the mesh.
        probabilities: (F, K) per face and label, rows sum to 1.
        label_names: K names.
    """

    mesh: TriMesh
    probabilities: Float64[np.ndarray, "F K"]
    label_names: tuple[str, ...]

    @cached_property
    def face_labels(self) -> Int64[np.ndarray, " F"]:
        """(F,) the most probable label of every face, an index into `label_names`."""
        return self.probabilities.argmax(axis=1)

    @cached_property
    def vertex_labels(self) -> Int64[np.ndarray, " V"]:
        """(V,) the most probable label by area over the faces at a vertex; −1 where there is none."""
        mass = np.zeros((self.mesh.num_vertices, len(self.label_names)))
        weighted = self.probabilities * self.mesh.face_areas[:, None] / self.mesh.area
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
