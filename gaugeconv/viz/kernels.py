"""Steerable kernels as small multiples: what K(X) makes of each input, drawn at points X of the disk."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor

from gaugeconv.errors import DataError
from gaugeconv.reps import FieldType, SteerableKernels

PANELS = 160
"""Of the solutions, as many are drawn as fit into so many panels."""
CIRCLES = 5
"""Points lie at the centre and on circles of radius 1/5 … 4/5, with 6, 12, … points: K(R) is zero."""


class Component(NamedTuple):
    """Columns of a feature that are drawn together.

    Attributes:
        label: which channel of which block.
        columns: two for an irrep of order n ≥ 1 with two components, else one.
        order: n for two columns, 0 for a number.
    """

    label: str
    columns: slice
    order: int


@dataclass(frozen=True, eq=False)
class Panel:
    """One input component to one output channel.

    Attributes:
        values: (N, 1) or (N, 2) at the points, relative to the largest of the kernel.
        order: of the output; 0 for one number.
    """

    values: Float64[np.ndarray, "N c"]
    order: int


@dataclass(frozen=True, eq=False)
class Row:
    """One kernel: its label and a panel for each column of the grid."""

    label: str
    panels: tuple[Panel, ...]


class KernelGrid:
    """Kernels between two field types as a grid: kernels down, inputs and outputs across.

    A panel shows B_R in the tangent plane, e1 to the right. At each point X it draws K(X) v for a unit
    input v: an arrow, or n arms for an output of order n, or a disc, red or blue by its sign, for one
    number (each component of a regular representation). Sizes are relative to the largest of the row.

    The kernels are the basis H_1, H_2, … of the solutions, with equal weight on all rings, then the
    intertwiners C_1, … at the centre; or the one kernel whose coordinates are given. Turning the disk
    with the gauge turns inputs and outputs, K(kX) = η(k) K(X) ρ(k⁻¹): that is what the pictures show.

    Args:
        space: the kernels between two types of any group.
        rings: (num, size) coordinates of one kernel, together with `center`.
        center: (num_center,) coordinates of its intertwiner.
        title: heading, plain text; names the types when None.

    Attributes:
        title, subtitle: plain text.
        columns: labels of the columns.
        points: (N, 2) where kernels are drawn, in units of R.
        rows: the kernels.

    Raises:
        DataError: one of `rings` and `center` without the other, or there are no kernels.
        FieldTypeError: they do not have the shapes of the space.
    """

    def __init__(
        self,
        space: SteerableKernels,
        rings: Float[Tensor, "num size"] | None = None,
        center: Float[Tensor, " num_center"] | None = None,
        title: str | None = None,
    ) -> None:
        self.title = title or f"Kernels from {space.in_type} to {space.out_type}"
        self.points = _points()
        outputs = _components(space.out_type)
        inputs = _inputs(space.in_type)
        self.columns = tuple(f"{i} → {o.label}" for i in inputs for o in outputs)
        chosen = _kernels(space, rings, center)
        fitting = chosen[: max(1, PANELS // len(self.columns))]
        self.rows = tuple(
            Row(label, _panels(space, self.points, r, c, outputs)) for label, r, c in fitting
        )
        self.subtitle = f"group {space.group}, {space.size} solutions on a ring"
        if len(fitting) < len(chosen):
            self.subtitle += f"; the first {len(fitting)} of {len(chosen)} kernels"

    def write_html(self, path: str | os.PathLike[str]) -> Path:
        """Writes one self-contained page with values under the pointer.

        Raises:
            OSError: the file cannot be written.
        """
        from gaugeconv.viz.kernel_page import write_kernel_page

        return write_kernel_page(path, self)

    def save_png(self, path: str | os.PathLike[str], panel: int = 130) -> Path:
        """Writes a picture, without a browser or a display. Needs the extra `[viz]`.

        Args:
            path: the file to write.
            panel: side of a panel in pixels.

        Raises:
            DataError: matplotlib is not installed, or the picture would be empty or too large.
            OSError: the file cannot be written.
        """
        from gaugeconv.viz.kernel_picture import write_kernel_picture

        return write_kernel_picture(path, self, panel)


def _points() -> Float64[np.ndarray, "N 2"]:
    """The centre and circles round it, about equally dense everywhere."""
    points = [np.zeros((1, 2))]
    for k in range(1, CIRCLES):
        angle = 2 * np.pi * np.arange(6 * k) / (6 * k)
        points.append(k / CIRCLES * np.stack([np.cos(angle), np.sin(angle)], axis=1))
    return np.concatenate(points)


def _components(field_type: FieldType) -> list[Component]:
    """The columns of a type, in pairs where they are the components of an irrep of order n ≥ 1."""
    found = []
    for block in field_type.blocks:
        rep, dim = block.representation, block.components
        paired = rep.is_irrep and dim == 2
        for k in range(block.multiplicity):
            name = rep.name if block.multiplicity == 1 else f"{rep.name}.{k}"
            start = block.slice.start + k * dim
            if paired:
                found.append(Component(name, slice(start, start + 2), block.order))
                continue
            for i in range(dim):
                label = name if dim == 1 else f"{name}[{i}]"
                found.append(Component(label, slice(start + i, start + i + 1), 0))
    return found


def _inputs(field_type: FieldType) -> list[str]:
    """A label for every single component."""
    return [
        f"{c.label}{axis}"
        for c in _components(field_type)
        for axis in (("[x]", "[y]") if c.order else ("",))
    ]


def _kernels(
    space: SteerableKernels, rings: Tensor | None, center: Tensor | None
) -> list[tuple[str, Tensor, Tensor]]:
    """Label and coordinates of the kernels to draw."""
    if (rings is None) != (center is None):
        raise DataError("a kernel has coordinates `rings` and `center`: give both or neither")
    if rings is not None and center is not None:
        return [("K", rings.detach().double().cpu(), center.detach().double().cpu())]
    num, size = space.rings_shape
    count = space.intertwiners.size
    if size + count == 0:
        raise DataError(f"there are no kernels from {space.in_type!r} to {space.out_type!r}")
    unit, none = torch.eye(size + count, dtype=torch.float64), torch.zeros(num, 1).double()
    return [
        (
            f"H{k + 1}" if k < size else f"C{k - size + 1}",
            none + unit[k, :size],
            unit[k, size:],
        )
        for k in range(size + count)
    ]


def _panels(
    space: SteerableKernels,
    points: Float64[np.ndarray, "N 2"],
    rings: Tensor,
    center: Tensor,
    outputs: list[Component],
) -> tuple[Panel, ...]:
    """Every input component with every output channel."""
    rho = torch.from_numpy(np.hypot(*points.T))
    theta = torch.from_numpy(np.arctan2(points[:, 1], points[:, 0]))
    kernel = space.evaluate(rings, center, rho, theta).double().numpy()
    sizes = [np.linalg.norm(kernel[:, o.columns], axis=1).max(initial=0) for o in outputs]
    kernel = kernel / (max(sizes) or 1.0)
    return tuple(
        Panel(kernel[:, o.columns, column], o.order)
        for column in range(kernel.shape[2])
        for o in outputs
    )
