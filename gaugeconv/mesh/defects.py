"""Names of everything that can be wrong with a mesh."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
from jaxtyping import Int64

from gaugeconv.errors import MeshError, NonOrientableError
from gaugeconv.mesh.messages import listed


class DefectKind(Enum):
    """Kinds of defects (geometry cannot be computed) and of warnings (it can).

    Members are in the order in which they are looked for; the first defect found is raised.
    """

    REPEATED_INDEX = "repeated-index"
    TRIANGLE_INEQUALITY = "triangle-inequality"
    ZERO_LENGTH_EDGE = "zero-length-edge"
    DUPLICATE_FACE = "duplicate-face"
    NON_MANIFOLD_EDGE = "non-manifold-edge"
    LENGTH_MISMATCH = "length-mismatch"
    NON_ORIENTABLE = "non-orientable"
    INCONSISTENT_WINDING = "inconsistent-winding"
    BOW_TIE_VERTEX = "bow-tie-vertex"
    ZERO_AREA_FACE = "zero-area-face"
    NEEDLE_FACE = "needle-face"
    UNREFERENCED_VERTEX = "unreferenced-vertex"

    @property
    def element(self) -> str:
        """What the indices count: "vertex", "edge" (as vertex pairs) or "face"."""
        return _TEXT[self][0]

    @property
    def meaning(self) -> str:
        """What is wrong, as a clause that a list of elements can follow."""
        return _TEXT[self][1]

    @property
    def advice(self) -> str:
        """What to do about it."""
        return _TEXT[self][2]

    @property
    def repairable(self) -> bool:
        """Whether ``TriMesh.repaired`` mends it; of contradictory lengths none is known to be right."""
        return self not in (DefectKind.TRIANGLE_INEQUALITY, DefectKind.LENGTH_MISMATCH)


_TEXT: dict[DefectKind, tuple[str, str, str]] = {
    DefectKind.REPEATED_INDEX: (
        "face",
        "a face uses one vertex twice",
        "drop these faces",
    ),
    DefectKind.TRIANGLE_INEQUALITY: (
        "face",
        "one side is longer than the other two together",
        "correct the lengths",
    ),
    DefectKind.ZERO_LENGTH_EDGE: (
        "edge",
        "the two ends of an edge coincide (relative to the mean edge length)",
        "merge the vertices and drop the faces between them",
    ),
    DefectKind.DUPLICATE_FACE: (
        "face",
        "a face has the same three vertices as an earlier one",
        "drop the copies",
    ),
    DefectKind.NON_MANIFOLD_EDGE: (
        "edge",
        "three or more faces meet at an edge",
        "remove the extra faces or cut along the edge",
    ),
    DefectKind.LENGTH_MISMATCH: (
        "edge",
        "the two faces at an edge give it different lengths",
        "correct the lengths",
    ),
    DefectKind.NON_ORIENTABLE: (
        "edge",
        "the surface is one-sided: no consistent winding exists; faces disagree across",
        "cut the surface open, or use a structure group with reflections",
    ),
    DefectKind.INCONSISTENT_WINDING: (
        "face",
        "faces are wound against their neighbours",
        "reverse the order of their vertices",
    ),
    DefectKind.BOW_TIE_VERTEX: (
        "vertex",
        "the faces round a vertex form several fans that meet only there (bow-tie)",
        "give each fan a vertex of its own",
    ),
    DefectKind.ZERO_AREA_FACE: ("face", "the area is zero to rounding", "nothing needs doing"),
    DefectKind.NEEDLE_FACE: ("face", "a corner is sharper than 0.01 rad", "nothing needs doing"),
    DefectKind.UNREFERENCED_VERTEX: ("vertex", "no face uses the vertex", "nothing needs doing"),
}


@dataclass(frozen=True, eq=False)
class Defect:
    """One kind of defect and every element that has it.

    Attributes:
        kind: what is wrong.
        indices: (N,) ascending element indices, or (N, 2) vertex pairs for edges.
    """

    kind: DefectKind
    indices: Int64[np.ndarray, "*shape"]

    def __str__(self) -> str:
        return f"{self.kind.meaning}: {listed(self.indices, self.kind.element)}"

    def error(self) -> MeshError:
        """The exception that says so, with advice."""
        family = NonOrientableError if self.kind is DefectKind.NON_ORIENTABLE else MeshError
        see = "see TriMesh(..., validate=False).report()"
        see += " and .repaired()" if self.kind.repairable else ""
        return family(f"{self}; {self.kind.advice}, or {see}")

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready: kind, element, count and all indices."""
        return {
            "kind": self.kind.value,
            "element": self.kind.element,
            "count": len(self.indices),
            "indices": self.indices.tolist(),
        }
