"""Representations that a field type may be made of: irreps, regular, quotient, vector.

The quotient representation of a subgroup H acts on functions on the cosets K/H, by
(k f)(gH) = f(k⁻¹gH): it permutes them. The regular one is that of H = {e}.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from gaugeconv.errors import StructureGroupError
from gaugeconv.reps.elements import Element
from gaugeconv.reps.groups import StructureGroup
from gaugeconv.reps.irreps import Irrep, decompose, irreps_of_order

_IRREP = re.compile(r"(\d+)([+-]?)")
_QUOTIENT = re.compile(r"quo([CD][1-9]\d*)")


@dataclass(frozen=True)
class Representation:
    """An orthogonal representation with its decomposition: ρ(k) = Q (⊕ irreps)(k) Qᵀ.

    Attributes:
        group: the structure group.
        name: as in field types.
        irreps: the irreps that it consists of, copies one after the other.
        basis: (dim, dim) Q, float64; the identity for an irrep.
    """

    group: StructureGroup
    name: str
    irreps: tuple[Irrep, ...] = field(compare=False)
    basis: Float64[Tensor, "dim dim"] = field(compare=False, repr=False)

    @property
    def dim(self) -> int:
        """Real dimension of one copy."""
        return self.basis.shape[0]

    @property
    def is_irrep(self) -> bool:
        """Whether it is one irrep, in its own basis."""
        return self.irreps[0].name == self.name

    def action(self, k: Element) -> Float[Tensor, "*batch d d"]:
        """The matrix of k, in the dtype of its angle; k is taken to belong to the group."""
        if self.is_irrep:
            return self.irreps[0].action(k)
        middle = k.gamma.new_zeros(*k.gamma.shape, self.dim, self.dim)
        at = 0
        for irrep in self.irreps:
            columns = slice(at, at + irrep.dim)
            middle[..., columns, columns] = irrep.action(k)
            at += irrep.dim
        basis = self.basis.to(middle)
        return basis @ middle @ basis.T

    def turn(self, x: Float[Tensor, "*batch V c"], k: Element) -> Float[Tensor, "*batch V c"]:
        """Acts by k on channels of this representation, side by side, and one element (V) per vertex."""
        if self.is_irrep:
            return self.irreps[0].turn(x, k)
        basis = self.basis.to(x)
        parts = (x.unflatten(-1, (-1, self.dim)) @ basis).split([i.dim for i in self.irreps], -1)
        turned = [i.turn(p.flatten(-2), k) for i, p in zip(self.irreps, parts, strict=True)]
        turned = [p.unflatten(-1, (-1, i.dim)) for i, p in zip(self.irreps, turned, strict=True)]
        return (torch.cat(turned, dim=-1) @ basis.T).flatten(-2)


@lru_cache(maxsize=1024)
def representation(group: StructureGroup, name: str) -> Representation:
    """The representation of a name: an irrep ("2", "0-"), "reg", "quoC2" (functions on K/C_2), "vec".

    "vec" is that of tangent vectors, R(γ) S^s on R²; where it is an irrep it is called by that name.

    Raises:
        StructureGroupError: the group has no such representation; the message lists what it has.
    """
    match = _IRREP.fullmatch(name)
    if match is not None:
        for irrep in irreps_of_order(group, int(match[1])):
            if irrep.name == f"{int(match[1])}{match[2]}":
                return Representation(
                    group, irrep.name, (irrep,), torch.eye(irrep.dim, dtype=torch.float64)
                )
    elif name == "vec":
        parts = irreps_of_order(group, 1) or irreps_of_order(group, 0)
        if parts[0].dim == 2:
            return representation(group, parts[0].name)
        # ±1 on both components, or a sign on the second alone
        pair = parts if len(parts) == 2 else (parts[0], parts[0])
        return Representation(group, name, pair, torch.eye(2, dtype=torch.float64))
    elif group.is_finite and (name == "reg" or _QUOTIENT.fullmatch(name)):
        stabilizer = StructureGroup.of("C1" if name == "reg" else name[3:])
        if stabilizer.is_subgroup_of(group):
            return _quotient(group, stabilizer, name)
    raise StructureGroupError(f"{group} has no representation {name!r}: it has {_names(group)}")


def _quotient(group: StructureGroup, stabilizer: StructureGroup, name: str) -> Representation:
    """Functions on the cosets of a subgroup; cosets in the order of their first elements."""
    all_elements, inner = group.elements(), stabilizer.elements()
    coset = torch.full((group.size,), -1)
    first: list[int] = []
    for i in range(group.size):
        if coset[i] < 0:
            members = Element(all_elements.gamma[i], all_elements.reflect[i]) @ inner
            coset[group.index(members)] = len(first)
            first.append(i)
    representatives = Element(all_elements.gamma[first], all_elements.reflect[first])

    def permutations(k: Element) -> Float64[Tensor, "n dim dim"]:
        moved = Element(k.gamma[:, None], k.reflect[:, None]) @ representatives
        rows = torch.nn.functional.one_hot(coset[group.index(moved)], len(first))
        return rows.transpose(1, 2).to(torch.float64)

    found, basis = decompose(group, permutations, group.rotations // 2)
    return Representation(group, name, found, basis)


def _names(group: StructureGroup) -> str:
    """The representations of a group in words."""
    last = group.rotations // 2 if group.is_finite else 2
    names = [i.name for order in range(min(last, 3) + 1) for i in irreps_of_order(group, order)]
    if not group.is_finite or last > 3:
        names.append("…")
    if group.is_finite:
        names += [i.name for i in irreps_of_order(group, last) if i.name not in names]
        subgroups = "C or D" if group.reflections else "C"
        names.append(
            f"'reg', 'quo' with a subgroup ({subgroups} of a divisor of {group.rotations})"
        )
    return ", ".join([*names, "'vec'"])
