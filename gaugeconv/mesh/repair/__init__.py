"""Mending bad meshes: what was done, and how to carry labels there and back."""

from __future__ import annotations

from gaugeconv.mesh.repair.procedure import repair_mesh
from gaugeconv.mesh.repair.result import Repair, RepairStep

__all__ = ["Repair", "RepairStep", "repair_mesh"]
