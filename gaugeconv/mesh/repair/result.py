"""A repaired mesh with the record of its repair."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Int64
from numpy.typing import ArrayLike

from gaugeconv.errors import MeshError
from gaugeconv.mesh.defects import DefectKind
from gaugeconv.mesh.inputs import as_array
from gaugeconv.mesh.messages import listed

if TYPE_CHECKING:
    from gaugeconv.mesh.tri_mesh import TriMesh


@dataclass(frozen=True, eq=False)
class RepairStep:
    """One thing that was done.

    Attributes:
        kind: the defect or warning that was mended; None for welding.
        action: what was done, as a clause that can follow a list of elements.
        element: what the indices count: "vertex", "edge" (as vertex pairs) or "face".
        indices: (N,) or (N, 2), in the numbering of the mesh as it was before the repair.
    """

    kind: DefectKind | None
    action: str
    element: str
    indices: Int64[np.ndarray, "*shape"]

    def __str__(self) -> str:
        return f"{listed(self.indices, self.element)}: {self.action}"

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready: kind, action, element, count and all indices."""
        return {
            "kind": None if self.kind is None else self.kind.value,
            "action": self.action,
            "element": self.element,
            "count": len(self.indices),
            "indices": self.indices.tolist(),
        }


@dataclass(frozen=True, eq=False)
class Repair:
    """Result of ``TriMesh.repaired``; unpacks into ``(mesh, vertex_map)``.

    Old is the mesh before the repair with V vertices and F faces, new the repaired one with W and G.

    Attributes:
        mesh: the repaired mesh; the very same object if there was nothing to do.
        vertex_map: (W,) new → old: the vertex that each new vertex comes from. A split vertex is the
            origin of several, merged ones of the one with the smallest index.
        face_map: (G,) new → old: the face that each new face comes from.
        vertex_image: (V,) old → new: merged vertices have one image; a split vertex has the fan of
            its first face as its image; −1 if removed.
        face_image: (F,) old → new: a dropped copy has the face that it copies; −1 if removed.
        steps: what was done, in this order; empty if there was nothing to do.
    """

    mesh: TriMesh
    vertex_map: Int64[np.ndarray, " W"]
    face_map: Int64[np.ndarray, " G"]
    vertex_image: Int64[np.ndarray, " V"]
    face_image: Int64[np.ndarray, " F"]
    steps: tuple[RepairStep, ...]

    def __iter__(self) -> Iterator[Any]:
        """``clean, vertex_map = mesh.repaired()``."""
        return iter((self.mesh, self.vertex_map))

    def __str__(self) -> str:
        if not self.steps:
            return "nothing to repair"
        return "\n".join(map(str, self.steps))

    def vertex_values(self, values: ArrayLike) -> np.ndarray:
        """Values of old vertices (V, …) as values of new ones; copies of a vertex get the same."""
        return _carried(values, self.vertex_map, len(self.vertex_image), "vertices")

    def face_values(self, values: ArrayLike) -> np.ndarray:
        """Values of old faces (F, …) as values of new ones."""
        return _carried(values, self.face_map, len(self.face_image), "faces")

    def original_vertex_values(self, values: ArrayLike, fill: float = -1) -> np.ndarray:
        """Values of new vertices (W, …) as values of old ones, ``fill`` where one was removed."""
        return _restored(values, self.vertex_image, len(self.vertex_map), fill, "vertices")

    def original_face_values(self, values: ArrayLike, fill: float = -1) -> np.ndarray:
        """Values of new faces (G, …) as values of old ones, ``fill`` where one was removed."""
        return _restored(values, self.face_image, len(self.face_map), fill, "faces")


def _carried(
    values: ArrayLike, origin: Int64[np.ndarray, " N"], size: int, what: str
) -> np.ndarray:
    return _rows(values, size, f"old {what}")[origin]


def _restored(
    values: ArrayLike, image: Int64[np.ndarray, " N"], size: int, fill: float, what: str
) -> np.ndarray:
    array = _rows(values, size, f"new {what}")
    out = array[image]
    removed = image < 0
    if removed.any():
        with np.errstate(invalid="ignore"):
            filler = np.asarray(fill).astype(array.dtype)
        if array.dtype.kind not in "fc" and filler != fill:
            raise MeshError(f"fill is {fill!r}, which {array.dtype} cannot hold; give another fill")
        out[removed] = filler
    return out


def _rows(values: ArrayLike, size: int, what: str) -> np.ndarray:
    """``values`` as an array with one row for each of ``size`` elements.

    Raises:
        MeshError: there are more or fewer rows.
    """
    array = as_array(values, f"values of {what}")
    if array.ndim == 0 or len(array) != size:
        raise MeshError(f"values have shape {array.shape}, but there are {size} {what}")
    return array
