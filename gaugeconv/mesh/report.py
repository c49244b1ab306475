"""A summary of a mesh that a person or a program can read."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from gaugeconv.mesh.connectivity import (
    count_boundary_loops,
    face_components,
    orient,
    referenced,
)
from gaugeconv.mesh.defects import Defect, DefectKind
from gaugeconv.mesh.edges import EdgeTable
from gaugeconv.mesh.validate import find_defects, find_warnings


@dataclass(frozen=True, eq=False)
class MeshReport:
    """Counts, topology, sizes, defects and warnings of a mesh. Gauge invariant.

    Attributes:
        num_vertices: V, unreferenced vertices included.
        num_edges: undirected edges of faces without a repeated index.
        num_faces: F.
        euler_characteristic: V − E + F over the vertices that some face uses.
        num_boundary_edges: edges with one face.
        num_boundary_loops: connected pieces of the boundary.
        num_components: connected components of the faces.
        orientable: whether every component has a consistent winding.
        intrinsic: whether the mesh is given by lengths alone.
        area: total area in squared mesh units.
        min_edge_length: shortest side in mesh units.
        mean_edge_length: mean over the sides of all faces.
        max_edge_length: longest side.
        defects: what stops geometry from being computed, in the order of ``DefectKind``.
        warnings: what is accepted but unusual.
    """

    num_vertices: int
    num_edges: int
    num_faces: int
    euler_characteristic: int
    num_boundary_edges: int
    num_boundary_loops: int
    num_components: int
    orientable: bool
    intrinsic: bool
    area: float
    min_edge_length: float
    mean_edge_length: float
    max_edge_length: float
    defects: tuple[Defect, ...]
    warnings: tuple[Defect, ...]

    @property
    def ok(self) -> bool:
        """Whether there is no defect (there may be warnings)."""
        return not self.defects

    def defect(self, kind: DefectKind) -> Defect | None:
        """The entry of that kind among defects and warnings, or None."""
        return next((d for d in (*self.defects, *self.warnings) if d.kind is kind), None)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; defects carry all their indices."""
        out = {field.name: getattr(self, field.name) for field in fields(self)}
        for name in ("defects", "warnings"):
            out[name] = [defect.to_dict() for defect in out[name]]
        return {"ok": self.ok, **out}

    def to_json(self) -> str:
        """The content of ``to_dict`` as a JSON document."""
        return json.dumps(self.to_dict(), indent=2)

    def __str__(self) -> str:
        rows = [
            ("vertices", f"{self.num_vertices:,}"),
            ("edges", f"{self.num_edges:,}"),
            ("faces", f"{self.num_faces:,}"),
            ("Euler characteristic", f"{self.euler_characteristic}"),
            ("components", f"{self.num_components:,}"),
            ("boundary", self._boundary_text()),
            ("orientable", "yes" if self.orientable else "no"),
            ("positions", "none (intrinsic)" if self.intrinsic else "yes"),
            ("area", f"{self.area:.6g}"),
            (
                "edge length",
                f"{self.mean_edge_length:.6g} mean "
                f"({self.min_edge_length:.6g} to {self.max_edge_length:.6g})",
            ),
            *(("defect", str(defect)) for defect in self.defects),
            *(("warning", str(warning)) for warning in self.warnings),
            ("verdict", "no defects" if self.ok else f"{len(self.defects)} kind(s) of defect"),
        ]
        return "\n".join(f"{name:<22}{value}" for name, value in rows)

    def _boundary_text(self) -> str:
        if self.num_boundary_edges == 0:
            return "none (closed)"
        loops = f"{self.num_boundary_loops:,} loop{'s' * (self.num_boundary_loops != 1)}"
        edges = f"{self.num_boundary_edges:,} edge{'s' * (self.num_boundary_edges != 1)}"
        return f"{loops}, {edges}"


def build_report(
    faces: Int64[np.ndarray, "F 3"],
    num_vertices: int,
    lengths: Float64[np.ndarray, "F 3"],
    angles: Float64[np.ndarray, "F 3"],
    areas: Float64[np.ndarray, " F"],
    intrinsic: bool,
) -> MeshReport:
    """Everything there is to say about a mesh, whatever its defects.

    Args:
        faces: (F, 3) indices in range.
        num_vertices: V.
        lengths: (F, 3) side lengths.
        angles: (F, 3) corner angles in radians.
        areas: (F,) face areas.
        intrinsic: whether the lengths were given rather than computed from positions.
    """
    table = EdgeTable.of(faces)
    num_used = int(np.count_nonzero(referenced(faces, num_vertices)))
    return MeshReport(
        num_vertices=num_vertices,
        num_edges=table.num_edges,
        num_faces=len(faces),
        euler_characteristic=num_used - table.num_edges + len(faces),
        num_boundary_edges=len(table.boundary()),
        num_boundary_loops=count_boundary_loops(table, num_vertices),
        num_components=int(face_components(faces, num_vertices).max()) + 1,
        orientable=orient(table).num_one_sided == 0,
        intrinsic=intrinsic,
        area=float(areas.sum()),
        min_edge_length=float(lengths.min()),
        mean_edge_length=float(lengths.mean()),
        max_edge_length=float(lengths.max()),
        defects=tuple(find_defects(table, num_vertices, lengths, intrinsic)),
        warnings=tuple(find_warnings(faces, num_vertices, lengths, angles, areas)),
    )
