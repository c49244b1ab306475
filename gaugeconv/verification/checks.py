"""`verify` and `verify_relabelling`."""

from __future__ import annotations

from typing import Literal

import numpy as np
from torch import nn

from gaugeconv.geometry import Neighborhoods
from gaugeconv.mesh import TriMesh
from gaugeconv.reps import FieldType
from gaugeconv.verification.choose import Options, choose_subject, choose_tolerance
from gaugeconv.verification.controls import run_controls
from gaugeconv.verification.layer_subjects import MakeNeighborhoods
from gaugeconv.verification.report import VerifyReport
from gaugeconv.verification.runs import undisturbed
from gaugeconv.verification.subjects import Subject
from gaugeconv.verification.tally import Tally


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
) -> VerifyReport:
    """How much a module's output, layers and gradients depend on the choice of frames.

    With a mesh, every sample draws new frames at arbitrary angles, on arrays that hold the same surface
    with its faces shuffled and their corners rotated, *recomputes* neighbourhoods and input features
    from them, runs the module, transforms back and compares. γ is measured in space, from e1 and e2.
    That finds wrong transports and frames tied to the first edge of a vertex, which rotating stored
    numbers cannot. Neighbourhoods are rotated, and the report says that geometry was not checked.

    Args:
        module: a network with `prepare(mesh, frames)`, called with the result (its output is invariant
            unless it has an `out_type`); or a layer with `in_type` and `out_type`, called with features,
            and with neighbourhoods if its `forward` takes a second positional argument. It runs in
            evaluation mode and is left as it was: mode, weights, `.grad` and random states.
        mesh_or_neighborhoods: where. An intrinsic mesh will do for layers; it has no e1 in space, so γ is
            the angle by which the directions of edges turn.
        samples: number of random gauges.
        seed: of gauges, of the random field that a layer sees, of the loss.
        tolerance: largest relative error; by default 1e-5 for float32 and 1e-10 for float64 modules.
        radius: of a layer's neighbourhoods, in the mesh's unit; 3 mean edge lengths by default.
        neighborhoods: (mesh, radius, frames) → Neighborhoods in those frames: the geometry that a layer
            is verified with; `gaugeconv.neighborhoods` by default.
        in_type, out_type: types of a layer that does not have them.
        output: "faces" or "vertices": what the rows of a network's output are, where there are as many
            of one as of the other.

    Returns:
        A report. `passed` depends on errors alone: whether the output is within the tolerance, and every
        block of every typed layer, gradients and the weights after a step within ten of it. `has_teeth`
        says whether the controls (transports zeroed; orders ≥ 1 zeroed) changed the output.

    Raises:
        FieldTypeError: a module without types or `prepare`, or whose output does not fit its type.
        MeshError: a defective mesh; neighbourhoods for a module that prepares its own.
        ValueError: no samples, a seed out of range, an argument that would do nothing, no tolerance
            for the precision.
    """
    options = Options(
        radius=radius,
        neighborhoods=neighborhoods,
        in_type=in_type,
        out_type=out_type,
        output=output,
    )
    return _verified("gauge", module, mesh_or_neighborhoods, samples, seed, tolerance, options)


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
) -> VerifyReport:
    """How much a module's output and layers depend on the numbering of vertices, faces and corners.

    Every sample numbers vertices anew, shuffles faces, rotates their corners, recomputes canonical
    frames and everything else, and compares vertex by vertex and face by face. Gradients and controls
    are the gauge check's business and not repeated.

    Args:
        module: as for `verify`.
        mesh: the surface.
        samples: number of random numberings.
        seed, tolerance, radius, neighborhoods, in_type, out_type, output: as for `verify`.

    Raises:
        FieldTypeError, MeshError, ValueError: as for `verify`.
    """
    options = Options(
        radius=radius,
        neighborhoods=neighborhoods,
        in_type=in_type,
        out_type=out_type,
        output=output,
    )
    return _verified("relabelling", module, mesh, samples, seed, tolerance, options)


def _verified(
    claim: str,
    module: nn.Module,
    where: TriMesh | Neighborhoods,
    samples: int,
    seed: int,
    tolerance: float | None,
    options: Options,
) -> VerifyReport:
    _check_numbers(samples, seed)
    bound = choose_tolerance(module, tolerance)
    relabel = claim == "relabelling"
    subject = choose_subject(module, where, seed, relabel, options)
    rng = np.random.default_rng(seed)
    with undisturbed(module):
        tally = Tally(subject, seed, with_gradients=not relabel)
        for _ in range(samples):
            tally.add(subject.sample(rng))
        turned = subject.turned(rng)
        same_arrays = None if turned is None else tally.output_error(turned)
        controls = () if relabel else run_controls(tally, bound)
    checked, not_checked = _scope(subject, tally, relabel)
    return VerifyReport(
        claim=claim,
        module=type(module).__name__,
        surface=subject.surface,
        dtype=str(tally.reference.output.dtype).removeprefix("torch."),
        samples=samples,
        seed=seed,
        tolerance=bound,
        output=tally.output(),
        layers=tally.layers(),
        same_arrays=same_arrays,
        gradients=tally.gradients(),
        controls=controls,
        checked=checked,
        not_checked=not_checked,
    )


def _check_numbers(samples: int, seed: int) -> None:
    if samples < 1:
        raise ValueError(f"at least one sample is needed, got {samples}")
    if not 0 <= seed < 2**63:
        raise ValueError(f"seed must lie in [0, 2^63), got {seed}")


def _scope(
    subject: Subject, tally: Tally, relabel: bool
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What was and was not checked, in words."""
    checked, not_checked = subject.scope()
    if tally.reference.gradients:
        checked.append("gradients of a random loss, and the weights after one step of descent")
    elif not relabel:
        not_checked.append("gradients: nothing to train")
    if tally.moved:
        not_checked.append(
            f"{_some(tally.moved)}: other vertices than in the reference, most likely tied distances "
            "that the order of the arrays decides; no matter of frames, but the output differs for it"
        )
    if tally.uncertain:
        not_checked.append(f"{_some(tally.uncertain)}: unclear which vertices the rows stand for")
    return tuple(checked), tuple(not_checked)


def _some(names: set[str]) -> str:
    shown = sorted(names)[:3]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more layers" if more else "")
