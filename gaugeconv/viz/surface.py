"""What colours a surface: parts, a scalar field, the polar coordinates of a logarithmic map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64, UInt8
from numpy.typing import ArrayLike

from gaugeconv.errors import DataError
from gaugeconv.geometry import Frames, log_map
from gaugeconv.mesh import TriMesh
from gaugeconv.viz.colors import ColorMap, color_map, label_colors

SECTORS, RINGS = 12, 5
"""The polar texture has a line every 30° and every fifth of the radius."""
STRETCH = 4.0
"""Faces whose log map is longer than they are by more than this lie across the cut locus."""


@dataclass(frozen=True, eq=False)
class Parts:
    """A label per face: (F,) integers −1 … K − 1 with K names and colours. Gauge invariant."""

    labels: Int64[np.ndarray, " F"]
    names: tuple[str, ...]
    colors: UInt8[np.ndarray, "K 3"]
    name: str = "Parts"


@dataclass(frozen=True, eq=False)
class Scalar:
    """A number per vertex, drawn in the colours of a map from `low` to `high`.

    Attributes:
        name: plain text.
        values: (V,) finite; drawn as `low` or `high` where they are outside.
        low, high: the ends of the colour bar, low < high.
        colors: (256, 3) sRGB.
    """

    name: str
    values: Float64[np.ndarray, " V"]
    low: float
    high: float
    colors: UInt8[np.ndarray, "256 3"]

    @property
    def fraction(self) -> Float64[np.ndarray, " V"]:
        """(V,) place of each value between the ends of the colour bar, 0 … 1 and beyond."""
        return (self.values - self.low) / (self.high - self.low)


@dataclass(frozen=True, eq=False)
class Polar:
    """log_p as a texture: rings of equal distance and sectors of equal angle round a centre.

    Attributes:
        name: plain text.
        radius: where the texture ends, in the mesh's unit.
        coordinates: (V, 2) components of log_p(q) in the frame at p; NaN where not reached.
    """

    name: str
    radius: float
    coordinates: Float64[np.ndarray, "V 2"]

    def known(self, mesh: TriMesh) -> Bool[np.ndarray, " F"]:
        """(F,) whether the texture may be interpolated over a face: reached, and not cut in two."""
        corners, images = mesh.vertices[mesh.faces], self.coordinates[mesh.faces]
        length = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2)
        image = np.linalg.norm(images - np.roll(images, 1, axis=1), axis=2)
        return np.all(image <= STRETCH * length, axis=1)  # false where NaN


def make_parts(
    face_labels: ArrayLike,
    num_faces: int,
    label_names: Sequence[str],
    palette: ArrayLike | None = None,
) -> Parts:
    """Checks labels, names and palette against each other and the mesh.

    Raises:
        DataError: they do not fit.
    """
    names = tuple(label_names)
    colors = _checked_palette(palette, len(names))
    return Parts(_checked_labels(face_labels, num_faces, len(names)), names, colors)


def make_scalar(
    name: str,
    values: ArrayLike,
    num_vertices: int,
    colors: ColorMap | None = None,
    limits: tuple[float, float] | None = None,
) -> Scalar:
    """Checks a scalar field; see `Scene.add_scalar`.

    Raises:
        DataError: wrong shape, values that are not finite, limits out of order.
    """
    numbers = vertex_values(name, values, num_vertices)
    low, high = (float(numbers.min()), float(numbers.max())) if limits is None else limits
    if colors is None:
        colors = "diverging" if low < 0 < high else "sequential"
    if limits is None and colors == "diverging":
        high = max(-low, high)
        low = -high
    if limits is None and not low < high:  # a constant, or a field of no vertex
        low, high = low - 0.5 * (abs(low) or 1.0), high + 0.5 * (abs(high) or 1.0)
    if not (np.isfinite([low, high, high - low]).all() and low < high):
        raise DataError(
            f"field {name!r}: the colour bar from {low} to {high} must be finite and rise"
        )
    return Scalar(name, numbers, low, high, color_map(colors))


def make_polar(mesh: TriMesh, center: int, radius: float, frames: Frames | None) -> Polar:
    """Computes a logarithmic map to draw; see `Scene.add_log_map`.

    Raises:
        MeshError: the mesh is defective, `center` is no vertex or `radius` is not positive.
    """
    log_map(mesh, center, radius, frames)  # reports a bad radius as it was given
    longest = float(mesh.edge_lengths.max())
    log = log_map(mesh, center, radius + longest, frames)  # for faces that the last ring crosses
    coordinates = np.full((mesh.num_vertices, 2), np.nan)
    direction = np.stack([np.cos(log.theta), np.sin(log.theta)], axis=1)
    coordinates[log.vertex] = log.r[:, None] * direction
    return Polar(f"log map of vertex {center}", radius, coordinates)


def vertex_values(
    name: str, values: ArrayLike, num_vertices: int, components: int | None = None
) -> Float64[np.ndarray, "V ..."]:
    """Numbers per vertex, (V,), or (V, components) where that is given.

    Raises:
        DataError: wrong shape or type, or values that are not finite, with the first such vertex.
    """
    numbers = np.asarray(values)
    shape = (num_vertices,) if components is None else (num_vertices, components)
    if numbers.shape != shape:
        raise DataError(
            f"field {name!r} has shape {numbers.shape} but the mesh has {num_vertices} vertices; "
            f"give {shape}, {'one value' if components is None else f'{components} components'} "
            "per vertex"
        )
    if numbers.dtype.kind not in "iufb":
        raise DataError(f"field {name!r} has type {numbers.dtype}; give real numbers")
    numbers = numbers.astype(np.float64)
    bad = np.flatnonzero(~np.isfinite(numbers.reshape(num_vertices, -1)).all(axis=1))
    if len(bad):
        raise DataError(
            f"field {name!r} is not finite at vertex {bad[0]} ({len(bad)} vertices in all); "
            "replace NaN and infinite values first"
        )
    return numbers


def _checked_labels(
    face_labels: ArrayLike, num_faces: int, num_labels: int
) -> Int64[np.ndarray, " F"]:
    labels = np.asarray(face_labels)
    if labels.shape != (num_faces,):
        raise DataError(
            f"face_labels has shape {labels.shape} but the mesh has {num_faces} faces; "
            "give one label per face"
        )
    if labels.dtype.kind not in "iu":
        raise DataError(f"face_labels has type {labels.dtype}; give integers")
    bad = np.flatnonzero((labels < -1) | (labels >= num_labels))
    if len(bad):
        raise DataError(
            f"face {bad[0]} has label {labels[bad[0]]} ({len(bad)} faces are out of range); "
            f"with {num_labels} label names, labels are -1 (unlabelled) to {num_labels - 1}"
        )
    return labels.astype(np.int64)


def _checked_palette(palette: ArrayLike | None, num_labels: int) -> UInt8[np.ndarray, "K 3"]:
    if palette is None:
        return label_colors(num_labels)
    colors = np.asarray(palette)
    if colors.shape != (num_labels, 3):
        raise DataError(
            f"palette has shape {colors.shape}; give ({num_labels}, 3), one colour per label name"
        )
    if colors.dtype.kind not in "iu" or colors.min(initial=0) < 0 or colors.max(initial=0) > 255:
        raise DataError("palette holds something else than integers from 0 to 255")
    return colors.astype(np.uint8)
