"""Gauges on a surface: how two of them differ, and frames that differ by what was drawn."""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64
from torch import Tensor

from gaugeconv.geometry import Frames
from gaugeconv.geometry.double_cover import oriented
from gaugeconv.geometry.tangent import TangentSpaces
from gaugeconv.mesh.connectivity import referenced
from gaugeconv.reps import Element, FieldType, StructureGroup
from gaugeconv.verification.rebuilt import Rebuilt


def common_group(types: set[FieldType]) -> StructureGroup:
    """The largest group that acts on all of the types; SO(2) for none."""
    if not types:
        return StructureGroup.of("SO2")
    rotations = math.gcd(*(t.group.rotations for t in types))  # 0 stands for all of them
    return StructureGroup(rotations, all(t.group.reflections for t in types))


def draw_elements(group: StructureGroup, count: int, rng: np.random.Generator) -> Element:
    """Random elements, one per vertex: rotations of SO(2) and O(2) by arbitrary angles."""
    generator = torch.Generator().manual_seed(int(rng.integers(2**63)))
    return group.random(count, generator=generator)


def frames_changed_by(k: Element, reference: Frames, surface: Rebuilt) -> Frames:
    """Frames on a rebuilt mesh in which components are k times those in the reference.

    Canonical frames of the rebuilt mesh are compared with the reference in space, and changed by what
    is missing. So nothing is taken over from the reference but where its frames lie.

    Args:
        k: one element per vertex of the original mesh.
        reference: the gauge on the original mesh.
        surface: the rebuilt mesh.
    """
    canonical = Frames.canonical(surface.mesh)
    missing = k @ gauge_change(reference, canonical, surface).inverse()
    gamma, reflect = missing.gamma.numpy()[surface.vertex], missing.reflect.numpy()[surface.vertex]
    return (canonical.reflected(reflect) if reflect.any() else canonical).rotated(gamma)


def gauge_change(reference: Frames, frames: Frames, surface: Rebuilt) -> Element:
    """(V,) by vertex of the original: components in `frames` are k times those in `reference`.

    Measured in space, from e1 and e2: what the frames say of themselves (their offsets, in which θ and
    φ are given) is what is to be proven. Where the link of intrinsic to extrinsic angles is lawful, the
    two agree to rounding. An intrinsic mesh has no e1; there the directions of its corners are compared.

    Args:
        reference: the gauge on the original mesh.
        frames: the other gauge, on the rebuilt mesh.
        surface: the rebuilt mesh.
    """
    if reference.mesh.has_positions:
        rows = [np.zeros_like(reference.e1), np.zeros_like(reference.e1)]
        for row, vectors in zip(rows, (frames.e1, frames.e2), strict=True):
            row[surface.vertex] = vectors @ surface.motion
        columns = np.stack([reference.e1, reference.e2], axis=1)
        matrix = np.einsum("vai,vbi->vab", np.stack(rows, axis=1), columns)
        k = Element.from_matrix(torch.from_numpy(matrix))
    else:
        k = _intrinsic_change(reference, frames, surface)
    # a vertex without faces has any frame whatever: call it the same one
    used = torch.from_numpy(referenced(reference.mesh.faces, reference.mesh.num_vertices))
    reverses = torch.tensor(surface.reverses)
    return Element(torch.where(used, k.gamma, 0.0), torch.where(used, k.reflect, reverses))


def _intrinsic_change(reference: Frames, frames: Frames, surface: Rebuilt) -> Element:
    """By where the middle of each corner points in either gauge, and which way its face is wound."""
    before, clockwise = (part[surface.corner] for part in _corners(reference))
    after, then_clockwise = _corners(frames)
    reflects = clockwise ^ then_clockwise ^ surface.reverses
    vertex = reference.mesh.faces.reshape(-1)[surface.corner]
    gamma, reflect = np.zeros(reference.mesh.num_vertices), np.zeros(len(reference.offset), bool)
    gamma[vertex] = after - np.where(reflects, -before, before)
    reflect[vertex] = reflects
    return Element(torch.from_numpy(gamma), torch.from_numpy(reflect))


def _corners(frames: Frames) -> tuple[Float64[np.ndarray, " C"], Bool[np.ndarray, " C"]]:
    """The direction of every corner's middle in its vertex's frame, and whether its face runs clockwise.

    That is, as the face is wound, seen in that frame.
    """
    mesh, cover = frames.mesh, oriented(frames.mesh)
    vertex = mesh.faces.reshape(-1)
    corner = np.arange(len(vertex))
    other_sheet = cover.faces[: mesh.num_faces].reshape(-1) != vertex
    # there the face is wound the other way, so its second and third corners change places
    reversed_corner = corner - corner % 3 + np.array([0, 2, 1])[corner % 3] + len(vertex)
    at = np.where(other_sheet, reversed_corner, corner)
    spaces = TangentSpaces.of(cover)
    middle = spaces.angle[at] + cover.corner_angles.reshape(-1)[at] / 2
    direction = frames.direction(vertex, middle * spaces.scale[vertex])
    return direction, other_sheet ^ frames.is_mirrored[vertex]


def with_reflections(field_type: FieldType) -> FieldType:
    """A type of a group without reflections as one of the group with them: what a mirror should do.

    Scalars become true scalars, vectors stay vectors, functions on C_N become functions on D_N / D_1.
    SO(2) networks need not obey it; it says how far a mirrored surface moves their output.
    """
    rotations = field_type.group.rotations
    larger = StructureGroup(rotations, True)
    terms = []
    for block in field_type.blocks:
        name = block.representation.name
        if name.startswith("quoC"):
            name = f"quoD{name[4:]}"
        elif name == "reg":
            name = "quoD1"
        elif block.representation.is_irrep and block.components == 1:
            name = f"{name}+"
        terms.append(f"{block.multiplicity}x{name}")
    return FieldType(" + ".join(terms), larger)


def act(
    field_type: FieldType, x: Float[Tensor, "*batch V d"], k: Element
) -> Float[Tensor, "*batch V d"]:
    """ρ(k_v) x_v; by `with_reflections` where elements reflect and the type's group does not."""
    if not k.reflect.any():
        return field_type.transform(x, k.gamma)
    if not field_type.group.reflections:
        field_type = with_reflections(field_type)
    return field_type.transform(x, *k)
