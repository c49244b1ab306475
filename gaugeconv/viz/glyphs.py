"""What is drawn on a surface: vectors and order-n features, frames, transported vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64
from numpy.typing import ArrayLike

from gaugeconv.errors import DataError
from gaugeconv.geometry import Frames, LogMap, farthest_point_sample
from gaugeconv.viz.surface import vertex_values

Color = tuple[int, int, int]

FIRST, SECOND = (200, 36, 60), (28, 88, 200)
"""Colours of e1 and e2."""
COLORS: tuple[Color, ...] = ((22, 26, 34), (116, 50, 168), (18, 110, 60), (150, 80, 0))
"""Colours of vector fields, in the order they are added."""

STRONG = 95
"""Percentile of the lengths that is drawn at full length; longer ones grow to twice that and no more."""


@dataclass(frozen=True, eq=False)
class Strokes:
    """N straight strokes of one colour in space, each as wide as given at its start and its end.

    Attributes:
        label: plain text for the legend.
        color: sRGB, 0–255.
        start, end: (N, 3) in the mesh's coordinates.
        width: (N, 2) at start and end, in the mesh's unit.
    """

    label: str
    color: Color
    start: Float64[np.ndarray, "N 3"]
    end: Float64[np.ndarray, "N 3"]
    width: Float64[np.ndarray, "N 2"]


@dataclass(frozen=True, eq=False)
class Glyphs:
    """One layer of strokes that is shown or hidden as a whole.

    Attributes:
        name: plain text.
        strokes: groups of one colour.
        lift: how far towards the eye strokes are moved before the surface may hide them.
        values: (V, C) components per vertex, NaN where there are none; None when nothing is to be said.
    """

    name: str
    strokes: tuple[Strokes, ...]
    lift: float
    values: Float64[np.ndarray, "V C"] | None = None


def vector_glyphs(
    name: str, values: ArrayLike, frames: Frames, order: int, count: int, color: Color
) -> Glyphs:
    """Arrows of a vector field, or n arms of an order-n field; see `Scene.add_vectors`.

    A feature of order n, components ρ (cos nα, sin nα), stands for the n directions α + 2πk/n.

    Raises:
        DataError: wrong shape, values that are not finite, or an order or count below 1.
    """
    components = vertex_values(name, values, frames.mesh.num_vertices, 2)
    if order < 1:
        raise DataError(
            f"field {name!r} has order {order}: draw order 0 as a scalar, others are ≥ 1"
        )
    chosen, spacing = _spread(frames, count)
    length = np.hypot(*components[chosen].T)
    full = np.percentile(length, STRONG) or length.max()
    chosen, length = chosen[length > 0], length[length > 0]
    size = np.minimum(length / full, 2) * spacing * (0.9 if order == 1 else 0.5)
    angle = np.arctan2(components[chosen, 1], components[chosen, 0]) / order
    turns = [angle + 2 * np.pi * k / order for k in range(order)]
    vectors = np.concatenate([size[:, None] * _direction(frames, chosen, a) for a in turns])
    bases = np.tile(frames.mesh.vertices[chosen], (order, 1))
    draw = _arrows if order == 1 else _arms
    title = name if order == 1 else f"{name} (order {order})"
    strokes = draw(title, color, bases, vectors, spacing)
    return Glyphs(title, (strokes,), 0.4 * spacing, components)


def frame_glyphs(frames: Frames, count: int) -> Glyphs:
    """e1 and e2 as arrows; see `Scene.add_frames`.

    Raises:
        DataError: the count is below 1.
    """
    chosen, spacing = _spread(frames, count)
    bases = frames.mesh.vertices[chosen]
    strokes = tuple(
        _arrows(label, color, bases, 0.5 * spacing * vectors[chosen], spacing)
        for label, color, vectors in (("e1", FIRST, frames.e1), ("e2", SECOND, frames.e2))
    )
    return Glyphs("frames", strokes, 0.4 * spacing)


def transport_glyphs(log: LogMap, frames: Frames, vector: ArrayLike | Sequence[float]) -> Glyphs:
    """One vector at the centre of a log map, and what parallel transport makes of it.

    Components v at p become S^flip R(−φ_{p←q}) v at q; see `Scene.add_transport`.

    Raises:
        DataError: the vector is not two finite numbers, or zero.
    """
    v = np.asarray(vector, dtype=np.float64)
    if v.shape != (2,) or not np.isfinite(v).all() or not v.any():
        raise DataError(f"the vector to transport is {v.tolist()}; give two numbers, not both zero")
    angle = np.arctan2(v[1], v[0]) - log.transport
    angle = np.where(log.flip, -angle, angle)
    mesh = frames.mesh
    spacing = float(np.sqrt(mesh.vertex_areas[log.vertex].mean()))
    values = np.full((mesh.num_vertices, 2), np.nan)
    values[log.vertex] = np.hypot(*v) * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    vectors = 0.85 * spacing * _direction(frames, log.vertex, angle)
    bases, at_center = mesh.vertices[log.vertex], log.vertex == log.center
    strokes = (
        _arrows("transported", COLORS[0], bases[~at_center], vectors[~at_center], spacing),
        _arrows(
            f"at vertex {log.center}", FIRST, bases[at_center], 2 * vectors[at_center], 2 * spacing
        ),
    )
    return Glyphs(f"transport from vertex {log.center}", strokes, 0.4 * spacing, values)


def _spread(frames: Frames, count: int) -> tuple[Int64[np.ndarray, " N"], float]:
    """Vertices to draw at, spread evenly, and the distance between them."""
    if count < 1:
        raise DataError(f"the number of vertices to draw at must be at least 1, got {count}")
    chosen = farthest_point_sample(frames.mesh, count)
    return chosen, float(np.sqrt(frames.mesh.area / len(chosen)))


def _direction(
    frames: Frames, vertex: Int64[np.ndarray, " N"], angle: Float64[np.ndarray, " N"]
) -> Float64[np.ndarray, "N 3"]:
    """Unit vectors in space of angles in the frames."""
    cosine, sine = np.cos(angle)[:, None], np.sin(angle)[:, None]
    return cosine * frames.e1[vertex] + sine * frames.e2[vertex]


def _arrows(
    label: str,
    color: Color,
    base: Float64[np.ndarray, "N 3"],
    vector: Float64[np.ndarray, "N 3"],
    spacing: float,
) -> Strokes:
    """Shafts, then heads: strokes that narrow to nothing."""
    length = np.linalg.norm(vector, axis=1)
    head = np.minimum(0.3 * spacing, 0.5 * length)
    neck = base + vector * (1 - head / length)[:, None]
    thin = np.minimum(0.07 * spacing, 0.3 * head)
    return Strokes(
        label,
        color,
        np.concatenate([base, neck]),
        np.concatenate([neck, base + vector]),
        np.concatenate([np.stack([thin, thin], 1), np.stack([0.85 * head, 0 * head], 1)]),
    )


def _arms(
    label: str,
    color: Color,
    base: Float64[np.ndarray, "N 3"],
    vector: Float64[np.ndarray, "N 3"],
    spacing: float,
) -> Strokes:
    """Plain strokes from the vertex outwards."""
    width = np.full((len(base), 2), 0.08 * spacing)
    return Strokes(label, color, base, base + vector, width)
