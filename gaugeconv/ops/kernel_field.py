"""Convolution with a kernel that differs from vertex to vertex: readable, pair by pair."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from gaugeconv.errors import FieldTypeError
from gaugeconv.geometry.neighborhoods import Neighborhoods
from gaugeconv.reps.elements import Element
from gaugeconv.reps.kernel_field import KernelField


def convolve_kernel_field(
    x: Float[Tensor, "*batch Q in"], nb: Neighborhoods, kernels: KernelField
) -> Float[Tensor, "*batch P out"]:
    """y_p = 1/(πR²) Σ_q w_pq κ_p(log_p q) ρ(k_{p←q}) x_q with transports k = R(φ) S^flip.

    Covariant when `kernels` changes with the gauge (`KernelField.change_gauge`): a fixed field of
    kernels is not, unless weights are shared. It forms a matrix per pair, so memory grows as
    pairs × out × in. Differentiable in x and in whatever the kernels are computed from.

    Args:
        x: features of the sources, of type `kernels.in_type`.
        nb: neighbourhoods on the device of x, in the gauge that `kernels` is given in.
        kernels: a kernel for every target row.

    Raises:
        FieldTypeError: x does not fit.
        StructureGroupError: a transport is not in the structure group of the types.
    """
    if tuple(x.shape[-2:]) != (nb.num_sources, kernels.in_type.dim):
        raise FieldTypeError(
            f"expected features (..., {nb.num_sources}, {kernels.in_type.dim}) of type "
            f"'{kernels.in_type}', got {tuple(x.shape)}"
        )
    transport = Element(nb.transport, nb.flip)
    carried = kernels.in_type.transform(x.index_select(-2, nb.source), *transport)
    matrices = kernels.evaluate(nb.target, nb.r / nb.radius, nb.theta)
    weighted = matrices * (nb.weight / (math.pi * nb.radius**2))[:, None, None]
    messages = torch.einsum("eij,...ej->...ei", weighted.to(x), carried)
    shape = (*x.shape[:-2], nb.num_targets, kernels.out_type.dim)
    return messages.new_zeros(shape).index_add(-2, nb.target, messages)
