"""The readable convolution: messages, a segment sum, and the product written as in the docs.

Runs on any device and dtype and can be differentiated any number of times. Segment sums come from
PyTorch (`backend="torch"`) or from torch-scatter (`backend="torch-scatter"`), with equal results.
"""

from __future__ import annotations

import importlib
import math
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from gaugeconv.geometry.neighborhoods import Neighborhoods
from gaugeconv.ops.moments import MomentLayout, num_parts
from gaugeconv.reps import KernelSpace, RadialBasis

SegmentBackend = Literal["torch", "torch-scatter"]
CHUNK = 1 << 17
"""Pairs at a time for what is computed pair by pair: it stays in the cache."""


def radial_weights(
    nb: Neighborhoods, basis: RadialBasis, dtype: torch.dtype
) -> Float[Tensor, "E num_functions"]:
    """w_e b_k(r_e) / (πR²) for k = 0 … num, dimensionless; gauge invariant."""

    def weigh(r: Tensor, weight: Tensor) -> Tensor:
        rho = (r / nb.radius).to(dtype)
        values = torch.cat((basis.center(rho)[:, None], basis.rings(rho)), dim=1)
        return values * (weight / (math.pi * nb.radius**2)).to(dtype)[:, None]

    if torch.compiler.is_compiling() or nb.r.numel() <= CHUNK:
        return weigh(nb.r, nb.weight)
    result = nb.r.new_empty(nb.r.numel(), basis.num + 1, dtype=dtype)
    for start in range(0, nb.r.numel(), CHUNK):
        part = slice(start, start + CHUNK)
        result[part] = weigh(nb.r[part], nb.weight[part])
    return result


def segment_sum(
    messages: Float[Tensor, "*batch E D"], nb: Neighborhoods, backend: SegmentBackend
) -> Float[Tensor, "*batch P D"]:
    """Sums of the messages of each target; zero for a target without pairs."""
    if backend == "torch-scatter":
        scatter = importlib.import_module("torch_scatter")
        ptr = nb.ptr.expand(*messages.shape[:-2], nb.num_targets + 1)
        result: Tensor = scatter.segment_csr(messages.contiguous(), ptr, reduce="sum")
        return result
    shape = (*messages.shape[:-2], nb.num_targets, messages.shape[-1])
    return messages.new_zeros(shape).index_add(-2, nb.target, messages)


def aggregate(
    x: Float[Tensor, "*batch Q in"],
    nb: Neighborhoods,
    basis: RadialBasis,
    layout: MomentLayout,
    backend: SegmentBackend = "torch",
) -> Float[Tensor, "*batch P width"]:
    """The moments of x, column by column as the layout says; see `gaugeconv.ops.aggregate`."""
    radial = _radial(nb, basis, x)
    neighbor = x.index_select(-2, nb.source)
    u = layout.in_type.transform(neighbor, nb.transport - nb.theta)
    carried = layout.in_type.transform(neighbor, nb.transport)
    parts = []
    for order in layout.orders:
        angle = order * nb.theta
        for factor in (angle.cos(), angle.sin())[: num_parts(order)]:
            weight = radial[:, 1:] * factor.to(x)[:, None]
            parts += [segment_sum(w[:, None] * u, nb, backend) for w in weight.unbind(1)]
    parts.append(segment_sum(radial[:, :1] * carried, nb, backend))
    return torch.cat(parts, dim=-1)


def _radial(nb: Neighborhoods, basis: RadialBasis, x: Tensor) -> Tensor:
    """`radial_weights` in the dtype of x, computed once."""
    key = ("ops.reference.radial", basis, x.dtype)
    return nb.memo(key, lambda: radial_weights(nb, basis, x.dtype))


def convolve(
    x: Float[Tensor, "*batch Q in"],
    rings: Float[Tensor, "num out in"],
    center: Float[Tensor, " num_center"],
    nb: Neighborhoods,
    space: KernelSpace,
    backend: SegmentBackend = "torch",
) -> Float[Tensor, "*batch P out"]:
    """y_p = 1/(πR²) Σ_e w_e η(θ_e) K(r_e) ρ(φ_e − θ_e) x_q, by aggregating and then multiplying.

    Arguments and gauge behaviour as for `gaugeconv.ops.convolve`.
    """
    radial = _radial(nb, space.basis, x)
    neighbor = x.index_select(-2, nb.source)
    u = space.in_type.transform(neighbor, nb.transport - nb.theta)
    carried = space.in_type.transform(neighbor, nb.transport)
    centered = segment_sum(radial[:, :1] * carried, nb, backend)
    y = centered @ space.intertwiners.matrix(center).T
    blocks = []
    for block in space.out_type.blocks:
        weights = rings[:, block.slice]
        angle = block.order * nb.theta
        cos = _rings_product(u, radial * angle.cos().to(x)[:, None], weights, nb, backend)
        if block.order > 0:
            sin = _rings_product(u, radial * angle.sin().to(x)[:, None], weights, nb, backend)
            first = cos[..., 0::2] - sin[..., 1::2]
            second = cos[..., 1::2] + sin[..., 0::2]
            cos = torch.stack((first, second), dim=-1).flatten(-2)
        blocks.append(cos)
    return y + torch.cat(blocks, dim=-1)


def _rings_product(
    u: Tensor, radial: Tensor, weights: Tensor, nb: Neighborhoods, backend: SegmentBackend
) -> Tensor:
    """Σ_k W_k Σ_e radial[e, k] u_e, with the rows of one output block in W_k."""
    total = u.new_zeros(())
    for k in range(weights.shape[0]):
        moment = segment_sum(radial[:, k + 1, None] * u, nb, backend)
        total = total + moment @ weights[k].T
    return total
