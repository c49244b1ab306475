"""One verification from the arguments to the report, whatever the claim."""

from __future__ import annotations

import numpy as np
from torch import nn

from gaugeconv.errors import OptionError
from gaugeconv.geometry import Neighborhoods
from gaugeconv.mesh import TriMesh
from gaugeconv.verification.choose import Options, choose_subject, choose_tolerance
from gaugeconv.verification.controls import run_controls
from gaugeconv.verification.report import Control, VerifyReport
from gaugeconv.verification.runs import types_of, undisturbed
from gaugeconv.verification.subjects import Subject
from gaugeconv.verification.tally import Tally
from gaugeconv.verification.wording import Claim


def verified(
    claim: Claim,
    module: nn.Module,
    where: TriMesh | Neighborhoods,
    samples: int,
    seed: int,
    tolerance: float | None,
    options: Options,
) -> VerifyReport:
    """Runs the module on the reference and all samples, and reports what differs; see `verify`."""
    _check_numbers(samples, seed)
    bound = choose_tolerance(module, tolerance)
    subject = choose_subject(module, where, seed, claim, options)
    with undisturbed(module):
        tally, same_arrays, controls = _tallied(subject, claim, samples, seed, bound)
    checked, not_checked = _scope(subject, tally, claim)
    return VerifyReport(
        claim=claim,
        module=type(module).__name__,
        surface=subject.surface,
        group=subject.group.name,
        symmetry=claim != "mirror" or subject.group.reflections,
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


def _tallied(
    subject: Subject, claim: Claim, samples: int, seed: int, bound: float
) -> tuple[Tally, float | None, tuple[Control, ...]]:
    """All samples; of the gauge check the error on unchanged arrays and the controls as well."""
    rng = np.random.default_rng(seed)
    tally = Tally(subject, seed, with_gradients=claim == "gauge")
    for _ in range(samples):
        tally.add(subject.sample(rng))
    if claim != "gauge":
        return tally, None, ()
    turned = subject.turned(rng)
    case = subject.sample(rng) if turned is None else turned
    whole, error = tally.run(case)
    controls = run_controls(subject, case, whole, seed, bound)
    return tally, None if turned is None else error, controls


def _check_numbers(samples: int, seed: int) -> None:
    if samples < 1:
        raise OptionError(f"at least one sample is needed, got {samples}")
    if not 0 <= seed < 2**63:
        raise OptionError(f"seed must lie in [0, 2^63), got {seed}")


def _scope(subject: Subject, tally: Tally, claim: Claim) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What was and was not checked, in words."""
    checked, not_checked = subject.scope()
    groups = sorted({t.group.name for t in types_of(subject.module)} - {subject.group.name})
    if groups:
        checked.append(f"{subject.group} alone, though types inside are of {' and '.join(groups)}")
    if tally.reference.gradients:
        checked.append("gradients of a random loss, and the weights after one step of descent")
    elif claim == "gauge":
        not_checked.append("gradients: nothing to train")
    if tally.moved:
        not_checked.append(
            f"{_some(tally.moved)}: other vertices than in the reference, most likely tied distances "
            "that the order of the arrays decides; no matter of frames, but the output differs for it"
        )
    if tally.foreign:
        names = _some(tally.foreign)
        not_checked.append(f"{names}: {subject.group} does not act on their features")
    if tally.uncertain:
        not_checked.append(f"{_some(tally.uncertain)}: unclear which vertices the rows stand for")
    return tuple(checked), tuple(not_checked)


def _some(names: set[str]) -> str:
    shown = sorted(names)[:3]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more layers" if more else "")
