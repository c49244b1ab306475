"""What a rotation does to coefficients: D^l(R) from the left."""

from __future__ import annotations

import numpy as np
import torch

from gaugeconv.sphere.rotations import euler_angles
from gaugeconv.sphere.wigner import rotation_size


def wigner_matrices(rotation: np.ndarray, band: int) -> list[torch.Tensor]:
    from e3nn import o3

    angles = [torch.from_numpy(angle)[0] for angle in euler_angles(rotation[None])]
    return [o3.wigner_D(degree, *angles) for degree in range(band)]


def turned_on_sphere(x: torch.Tensor, rotation: np.ndarray, band: int) -> torch.Tensor:
    parts = [
        torch.tensordot(d, x[degree**2 : (degree + 1) ** 2], dims=1)
        for degree, d in enumerate(wigner_matrices(rotation, band))
    ]
    return torch.cat(parts)


def turned_on_rotations(x: torch.Tensor, rotation: np.ndarray, band: int) -> torch.Tensor:
    parts = []
    for degree, d in enumerate(wigner_matrices(rotation, band)):
        part = x[rotation_size(degree) : rotation_size(degree + 1)].unflatten(0, d.shape)
        parts.append(torch.tensordot(d, part, dims=1).flatten(0, 1))
    return torch.cat(parts)
