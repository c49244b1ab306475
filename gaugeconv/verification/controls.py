"""Controls: changes that must show in the output, or the verification could not have failed."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from gaugeconv.geometry import Neighborhoods
from gaugeconv.verification.compare import relative_rms, rms
from gaugeconv.verification.report import TEETH, Control
from gaugeconv.verification.runs import Run, run, trivial_only
from gaugeconv.verification.structures import map_neighborhoods
from gaugeconv.verification.subjects import Case, Subject


def run_controls(
    subject: Subject, case: Case, whole: Run, seed: int, tolerance: float
) -> tuple[Control, ...]:
    """The module run again with something taken away, in a gauge where it matters.

    In the reference gauge it might not: on a flat surface with aligned frames all transports are trivial.

    Args:
        subject: what is verified.
        case: its input in a random gauge.
        whole: what the module did with it.
        seed: of whatever the module draws.
        tolerance: of the output.
    """
    module, args = subject.module, case.args
    size = rms(whole.output) or 1.0

    def control(name: str, output: Tensor) -> Control:
        change = relative_rms(whole.output, output, size)
        return Control(name, change, change >= TEETH * tolerance)

    untransported = map_neighborhoods(args, lambda _, nb: _untransported(nb))
    found = [control("transports zeroed", run(module, untransported, seed).output)]
    if subject.group.reflections:
        unreflected = map_neighborhoods(args, lambda _, nb: _unreflected(nb))
        found.append(control("reflections dropped", run(module, unreflected, seed).output))
    # zeros in the output itself would show without proving that anything depends on them
    final = {layer.layer for layer in whole.layers.values() if layer.final}
    with trivial_only(module, final | {type(module).__name__}):
        scalars = run(module, args, seed).output
    return (*found, control("non-trivial irreps zeroed", scalars))


def _untransported(nb: Neighborhoods) -> Neighborhoods:
    """Every transport the identity."""
    return replace(_unreflected(nb), transport=torch.zeros_like(nb.transport), _memo={})


def _unreflected(nb: Neighborhoods) -> Neighborhoods:
    """R(φ) in place of R(φ) S^flip."""
    return replace(nb, flip=torch.zeros_like(nb.flip), _memo={})
