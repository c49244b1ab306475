"""Pooling to a coarser vertex set and back, with parallel transport and without parameters."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from gaugeconv.errors import FieldTypeError
from gaugeconv.geometry.neighborhoods import Neighborhoods
from gaugeconv.nn.fields import FieldModule
from gaugeconv.reps import FieldType


class GaugePool(FieldModule):
    """Weighted mean of the transported features of a finer vertex set; covariant.

    y_p = Σ_q c_pq ρ(φ_{p←q}) x_q / Σ_q c_pq with c_pq = a_q u_pq: every source q shares out its area a_q
    (the pairs' weight) over the targets that see it, with u_pq = k(r_pq) / Σ_p' k(r_p'q) and
    k(r) = (1 − r²/R²)², so that nothing jumps when a pair enters or leaves.

    Exact on constant fields of order 0 and on parallel fields of every order where the surface is
    flat. Adjoint to `GaugeUnpool` on the pairs of the other direction: ⟨y, z⟩ on the targets, with the
    areas Σ_q c_pq, is ⟨x, unpooled z⟩ on the sources, with the areas a_q. A target without sources
    within R gets zeros.

    Args:
        in_type: type of the input and the output.
    """

    def forward(
        self, x: Float[Tensor, "*batch Q dim"], nb: Neighborhoods
    ) -> Float[Tensor, "*batch P dim"]:
        """Features of the targets of `nb` (`Level.down`, say), from features of its sources.

        Raises:
            FieldTypeError: x is not of the type on the sources of nb.
            StructureGroupError: a transport is not in the structure group of the type.
        """

        def weights() -> Tensor:
            return _normalized(nb.weight * _shares(nb, nb.source, nb.num_sources), nb)

        return _carried(x, nb, self.in_type, nb.memo("nn.pool", weights))


class GaugeUnpool(FieldModule):
    """Interpolation of transported features from a coarser vertex set; covariant.

    y_q = Σ_p u_pq ρ(φ_{q←p}) x_p, with the shares u_pq of `GaugePool`, which sum to 1: exact on the same
    fields, and adjoint to it. A target without sources within R gets zeros.

    Args:
        in_type: type of the input and the output.
    """

    def forward(
        self, x: Float[Tensor, "*batch Q dim"], nb: Neighborhoods
    ) -> Float[Tensor, "*batch P dim"]:
        """Features of the targets of `nb` (`Level.up`, say), from features of its sources.

        Raises:
            FieldTypeError: x is not of the type on the sources of nb.
            StructureGroupError: a transport is not in the structure group of the type.
        """

        def weights() -> Tensor:
            return _shares(nb, nb.target, nb.num_targets)

        return _carried(x, nb, self.in_type, nb.memo("nn.unpool", weights))


def _shares(nb: Neighborhoods, row: Tensor, rows: int) -> Float[Tensor, " E"]:
    """k(r) of every pair, divided by the sum over all pairs of its row."""
    falloff = (1 - (nb.r / nb.radius) ** 2).clamp_min(0).square()
    return falloff / _sums(falloff, row, rows)


def _normalized(weight: Float[Tensor, " E"], nb: Neighborhoods) -> Float[Tensor, " E"]:
    """Weights divided by their sum at each target."""
    return weight / _sums(weight, nb.target, nb.num_targets)


def _sums(values: Float[Tensor, " E"], row: Tensor, rows: int) -> Float[Tensor, " E"]:
    """The sum over each pair's row, 1 where it is zero."""
    total = values.new_zeros(rows).index_add(0, row, values)
    return torch.where(total > 0, total, 1.0)[row]


def _carried(
    x: Tensor, nb: Neighborhoods, field_type: FieldType, weight: Float[Tensor, " E"]
) -> Float[Tensor, "*batch P dim"]:
    """Σ_q weight ρ(φ_{p←q}) x_q for every target p."""
    if x.ndim < 2 or tuple(x.shape[-2:]) != (nb.num_sources, field_type.dim):
        raise FieldTypeError(
            f"expected features (..., {nb.num_sources}, {field_type.dim}) of type '{field_type}' on "
            f"{nb.num_sources} source vertices, got {tuple(x.shape)}"
        )
    reflects = nb.memo("nn.pool-reflects", lambda: bool(nb.flip.any()))
    at_sources = x.index_select(-2, nb.source)
    carried = field_type.transform(at_sources, nb.transport, nb.flip if reflects else None)
    y = x.new_zeros(*x.shape[:-2], nb.num_targets, field_type.dim)
    return y.index_add(-2, nb.target, carried * weight.to(x)[:, None])
