"""A mesh in the middle of its repair: the four moves that every repair is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float64, Int64

from gaugeconv.errors import MeshError
from gaugeconv.mesh.connectivity import connected, corner_fans
from gaugeconv.mesh.defects import DefectKind
from gaugeconv.mesh.edges import EdgeTable
from gaugeconv.mesh.measures import edge_lengths
from gaugeconv.mesh.repair.result import RepairStep

if TYPE_CHECKING:
    from gaugeconv.mesh.tri_mesh import TriMesh


@dataclass
class Draft:
    """Faces as they are now, and where everything comes from. Arrays are replaced, never written to.

    Vertices keep their numbers to the end: merged ones are merely used no longer, and the copies of
    split ones are numbered from V on.

    Attributes:
        positions: (V, 3) of the old vertices, or None where the mesh is intrinsic.
        lengths: (G, 3) side lengths of the faces.
        faces: (G, 3) in the numbering of the draft.
        face_map: (G,) the old face of each.
        stands_in: (F,) the old face that stands for each old face, −1 for none.
        origin: (W,) the old vertex of each vertex of the draft.
        merged_into: (V,) the old vertex that stands for each old vertex.
        steps: what was done so far.
    """

    positions: Float64[np.ndarray, "V 3"] | None
    lengths: Float64[np.ndarray, "G 3"]
    faces: Int64[np.ndarray, "G 3"]
    face_map: Int64[np.ndarray, " G"]
    stands_in: Int64[np.ndarray, " F"]
    origin: Int64[np.ndarray, " W"]
    merged_into: Int64[np.ndarray, " V"]
    steps: list[RepairStep] = field(default_factory=list)
    _table: EdgeTable | None = None

    @classmethod
    def of(cls, mesh: TriMesh) -> Draft:
        """The mesh as it is."""
        face, vertex = np.arange(mesh.num_faces), np.arange(mesh.num_vertices)
        positions = mesh.vertices if mesh.has_positions else None
        return cls(positions, mesh.edge_lengths, mesh.faces, face, face, vertex, vertex)

    @property
    def table(self) -> EdgeTable:
        """The edges of the faces as they are now."""
        if self._table is None or self._table.faces is not self.faces:
            self._table = EdgeTable.of(self.faces)
        return self._table

    def record(
        self, kind: DefectKind | None, action: str, indices: Int64[np.ndarray, "*shape"]
    ) -> None:
        """Adds a step on the given elements, if there are any, in the numbering of the old mesh."""
        if not len(indices):
            return
        element = "vertex" if kind is None else kind.element
        old = self.face_map[indices] if element == "face" else self.origin[indices]
        if element == "edge":
            old = np.sort(old, axis=1)
        self.steps.append(RepairStep(kind, action, element, np.unique(old, axis=0)))

    def drop(
        self, faces: Int64[np.ndarray, " N"], instead: Int64[np.ndarray, " N"] | None = None
    ) -> None:
        """Removes faces; those given in ``instead`` stand for them from now on."""
        if not len(faces):
            return
        image = np.arange(-1, len(self.stands_in))  # one place to the right: −1 stays −1
        image[self.face_map[faces] + 1] = -1 if instead is None else self.face_map[instead]
        self.stands_in = image[self.stands_in + 1]
        self.faces, self.lengths, self.face_map = (
            np.delete(array, faces, axis=0) for array in (self.faces, self.lengths, self.face_map)
        )

    def merge(self, first: Int64[np.ndarray, " N"], second: Int64[np.ndarray, " N"]) -> None:
        """Makes one vertex of each connected set of pairs, the one with the smallest index.

        The vertices must be old ones.

        Raises:
            MeshError: the mesh has no positions, so lengths between merged vertices are unknown.
        """
        if self.positions is None:
            raise MeshError("vertices of an intrinsic mesh cannot be merged")
        label = connected(first, second, len(self.merged_into))
        _, smallest, inverse = np.unique(label, return_index=True, return_inverse=True)
        image = smallest[inverse]
        if np.array_equal(image, np.arange(len(image))):
            return
        self.merged_into = image[self.merged_into]
        self.faces = image[self.faces]
        self.lengths = edge_lengths(self.positions, self.faces)

    def split(self, joined: Int64[np.ndarray, "I 2"], at: Bool[np.ndarray, " W"]) -> None:
        """Gives each fan at the marked vertices a vertex of its own.

        Fans are joined across the given pairs of half-edges. The one with the first face keeps the
        vertex; the others get copies in the order of their first faces.
        """
        if not at.any():
            return
        label = corner_fans(self.table, joined)
        _, first, inverse = np.unique(label, return_index=True, return_inverse=True)
        first_corner, fan = np.unique(first[inverse], return_inverse=True)
        vertex = self.faces.ravel()[first_corner]
        copied = at[vertex]
        copied[np.unique(vertex, return_index=True)[1]] = False
        number = vertex.copy()
        number[copied] = len(self.origin) + np.arange(np.count_nonzero(copied))
        self.origin = np.concatenate([self.origin, self.origin[vertex[copied]]])
        self.faces = number[fan].reshape(-1, 3)

    def turn(self, faces: Int64[np.ndarray, " N"]) -> None:
        """Reverses the winding of faces; their first corners stay first."""
        if not len(faces):
            return
        self.faces, self.lengths = self.faces.copy(), self.lengths.copy()
        self.faces[faces] = self.faces[faces][:, [0, 2, 1]]
        self.lengths[faces] = self.lengths[faces][:, [2, 1, 0]]
