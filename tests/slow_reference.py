"""Slow twins of the operators: plain loops over pairs, channels, frequencies and 2×2 rotations.

Nothing here is shared with the library but the conventions it states; types are read from their
strings. Arrays are numpy, float64.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


def parse(text: str) -> list[tuple[int, int]]:
    """(order, first component) of every channel of a type string."""
    channels, start = [], 0
    for term in str(text).split("+"):
        count, order = (int(part) for part in term.split("x"))
        for _ in range(count):
            channels.append((order, start))
            start += 1 if order == 0 else 2
    return channels


def dim(text: str) -> int:
    return sum(1 if order == 0 else 2 for order, _ in parse(text))


def representation(text: str, angle: float) -> np.ndarray:
    """ρ(angle): 1 for order 0, the rotation by order · angle for every other channel."""
    result = np.zeros((dim(text), dim(text)))
    for order, i in parse(text):
        if order == 0:
            result[i, i] = 1.0
        else:
            c, s = math.cos(order * angle), math.sin(order * angle)
            result[i : i + 2, i : i + 2] = [[c, -s], [s, c]]
    return result


def radial(num: int, rho: float) -> list[float]:
    """b_0 … b_num of the raised-cosine basis."""
    values = []
    for k in range(num + 1):
        t = rho * (num + 1) - k
        values.append(math.cos(math.pi / 2 * t) ** 2 if abs(t) < 1 else 0.0)
    return values


def center_entries(in_type: str, out_type: str) -> list[list[tuple[int, int, float]]]:
    """For every coordinate of the centre intertwiner the entries (row, column, sign) it fills.

    Coordinates run over pairs of terms of equal order, then output channels, input channels, (a, b).
    """
    entries = []
    in_terms, out_terms = _by_term(in_type), _by_term(out_type)
    for out_term in out_terms:
        for in_term in in_terms:
            if out_term[0][0] != in_term[0][0]:
                continue
            for order, i in out_term:
                for _, j in in_term:
                    if order == 0:
                        entries.append([(i, j, 1.0)])
                    else:
                        entries.append([(i, j, 1.0), (i + 1, j + 1, 1.0)])
                        entries.append([(i, j + 1, -1.0), (i + 1, j, 1.0)])
    return entries


def _by_term(text: str) -> list[list[tuple[int, int]]]:
    channels = iter(parse(text))
    counts = [int(term.split("x")[0]) for term in str(text).split("+")]
    return [[next(channels) for _ in range(count)] for count in counts]


@dataclass
class SlowResult:
    """Output and gradients of ⟨dy, y⟩."""

    y: np.ndarray
    dx: np.ndarray
    drings: np.ndarray
    dcenter: np.ndarray


def convolution(x, rings, center, nb, in_type, out_type, dy=None) -> SlowResult:
    """y_p = 1/(πR²) Σ w η(θ) K(r) ρ(φ − θ) x_q, pair by pair, with gradients of ⟨dy, y⟩."""
    num = rings.shape[0]
    entries = center_entries(in_type, out_type)
    fixed = np.zeros((dim(out_type), dim(in_type)))
    for value, places in zip(center, entries, strict=True):
        for i, j, sign in places:
            fixed[i, j] += sign * value
    y = np.zeros((nb.num_targets, dim(out_type)))
    dy = np.zeros_like(y) if dy is None else dy
    result = SlowResult(y, np.zeros_like(x), np.zeros_like(rings), np.zeros_like(center))
    for p in range(nb.num_targets):
        for e in range(int(nb.ptr[p]), int(nb.ptr[p + 1])):
            assert int(nb.target[e]) == p
            q, theta, phi = int(nb.source[e]), float(nb.theta[e]), float(nb.transport[e])
            scale = float(nb.weight[e]) / (math.pi * nb.radius**2)
            b = radial(num, float(nb.r[e]) / nb.radius)
            matrix = b[0] * fixed
            for k in range(num):
                matrix = matrix + b[k + 1] * rings[k]
            left, right = representation(out_type, theta), representation(in_type, phi - theta)
            y[p] += scale * left @ matrix @ right @ x[q]
            result.dx[q] += scale * right.T @ matrix.T @ left.T @ dy[p]
            outer = scale * np.outer(left.T @ dy[p], right @ x[q])
            for k in range(num):
                result.drings[k] += b[k + 1] * outer
            for c, places in enumerate(entries):
                result.dcenter[c] += sum(b[0] * sign * outer[i, j] for i, j, sign in places)
    return result
