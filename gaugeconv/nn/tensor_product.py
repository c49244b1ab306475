"""The quadratic nonlinearity: products of a field with itself."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from gaugeconv.nn.fields import FieldModule
from gaugeconv.nn.linear import GaugeLinear
from gaugeconv.reps import FieldType, TensorProduct, to_irreps


class TensorProductNonlinearity(FieldModule):
    """x ↦ x + C (A x ⊗ B x), products decomposed by Clebsch–Gordan coefficients; covariant exactly.

    A and B map to `width` copies of every irrep in the type, the products are taken copy by copy,
    and C maps those irreps of the products that the type has back to it (`gaugeconv.reps.TensorProduct`;
    Kondor, Lin & Trivedi 2018). Quadratic, so features should be normalised before.

    Args:
        in_type: type of the input and the output.
        width: how many products to take of every pair of irreps.
    """

    def __init__(self, in_type: str | FieldType, width: int = 8) -> None:
        super().__init__(in_type)
        names = {block.irrep.name: None for block in to_irreps(self.in_type).out_type.blocks}
        group = self.in_type.group
        one = FieldType(" + ".join(names), group)
        copies = FieldType(" + ".join(f"{width}x{name}" for name in names), group)
        self.width, self._one = width, [block.components for block in one.blocks]
        self.left = GaugeLinear(self.in_type, copies)
        self.right = GaugeLinear(self.in_type, copies)
        product = TensorProduct(one, one)
        kept = [block for block in product.out_type.blocks if block.irrep.name in names]
        terms = [f"{width * block.multiplicity}x{block.irrep.name}" for block in kept]
        self.join = GaugeLinear(FieldType(" + ".join(terms), group), self.in_type, bias=False)
        # the bilinear map as one matrix: products of all pairs of basis vectors
        basis = torch.eye(one.dim, dtype=torch.float64)
        pairs = product(basis.repeat_interleave(one.dim, 0), basis.repeat(one.dim, 1))
        self._products = torch.cat([pairs[:, block.slice] for block in kept], dim=1)
        self._sizes = [block.multiplicity * block.components for block in kept]

    def forward(self, x: Float[Tensor, "*batch dim"]) -> Float[Tensor, "*batch dim"]:
        """Features of the same type.

        Raises:
            FieldTypeError: x is not of the type.
        """
        left, right = self._by_copy(self.left(x)), self._by_copy(self.right(x))
        pairs = (left[..., :, None] * right[..., None, :]).flatten(-2)
        products = (pairs @ self._products.to(pairs)).split(self._sizes, dim=-1)
        y: Tensor = x + self.join(torch.cat([part.flatten(-2) for part in products], dim=-1))
        return y

    def _by_copy(self, x: Float[Tensor, "*batch n"]) -> Float[Tensor, "*batch width one"]:
        """One copy of every irrep side by side."""
        parts = x.split([self.width * d for d in self._one], dim=-1)
        copies = [p.unflatten(-1, (self.width, -1)) for p in parts]
        return torch.cat(copies, dim=-1)
