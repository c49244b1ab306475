"""Linear maps that commute with the group: the only matrices allowed at r = 0 and per vertex.

By Schur's lemma over the reals: a for each channel pair of order 0, a + bJ for each pair of equal
order m ≥ 1 (J a quarter turn), and zero between different orders.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from gaugeconv.reps.field_type import FieldType


class Intertwiners:
    """The space of intertwiners from one field type to another, with its flat coordinates.

    Coordinates run over pairs of blocks (output outermost) of equal order, in each pair over output
    channels, then input channels, then (a) or (a, b).

    Attributes:
        size: dimension of the space.
        index: (out.dim, in.dim) which coordinate an entry of the matrix is.
        sign: (out.dim, in.dim) its sign; 0 where the matrix must vanish.
    """

    def __init__(self, in_type: FieldType, out_type: FieldType) -> None:
        self.in_type = in_type
        self.out_type = out_type
        self.size, self.index, self.sign = _coordinates(in_type, out_type)

    def matrix(self, coordinates: Float[Tensor, " size"]) -> Float[Tensor, "out in"]:
        """The matrix C with ρ_out(k) C = C ρ_in(k); differentiable, linear in the coordinates."""
        if self.size == 0:
            # the empty sum keeps the zeros in the graph: gradients are empty, not missing
            return coordinates.sum() + coordinates.new_zeros(self.out_type.dim, self.in_type.dim)
        index = torch.from_numpy(self.index).to(coordinates.device)
        return coordinates[index] * torch.from_numpy(self.sign).to(coordinates)


@lru_cache(maxsize=256)
def _coordinates(
    in_type: FieldType, out_type: FieldType
) -> tuple[int, Int64[np.ndarray, "out in"], Float64[np.ndarray, "out in"]]:
    """Size, index and sign arrays of `Intertwiners`."""
    index = np.zeros((out_type.dim, in_type.dim), dtype=np.int64)
    sign = np.zeros((out_type.dim, in_type.dim))
    size = 0
    for row in out_type.blocks:
        for column in in_type.blocks:
            if row.order != column.order:
                continue
            d = row.components
            shape = (row.multiplicity, column.multiplicity, d)
            ids = np.moveaxis(size + np.arange(np.prod(shape)).reshape(shape), -1, 0)
            for i in range(d):
                for j in range(d):
                    # a + bJ = [[a, -b], [b, a]]
                    at = (
                        slice(row.slice.start + i, row.slice.stop, d),
                        slice(column.slice.start + j, column.slice.stop, d),
                    )
                    index[at] = ids[abs(i - j)]
                    sign[at] = -1.0 if i < j else 1.0
            size += ids.size
    return size, index, sign
