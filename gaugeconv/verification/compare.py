"""Comparing what a module did in two gauges, row by row and block by block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from gaugeconv.errors import FieldTypeError
from gaugeconv.reps import Element, FieldType
from gaugeconv.verification.gauges import act
from gaugeconv.verification.runs import LayerOutput
from gaugeconv.verification.subjects import FACES, VERTICES, Case, Rows, Subject

FLOOR = {torch.float64: 1e-4, torch.float32: 0.1}
"""A block smaller than this share of the whole is measured against that share of the whole: it may be
what is left when larger numbers cancel, and its rounding is then that of the larger numbers."""


class Deviation(NamedTuple):
    """The largest relative error, and the row where it is (an index of the reference mesh)."""

    error: float
    row: int | None


@dataclass(frozen=True, eq=False)
class Alignment:
    """How the rows of a tensor in a sample relate to those of the reference.

    Attributes:
        name: the row set, "faces" or a set of vertices.
        rows: (N,) what the reference's rows stand for.
        index: (N,) the sample's row for each of the reference's rows.
        change: (N,) k at the reference's rows; None for faces.
    """

    name: str
    rows: Rows
    index: Rows
    change: Element | None

    @classmethod
    def between(cls, name: str, reference: Case, sample: Case) -> Alignment | None:
        """For a row set that both have; None where they differ in more than the order."""
        rows, other = reference.rows[name], sample.rows.get(name)
        if other is None or len(other) != len(rows):
            return None
        order, other_order = np.argsort(rows), np.argsort(other)
        if not np.array_equal(rows[order], other[other_order]):
            return None
        index = np.zeros_like(order)
        index[order] = other_order
        if name == FACES:
            return cls(name, rows, index, None)
        at = torch.from_numpy(rows)
        return cls(name, rows, index, Element(sample.change.gamma[at], sample.change.reflect[at]))

    def back(self, value: Tensor, field_type: FieldType | None) -> Float[Tensor, "*batch N d"]:
        """A sample's tensor, in the reference's order of rows and the reference's gauge (float64)."""
        index = torch.from_numpy(self.index)
        back = None if self.change is None else self.change.inverse()
        return _transform(value.detach().cpu().double()[..., index, :], field_type, back)

    def forth(self, value: Tensor, field_type: FieldType | None) -> Float[Tensor, "*batch N d"]:
        """A tensor in the reference's order and gauge, in those of the sample."""
        inverse = torch.from_numpy(np.argsort(self.index))
        return _transform(value.cpu().double(), field_type, self.change)[..., inverse, :]


def _transform(value: Tensor, field_type: FieldType | None, change: Element | None) -> Tensor:
    if change is None or field_type is None:
        return value
    return act(field_type, value, change)


def output_rows(subject: Subject, case: Case, output: Tensor) -> str | None:
    """The name of the row set that the output lives on; None if it is one row for the whole mesh.

    Raises:
        FieldTypeError: the output fits none of the subject's row sets, or two that differ, or its
            columns are not those of the type.
    """
    field_type, count = subject.out_type, output.shape[-2] if output.ndim > 1 else None
    who = type(subject.module).__name__
    if field_type is not None and output.shape[-1:] != (field_type.dim,):
        raise FieldTypeError(
            f"{who} promises features of type '{field_type}' ({field_type.dim} columns), "
            f"but returned a tensor of shape {tuple(output.shape)}"
        )
    fitting = [name for name in subject.output_rows if len(case.rows[name]) == count]
    if len(fitting) == 1 and not (fitting == [FACES] and not _is_invariant(field_type)):
        return fitting[0]
    if len(fitting) > 1:
        raise FieldTypeError(
            f"{who} returned {count} rows on a mesh with as many faces as vertices; say which they "
            f"are with output='{FACES}' or output='{VERTICES}'"
        )
    if count in (None, 1) and _is_invariant(field_type):
        return None
    expected = " or ".join(f"{len(case.rows[n])} ({n})" for n in subject.output_rows)
    raise FieldTypeError(
        f"{who} returned a tensor of shape {tuple(output.shape)}, expected rows: {expected}"
    )


def layer_rows(case: Case, layer: LayerOutput) -> str | None:
    """The name of the row set that a layer's output lives on; None where that is not certain."""
    if layer.value.ndim < 2:
        return None
    count = layer.value.shape[-2]
    fitting = [n for n, rows in case.rows.items() if len(rows) == count and n != FACES]
    if fitting:
        first = case.rows[fitting[0]]
        same = all(np.array_equal(case.rows[name], first) for name in fitting)
        return fitting[0] if same else None
    if len(case.rows.get(FACES, ())) == count and _is_invariant(layer.field_type):
        return FACES
    return None


def _is_invariant(field_type: FieldType | None) -> bool:
    """Whether a change of gauge leaves features alone: all irreps are trivial."""
    if field_type is None:
        return True
    irreps = [irrep for block in field_type.blocks for irrep in block.representation.irreps]
    return all(irrep.is_trivial for irrep in irreps)


def rms(value: Tensor) -> float:
    """Root of the mean square, 0 for no numbers."""
    return float(value.double().square().mean().sqrt()) if value.numel() else 0.0


def deviation(
    reference: Float[Tensor, "*batch N d"], other: Float[Tensor, "*batch N d"], scale: float
) -> Deviation:
    """The largest |difference| over `scale`, and its row; infinite where a number is not finite."""
    if reference.numel() == 0:
        return Deviation(0.0, None)
    gap = (reference - other).abs() / scale
    gap = gap.nan_to_num(nan=torch.inf, posinf=torch.inf)
    by_row = gap.amax(dim=[d for d in range(gap.ndim) if d != gap.ndim - 2])
    return Deviation(float(by_row.max()), int(by_row.argmax()))


def relative_rms(reference: Tensor, other: Tensor, scale: float) -> float:
    """RMS of the difference over `scale`; infinite where a number is not finite."""
    error = rms(other - reference) / scale
    return error if np.isfinite(error) else np.inf


def scale_of(part: float, whole: float, dtype: torch.dtype) -> float:
    """What errors of a part are measured against, from its RMS and that of the whole; never 0."""
    scale = max(part, FLOOR.get(dtype, 0.1) * whole)
    return scale if np.isfinite(scale) and scale > 0 else 1.0


def block_deviations(
    reference: Float[Tensor, "*batch N dim"],
    other: Float[Tensor, "*batch N dim"],
    field_type: FieldType,
    dtype: torch.dtype,
) -> list[Deviation]:
    """One per block of the type, over that block's RMS."""
    whole = rms(reference)
    return [
        deviation(part, other[..., block.slice], scale_of(rms(part), whole, dtype))
        for block in field_type.blocks
        for part in (reference[..., block.slice],)
    ]
