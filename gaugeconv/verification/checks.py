"""`verify`, `verify_relabelling` and `verify_isometry`."""

from __future__ import annotations

from typing import Literal

from torch import nn

from gaugeconv.geometry import Frames, Neighborhoods
from gaugeconv.mesh import TriMesh
from gaugeconv.reps import FieldType, StructureGroup
from gaugeconv.verification.choose import Options
from gaugeconv.verification.engine import verified
from gaugeconv.verification.layer_subjects import MakeNeighborhoods
from gaugeconv.verification.report import VerifyReport
from gaugeconv.verification.wording import Claim


def verify(
    module: nn.Module,
    mesh_or_neighborhoods: TriMesh | Neighborhoods,
    samples: int = 8,
    seed: int = 0,
    tolerance: float | None = None,
    radius: float | None = None,
    *,
    neighborhoods: MakeNeighborhoods | None = None,
    in_type: str | FieldType | None = None,
    out_type: str | FieldType | None = None,
    output: Literal["faces", "vertices"] | None = None,
    group: str | StructureGroup | None = None,
    frames: Frames | None = None,
) -> VerifyReport:
    """How much a module's output, layers and gradients depend on the choice of frames.

    With a mesh, every sample draws an element k of the structure group for every vertex (for SO(2) a
    rotation by an arbitrary angle), on arrays that hold the same surface with its faces shuffled and
    their corners rotated. It turns and reflects frames by k, *recomputes* neighbourhoods and input
    features from them, runs the module, transforms back and compares. Frames are compared in space, by
    e1 and e2. That finds wrong transports and frames tied to the first edge of a vertex, which changing
    stored numbers cannot. Neighbourhoods are changed as stored, and the report says that geometry was
    not checked.

    Args:
        module: a network with `prepare(mesh, frames)`, called with the result (its output is invariant
            unless it has an `out_type`); or a layer with `in_type` and `out_type`, called with features,
            and with neighbourhoods if its `forward` takes a second positional argument. It runs in
            evaluation mode and is left as it was: mode, weights, `.grad` and random states.
        mesh_or_neighborhoods: where; one-sided surfaces for groups with reflections. An intrinsic mesh
            will do for layers; having no e1 in space, frames are compared by the directions of corners.
        samples: number of random gauges.
        seed: of gauges, of the random field that a layer sees, of the loss.
        tolerance: largest relative error; by default 1e-5 for float32 and 1e-10 for float64 modules.
        radius: of a layer's neighbourhoods, in the mesh's unit; 3 mean edge lengths by default.
        neighborhoods: (mesh, radius, frames) → Neighborhoods in those frames: the geometry that a layer
            is verified with; `gaugeconv.neighborhoods` by default.
        in_type, out_type: types of a layer that does not have them.
        output: "faces" or "vertices": what the rows of a network's output are, where there are as many
            of one as of the other.
        group: what elements are drawn from; by default that of a layer's input and output, and for a
            network the largest that acts on all types inside. A larger one measures how far a network
            with types of C_N is from following all rotations. Types given as strings are of this group.
        frames: the reference gauge, canonical frames by default. It matters to finite groups, whose
            elements are taken relative to it: a flat surface with aligned frames has transports in the
            group only in gauges that differ from these by the group.

    Returns:
        A report. `passed` depends on errors alone: whether the output is within the tolerance, and every
        block of every typed layer, gradients and the weights after a step within ten of it. `has_teeth`
        says whether the controls (transports zeroed, reflections dropped where the group has any,
        non-trivial irreps zeroed) changed the output.

    Raises:
        FieldTypeError: a module without types or `prepare`, or whose output does not fit its type.
        MeshError: a defective mesh; neighbourhoods for a module that prepares its own.
        NonOrientableError: a one-sided mesh and a group without reflections.
        StructureGroupError: a group that does not act on input or output, or frames that oppose the
            winding where it has no reflections.
        OptionError: no samples, a seed out of range, an argument that would do nothing, no tolerance
            for the precision.
    """
    options = _options(radius, neighborhoods, in_type, out_type, output, group, frames)
    return verified("gauge", module, mesh_or_neighborhoods, samples, seed, tolerance, options)


