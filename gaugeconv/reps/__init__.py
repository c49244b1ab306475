"""Representations: structure groups, field types, and the kernels that a layer may share between them.

The bundle point of view has modules of its own, which need a mesh's geometry: `gaugeconv.reps.bundle`
and `gaugeconv.reps.charts`.
"""

from __future__ import annotations

from gaugeconv.reps.change import BasisChange, carrier, extension, restriction, to_irreps
from gaugeconv.reps.constraint import solve_constraint
from gaugeconv.reps.elements import Element
from gaugeconv.reps.field_type import Block, FieldType
from gaugeconv.reps.groups import StructureGroup
from gaugeconv.reps.harmonics import Harmonic, harmonics
from gaugeconv.reps.intertwiners import Intertwiners
from gaugeconv.reps.irreps import Irrep, irreps
from gaugeconv.reps.kernel_field import (
    KernelCoefficientField,
    KernelField,
    KernelFunctionField,
    shared_kernel,
)
from gaugeconv.reps.kernels import KernelSpace
from gaugeconv.reps.products import TensorProduct, clebsch_gordan
from gaugeconv.reps.radial import CosineRings, RadialBasis, as_radial_basis
from gaugeconv.reps.representations import Representation, representation
from gaugeconv.reps.steerable import SteerableKernels, default_frequency

__all__ = [
    "Element",
    "StructureGroup",
    "Irrep",
    "irreps",
    "Representation",
    "representation",
    "Block",
    "FieldType",
    "BasisChange",
    "carrier",
    "extension",
    "restriction",
    "to_irreps",
    "TensorProduct",
    "clebsch_gordan",
    "Intertwiners",
    "Harmonic",
    "harmonics",
    "solve_constraint",
    "KernelSpace",
    "SteerableKernels",
    "default_frequency",
    "KernelField",
    "KernelFunctionField",
    "KernelCoefficientField",
    "shared_kernel",
    "CosineRings",
    "RadialBasis",
    "as_radial_basis",
]
