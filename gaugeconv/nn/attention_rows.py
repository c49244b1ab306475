"""The sums of attention over neighbourhoods, a number of rows at a time."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from gaugeconv.geometry.neighborhoods import Neighborhoods
from gaugeconv.reps import Element, FieldType, Irrep, RadialBasis
from gaugeconv.reps.steerable import circular_functions

CHUNK_PAIRS = 1 << 16
"""Attention computes about this many pairs at a time, or a sixteenth of all if that is more."""

_MOST_CHUNKS = 16  # every chunk's gradient is as large as the features of all sources


class HeadKernels(NamedTuple):
    """What one attention layer multiplies with.

    Attributes:
        field_type: type of a head, a sum of irreps.
        basis: radial functions.
        values: (H, Z, d, d) K as coefficients of the functions of `PairValues`.
        logits: (H, Z, d) κ likewise, from scalars to a head.
    """

    field_type: FieldType
    basis: RadialBasis
    values: Float[Tensor, "H Z d d"]
    logits: Float[Tensor, "H Z d"]


class PairValues(NamedTuple):
    """Functions on the tangent disk at every pair.

    Attributes:
        log_weight: (E,) log of the quadrature weight times (1 − r²/R²)², −∞ where that is not positive.
        functions: (E, Z) b_0(r), then b_k(r) times 1, cos θ, sin θ, cos 2θ, … for k = 1 … num.
    """

    log_weight: Float[Tensor, " E"]
    functions: Float[Tensor, "E Z"]


class Chunk(NamedTuple):
    """Target rows of about the same number of pairs, padded to the longest.

    Attributes:
        rows: (R,) target rows.
        pair: (R, N) the pairs of each row; any pair where there are no more.
        valid: (R, N) whether there is such a pair.
    """

    rows: Int64[Tensor, " R"]
    pair: Int64[Tensor, "R N"]
    valid: Bool[Tensor, "R N"]


def attend(
    query: list[Float[Tensor, "B P H _"]],
    both: list[Float[Tensor, "B Q _"]],
    nb: Neighborhoods,
    kernels: HeadKernels,
) -> Float[Tensor, "B P H d"]:
    """Σ_q α_pq K(X) ρ(k_pq) v_q for every head, α as in `GaugeAttention`; zeros for empty rows.

    Where gradients are wanted and there are several chunks, each is computed again for them.

    Args:
        query: for each block of a head's type the queries of the targets.
        both: for each block the keys of all heads, then the values of all heads, of the sources.
        nb: neighbourhoods with transports in the group of the features.
        kernels: the kernels, in the dtype of the features: float32 or float64.
    """
    highest = (kernels.logits.shape[1] - 1) // kernels.basis.num // 2
    pairs = pair_values(nb, kernels.basis, highest, query[0].dtype)
    chunks, place = _chunks(nb)
    again = torch.is_grad_enabled() and len(chunks) > 1
    run = partial(checkpoint, use_reentrant=False, preserve_rng_state=False) if again else _call
    heads, _, components = kernels.logits.shape
    found = [query[0].new_zeros(query[0].shape[0], 0, heads, components)]  # for meshes without rows
    for chunk in chunks:
        asked = [part.index_select(1, chunk.rows) for part in query]
        found.append(run(_attend_chunk, asked, both, kernels, nb, pairs, chunk))
    return torch.cat(found, dim=1).index_select(1, place)


def _call(function: Callable[..., Tensor], *arguments: Any) -> Tensor:
    """`checkpoint` without keeping anything from autograd."""
    return function(*arguments)


def _attend_chunk(
    query: list[Tensor],
    both: list[Tensor],
    kernels: HeadKernels,
    nb: Neighborhoods,
    pairs: PairValues,
    chunk: Chunk,
) -> Tensor:
    """The rows of one chunk, (B, R, H, d)."""
    functions = pairs.functions[chunk.pair]
    asked = torch.einsum("brhd,hzd->brzh", torch.cat(query, dim=-1), kernels.logits)
    logits, values = functions @ asked, []
    k = Element(nb.transport[chunk.pair].flatten(), nb.flip[chunk.pair].flatten())
    source = nb.source[chunk.pair].flatten()
    shape = (*chunk.pair.shape, 2, kernels.logits.shape[0], -1)
    for block, asking, part in zip(kernels.field_type.blocks, query, both, strict=True):
        carried = _turn(part.index_select(1, source), block.irrep, k).unflatten(1, shape[:2])
        keys, own = carried.unflatten(-1, shape[2:]).unbind(3)
        logits = logits + (asking[:, :, None] * keys).sum(-1)
        values.append(own)
    logits = logits / kernels.logits.shape[-1] ** 0.5 + pairs.log_weight[chunk.pair][..., None]
    alpha = _softmax(torch.where(chunk.valid[..., None], logits, -torch.inf))[..., None]
    spread = functions.transpose(-1, -2)
    sums = [(spread @ (alpha * v).flatten(-2)).unflatten(-1, v.shape[-2:]) for v in values]
    return torch.einsum("brzhd,hzod->brho", torch.cat(sums, dim=-1), kernels.values)


def _softmax(logits: Float[Tensor, "B R N H"]) -> Float[Tensor, "B R N H"]:
    """Softmax over the pairs, zeros where there is none."""
    if logits.shape[2] == 0:
        return logits
    top = logits.detach().amax(dim=2, keepdim=True)
    weight = (logits - torch.where(top > -torch.inf, top, 0.0)).exp()
    total = weight.sum(dim=2, keepdim=True)
    return weight / torch.where(total > 0, total, 1.0)


def _turn(x: Float[Tensor, "B E c"], irrep: Irrep, k: Element) -> Float[Tensor, "B E c"]:
    """`Irrep.turn`, with two components as one complex number: several times faster."""
    if irrep.dim == 1:
        return irrep.turn(x, k)
    z = torch.view_as_complex(x.unflatten(-1, (-1, 2)))
    if irrep.group.reflections:
        z = torch.where(k.reflect[:, None], z.conj(), z)
    angle = (irrep.order * k.gamma).to(x.dtype)
    phase = torch.polar(torch.ones_like(angle), angle)
    return torch.view_as_real(z * phase[:, None]).flatten(-2)


def _chunks(nb: Neighborhoods) -> tuple[list[Chunk], Int64[Tensor, " P"]]:
    """The rows by ascending number of pairs, in chunks; and where each row is among them."""

    def make() -> tuple[list[Chunk], Tensor]:
        degree = nb.ptr.diff()
        order = torch.argsort(degree, stable=True)
        limit = max(CHUNK_PAIRS, -(-nb.r.numel() // _MOST_CHUNKS))
        lengths, start, found = degree[order].tolist(), 0, []
        while start < len(lengths):
            stop = start + 1
            # all rows are padded to the last one, the longest
            while stop < len(lengths) and (stop + 1 - start) * lengths[stop] <= limit:
                stop += 1
            found.append(_chunk(nb, order[start:stop], lengths[stop - 1]))
            start = stop
        return found, torch.argsort(order)

    return nb.memo(("nn.attention.chunks", CHUNK_PAIRS), make)


def _chunk(nb: Neighborhoods, rows: Tensor, longest: int) -> Chunk:
    """Rows, padded to a number of pairs."""
    step = torch.arange(longest, device=rows.device)
    valid = step < nb.ptr.diff()[rows][:, None]
    pair = torch.where(valid, nb.ptr[rows][:, None] + step, 0)
    return Chunk(rows, pair, valid)


def pair_values(
    nb: Neighborhoods, basis: RadialBasis, highest: int, dtype: torch.dtype
) -> PairValues:
    """Values at every pair for angular frequencies up to the highest, computed once.

    The factor (1 − r²/R²)² lets nothing jump where a pair enters or leaves the neighbourhood.
    """

    def make() -> PairValues:
        rho = nb.r / nb.radius
        weight = nb.weight * (1 - rho.square()).clamp_min(0).square()
        log_weight = torch.where(weight > 0, weight.log(), -torch.inf)
        waves = circular_functions(nb.theta, highest)
        moving = (basis.rings(rho)[:, :, None] * waves[:, None]).flatten(1)
        functions = torch.cat((basis.center(rho)[:, None], moving), dim=1)
        return PairValues(log_weight.to(dtype), functions.to(dtype))

    return nb.memo(("nn.attention.values", basis, highest, dtype), make)
