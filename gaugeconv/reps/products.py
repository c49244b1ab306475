"""Tensor products of fields, decomposed into irreps by Clebsch–Gordan coefficients that are computed."""

from __future__ import annotations

from functools import lru_cache
from itertools import groupby

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from gaugeconv.errors import StructureGroupError
from gaugeconv.reps.change import to_irreps
from gaugeconv.reps.elements import Element
from gaugeconv.reps.field_type import FieldType
from gaugeconv.reps.irreps import Irrep, decompose


@lru_cache(maxsize=256)
def clebsch_gordan(
    left: Irrep, right: Irrep
) -> tuple[tuple[Irrep, ...], Float64[Tensor, "left right dim"]]:
    """The irreps in the product of two, and the orthogonal map from components (i, j) to theirs.

    With Q the array: x_i y_j Q_ijk are the components of the irreps, one after the other.

    Raises:
        StructureGroupError: the irreps belong to different groups.
    """
    if left.group != right.group:
        raise StructureGroupError(f"no product of irreps of {left.group} and {right.group}")

    def action(k: Element) -> Float64[Tensor, "n dim dim"]:
        product = torch.einsum("nij,nkl->nikjl", left.action(k), right.action(k))
        return product.flatten(3, 4).flatten(1, 2)

    found, basis = decompose(left.group, action, left.order + right.order)
    return found, basis.unflatten(0, (left.dim, right.dim))


class TensorProduct:
    """All products of channels of two types, as irreps: bilinear and covariant.

    Blocks of the output run over pairs of irrep blocks (left outermost), in each pair over the
    irreps of their product; channels run over left channels, right channels, copies.

    Args:
        left, right: the types, of one group.

    Attributes:
        out_type: type of the products.

    Raises:
        StructureGroupError: the types are of different groups.
    """

    def __init__(self, left: FieldType, right: FieldType) -> None:
        self._left, self._right = to_irreps(left), to_irreps(right)
        terms: list[str] = []
        self._pairs: list[tuple[slice, int, slice, int, Tensor, list[int]]] = []
        for a in self._left.out_type.blocks:
            for b in self._right.out_type.blocks:
                found, coefficients = clebsch_gordan(a.irrep, b.irrep)
                runs = [list(run) for _, run in groupby(found)]
                pair = (a.slice, a.components, b.slice, b.components, coefficients)
                self._pairs.append((*pair, [sum(i.dim for i in run) for run in runs]))
                copies = a.multiplicity * b.multiplicity
                terms += [f"{copies * len(run)}x{run[0].name}" for run in runs]
        self.out_type = FieldType(" + ".join(terms), left.group)

    def __call__(
        self, x: Float[Tensor, "*batch left"], y: Float[Tensor, "*batch right"]
    ) -> Float[Tensor, "*batch out"]:
        """The products, differentiable in both."""
        x, y = self._left(x), self._right(y)
        parts = []
        for columns_a, d_a, columns_b, d_b, coefficients, sizes in self._pairs:
            a = x[..., columns_a].unflatten(-1, (-1, d_a))
            b = y[..., columns_b].unflatten(-1, (-1, d_b))
            both = torch.einsum("...ui,...vj,ijk->...uvk", a, b, coefficients.to(x))
            parts += [part.flatten(-3) for part in both.split(sizes, dim=-1)]
        return torch.cat(parts, dim=-1)
