"""Representations: field types, intertwiners, radial bases and the kernels between field types."""

from __future__ import annotations

from gaugeconv.reps.field_type import Block, FieldType
from gaugeconv.reps.intertwiners import Intertwiners
from gaugeconv.reps.kernels import KernelSpace
from gaugeconv.reps.radial import CosineRings, RadialBasis, as_radial_basis

__all__ = [
    "Block",
    "CosineRings",
    "FieldType",
    "Intertwiners",
    "KernelSpace",
    "RadialBasis",
    "as_radial_basis",
]
