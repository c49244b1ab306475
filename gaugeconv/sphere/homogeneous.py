"""Features on S² as functions on SO(3): what S2CNNs and gauge networks have in common.

S² = SO(3)/SO(2). A frame (e1, e2) at p is the rotation R_p that takes (x, y) to (e1, e2) and the north
pole to p; turning the frame by γ is R_p Z(γ). So a function F on SO(3) seen through a gauge is a
field: F(R_p Z(γ)) = Re Σ_m exp(−imγ) f_m(p), and f_m has order m. Lifting a signal with a kernel ψ,
(f ⋆ ψ)(R_p) = ∫ f(x) ψ(R_p⁻¹x) dx, is the gauge network's convolution at p with the kernel
κ(r, θ) r = ψ(exp(r, θ)) sin r on the tangent plane: the first layers of both networks compute the
same thing (Gerken et al. 2021, sections 4 and 5).
"""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor

from gaugeconv.geometry import Frames
from gaugeconv.sphere.rotations import euler_angles
from gaugeconv.sphere.wigner import require_e3nn, rotation_size


def gauge_rotations(frames: Frames) -> Float64[np.ndarray, "V 3 3"]:
    """R_p = (e1, e2, p) of every vertex of a mesh whose vertices lie on the unit sphere.

    The tangent frame is turned by the shortest way from the vertex normal to the radius, since a mesh's
    normals are only nearly radial.
    """
    points = frames.mesh.vertices
    first = frames.e1 - np.einsum("vi,vi->v", frames.e1, points)[:, None] * points
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    return np.stack([first, np.cross(points, first), points], -1)


def values_at(
    coefficients: Float[Tensor, "S ..."], rotations: Float64[np.ndarray, "P 3 3"]
) -> Float[Tensor, "P ..."]:
    """A function on SO(3), given by its coefficients (`gaugeconv.sphere.wigner`), at rotations.

    Raises:
        DataError: e3nn is missing.
    """
    o3 = require_e3nn()
    alpha, beta, gamma = (torch.from_numpy(angle) for angle in euler_angles(rotations))
    total = coefficients.new_zeros(len(rotations), *coefficients.shape[1:])
    degree = 0
    while (start := rotation_size(degree)) < len(coefficients):
        wigner = o3.wigner_D(degree, alpha, beta, gamma).flatten(1) * (2 * degree + 1) ** 0.5
        part = coefficients[start : rotation_size(degree + 1)]
        total = total + torch.tensordot(wigner.to(coefficients), part, dims=1)
        degree += 1
    return total


def order_part(coefficients: Float[Tensor, "S ..."], order: int) -> Float[Tensor, "S ..."]:
    """The part Re exp(−imγ) f_m(p) of F(R_p Z(γ)): columns n = ±m of the coefficients."""
    kept = torch.zeros_like(coefficients)
    degree = order
    while (start := rotation_size(degree)) < len(coefficients):
        side = 2 * degree + 1
        rows = slice(start, start + side * side)
        part = coefficients[rows].unflatten(0, (side, side))
        mask = torch.zeros(side, dtype=torch.bool, device=part.device)
        mask[[degree - order, degree + order]] = True
        kept[rows] = (part * mask.view(1, side, *[1] * (part.ndim - 2))).flatten(0, 1)
        degree += 1
    return kept


def gauge_field(
    coefficients: Float[Tensor, "S ..."], order: int, frames: Frames
) -> Float[Tensor, "V components ..."]:
    """The field of order m of a function on SO(3), in a gauge: (V, 1, …) for m = 0, else (V, 2, …).

    Covariant: frames.rotated(γ) turns the two components by R(mγ).
    """
    part, rotations = order_part(coefficients, order), gauge_rotations(frames)
    real = values_at(part, rotations)
    if order == 0:
        return real[:, None]
    quarter = math.pi / (2 * order)  # exp(−imγ) = −i there: the imaginary part comes out
    cos, sin = math.cos(quarter), math.sin(quarter)
    turn = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
    return torch.stack([real, values_at(part, rotations @ turn)], 1)
