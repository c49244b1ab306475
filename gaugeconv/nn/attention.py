"""Gauge equivariant attention over geodesic neighbourhoods."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gaugeconv.errors import FieldTypeError, OptionError
from gaugeconv.geometry.neighborhoods import Neighborhoods
from gaugeconv.nn.attention_rows import HeadKernels, attend
from gaugeconv.nn.connection import (
    Connection,
    carried_type,
    checked_connection,
    compatible_pairs,
    require_followed,
)
from gaugeconv.nn.fields import FieldModule, check_on_sources
from gaugeconv.nn.linear import GaugeLinear
from gaugeconv.ops.tables import compute_dtype
from gaugeconv.reps import FieldType, RadialBasis, SteerableKernels, irreps, to_irreps


class GaugeAttention(FieldModule):
    """Multi-head attention whose weights are an invariant density on the tangent disk; covariant.

    For every head, with queries, keys and values q, k, v that are linear in the features,

        y_p = Σ_q α_pq K(X) ρ(k_pq) v_q,    X = log_p(q), k_pq the transport,
        α_pq ∝ w_pq (1 − r²/R²)² exp((⟨q_p, ρ(k_pq) k_q⟩ + ⟨q_p, κ(X)⟩) / √d),    Σ_q α_pq = 1.

    Both logits are invariant, since ρ is orthogonal and the relative-position kernel κ, from scalars
    to keys, steerable. K is a steerable kernel as in `GaugeConv`. With the quadrature weights w the
    sums are integrals over B_R, whatever the sampling. A linear layer joins the heads; before it a
    target without pairs has zeros.

    Time grows as pairs · heads · d. Values per pair, of 2 · heads · d components, exist for about
    `attention_rows.CHUNK_PAIRS` pairs (or a sixteenth of all) at a time: the backward pass computes
    them again. What is kept per pair is geometry, computed once for a neighbourhood:
    2 + num (2M + 1) numbers, with num radial functions and M the highest frequency of the kernels.

    Args:
        in_type: type of the input; a string means SO2.
        out_type: type of the output; the input's when left out.
        heads: number of heads. Each has the irreps of the input, their multiplicities divided by
            `heads` and at least 1.
        radial: number of default radial functions, or a radial basis.
        connection: what to do where transports are not in the group, see `gaugeconv.nn.Connection`.

    Raises:
        StructureGroupError: the types are of different groups, or nothing of them can be extended.
        OptionError: no such connection, or less than one head.
    """

    def __init__(
        self,
        in_type: str | FieldType,
        out_type: str | FieldType | None = None,
        heads: int = 4,
        radial: int | RadialBasis = 3,
        connection: Connection = "exact",
    ) -> None:
        super().__init__(in_type, out_type)
        if heads < 1:
            raise OptionError(f"attention needs at least one head, got {heads}")
        self.heads, self.connection = heads, checked_connection(connection)
        self._into = carried_type(self.in_type, connection)
        self._back = carried_type(self.out_type, connection)
        inner = self._into.out_type if self._into else self.in_type
        outer = self._back.out_type if self._back else self.out_type
        head, together = _head_types(inner, heads)
        self._sizes = [heads * b.multiplicity * b.components for b in head.blocks]
        self.query = GaugeLinear(inner, together)
        self.key = GaugeLinear(inner, together, bias=False)
        self.value = GaugeLinear(inner, together)
        self.join = GaugeLinear(together, outer)
        scalar = FieldType(irreps(head.group, 0)[0].name, head.group)
        self.space = SteerableKernels(head, head, radial)
        self.positions = SteerableKernels(scalar, head, self.space.basis)
        self.rings = nn.Parameter(torch.empty(heads, *self.space.rings_shape))
        self.center = nn.Parameter(torch.empty(heads, self.space.num_center))
        self.position_rings = nn.Parameter(torch.empty(heads, *self.positions.rings_shape))
        self.position_center = nn.Parameter(torch.empty(heads, self.positions.num_center))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws new weights: K(X) keeps unit variance at most X, and κ is zero."""
        with torch.no_grad():
            self.rings.normal_().mul_(self.space.ring_fan_in.rsqrt())
            self.center.normal_().mul_(self.space.center_fan_in.rsqrt())
        nn.init.zeros_(self.position_rings)
        nn.init.zeros_(self.position_center)

    def forward(
        self,
        x: Float[Tensor, "*batch Q in"],
        nb: Neighborhoods,
        at_targets: Float[Tensor, "*batch P in"] | None = None,
    ) -> Float[Tensor, "*batch P out"]:
        """Features of the targets; a leading batch axis is optional.

        Args:
            x: features of the sources.
            nb: neighbourhoods on the device of x.
            at_targets: features of the targets, for the queries; x when left out, where targets and
                sources are the same vertices.

        Raises:
            FieldTypeError: features are not of the input type on the sources, or on the targets.
            StructureGroupError: a transport is not in the structure group, and `connection` is
                "exact", or it reflects and the group does not.
        """
        check_on_sources(x, nb, self.in_type)
        asking = x if at_targets is None else at_targets
        _check_targets(asking, x, nb, at_targets is not None)
        nb = compatible_pairs(nb, self.in_type.group, self.connection)
        require_followed(nb, self.space.group)
        if self._into:
            x, asking = self._into(x), self._into(asking)
        dtype = compute_dtype(x.dtype)
        both = zip(self._split(self.key(x)), self._split(self.value(x)), strict=True)
        asked = self._split(self.query(asking))
        y = attend(
            [_flat(part).to(dtype).unflatten(-1, (self.heads, -1)) for part in asked],
            [_flat(torch.cat(part, dim=-1)).to(dtype) for part in both],
            nb,
            self.kernels(dtype),
        )
        parts = y.to(x.dtype).split([size // self.heads for size in self._sizes], dim=-1)
        joined = torch.cat([part.flatten(-2) for part in parts], dim=-1)
        y = self.join(joined.reshape(*x.shape[:-2], *joined.shape[1:]))
        return self._back.inverse(y) if self._back else y

    def kernels(self, dtype: torch.dtype | None = None) -> HeadKernels:
        """K and κ of every head."""
        values = _coefficients(self.space, self.rings, self.center)
        logits = _coefficients(self.positions, self.position_rings, self.position_center)[..., 0]
        num = self.space.basis.num
        slots = max((c.shape[1] - 1) // num for c in (values, logits))
        padded = [_padded(c, num, slots).to(dtype) for c in (values, logits)]
        return HeadKernels(self.space.in_type, self.space.basis, *padded)

    def _split(self, x: Float[Tensor, "*batch n"]) -> tuple[Float[Tensor, "*batch _"], ...]:
        """The irreps of all heads."""
        return x.split(self._sizes, dim=-1)

    def extra_repr(self) -> str:
        """The types, the number of heads and the radial basis."""
        return f"{super().extra_repr()}, heads={self.heads}, radial={self.space.basis!r}"


def _flat(x: Float[Tensor, "*batch Q n"]) -> Float[Tensor, "B Q n"]:
    """One batch axis."""
    return x[None] if x.ndim == 2 else x.flatten(0, -3)


def _head_types(field_type: FieldType, heads: int) -> tuple[FieldType, FieldType]:
    """The type of one head, and that of all heads together, irrep by irrep."""
    copies: dict[str, int] = {}
    for block in to_irreps(field_type).out_type.blocks:
        copies[block.irrep.name] = copies.get(block.irrep.name, 0) + block.multiplicity
    own = {name: max(1, count // heads) for name, count in copies.items()}
    head, together = (
        " + ".join(f"{n * count}x{name}" for name, count in own.items()) for n in (1, heads)
    )
    return FieldType(head, field_type.group), FieldType(together, field_type.group)


def _coefficients(
    space: SteerableKernels, rings: Float[Tensor, "H num size"], center: Float[Tensor, "H n"]
) -> Float[Tensor, "H Z out in"]:
    """Kernels as coefficients of b_0 and of b_k times circular functions."""
    fixed = torch.stack([space.center_matrix(c) for c in center])
    return torch.cat((fixed[:, None], space.fourier(rings).flatten(1, 2)), dim=1)


def _padded(coefficients: Tensor, num: int, slots: int) -> Tensor:
    """The coefficients with zeros for the frequencies that the kernels lack."""
    moving = coefficients[:, 1:].unflatten(1, (num, -1))
    lacking = slots - moving.shape[2]
    zeros = moving.new_zeros(*moving.shape[:2], lacking, *moving.shape[3:])
    return torch.cat((coefficients[:, :1], torch.cat((moving, zeros), dim=2).flatten(1, 2)), dim=1)


def _check_targets(asking: Tensor, x: Tensor, nb: Neighborhoods, given: bool) -> None:
    """Raises FieldTypeError unless there are features of every target."""
    expected = (*x.shape[:-2], nb.num_targets, x.shape[-1])
    same = nb.memo("nn.same", lambda: torch.equal(nb.target_vertex, nb.source_vertex))
    if not given and not same:
        raise FieldTypeError("targets and sources differ: give features of the targets, at_targets")
    if tuple(asking.shape) != expected:
        raise FieldTypeError(f"expected features of targets {expected}, got {tuple(asking.shape)}")
