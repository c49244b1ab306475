"""Fixed sparse linear maps from a kernel's coordinates to matrices that operators multiply with."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int64
from torch import Tensor


class SparseMap:
    """A linear map given by (target, coordinate, coefficient) triples; equal targets add up.

    Args:
        shape: shape of the result for one vector of coordinates.
        target: flat index into that shape, per triple.
        coordinate: which coordinate, per triple.
        coefficient: its factor, float64, per triple.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        target: Int64[Tensor, " n"],
        coordinate: Int64[Tensor, " n"],
        coefficient: Float[Tensor, " n"],
    ) -> None:
        self.shape = shape
        self._triples = (target, coordinate, coefficient)
        self._placed: dict[tuple[torch.device, torch.dtype], tuple[Tensor, ...]] = {}

    def __call__(self, coordinates: Float[Tensor, "*batch size"]) -> Tensor:
        """The result (*batch, *shape), differentiable; in the dtype of the coordinates."""
        key = (coordinates.device, coordinates.dtype)
        if key not in self._placed:
            target, coordinate, coefficient = (t.to(key[0]) for t in self._triples)
            self._placed[key] = (target, coordinate, coefficient.to(key[1]))
        target, coordinate, coefficient = self._placed[key]
        batch = coordinates.shape[:-1]
        values = coordinates.index_select(-1, coordinate) * coefficient
        flat = values.new_zeros(*batch, math.prod(self.shape)).index_add(-1, target, values)
        return flat.reshape(*batch, *self.shape)