def verify_relabelling(
    module: nn.Module,
    mesh: TriMesh,
    samples: int = 8,
    seed: int = 0,
    tolerance: float | None = None,
    radius: float | None = None,
    *,
    neighborhoods: MakeNeighborhoods | None = None,
    in_type: str | FieldType | None = None,
    out_type: str | FieldType | None = None,
    output: Literal["faces", "vertices"] | None = None,
    group: str | StructureGroup | None = None,
    frames: Frames | None = None,
) -> VerifyReport:
    """How much a module's output and layers depend on the numbering of vertices, faces and corners.

    Every sample numbers vertices anew, shuffles faces, rotates their corners, recomputes canonical
    frames (for finite groups: keeps the frames where they are) and everything else, and compares vertex
    by vertex and face by face. Gradients and controls are the gauge check's business and not repeated.

    Args:
        module: as for `verify`.
        mesh: the surface.
        samples: number of random numberings.
        seed, tolerance, radius, neighborhoods, in_type, out_type, output, group, frames: as for `verify`.

    Raises:
        FieldTypeError, MeshError, StructureGroupError, OptionError: as for `verify`.
    """
    options = _options(radius, neighborhoods, in_type, out_type, output, group, frames)
    return verified("relabelling", module, mesh, samples, seed, tolerance, options)


def verify_isometry(
    module: nn.Module,
    mesh: TriMesh,
    samples: int = 8,
    seed: int = 0,
    tolerance: float | None = None,
    radius: float | None = None,
    *,
    mirrored: bool = False,
    neighborhoods: MakeNeighborhoods | None = None,
    in_type: str | FieldType | None = None,
    out_type: str | FieldType | None = None,
    output: Literal["faces", "vertices"] | None = None,
    group: str | StructureGroup | None = None,
    frames: Frames | None = None,
) -> VerifyReport:
    """How much a module's output and layers depend on where the mesh lies in space, and on its mirror.

    Every sample turns and shifts the mesh at random, recomputes canonical frames (for finite groups:
    carries the frames along) and everything else, and compares. An isometry g takes a field f to
    (g ▷ f)(g x), which has the components of f(x) in frames that g carries along, and ρ(k) times them in
    frames that differ from those by k.

    The mirrored mesh is wound the other way round, so that outside stays outside. Frames that g carries
    along oppose that winding, and those that follow it differ by a reflection: a network with types of
    O(2), D_N or the reflection group gives ρ(k) times its features. One without reflections need not
    follow, since its kernels may tell left from right: the report states how far its output moves, with
    order m read as order m of O(2), and no failure.

    Args:
        module: as for `verify`.
        mesh: the surface. An intrinsic mesh has no position: it can only have its winding reversed.
        samples: number of random positions.
        mirrored: whether to mirror the mesh as well.
        seed, tolerance, radius, neighborhoods, in_type, out_type, output, group, frames: as for `verify`.

    Raises:
        FieldTypeError, MeshError, StructureGroupError, OptionError: as for `verify`; MeshError also for
            an intrinsic mesh that is not to be mirrored.
    """
    options = _options(radius, neighborhoods, in_type, out_type, output, group, frames)
    claim: Claim = "mirror" if mirrored else "rigid motion"
    return verified(claim, module, mesh, samples, seed, tolerance, options)


def _options(
    radius: float | None,
    neighborhoods: MakeNeighborhoods | None,
    in_type: str | FieldType | None,
    out_type: str | FieldType | None,
    output: Literal["faces", "vertices"] | None,
    group: str | StructureGroup | None,
    frames: Frames | None,
) -> Options:
    return Options(
        radius=radius,
        neighborhoods=neighborhoods,
        in_type=in_type,
        out_type=out_type,
        output=output,
        group=group,
        frames=frames,
    )
