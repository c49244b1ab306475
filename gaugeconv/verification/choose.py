"""From what a caller gives to what is verified."""

from __future__ import annotations

from typing import Any, Literal, TypedDict

import torch
from torch import nn

from gaugeconv.errors import FieldTypeError, MeshError, OptionError, StructureGroupError
from gaugeconv.geometry import Frames, Neighborhoods
from gaugeconv.mesh import TriMesh
from gaugeconv.reps import FieldType, StructureGroup
from gaugeconv.verification.gauges import common_group
from gaugeconv.verification.layer_subjects import LayerSubject, MakeNeighborhoods, RotatedSubject
from gaugeconv.verification.runs import types_of
from gaugeconv.verification.subjects import PreparedSubject, Subject, precision
from gaugeconv.verification.wording import Claim

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-10}


class Options(TypedDict, total=False):
    """The arguments of `verify` that not every module needs; see there."""

    radius: float | None
    neighborhoods: MakeNeighborhoods | None
    in_type: str | FieldType | None
    out_type: str | FieldType | None
    output: Literal["faces", "vertices"] | None
    group: str | StructureGroup | None
    frames: Frames | None


def choose_subject(
    module: nn.Module, where: Any, seed: int, claim: Claim, options: Options
) -> Subject:
    """The subject that fits the module and the place.

    Raises:
        FieldTypeError, MeshError, StructureGroupError, OptionError: see `verify`.
    """
    given = {name for name, value in options.items() if value is not None}
    if not isinstance(where, TriMesh | Neighborhoods if claim == "gauge" else TriMesh):
        needed = "a TriMesh or Neighborhoods" if claim == "gauge" else "a TriMesh"
        raise MeshError(f"this check needs {needed}, got {type(where).__name__}")
    if claim == "rigid motion" and not where.has_positions:
        raise MeshError("an intrinsic mesh has no position that could move: give mirrored=True")
    frames = options.get("frames")
    if callable(getattr(module, "prepare", None)):
        _refuse(
            given - {"output", "group", "frames"}, "the module prepares its input and types itself"
        )
        if isinstance(where, Neighborhoods):
            raise MeshError(
                f"{type(module).__name__} prepares its input from a mesh: give the mesh"
            )
        promised = getattr(module, "out_type", None)
        largest = promised.group if isinstance(promised, FieldType) else None
        group = _group(common_group(types_of(module)), largest, options)
        return PreparedSubject(module, where, claim, group, frames, options.get("output"))
    _refuse(given & {"output"}, "the rows of a layer's output are its targets")
    types = _types(module, options)
    promise = common_group(set(types))
    group = _group(promise, promise, options)
    if isinstance(where, Neighborhoods):
        _refuse(given & {"radius", "neighborhoods", "frames"}, "the neighbourhoods are given")
        return RotatedSubject(module, where, group, types, seed)
    make, radius = options.get("neighborhoods"), options.get("radius")
    return LayerSubject(module, where, claim, group, frames, types, make, radius, seed)


def choose_tolerance(module: nn.Module, tolerance: float | None) -> float:
    """The tolerance asked for, or that of the module's precision.

    Raises:
        OptionError: not a positive number, or none given for a precision without a default.
    """
    dtype = precision(module)[0]
    if tolerance is None:
        if dtype not in TOLERANCE:
            raise OptionError(f"there is no default tolerance for {dtype}: give tolerance=")
        return TOLERANCE[dtype]
    if not tolerance > 0:
        raise OptionError(f"tolerance must be positive, got {tolerance}")
    return tolerance


def _refuse(arguments: set[str], reason: str) -> None:
    if arguments:
        raise OptionError(f"{', '.join(sorted(arguments))}= would do nothing: {reason}")


def _group(
    default: StructureGroup, largest: StructureGroup | None, options: Options
) -> StructureGroup:
    """The group asked for, if the types of input and output have it; else the default."""
    asked = options.get("group")
    group = default if asked is None else StructureGroup.of(asked)
    if largest is not None and not group.is_subgroup_of(largest):
        raise StructureGroupError(
            f"features of the module are of {largest}: it is not known how {group} acts on them"
        )
    return group


def _types(module: nn.Module, options: Options) -> tuple[FieldType, FieldType]:
    """Types as given, as the module has them, or as the ends of a Sequential have them."""
    group = options.get("group") or common_group(types_of(module))
    found = []
    for name, end in (("in_type", 0), ("out_type", -1)):
        given = options.get(name)
        part: Any = module
        while given is None and part is not None:
            given = getattr(part, name, None)
            part = part[end] if isinstance(part, nn.Sequential) and len(part) else None
        if not isinstance(given, str | FieldType):
            raise FieldTypeError(
                f"{type(module).__name__} has no {name}: verify needs a module with "
                "prepare(mesh, frames), or a layer with in_type and out_type; give "
                f"{name}= (like '8x0 + 4x1'), for without it nobody knows how features transform"
            )
        found.append(FieldType(given, group) if isinstance(given, str) else given)
    return found[0], found[1]
