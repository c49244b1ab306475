"""The kernel constraint solved numerically, knowing nothing of irreps: the oracle of the closed form.

K(θ) = Σ_s f_s(θ) A_s with free matrices A_s and f = 1, cos θ, sin θ, …, obeys K(gX) = η(g) K(X) ρ(g⁻¹)
for all g if it does for generators, and at all angles if at more than twice the highest frequency. So
the solutions are the null space of one matrix, found by singular values.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float64
from torch import Tensor

from gaugeconv.errors import StructureGroupError
from gaugeconv.reps.field_type import FieldType
from gaugeconv.reps.steerable import circular_functions

_ZERO = 1e-9  # singular values below this are rounding; the next ones are about 0.01 or larger


def solve_constraint(
    in_type: FieldType, out_type: FieldType, max_frequency: int
) -> Float64[Tensor, "solutions slots out in"]:
    """An orthonormal basis of the lawful kernels on a circle, as Fourier coefficients.

    It takes the singular values of a matrix with (2M + 1) · out.dim · in.dim columns, M the largest
    frequency: for checks and small types. Operators use `SteerableKernels`.

    Args:
        in_type, out_type: types of the same group, of any representations.
        max_frequency: the highest angular frequency of the coefficients of 1, cos θ, sin θ, cos 2θ, …

    Raises:
        StructureGroupError: the types are of different groups.
    """
    if in_type.group != out_type.group:
        raise StructureGroupError(f"no kernels from {in_type!r} to {out_type!r}")
    k = in_type.group.generators()
    count = 2 * max_frequency + 2
    theta = 2 * math.pi * torch.arange(count, dtype=torch.float64) / count
    here = circular_functions(theta, max_frequency)
    left, right = out_type.action(*k), in_type.action(*k)
    one = torch.eye(out_type.dim * in_type.dim, dtype=torch.float64)
    rows = []
    for gamma, reflect, eta, rho in zip(*k, left, right, strict=True):
        there = circular_functions(gamma + torch.where(reflect, -theta, theta), max_frequency)
        # vec(η A ρᵀ) = (η ⊗ ρ) vec(A) with rows of A one after the other; ρ(g⁻¹) = ρ(g)ᵀ
        rows.append(torch.kron(there, one) - torch.kron(here, torch.kron(eta, rho)))
    _, values, basis = torch.linalg.svd(torch.cat(rows), full_matrices=True)
    rank = int((values > _ZERO * values.max().clamp_min(1.0)).sum())
    return basis[rank:].reshape(-1, here.shape[1], out_type.dim, in_type.dim)
