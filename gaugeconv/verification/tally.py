"""Keeping the largest errors over all samples."""

from __future__ import annotations

import torch
from torch import Tensor

from gaugeconv.reps import Block, FieldType
from gaugeconv.verification.compare import (
    Alignment,
    Deviation,
    block_deviations,
    deviation,
    layer_rows,
    output_rows,
    relative_rms,
    rms,
    scale_of,
)
from gaugeconv.verification.report import BlockError, GradientError, LayerError, OutputError
from gaugeconv.verification.runs import Run, run
from gaugeconv.verification.subjects import FACES, Case, Subject

STEP = 0.1
"""Size of the step of gradient descent: norm of the update over norm of the weights."""


class Tally:
    """The reference run of a subject, and the largest deviations of the samples from it.

    Args:
        subject: what is verified.
        seed: of the loss, and of whatever the module draws.
        with_gradients: whether gradients are compared as well.

    Attributes:
        case, reference: the reference's input and what the module did with it.
        foreign: layers with features that the subject's group does not act on.
        uncertain: layers whose rows may stand for several sets of vertices, or for none.
        moved: layers whose rows stand for other vertices in some sample.
    """

    def __init__(self, subject: Subject, seed: int, with_gradients: bool) -> None:
        self.subject, self.seed = subject, seed
        self.case = subject.reference()
        self._loss = torch.zeros(0)
        weigh = self._draw_loss if with_gradients else None
        self.reference = run(subject.module, self.case.args, seed, weigh)
        self._rows = output_rows(subject, self.case, self.reference.output)
        layers = {n: v for n, v in self.reference.layers.items() if not v.repeated}
        acting = subject.group.is_subgroup_of
        self.foreign = {n for n, v in layers.items() if not acting(v.field_type.group)}
        layers = {n: v for n, v in layers.items() if n not in self.foreign}
        self._layer_rows = {name: layer_rows(self.case, layer) for name, layer in layers.items()}
        self.uncertain = {name for name, rows in self._layer_rows.items() if rows is None}
        self.moved: set[str] = set()
        self._output = Deviation(0.0, None)
        self._blocks: dict[str, list[Deviation]] = {}
        self._gradient, self._parameter, self._step = 0.0, "", 0.0

    def add(self, case: Case) -> None:
        """Runs the module on a sample and notes where it deviates further than all before."""
        needed = {name for name in (self._rows, *self._layer_rows.values()) if name is not None}
        alignments = {name: Alignment.between(name, self.case, case) for name in needed}
        own = None if self._rows is None else alignments[self._rows]

        def loss_weights(_: Tensor) -> Tensor:
            return self._loss if own is None else own.forth(self._loss, self.subject.out_type)

        comparable = own is not None or self._rows is None
        weigh = loss_weights if self.reference.gradients and comparable else None
        sample = run(self.subject.module, case.args, self.seed, weigh)
        found = self._deviation(sample.output, own)
        if self._output.row is None or found.error > self._output.error:
            self._output = found
        self._add_gradients(sample)
        for name, rows in self._layer_rows.items():
            if rows is not None:
                self._add_layer(name, sample, alignments[rows])

    def run(self, case: Case) -> tuple[Run, float]:
        """What the module does in one case, and the output's error, without noting anything."""
        own = None if self._rows is None else Alignment.between(self._rows, self.case, case)
        found = run(self.subject.module, case.args, self.seed)
        return found, self._deviation(found.output, own).error

    def output(self) -> OutputError:
        """The error of the output."""
        rows = "mesh" if self._rows is None else "faces" if self._rows == FACES else "vertices"
        return OutputError(self._output.error, rows, self._output.row)

    def layers(self) -> tuple[LayerError, ...]:
        """The errors of all layers that could be compared."""
        found = []
        for name, deviations in self._blocks.items():
            layer, on_faces = self.reference.layers[name], self._layer_rows[name] == FACES
            blocks = tuple(
                _block_error(block, d.error, None if on_faces else d.row)
                for block, d in zip(layer.field_type.blocks, deviations, strict=True)
            )
            found.append(LayerError(name, layer.kind, str(layer.field_type), blocks))
        return tuple(found)

    def gradients(self) -> GradientError | None:
        """The error of the gradients, if there are any."""
        if not self.reference.gradients:
            return None
        return GradientError(self._gradient, self._parameter, self._step)

    def _draw_loss(self, output: Tensor) -> Tensor:
        generator = torch.Generator().manual_seed(self.seed)
        self._loss = torch.randn(output.shape, generator=generator, dtype=torch.float64)
        return self._loss

    def _deviation(self, output: Tensor, own: Alignment | None) -> Deviation:
        """Of the output, in the reference's rows and gauge; infinite if its rows are others."""
        reference = self.reference.output.cpu().double()
        if output.shape != reference.shape or (own is None and self._rows is not None):
            return Deviation(torch.inf, None)
        scale = scale_of(rms(reference), 0.0, output.dtype)
        if own is None:  # one row for the whole mesh
            value = output.cpu().double().reshape(1, -1)
            return Deviation(deviation(reference.reshape(1, -1), value, scale).error, None)
        error, row = deviation(reference, own.back(output, self.subject.out_type), scale)
        return Deviation(error, None if row is None else int(own.rows[row]))

    def _add_layer(self, name: str, sample: Run, alignment: Alignment | None) -> None:
        reference, other = self.reference.layers[name], sample.layers.get(name)
        if alignment is None or other is None or other.value.shape != reference.value.shape:
            self.moved.add(name)
            return
        field_type: FieldType = reference.field_type
        value = alignment.back(other.value, field_type)
        dtype = reference.value.dtype
        found = block_deviations(reference.value.cpu().double(), value, field_type, dtype)
        found = [
            Deviation(d.error, None if d.row is None else int(alignment.rows[d.row])) for d in found
        ]
        before = self._blocks.get(name, found)
        self._blocks[name] = [
            max(pair, key=lambda d: d.error) for pair in zip(before, found, strict=True)
        ]

    def _add_gradients(self, sample: Run) -> None:
        reference = self.reference.gradients
        if not sample.gradients:
            return
        weights = dict(self.subject.module.named_parameters())
        whole = rms(torch.cat([g.flatten() for g in reference.values()]))
        size = rms(torch.cat([weights[name].detach().flatten() for name in reference]))
        rate = STEP * size / whole if whole > 0 else 0.0
        for name, gradient in reference.items():
            other = sample.gradients[name]
            scale = scale_of(rms(gradient), whole, gradient.dtype)
            error = relative_rms(_column(gradient), _column(other), scale)
            if error > self._gradient or not self._parameter:
                self._gradient, self._parameter = error, name
            start = weights[name].detach()
            here, there = _column(start - rate * gradient), _column(start - rate * other)
            self._step = max(self._step, deviation(here, there, size or 1.0).error)


def _block_error(block: Block, error: float, vertex: int | None) -> BlockError:
    rep = block.representation
    order = block.order if rep.is_irrep else None
    return BlockError(block.multiplicity, rep.name, order, error, vertex)


def _column(value: Tensor) -> Tensor:
    return value.detach().cpu().double().reshape(-1, 1)
