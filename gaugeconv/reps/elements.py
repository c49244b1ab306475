"""Elements of O(2): what a change of frame, or a transport, is made of."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor


class Element(NamedTuple):
    """Elements k = R(γ) S^s of O(2), of any batch shape; `representation.action(*k)` takes one apart.

    Attributes:
        gamma: (*batch) rotation angles γ, radians.
        reflect: (*batch) bool, s: whether S is applied first.
    """

    gamma: Tensor
    reflect: Tensor

    @classmethod
    def of(
        cls, gamma: Float[Tensor, "*batch"], reflect: Bool[Tensor, "*batch"] | None = None
    ) -> Element:
        """The element; without reflection when `reflect` is None."""
        return cls(gamma, torch.zeros_like(gamma, dtype=torch.bool) if reflect is None else reflect)

    @classmethod
    def from_matrix(cls, matrix: Float[Tensor, "*batch 2 2"]) -> Element:
        """The element of an orthogonal matrix: γ is the direction of its first column."""
        a, b, c, d = matrix[..., 0, 0], matrix[..., 0, 1], matrix[..., 1, 0], matrix[..., 1, 1]
        return cls(torch.atan2(c, a), a * d < b * c)

    def __matmul__(self, other: Element) -> Element:
        """The product: R(a) S^s R(b) S^t = R(a ± b) S^(s+t), minus when s = 1."""
        return Element(self.direction(other.gamma), self.reflect ^ other.reflect)

    def inverse(self) -> Element:
        """k⁻¹: R(−γ) for a rotation; a reflection is its own inverse."""
        return Element(torch.where(self.reflect, self.gamma, -self.gamma), self.reflect)

    def matrix(self) -> Float[Tensor, "*batch 2 2"]:
        """The orthogonal matrix."""
        cos, sin = torch.cos(self.gamma), torch.sin(self.gamma)
        sign = torch.where(self.reflect, -1.0, 1.0).to(cos)
        rows = (torch.stack((cos, -sign * sin), -1), torch.stack((sin, sign * cos), -1))
        return torch.stack(rows, -2)

    def direction(self, theta: Tensor) -> Tensor:
        """The direction of k ▷ X where X has direction θ: θ + γ, or γ − θ after a reflection.

        Shapes broadcast, as they do for products of elements.
        """
        return self.gamma + torch.where(self.reflect, -theta, theta)

    def act(self, vectors: Float[Tensor, "*batch 2"]) -> Float[Tensor, "*batch 2"]:
        """Components of tangent vectors, k ▷ X, after a change of gauge by k."""
        return torch.einsum("...ij,...j->...i", self.matrix().to(vectors), vectors)
