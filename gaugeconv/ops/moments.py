"""Moments: what the aggregation computes for every target, and how weights multiply it.

With u_e = ρ(φ_e − θ_e) x_q the convolution is a dense product of fixed matrices, made of the
kernel's coordinates, with the moments Σ_e w_e b_k(r_e) u_e, Σ_e w_e b_k(r_e) cos(nθ_e) u_e and
Σ_e w_e b_k(r_e) sin(nθ_e) u_e. Output order n needs its own n alone, and for the centre term the
order-n part of Σ_e w_e b_0(r_e) ρ(φ_e) x_q.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Int64

from gaugeconv.reps import FieldType, Intertwiners


@dataclass(frozen=True)
class Segment:
    """Columns of the moments that belong to one output order.

    Attributes:
        order: the output order n.
        start: first column; then come the rings, (num, in.dim) for n = 0 and (2, num, in.dim) for
            cos and sin otherwise.
        center: first column of the centre term, the order-n channels of the input type.
        stop: one past the last column.
    """

    order: int
    start: int
    center: int
    stop: int


@dataclass(frozen=True)
class MomentLayout:
    """Columns of the moments for an input type and the orders of an output type.

    Attributes:
        in_type: type of what is aggregated.
        num_rings: rings of the radial basis.
        segments: one per distinct output order, ascending.
    """

    in_type: FieldType
    num_rings: int
    segments: tuple[Segment, ...]

    @property
    def width(self) -> int:
        """Columns in total."""
        return self.segments[-1].stop

    @property
    def orders(self) -> tuple[int, ...]:
        """The output orders."""
        return tuple(segment.order for segment in self.segments)

    def columns(self, order: int) -> Int64[np.ndarray, " D_n"]:
        """The input's components of an order: those that the centre term of that order takes."""
        slices = [block.slice for block in self.in_type.blocks if block.order == order]
        return np.array([i for s in slices for i in range(s.start, s.stop)], dtype=np.int64)


@lru_cache(maxsize=256)
def moment_layout(in_type: FieldType, out_type: FieldType, num_rings: int) -> MomentLayout:
    """The layout for a convolution from in_type to out_type."""
    segments, start = [], 0
    for order in out_type.orders:
        parts = 1 if order == 0 else 2
        center = start + parts * num_rings * in_type.dim
        stop = center + in_type.multiplicity(order) * parts
        segments.append(Segment(order, start, center, stop))
        start = stop
    return MomentLayout(in_type, num_rings, tuple(segments))


class ProductMap:
    """How the coordinates of a kernel become the matrices that multiply the moments.

    Block b of the output is `moments[:, columns] @ matrix_b` with one matrix per output block,
    whose entries are ± coordinates. The map is linear; `matrices` applies it and `adjoint` its
    transpose. With `transposed`, the map belongs to the adjoint convolution, from out_type to
    in_type with the kernel K(r)ᵀ.
    """

    def __init__(
        self, in_type: FieldType, out_type: FieldType, num_rings: int, transposed: bool
    ) -> None:
        rings, center, sign = _coordinate_arrays(in_type, out_type, num_rings)
        if transposed:
            rings, center, sign = rings.transpose(0, 2, 1), center.T, sign.T
            in_type, out_type = out_type, in_type
        self.layout = moment_layout(in_type, out_type, num_rings)
        segments = {segment.order: segment for segment in self.layout.segments}
        self.outputs = [block.slice for block in out_type.blocks]
        self.inputs, self.shapes, ids, signs = [], [], [], []
        for block in out_type.blocks:
            segment = segments[block.order]
            columns = self.layout.columns(block.order)
            index, factor = _block_matrix(
                block.order,
                rings[:, block.slice],
                center[block.slice][:, columns],
                sign[block.slice][:, columns],
            )
            self.inputs.append(slice(segment.start, segment.stop))
            self.shapes.append(index.shape)
            ids.append(index.ravel())
            signs.append(factor.ravel())
        self.sizes = [rows * columns for rows, columns in self.shapes]
        self._index, self._sign = np.concatenate(ids), np.concatenate(signs)
        self._back_index, self._back_sign = _inverse(self._index, self._sign)

    def matrices(self, coordinates: Float[np.ndarray, " N"]) -> list[Float[np.ndarray, "S c"]]:
        """One matrix per output block, from (rings, center) flattened and concatenated."""
        flat = coordinates[self._index] * self._sign.astype(coordinates.dtype)
        return self.split(flat)

    def split(self, flat: Float[np.ndarray, " M"]) -> list[Float[np.ndarray, "S c"]]:
        """Views of the matrices in the concatenation of all of them."""
        parts = np.split(flat, np.cumsum(self.sizes)[:-1])
        return [part.reshape(shape) for part, shape in zip(parts, self.shapes, strict=True)]

    def adjoint(self, flat: Float[np.ndarray, " M"]) -> Float[np.ndarray, " N"]:
        """The transpose of `matrices`, on the concatenation of all matrices."""
        parts = flat[self._back_index] * self._back_sign.astype(flat.dtype)
        total: np.ndarray = parts[0] + parts[1]
        return total


@lru_cache(maxsize=256)
def product_map(
    in_type: FieldType, out_type: FieldType, num_rings: int, transposed: bool = False
) -> ProductMap:
    """The product map of a convolution (or of its adjoint), computed once."""
    return ProductMap(in_type, out_type, num_rings, transposed)


def _coordinate_arrays(
    in_type: FieldType, out_type: FieldType, num_rings: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coordinate number of every entry of W_k and of C, and the sign in C."""
    shape = (num_rings, out_type.dim, in_type.dim)
    rings = np.arange(np.prod(shape)).reshape(shape)
    intertwiners = Intertwiners(in_type, out_type)
    return rings, rings.size + intertwiners.index, intertwiners.sign


def _block_matrix(
    order: int, rings: np.ndarray, center: np.ndarray, sign: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Coordinate numbers and signs of the matrix of one output block, (rows, block's columns).

    Rows multiply the cos moments, the sin moments (n ≥ 1) and the centre term. From
    η(θ) = cos nθ + J sin nθ: y_1 = (W A^cos)_1 − (W A^sin)_2 and y_2 = (W A^cos)_2 + (W A^sin)_1.
    """
    num, rows, columns = rings.shape
    parts = [rings]
    signs = [np.ones_like(rings, dtype=np.float64)]
    if order > 0:
        swapped = rings.reshape(num, rows // 2, 2, columns)[:, :, ::-1]
        turn = np.ones_like(swapped, dtype=np.float64)
        turn[:, :, 0] = -1.0
        parts.append(swapped.reshape(rings.shape))
        signs.append(turn.reshape(rings.shape))
    index = [part.transpose(0, 2, 1).reshape(num * columns, rows) for part in parts]
    factor = [part.transpose(0, 2, 1).reshape(num * columns, rows) for part in signs]
    index.append(center.T)
    factor.append(sign.T)
    return np.concatenate(index), np.concatenate(factor)


def _inverse(index: np.ndarray, sign: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where each coordinate occurs, at most twice: positions and signs, the first uses first."""
    by_coordinate = np.argsort(index, kind="stable")
    coordinate = index[by_coordinate]
    first = np.searchsorted(coordinate, np.arange(coordinate.max() + 1))
    rank = np.arange(coordinate.size) - first[coordinate]
    positions = np.zeros((2, coordinate.max() + 1), dtype=np.int64)
    signs = np.zeros(positions.shape)
    positions[rank, coordinate] = by_coordinate
    signs[rank, coordinate] = sign[by_coordinate]
    return positions, signs
