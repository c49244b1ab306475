"""Linear maps that commute with the group: the only matrices allowed at r = 0 and per vertex.

By Schur's lemma over the reals: a for each channel pair of equal irreps, or a + bJ (J a quarter turn)
where rotations commute with them, that is for two components in SO(2) and C_N; zero between
different irreps.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from gaugeconv.errors import StructureGroupError
from gaugeconv.reps.change import to_irreps
from gaugeconv.reps.field_type import FieldType


class Intertwiners:
    """The space of intertwiners from one field type to another, with its flat coordinates.

    Coordinates run over pairs of irrep blocks (output outermost) of equal irreps, in each pair over
    output channels, then input channels, then (a) or (a, b). Types with other blocks than irreps are
    changed to irreps and back (`to_irreps`).

    Attributes:
        size: dimension of the space.
        index: (out.dim, in.dim) which coordinate an entry of the matrix between irreps is.
        sign: (out.dim, in.dim) its sign; 0 where the matrix must vanish.
        fan_in: (size,) how many coordinates add to the same output component.

    Raises:
        StructureGroupError: the types are of different groups.
    """

    def __init__(self, in_type: FieldType, out_type: FieldType) -> None:
        if in_type.group != out_type.group:
            raise StructureGroupError(
                f"nothing commutes with {in_type.group} and {out_type.group}: {in_type!r}, {out_type!r}"
            )
        self.in_type, self.out_type = in_type, out_type
        self._in, self._out = to_irreps(in_type), to_irreps(out_type)
        self.size, self.index, self.sign = _coordinates(self._in.out_type, self._out.out_type)

    @property
    def fan_in(self) -> Float64[Tensor, " size"]:
        """How many coordinates add to the same output component, for each coordinate."""
        used = self.sign != 0
        per_row = np.broadcast_to(used.sum(axis=1, keepdims=True), used.shape)
        counts = torch.zeros(self.size, dtype=torch.float64)
        counts[torch.from_numpy(self.index[used])] = torch.from_numpy(per_row[used]).double()
        return counts

    def matrix(self, coordinates: Float[Tensor, " size"]) -> Float[Tensor, "out in"]:
        """The matrix C with ρ_out(k) C = C ρ_in(k); differentiable, linear in the coordinates."""
        if self.size == 0:
            # the empty sum keeps the zeros in the graph: gradients are empty, not missing
            return coordinates.sum() + coordinates.new_zeros(self.out_type.dim, self.in_type.dim)
        index = torch.from_numpy(self.index).to(coordinates.device)
        between = coordinates[index] * torch.from_numpy(self.sign).to(coordinates)
        return self._out.inverse(self._in.inverse(between).T).T

    def coordinates(self, matrix: Float[Tensor, "out in"]) -> Float[Tensor, " size"]:
        """The coordinates of a matrix that commutes with the group; the inverse of `matrix`."""
        between = self._out(self._in(matrix).T).T
        rows, columns = np.nonzero(self.sign > 0)
        order = self.index[rows, columns]
        place = torch.zeros(self.size, dtype=torch.int64)
        place[torch.from_numpy(order)] = torch.from_numpy(rows * self.sign.shape[1] + columns)
        return between.flatten()[place.to(matrix.device)]


@lru_cache(maxsize=256)
def _coordinates(
    in_type: FieldType, out_type: FieldType
) -> tuple[int, Int64[np.ndarray, "out in"], Float64[np.ndarray, "out in"]]:
    """Size, index and sign arrays of `Intertwiners`, between irreps."""
    index = np.zeros((out_type.dim, in_type.dim), dtype=np.int64)
    sign = np.zeros((out_type.dim, in_type.dim))
    size = 0
    for row in out_type.blocks:
        for column in in_type.blocks:
            if row.irrep != column.irrep:
                continue
            d, kinds = row.components, row.irrep.endomorphisms
            shape = (row.multiplicity, column.multiplicity, kinds)
            ids = np.moveaxis(size + np.arange(np.prod(shape)).reshape(shape), -1, 0)
            for i in range(d):
                for j in range(d):
                    if abs(i - j) >= kinds:
                        continue
                    # a + bJ = [[a, -b], [b, a]]
                    at = (
                        slice(row.slice.start + i, row.slice.stop, d),
                        slice(column.slice.start + j, column.slice.stop, d),
                    )
                    index[at] = ids[abs(i - j)]
                    sign[at] = -1.0 if i < j else 1.0
            size += ids.size
    return size, index, sign
