"""Triangle meshes: reading, checking, half-edges, measures, analytic shapes."""

from __future__ import annotations

from gaugeconv.mesh import shapes
from gaugeconv.mesh.defects import Defect, DefectKind
from gaugeconv.mesh.halfedges import HalfEdges
from gaugeconv.mesh.repair import Repair, RepairStep
from gaugeconv.mesh.report import MeshReport
from gaugeconv.mesh.tri_mesh import TriMesh

__all__ = [
    "TriMesh",
    "HalfEdges",
    "MeshReport",
    "Defect",
    "DefectKind",
    "Repair",
    "RepairStep",
    "shapes",
]
