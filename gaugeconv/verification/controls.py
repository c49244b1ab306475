"""Controls: changes that must show in the output, or the verification could not have failed."""

from __future__ import annotations

from dataclasses import replace

import torch

from gaugeconv.geometry import Neighborhoods
from gaugeconv.verification.compare import relative_rms, rms
from gaugeconv.verification.report import TEETH, Control
from gaugeconv.verification.runs import run, without_orders
from gaugeconv.verification.structures import map_neighborhoods
from gaugeconv.verification.tally import Tally


def run_controls(tally: Tally, tolerance: float) -> tuple[Control, ...]:
    """The reference with all transports zero, and with all components of order ≥ 1 zero."""
    module, args, reference = tally.subject.module, tally.case.args, tally.reference

    def control(name: str, output: torch.Tensor) -> Control:
        size = rms(reference.output)
        change = relative_rms(reference.output, output, size if size > 0 else 1.0)
        return Control(name, change, change >= TEETH * tolerance)

    without_transport = map_neighborhoods(args, lambda _, nb: _untransported(nb))
    zeroed = control("transports zeroed", run(module, without_transport, tally.seed).output)
    # zeros in the output itself would show without proving that anything depends on them
    final = {layer.layer for layer in reference.layers.values() if layer.final}
    with without_orders(module, final | {type(module).__name__}):
        scalars = control("orders ≥ 1 zeroed", run(module, args, tally.seed).output)
    return zeroed, scalars


def _untransported(nb: Neighborhoods) -> Neighborhoods:
    return replace(nb, transport=torch.zeros_like(nb.transport), _memo={})
