"""Colours: of labels, easy to tell apart; colour maps with even steps for the eye."""

from __future__ import annotations

import colorsys
from functools import lru_cache
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float64, UInt8

from gaugeconv.errors import DataError

ColorMap = Literal["sequential", "diverging", "cyclic"]

UNLABELLED_NAME = "unlabelled"
UNLABELLED_COLOR = (154, 158, 166)
PLAIN_COLOR = (196, 200, 208)
"""Of a surface that shows no field, and of what a field does not reach."""

# Chosen so that all pairs, the grey included, stay at least 0.07 apart in OKLab for normal vision,
# deuteranopia and protanopia alike (the first five 0.088 apart).
_BASE_COLORS = (
    "4f74d1 eeb02f 168a8a cd535c 86d8f2 6d5a9f f3e169 efbfbf "
    "77441a 35535b f7ecc6 9da3f2 2f7d2a d9842a 434487 97bb83"
)
_GOLDEN_RATIO = (5**0.5 - 1) / 2

# Björn Ottosson, "A perceptual color space for image processing" (2020)
_LAB_TO_LMS = np.array(
    [
        [1.0, 0.3963377774, 0.2158037573],
        [1.0, -0.1055613458, -0.0638541728],
        [1.0, -0.0894841775, -1.2914855480],
    ]
)
_LMS_TO_RGB = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ]
)


def label_colors(n: int) -> UInt8[np.ndarray, "n 3"]:
    """Colours of labels 0 … n − 1: sRGB, 0–255, easy to tell apart with colour-blind eyes too.

    A label keeps its colour whatever n is. Beyond the sixteen chosen by hand, hues advance by the
    golden ratio of a turn at three levels of lightness.

    Raises:
        DataError: n is negative.
    """
    if n < 0:
        raise DataError(f"cannot make {n} colours; ask for zero or more")
    base = np.frombuffer(bytes.fromhex(_BASE_COLORS), np.uint8).reshape(-1, 3)
    extra = [
        colorsys.hls_to_rgb((0.83 + i * _GOLDEN_RATIO) % 1, (0.55, 0.36, 0.74)[i % 3], 0.45)
        for i in range(max(0, n - len(base)))
    ]
    more = np.round(255 * np.array(extra).reshape(-1, 3)).astype(np.uint8)
    return np.concatenate([base, more])[:n]


@lru_cache(maxsize=3)
def color_map(name: ColorMap) -> UInt8[np.ndarray, "256 3"]:
    """256 sRGB colours whose neighbours are equally far apart in OKLab.

    * "sequential": dark blue over green to light yellow, ever lighter, so that it survives grey print.
    * "diverging": blue and red of the same lightness, and almost white between them.
    * "cyclic": once round the hues at one lightness; the last colour is next to the first.

    Raises:
        DataError: there is no colour map of that name.
    """
    t = np.linspace(0, 1, 1024)
    if name == "sequential":
        chroma = 0.125 + 0.02 * t - 0.035 * np.sin(np.pi * t)  # as much as a screen can show
        path = _polar(0.36 + 0.59 * t, chroma, 285 - 180 * t)
    elif name == "diverging":
        side = np.abs(2 * t - 1)
        path = _polar(0.95 - 0.45 * side, 0.15 * side, np.where(t < 0.5, 255.0, 30.0))
    elif name == "cyclic":
        path = _polar(np.full_like(t, 0.74), 0.115, 360 * t)
    else:
        raise DataError(f"no colour map {name!r}: choose from {', '.join(get_args(ColorMap))}")
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    steps = np.linspace(0, length[-1], 256, endpoint=name != "cyclic")
    even = np.stack([np.interp(steps, length, path[:, k]) for k in range(3)], axis=1)
    colors = np.round(255 * _srgb(even)).astype(np.uint8)
    colors.flags.writeable = False
    return colors


def _polar(
    lightness: Float64[np.ndarray, " N"],
    chroma: Float64[np.ndarray, " N"] | float,
    hue: Float64[np.ndarray, " N"],
) -> Float64[np.ndarray, "N 3"]:
    """OKLab colours from lightness, chroma and hue in degrees."""
    angle = np.radians(hue)
    return np.stack([lightness, chroma * np.cos(angle), chroma * np.sin(angle)], axis=1)


def _srgb(lab: Float64[np.ndarray, "N 3"]) -> Float64[np.ndarray, "N 3"]:
    """OKLab as sRGB in 0 … 1; what the screen cannot show is cut off."""
    linear = np.clip((lab @ _LAB_TO_LMS.T) ** 3 @ _LMS_TO_RGB.T, 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
