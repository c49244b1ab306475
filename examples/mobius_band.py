"""A flat Möbius band with frames along it, and pictures drawn on it.

The band is a grid of unit squares, `around` by `across`, whose last column is glued to the first upside
down. It is given by lengths alone: bent in space it would be curved. Vertex (i, j), j across, has index
i · across + j.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

import gaugeconv as gc


def glued(
    i: np.ndarray | Tensor, j: np.ndarray | Tensor, around: int, across: int
) -> np.ndarray | Tensor:
    """The vertex at column i of the unrolled band, which turns over each time it comes round."""
    over = (i // around) % 2
    return (i % around) * across + j + over * (across - 1 - 2 * j)


def flat_band(around: int, across: int) -> gc.TriMesh:
    """The band as an intrinsic mesh: squares cut in two, the lower half as the mirror of the upper.

    So shifts along the band and its reflection carry triangles to triangles. `across` must be odd.
    """
    i, j = (k.ravel() for k in np.meshgrid(range(around), range(across - 1), indexing="ij"))
    corners = [(i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1)]
    a, b, c, d = (glued(*corner, around, across) for corner in corners)
    lower = (j < across // 2)[:, None, None]
    rising = np.stack([np.stack([a, b, c], -1), np.stack([a, c, d], -1)], 1)
    falling = np.stack([np.stack([a, b, d], -1), np.stack([b, c, d], -1)], 1)
    diagonal = math.sqrt(2.0)
    rising_sides = np.array([[1.0, 1.0, diagonal], [diagonal, 1.0, 1.0]])
    falling_sides = np.array([[1.0, diagonal, 1.0], [1.0, 1.0, diagonal]])
    faces = np.where(lower, rising, falling).reshape(-1, 3)
    sides = np.where(lower, rising_sides, falling_sides).reshape(-1, 3)
    return gc.TriMesh.from_edge_lengths(faces, sides, validate=False)  # one-sided


def frames_along(mesh: gc.TriMesh, around: int, across: int) -> gc.Frames:
    """Frames whose e1 points along the band and whose e2 points to larger j, by the log map.

    A vertex's orientation is that of the first face that has it, which lies in the unrolled band: so
    frames need to be turned only, not reflected.
    """
    vertex = np.arange(mesh.num_vertices)
    following = glued(vertex // across + 1, vertex % across, around, across)
    nb = gc.neighborhoods(mesh, 1.01)
    ahead = nb.source.numpy() == following[nb.target.numpy()]
    return gc.Frames.canonical(mesh).rotated(-nb.theta.numpy()[ahead])


def shrunk(images: np.ndarray, size: int, margin: int = 3) -> Tensor:
    """Digits without their empty margin, resampled to `size` by `size`, between 0 and 1."""
    inner = images[:, margin : images.shape[1] - margin, margin : images.shape[2] - margin]
    pixels = torch.from_numpy(np.ascontiguousarray(inner)).float()[:, None] / 255
    resized = torch.nn.functional.interpolate(pixels, (size, size), mode="bilinear", antialias=True)
    return resized[:, 0]


def drawn(pictures: Tensor, shift: Tensor, around: int, across: int) -> Tensor:
    """(B, V, 1) fields: each picture (B, across, across) in the middle, moved along by its shift.

    Rows of a picture go along the band. Moved by `around` it comes back upside down, by 2 · `around`
    as it was.
    """
    rows, columns = pictures.shape[1:]
    j = torch.arange(rows)[:, None].expand(rows, columns)
    i = torch.arange(columns) + (around - columns) // 2
    place = glued(i + shift[:, None, None], j, around, across)
    field = pictures.new_zeros(len(pictures), around * across)
    return field.scatter_(1, place.flatten(1), pictures.flatten(1))[..., None]
