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
from torch import Tensor

from gaugeconv.errors import FieldTypeError
from gaugeconv.reps import FieldType, Intertwiners


@dataclass(frozen=True)
class MomentLayout:
    """Columns of the moments of a field type.

    Attributes:
        in_type: type of what is aggregated.
        num_rings: rings of the radial basis.
        orders: the angular orders n, ascending.
        starts: for each order the first of its ring columns, which are (num_rings, in.dim) for
            n = 0 and (2, num_rings, in.dim), cos before sin, for n ≥ 1.
        center: for each block of in_type the first column of its centre term, −1 for none.
        width: columns in total.
    """

    in_type: FieldType
    num_rings: int
    orders: tuple[int, ...]
    starts: tuple[int, ...]
    center: tuple[int, ...]
    width: int

    def ring_moments(
        self, moments: Float[Tensor, "*batch width"], order: int
    ) -> Float[Tensor, "*batch parts num_rings in"]:
        """A view of the moments of one angular order: part 0 has cos(nθ), part 1 (n ≥ 1) sin(nθ)."""
        start, parts = self.starts[self.orders.index(order)], num_parts(order)
        flat = moments[..., start : start + parts * self.num_rings * self.in_type.dim]
        return flat.unflatten(-1, (parts, self.num_rings, self.in_type.dim))

    def center_moments(self, moments: Float[Tensor, "*batch width"]) -> Float[Tensor, "*batch in"]:
        """A view of the centre term, in the columns of in_type; for layouts that have all of it."""
        return moments[..., self.width - self.in_type.dim :]


def num_parts(order: int) -> int:
    """1 for angular order 0 (a plain sum), 2 otherwise (cos and sin)."""
    return 1 if order == 0 else 2


@lru_cache(maxsize=256)
def moment_layout(in_type: FieldType, orders: tuple[int, ...], num_rings: int) -> MomentLayout:
    """The layout of `gaugeconv.ops.aggregate`: rings by order, then the centre term of all of in_type.

    Raises:
        FieldTypeError: the orders are not distinct, ascending and ≥ 0.
    """
    if list(orders) != sorted(set(orders)) or (orders and orders[0] < 0):
        raise FieldTypeError(f"angular orders must be distinct, ascending and ≥ 0, got {orders}")
    starts, at = [], 0
    for order in orders:
        starts.append(at)
        at += num_parts(order) * num_rings * in_type.dim
    center = tuple(at + block.slice.start for block in in_type.blocks)
    return MomentLayout(in_type, num_rings, orders, tuple(starts), center, at + in_type.dim)


@lru_cache(maxsize=256)
def product_layout(in_type: FieldType, out_type: FieldType, num_rings: int) -> MomentLayout:
    """The layout for a convolution: after the rings of each output order n its centre term.

    That is the order-n blocks of in_type, so that every output block multiplies one run of columns.
    """
    starts, at = [], 0
    center = [-1] * len(in_type.blocks)
    for order in out_type.orders:
        starts.append(at)
        at += num_parts(order) * num_rings * in_type.dim
        for b, block in enumerate(in_type.blocks):
            if block.order == order:
                center[b] = at
                at += block.slice.stop - block.slice.start
    return MomentLayout(in_type, num_rings, out_type.orders, tuple(starts), tuple(center), at)


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
        self.layout = product_layout(in_type, out_type, num_rings)
        ends = (*self.layout.starts[1:], self.layout.width)
        runs = map(slice, self.layout.starts, ends)
        columns_of = dict(zip(self.layout.orders, runs, strict=True))
        self.outputs = [block.slice for block in out_type.blocks]
        self.inputs, self.shapes, ids, signs = [], [], [], []
        for block in out_type.blocks:
            columns = _columns(in_type, block.order)
            index, factor = _block_matrix(
                block.order,
                rings[:, block.slice],
                center[block.slice][:, columns],
                sign[block.slice][:, columns],
            )
            self.inputs.append(columns_of[block.order])
            self.shapes.append(index.shape)
            ids.append(index.ravel())
            signs.append(factor.ravel())
        self.sizes = [rows * columns for rows, columns in self.shapes]
        self.index, self.sign = np.concatenate(ids).astype(np.intp), np.concatenate(signs)
        self.back_index, self.back_sign = _inverse(self.index, self.sign)
        self._signs = {
            np.dtype(kind): (self.sign.astype(kind), self.back_sign.astype(kind))
            for kind in (np.float32, np.float64)
        }
        self._ends = np.cumsum(self.sizes)

    def matrices(self, coordinates: Float[np.ndarray, " N"]) -> list[Float[np.ndarray, "S c"]]:
        """One matrix per output block, from (rings, center) flattened and concatenated."""
        flat = coordinates.take(self.index)
        flat *= self._signs[flat.dtype][0]
        return self.split(flat)

    def split(self, flat: Float[np.ndarray, " M"]) -> list[Float[np.ndarray, "S c"]]:
        """Views of the matrices in the concatenation of all of them."""
        return [
            flat[end - size : end].reshape(shape)
            for end, size, shape in zip(self._ends, self.sizes, self.shapes, strict=True)
        ]

    def adjoint(self, flat: Float[np.ndarray, " M"]) -> Float[np.ndarray, " N"]:
        """The transpose of `matrices`, on the concatenation of all matrices."""
        parts = flat.take(self.back_index)
        parts *= self._signs[flat.dtype][1]
        total: np.ndarray = parts[0]
        total += parts[1]
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
    rings = np.arange(np.prod(shape), dtype=np.int32).reshape(shape)
    intertwiners = Intertwiners(in_type, out_type)
    center = (rings.size + intertwiners.index).astype(np.int32)
    return rings, center, intertwiners.sign.astype(np.int8)


def _columns(in_type: FieldType, order: int) -> Int64[np.ndarray, " D_n"]:
    """The components of an order: those that the centre term of that order takes."""
    slices = [block.slice for block in in_type.blocks if block.order == order]
    return np.array([i for s in slices for i in range(s.start, s.stop)], dtype=np.int64)


def _block_matrix(
    order: int, rings: np.ndarray, center: np.ndarray, sign: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Coordinate numbers and signs of the matrix of one output block, (rows, block's columns).

    Rows multiply the cos moments, the sin moments (n ≥ 1) and the centre term. From
    η(θ) = cos nθ + J sin nθ: y_1 = (W A^cos)_1 − (W A^sin)_2 and y_2 = (W A^cos)_2 + (W A^sin)_1.
    """
    num, rows, columns = rings.shape
    parts = [rings]
    signs = [np.ones_like(rings, dtype=np.int8)]
    if order > 0:
        swapped = rings.reshape(num, rows // 2, 2, columns)[:, :, ::-1]
        turn = np.ones_like(swapped, dtype=np.int8)
        turn[:, :, 0] = -1
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
    positions = np.zeros((2, coordinate.max() + 1), dtype=np.intp)
    signs = np.zeros(positions.shape, dtype=np.int8)
    positions[rank, coordinate] = by_coordinate
    signs[rank, coordinate] = sign[by_coordinate]
    return positions, signs
