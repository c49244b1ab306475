"""A verification as a page to read in a terminal."""

from __future__ import annotations

import torch

from gaugeconv.verification.compare import FLOOR
from gaugeconv.verification.report import VerifyReport

SHOWN = 12
"""Layers in the table; of more, those with the largest errors."""

TIED = 1e-3
"""An error that shrinks by this on unchanged arrays is tied to their order."""

_MEANING = {
    "gauge": "random frames",
    "relabelling": "random numberings of the mesh",
    "rigid motion": "random rigid motions",
    "mirror": "mirrored copies in random positions",
}


def page(report: VerifyReport) -> str:
    """Verdict first, then figures, layers, and what was and was not checked."""
    lines = [_verdict(report), *_figures(report), "", *_layers(report), ""]
    lines += [f"  checked      {text}" for text in report.checked]
    lines += [f"  NOT checked  {text}" for text in report.not_checked]
    return "\n".join(lines)


def _verdict(report: VerifyReport) -> str:
    head = f"{report.claim}: {_conclusion(report)}: {report.module} on {report.surface}"
    drawn = "" if report.group == "SO2" else f"{report.group}, "
    scope = f"  {report.samples} {_MEANING[report.claim]} ({drawn}seed {report.seed})"
    lines = [head, f"{scope}, {report.dtype}, tolerance {report.tolerance:.0e}"]
    if not report.symmetry:
        return "\n".join([*lines, f"  {_no_symmetry(report)}"])
    culprit = report.first_failure
    if culprit is not None:
        block = culprit.worst
        at = "" if block.vertex is None else f", worst at vertex {block.vertex}"
        where = f"{culprit.name} ({culprit.kind}), block {block.kind}{at}"
        lines.append(f"  first past the tolerance: {where}")
    if not report.passed and report.same_arrays is not None:
        steady = report.same_arrays <= TIED * report.output.error
        lines.append(f"  {_diagnosis(steady)}")
    return "\n".join(lines)


def _conclusion(report: VerifyReport) -> str:
    if not report.symmetry:
        return "no symmetry"
    verdict = "passed" if report.passed else "FAILED"
    return verdict if report.has_teeth else f"{verdict}, but not every control has teeth"


def _no_symmetry(report: VerifyReport) -> str:
    return (
        f"{report.group} has no reflections, so theory claims nothing here: a mirrored surface moves the "
        f"output by up\n  to {100 * report.output.error:.3g} % of its RMS, features read as those of the "
        "group with reflections"
    )


def _diagnosis(steady: bool) -> str:
    if not steady:
        return (
            "it fails on unchanged arrays too: layers, transports or features break the gauge law"
        )
    return (
        "it holds on unchanged arrays: what breaks it is tied to their order, such as frames to the "
        "first edge of a vertex, or a choice between exactly tied geodesics"
    )


def _figures(report: VerifyReport) -> list[str]:
    output = report.output
    place = {"vertices": "vertex", "faces": "face"}.get(output.rows)
    at = "" if place is None or output.index is None else f"{place} {output.index}"
    rows = [("output", f"{output.error:.1e}", at)]
    if report.same_arrays is not None:
        rows.append(("same arrays", f"{report.same_arrays:.1e}", "output, mesh not rebuilt"))
    if report.layers:
        layer = max(report.layers, key=lambda layer: layer.error)
        vertex = "" if layer.worst.vertex is None else f", vertex {layer.worst.vertex}"
        rows.append(("worst layer", f"{layer.error:.1e}", f"{layer.name}{vertex}"))
    if report.gradients is not None:
        gradients = report.gradients
        rows.append(("gradients", f"{gradients.error:.1e}", gradients.parameter))
        rows.append(("one SGD step", f"{gradients.step:.1e}", "difference of the new weights"))
    for control in report.controls:
        verdict = "" if control.has_teeth else ": no teeth, the output hardly depends on them"
        change = f"changes the output by {100 * control.change:.3g} %{verdict}"
        rows.append(("control", "", f"{control.name}: {change}"))
    return [f"  {name:<12} {figure:>8}  {text}".rstrip() for name, figure, text in rows]


def _layers(report: VerifyReport) -> list[str]:
    """The table of layers, in the order of computation."""
    layers = report.layers
    if not layers:
        return ["  no typed layers inside: layers are reported when they have an out_type"]
    shown = sorted(layers, key=lambda layer: layer.error, reverse=True)[:SHOWN]
    kept = [layer for layer in layers if layer in shown]
    width = max(len(layer.name) for layer in kept)
    lines = [f"  {'layer':<{width}}  vertex  block and largest error over its RMS *"]
    for layer in kept:
        vertex = "-" if layer.worst.vertex is None else str(layer.worst.vertex)
        blocks = "   ".join(str(block) for block in layer.blocks)
        lines.append(f"  {layer.name:<{width}}  {vertex:>6}  {blocks}")
    rest = len(layers) - len(kept)
    if rest > 0:
        lines.append(f"  … and {rest} more layers with smaller errors, all in report.layers")
    floor = FLOOR.get(getattr(torch, report.dtype), max(FLOOR.values()))
    lines.append(f"  * or over {floor:g} of the whole layer's RMS, where the block's is smaller")
    return lines
