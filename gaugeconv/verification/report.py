"""What a verification found."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from typing import Any

TEETH = 100
"""A control has teeth when it changes the output by at least this many tolerances."""

INNER = 10
"""Layers and gradients may deviate by this many tolerances: normalisations divide by features that
happen to be small at some vertex, and gradients are sums over all vertices with much cancellation. A
fault is far above either: 1e-2 and more is usual."""


@dataclass(frozen=True)
class BlockError:
    """The largest error of one block of a layer's output.

    Attributes:
        multiplicity, name: the block, copies of a representation ("1", "0-", "reg").
        order: angular order, where the representation is one irrep.
        error: largest |difference| over the block's RMS, over all samples; a block whose RMS is below
            a share of the whole layer's (0.1 in float32, 1e-4 in float64) is measured against that
            share, for it may be what is left when larger numbers cancel.
        vertex: mesh vertex where it is (None for outputs on faces).
    """

    multiplicity: int
    name: str
    order: int | None
    error: float
    vertex: int | None

    @property
    def kind(self) -> str:
        """The block as in a field type."""
        return f"{self.multiplicity}x{self.name}"

    def __str__(self) -> str:
        return f"{self.kind} {self.error:.1e}"


@dataclass(frozen=True)
class LayerError:
    """The errors of one typed layer, in the order of computation.

    Attributes:
        name: qualified name in the module.
        kind: class of the layer.
        field_type: type of its output.
        blocks: one entry per block of the type.
    """

    name: str
    kind: str
    field_type: str
    blocks: tuple[BlockError, ...]

    @property
    def worst(self) -> BlockError:
        """The block with the largest error."""
        return max(self.blocks, key=lambda block: block.error)

    @property
    def error(self) -> float:
        """The largest error of any block."""
        return self.worst.error


@dataclass(frozen=True)
class OutputError:
    """The largest error of the module's output.

    Attributes:
        error: largest |difference| over the output's RMS (over 1 if that is 0), over all samples.
        rows: "vertices", "faces" or "mesh": what a row of the output stands for.
        index: the vertex or face where the error is.
    """

    error: float
    rows: str
    index: int | None


@dataclass(frozen=True)
class GradientError:
    """How much training depends on the gauge.

    Attributes:
        error: RMS of a parameter's gradient's difference over the gradient's RMS, the largest of all;
            gradients much smaller than the rest are measured like the small blocks of `BlockError`.
        parameter: which one.
        step: largest |difference| of the weights after one step of gradient descent that changes them
            by a tenth, over the weights' RMS.
    """

    error: float
    parameter: str
    step: float


@dataclass(frozen=True)
class Control:
    """The module run again with something taken away that the output should depend on.

    Attributes:
        name: what was taken away.
        change: RMS of the output's change over the output's RMS.
        has_teeth: whether that is at least 100 tolerances.
    """

    name: str
    change: float
    has_teeth: bool


@dataclass(frozen=True)
class VerifyReport:
    """The result of a verification; `str()` is a page to read.

    Attributes:
        claim: what should not matter: "gauge", "relabelling", "rigid motion" or "mirror".
        module, surface, dtype: what it was tested on.
        group: the structure group, from which changes of gauge were drawn.
        symmetry: whether theory says that the output follows. It says nothing of mirrored surfaces and
            groups without reflections: then errors are how far the output moves, and nothing fails.
        samples, seed, tolerance: as asked for.
        output: error of the output.
        layers: errors of the typed layers, in the order of computation.
        same_arrays: error of the output when frames turn on the mesh's arrays as they are, a diagnosis:
            if it is small and that of the samples is not, something is tied to the order of the arrays.
            None where samples do not rebuild the mesh to turn its frames.
        gradients: None where there is nothing to train, or where the claim is not about the gauge.
        controls: empty where the claim is not about the gauge.
        checked, not_checked: in words.

    A control without teeth does not make `passed` false: a network of scalars is gauge invariant. But it
    says that the check could not have failed in that way; ask `has_teeth` before relying on it.
    """

    claim: str
    module: str
    surface: str
    group: str
    symmetry: bool
    dtype: str
    samples: int
    seed: int
    tolerance: float
    output: OutputError
    layers: tuple[LayerError, ...]
    same_arrays: float | None
    gradients: GradientError | None
    controls: tuple[Control, ...]
    checked: tuple[str, ...]
    not_checked: tuple[str, ...]

    @property
    def max_relative_error(self) -> float:
        """The largest error of the output, over its RMS."""
        return self.output.error

    @property
    def passed(self) -> bool:
        """Whether the output is within the tolerance, and all else within `inner_tolerance`.

        True as well where nothing is claimed, see `symmetry`.
        """
        if not self.symmetry:
            return True
        inner = [layer.error for layer in self.layers]
        if self.gradients is not None:
            inner += [self.gradients.error, self.gradients.step]
        within = all(error <= self.inner_tolerance for error in inner)
        return within and self.output.error <= self.tolerance

    @property
    def inner_tolerance(self) -> float:
        """For every block of every layer, gradients and the step: 10 tolerances."""
        return INNER * self.tolerance

    @property
    def has_teeth(self) -> bool:
        """Whether every control changed the output."""
        return all(control.has_teeth for control in self.controls)

    @property
    def first_failure(self) -> LayerError | None:
        """The first layer in the order of computation past `inner_tolerance`: the likely culprit."""
        return next((v for v in self.layers if not v.error <= self.inner_tolerance), None)

    @property
    def worst_vertex(self) -> int | None:
        """The mesh vertex with the largest error of the output or, failing that, of any layer."""
        if self.output.rows == "vertices":
            return self.output.index
        blocks = [block for layer in self.layers for block in layer.blocks]
        named = [block for block in blocks if block.vertex is not None]
        return max(named, key=lambda block: block.error).vertex if named else None

    def to_json(self) -> str:
        """As one JSON object; a number that is not finite becomes null."""
        derived = {
            "passed": self.passed,
            "inner_tolerance": self.inner_tolerance,
            "has_teeth": self.has_teeth,
            "max_relative_error": self.max_relative_error,
            "worst_vertex": self.worst_vertex,
        }
        return json.dumps(_finite({**derived, **asdict(self)}), allow_nan=False)

    def __str__(self) -> str:
        from gaugeconv.verification.text import page

        return page(self)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
