"""Digits projected onto the sphere, made on the fly on any grid (Gerken et al. 2022, section 4).

Stereographic projection from the north pole sends the lower hemisphere to the unit disk:
(X, Y) = (x, y) / (1 − z). Image columns run along X and rows along Y, so a digit reads correctly from
outside. The value at a point of the sphere is the image's, interpolated linearly between pixels; so
images and masks are functions on the sphere, of which every grid takes its samples.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float64, Int, Int64, UInt8
from torch import Tensor

from gaugeconv.errors import DataError
from gaugeconv.sphere.rotations import random_rotation
from gaugeconv.sphere.tasks import BACKGROUND

THRESHOLD = 150
"""Grey values above this (of 255) belong to the digit in a segmentation mask."""

_MOST_DIGITS = 9
_TRIES, _RESTART = 10_000, 0.02
_HORIZON = 1e-9


@dataclass(frozen=True, eq=False)
class SphericalDigit:
    """One image on the sphere.

    Attributes:
        signal: (N,) grey values in [0, 1].
        mask: (N,) label 0 … 9 of the digit at each point, or `BACKGROUND`.
        label: the label of the first digit.
        rotation: R; the digit at rest is seen at R⁻¹x.
    """

    signal: Float64[np.ndarray, " N"]
    mask: Int64[np.ndarray, " N"]
    label: int
    rotation: Float64[np.ndarray, "3 3"]


class ProjectedDigits:
    """An endless sequence of digits on the sphere; item i depends on (seed, i) alone.

    Item i shows image i mod n, with further random ones where `digits_per_image` > 1. At rest all items
    lie on the lower hemisphere, upright; rotated, each one gets its own uniform rotation, so going on
    past n gives the same digits in new positions.

    Args:
        images: (n, rows, columns) grey values.
        labels: (n,) 0 … 9.
        points: (N, 3) unit vectors where the sphere is sampled.
        rotated: whether items are turned at random.
        seed: of rotations and arrangement.
        digits_per_image: how many digits share the hemisphere, without overlap: 1 … 9.

    Raises:
        DataError: arrays that do not fit, or too many digits.
    """

    def __init__(
        self,
        images: UInt8[np.ndarray, "n rows columns"],
        labels: Int64[np.ndarray, " n"],
        points: Float64[np.ndarray, "N 3"],
        *,
        rotated: bool,
        seed: int = 0,
        digits_per_image: int = 1,
    ) -> None:
        if len(images) != len(labels) or len(images) == 0:
            raise DataError(f"{len(images)} images and {len(labels)} labels do not belong together")
        if not 1 <= digits_per_image <= _MOST_DIGITS:
            raise DataError(f"1 to {_MOST_DIGITS} digits fit, {digits_per_image} were asked for")
        self.images, self.labels, self.points = images, labels, points
        self.rotated, self.seed, self.digits_per_image = rotated, seed, digits_per_image

    def __len__(self) -> int:
        """n, the number of different digits."""
        return len(self.images)

    def __getitem__(self, index: int) -> SphericalDigit:
        """Item `index` ≥ 0."""
        if index < 0:
            raise IndexError(f"items are numbered from 0, got {index}")
        rotation = np.eye(3)
        if self.rotated:
            rotation = random_rotation(np.random.default_rng((self.seed, 1, index)))
        shown, centers, half = self._arrangement(index % len(self))
        plane = _project(self.points @ rotation)
        signal, mask = np.zeros(len(self.points)), np.full(len(self.points), BACKGROUND)
        for image, center in zip(shown, centers, strict=True):
            value = _sampled(self.images[image], (plane - center) / half)
            signal = np.maximum(signal, value)
            mask[value > THRESHOLD] = self.labels[image]
        return SphericalDigit(signal / 255.0, mask, int(self.labels[shown[0]]), rotation)

    def batch(
        self, indices: Sequence[int]
    ) -> tuple[Float[Tensor, "B N"], Int[Tensor, " B"], Int[Tensor, "B N"]]:
        """Signals in float32, labels and masks of several items."""
        items = [self[index] for index in indices]
        signals = torch.from_numpy(np.stack([item.signal for item in items]))
        masks = torch.from_numpy(np.stack([item.mask for item in items]))
        return signals.float(), torch.tensor([item.label for item in items]), masks

    def _arrangement(self, first: int) -> tuple[list[int], Float64[np.ndarray, "k 2"], float]:
        """Which images are shown, where their squares are centred, and half a square's side."""
        count = self.digits_per_image
        if count == 1:
            return [first], np.zeros((1, 2)), 1.0
        rng = np.random.default_rng((self.seed, 0, first))
        others = rng.integers(len(self), size=count - 1).tolist()
        half = 0.5 / math.sqrt(count)
        return [first, *others], _scattered(rng, count, half), half


def _project(points: Float64[np.ndarray, "N 3"]) -> Float64[np.ndarray, "N 2"]:
    """Stereographic projection from the north pole; the pole itself lands far outside."""
    return points[:, :2] / np.maximum(1.0 - points[:, 2:], _HORIZON)


def _sampled(
    image: UInt8[np.ndarray, "rows columns"], plane: Float64[np.ndarray, "N 2"]
) -> Float64[np.ndarray, " N"]:
    """Values of an image that fills [−1, 1]², linear between pixel centres, zero outside."""
    inside = np.flatnonzero((np.abs(plane) < 1).all(axis=1))
    rows, columns = image.shape
    padded = np.pad(image.astype(np.float64), 1)
    x = (plane[inside, 0] + 1) / 2 * columns + 0.5
    y = (plane[inside, 1] + 1) / 2 * rows + 0.5
    i, j = y.astype(np.int64), x.astype(np.int64)
    u, v = y - i, x - j
    values = np.zeros(len(plane))
    values[inside] = (
        (1 - u) * ((1 - v) * padded[i, j] + v * padded[i, j + 1])
        + u * ((1 - v) * padded[i + 1, j] + v * padded[i + 1, j + 1])
    )  # fmt: skip
    return values


def _scattered(rng: np.random.Generator, count: int, half: float) -> Float64[np.ndarray, "k 2"]:
    """Centres of squares of half side `half` in the unit disk that do not overlap.

    One after the other at random; where the next finds no room, all begin again.
    """
    centers: list[Float64[np.ndarray, " 2"]] = []
    for _ in range(_TRIES):
        turn, out = rng.uniform(0, 2 * math.pi), math.sqrt(rng.uniform(0, 1))
        center = (1 - half) * out * np.array([math.cos(turn), math.sin(turn)])
        if all(np.abs(center - other).max() >= 2 * half for other in centers):
            centers.append(center)
            if len(centers) == count:
                return np.stack(centers)
        elif rng.uniform() < _RESTART:
            centers.clear()
    raise DataError(f"no room was found for {count} digits; show fewer on one sphere")
