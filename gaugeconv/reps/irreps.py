"""Real irreducible representations of the structure groups, and how others decompose into them.

With k = R(γ) S^s the irrep of order m acts by R(mγ), and by R(mγ) S^s in groups with reflections. It
has one dimension instead of two where R(mγ) is ±1 for the whole group: order 0, and N/2 for even N.
In groups with reflections these come in two parities, "+" and "−", of S (Weiler & Cesa 2019, appendix F).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from gaugeconv.errors import StructureGroupError
from gaugeconv.reps.elements import Element
from gaugeconv.reps.groups import StructureGroup

_NOTHING = 1e-6  # squared norm below which a projected map is rounding
_LARGE = 0.3  # share of the largest at which a map is taken: ties must not hang on rounding


@dataclass(frozen=True)
class Irrep:
    """The irrep of an order, named as in field types: "2", or "0+" and "0-" where S has a parity.

    Attributes:
        group: the structure group.
        order: m ≥ 0; at most N/2 for C_N and D_N.
        parity: what S does to a one-dimensional irrep, 1 or −1; 0 for two dimensions and in groups
            without reflections.
    """

    group: StructureGroup
    order: int
    parity: int

    @property
    def dim(self) -> int:
        """Real dimension, 1 or 2."""
        return 1 if _is_real(self.group, self.order) else 2

    @property
    def endomorphisms(self) -> int:
        """Real dimension of the matrices that commute with it: 2 (a + bJ) or 1 (a)."""
        return 2 if self.dim == 2 and not self.group.reflections else 1

    @property
    def is_trivial(self) -> bool:
        """Whether the group leaves it alone: only then is a bias allowed."""
        return self.order == 0 and self.parity >= 0

    @property
    def name(self) -> str:
        """As in field types."""
        return f"{self.order}{('', '+', '-')[self.parity]}"

    def action(self, k: Element) -> Float[Tensor, "*batch d d"]:
        """The matrix of k; k is taken to belong to the group."""
        angle = self.order * k.gamma
        if self.dim == 2:
            return Element(angle, k.reflect).matrix()
        return (torch.cos(angle) * self.sign(k))[..., None, None]

    def turn(self, x: Float[Tensor, "*batch V c"], k: Element) -> Float[Tensor, "*batch V c"]:
        """Acts by k on channels of this irrep, side by side, and one element (V) per vertex."""
        if self.order == 0 and self.parity != -1:
            return x
        cos, sin = torch.cos(self.order * k.gamma), torch.sin(self.order * k.gamma)
        if self.dim == 1:
            return (cos * self.sign(k)).to(x)[:, None] * x
        cos, sin = cos.to(x)[:, None], sin.to(x)[:, None]
        a, b = x[..., 0::2], x[..., 1::2]
        if self.group.reflections:
            b = torch.where(k.reflect[:, None], -b, b)
        return torch.stack((cos * a - sin * b, sin * a + cos * b), dim=-1).flatten(-2)

    def sign(self, k: Element) -> Float[Tensor, "*batch"]:
        """−1 where an element reflects and the parity is −1, otherwise 1."""
        odd = k.reflect & (self.parity < 0)
        return torch.where(odd, -1.0, 1.0).to(k.gamma)


def _is_real(group: StructureGroup, order: int) -> bool:
    """Whether irreps of the order have one dimension."""
    return order == 0 or 2 * order == group.rotations


@lru_cache(maxsize=256)
def irreps_of_order(group: StructureGroup, order: int) -> tuple[Irrep, ...]:
    """One or two irreps (parity + first); none where C_N and D_N have no such order."""
    if group.is_finite and 2 * order > group.rotations:
        return ()
    parities = (1, -1) if group.reflections and _is_real(group, order) else (0,)
    return tuple(Irrep(group, order, parity) for parity in parities)


def irreps(group: StructureGroup | str, max_order: int | None = None) -> tuple[Irrep, ...]:
    """All irreps of a group up to an order, ascending; for C_N and D_N it may be left out.

    Raises:
        StructureGroupError: no order is given and the group has infinitely many irreps.
    """
    group = StructureGroup.of(group)
    if max_order is None:
        if not group.is_finite:
            raise StructureGroupError(f"{group} has infinitely many irreps: give max_order")
        max_order = group.rotations // 2
    return tuple(i for order in range(max_order + 1) for i in irreps_of_order(group, order))


def decompose(
    group: StructureGroup,
    action: Callable[[Element], Float64[Tensor, "n dim dim"]],
    max_order: int,
) -> tuple[tuple[Irrep, ...], Float64[Tensor, "dim dim"]]:
    """Irreps of an orthogonal representation ρ, and an orthogonal Q with ρ(k) = Q (⊕ irreps)(k) Qᵀ.

    For each irrep σ the means of ρ(k) E σ(k)ᵀ over the group span the maps that intertwine; those
    of elementary matrices E, in order, are made orthonormal. So Q is the same on every machine up to
    rounding: coordinates that refer to it can be stored. Copies of an irrep are neighbours.

    Args:
        group: the structure group.
        action: matrices of a batch of elements, float64.
        max_order: no irrep of a higher order occurs.

    Raises:
        StructureGroupError: the irreps up to that order do not fill ρ, or it is not orthogonal.
    """
    k = group.samples(2 * max_order)
    matrices = action(k)
    dim = matrices.shape[-1]
    found, columns = [], []
    for irrep in irreps(group, max_order):
        seeds = torch.einsum("kai,kb->iab", matrices, irrep.action(k)[:, :, 0]) / len(k.gamma)
        for isometry in _isometries(seeds):
            found.append(irrep)
            columns.append(isometry)
    basis = torch.cat(columns, dim=1) if columns else matrices.new_zeros(dim, 0)
    if basis.shape[1] != dim:
        raise StructureGroupError(
            f"irreps of {group} up to order {max_order} fill {basis.shape[1]} of {dim} dimensions: "
            "the matrices are no orthogonal representation, or the order is too low"
        )
    return tuple(found), basis


def _isometries(maps: Float64[Tensor, "n dim d"]) -> list[Float64[Tensor, "dim d"]]:
    """Maps with orthonormal columns, and orthogonal to each other, that span the given ones."""
    found = []
    for _ in range(maps.shape[0] + 1):
        size = maps.square().sum(dim=(1, 2))
        if size.numel() == 0 or size.max() < _NOTHING:
            break
        first = int(torch.nonzero(size >= _LARGE * size.max())[0, 0])
        chosen = maps[first] / (size[first] / maps.shape[2]).sqrt()
        maps = maps - chosen @ (chosen.T @ maps)
        found.append(chosen)
    return found
