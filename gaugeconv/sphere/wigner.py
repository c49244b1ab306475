"""Real Wigner matrices on product grids of rotations: synthesis, and its adjoint.

The real basis is that of e3nn: D(α, β, γ) = A(α) X(β) A(γ), where A(α) turns the components (m, −m) into
each other by the angle mα and X does not mix m ≥ 0 (cosines) with m < 0 (sines). So a function
f = Σ F_mn √(2l+1) D_mn on a product grid costs three matrix products, one per angle: O(b⁴) instead of
the O(b⁶) of a table of D on the whole grid.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from gaugeconv.errors import DataError


def require_e3nn() -> Any:
    """The module `e3nn.o3`.

    Raises:
        DataError: e3nn is missing.
    """
    try:
        from e3nn import o3
    except ImportError as error:
        raise DataError("S2CNNs need e3nn: install gaugeconv[sphere]") from error
    return o3


def sphere_size(band: int) -> int:
    """Coefficients of a function on S² of degrees l < band: Σ (2l + 1)."""
    return band * band


def rotation_size(band: int) -> int:
    """Coefficients of a function on SO(3) of degrees l < band: Σ (2l + 1)²."""
    return band * (4 * band * band - 1) // 3


class RotationFourier(nn.Module):
    """Functions on SO(3) of degrees l < band, on a grid {α} × {β} × {γ}.

    Coefficients come first: (S, …) with S = `rotation_size(band)`, degree by degree, then m, then n, of
    the orthonormal functions √(2l+1) D^l_mn (norms with respect to the uniform probability on SO(3)).
    Values are (α, γ, β, …).

    Args:
        band: degrees below this.
        alpha, beta, gamma: angles in radians, R = A(α) X(β) A(γ) about e3nn's axes.
    """

    def __init__(
        self,
        band: int,
        alpha: Float[Tensor, " na"],
        beta: Float[Tensor, " nb"],
        gamma: Float[Tensor, " ng"],
    ) -> None:
        super().__init__()
        self.band, self.size = band, rotation_size(band)
        dtype = torch.get_default_dtype()
        self.register_buffer("alpha", _circular(alpha, band).to(dtype), persistent=False)
        self.register_buffer("gamma", _circular(gamma, band).to(dtype), persistent=False)
        index, table = _tables(band, beta)
        self.register_buffer("index", index, persistent=False)
        self.register_buffer("table", table.to(dtype), persistent=False)

    def synthesis(self, coefficients: Float[Tensor, "S ..."]) -> Float[Tensor, "na ng nb ..."]:
        """Values of the function on the grid."""
        flat = coefficients.flatten(1)
        padded = torch.cat((flat, flat.new_zeros(1, flat.shape[1])))
        index, table = self.get_buffer("index"), self.get_buffer("table")
        alpha, gamma = self.get_buffer("alpha"), self.get_buffer("gamma")
        pairs, terms = index.shape
        gathered = padded.index_select(0, index.reshape(-1)).view(pairs, terms, -1)
        side = 2 * self.band - 1
        frequencies = torch.bmm(table, gathered).view(side, side, -1)
        values = torch.mm(alpha, torch.matmul(gamma, frequencies).view(side, -1))
        sizes = len(alpha), len(gamma), table.shape[1]
        return values.view(*sizes, *coefficients.shape[1:])

    def adjoint(self, values: Float[Tensor, "na ng nb ..."]) -> Float[Tensor, "S ..."]:
        """The transposed linear map: Σ over the grid of values × √(2l+1) D^l_mn."""
        index, table = self.get_buffer("index"), self.get_buffer("table")
        alpha, gamma = self.get_buffer("alpha"), self.get_buffer("gamma")
        side, (pairs, terms) = 2 * self.band - 1, index.shape
        rows = torch.mm(alpha.T, values.reshape(len(alpha), -1)).view(side, len(gamma), -1)
        frequencies = torch.matmul(gamma.T, rows)
        gathered = torch.bmm(table.transpose(1, 2), frequencies.view(pairs, table.shape[1], -1))
        flat = gathered.new_zeros(self.size + 1, gathered.shape[-1])
        flat = flat.index_add(0, index.reshape(-1), gathered.view(pairs * terms, -1))
        return flat[: self.size].view(self.size, *values.shape[3:])


def _circular(angles: Float[Tensor, " n"], band: int) -> Float[Tensor, "n side"]:
    """cos(m·angle) for m ≥ 0 and sin(|m|·angle) for m < 0, m = 1 − band … band − 1."""
    orders = torch.arange(1 - band, band, dtype=torch.float64)
    turns = angles.double()[:, None] * orders.abs()
    return torch.where(orders >= 0, turns.cos(), turns.sin())


def _tables(
    band: int, beta: Float[Tensor, " nb"]
) -> tuple[Int[Tensor, "pairs terms"], Float[Tensor, "pairs nb terms"]]:
    """For every pair of circular functions, which coefficients contribute to it and by how much.

    With A(α) = [[c, −s], [s, c]] on the components (m, −m), and P = X_mn, Q = X_−m−n for m, n > 0:
    c c': P F_mn + Q F_−m−n; s s': −Q F_mn − P F_−m−n; c s': Q F_−mn − P F_m−n; s c': P F_−mn − Q F_m−n.
    So the pair (m, n), signs as in `_circular`, reads F_mn and F_−m−n. A row of the index beyond the
    degrees of a pair points to a coefficient that is always zero.
    """
    o3 = require_e3nn()
    side, size = 2 * band - 1, rotation_size(band)
    index = torch.full((side, side, 2, band), size)
    table = torch.zeros(side, side, len(beta), 2, band, dtype=torch.float64)
    zero = torch.zeros(1, dtype=torch.float64)
    for degree in range(band):
        wigner = o3.wigner_D(degree, zero, beta.double(), zero) * (2 * degree + 1) ** 0.5
        here = slice(band - 1 - degree, band + degree)
        m = torch.arange(-degree, degree + 1)
        own = rotation_size(degree) + torch.arange(wigner[0].numel()).view(wigner.shape[1:])
        index[here, here, 0, degree] = own
        index[here, here, 1, degree] = own.flip(0, 1)
        # P at |m|, |n| and Q at −|m|, −|n|; there is no Q where m or n is 0
        p = wigner[:, (degree + m.abs())[:, None], degree + m.abs()].permute(1, 2, 0)
        q = wigner[:, (degree - m.abs())[:, None], degree - m.abs()].permute(1, 2, 0)
        q = q * ((m[:, None] != 0) & (m != 0))[..., None]
        sign = torch.where(m < 0, -1, 1)
        table[here, here, :, 0, degree] = sign[:, None] * p
        table[here, here, :, 1, degree] = sign[:, None, None] * q
    return index.view(side * side, -1), table.view(side * side, len(beta), -1)


class SphereFourier(nn.Module):
    """Functions on S² of degrees l < band, on a grid {α} × {β} of longitudes and colatitudes.

    Coefficients come first: (band², …), degree by degree, then m, of the real harmonics
    Y_lm = √(2l+1) D^l_m0 = √(2l+1) X^l_|m|0(β) T_m(α) with mean square 1 over the sphere. Values are
    (α, β, …).

    Args:
        band: degrees below this.
        alpha, beta: angles in radians.
    """

    def __init__(self, band: int, alpha: Float[Tensor, " na"], beta: Float[Tensor, " nb"]) -> None:
        super().__init__()
        o3, dtype, zero = require_e3nn(), torch.get_default_dtype(), torch.zeros(1).double()
        self.band, self.size = band, sphere_size(band)
        side = 2 * band - 1
        index = torch.full((side, band), self.size)
        table = torch.zeros(side, len(beta), band, dtype=torch.float64)
        for degree in range(band):
            here = slice(band - 1 - degree, band + degree)
            order = torch.arange(-degree, degree + 1)
            middle = o3.wigner_D(degree, zero, beta.double(), zero)[:, degree + order.abs(), degree]
            table[here, :, degree] = middle.T * (2 * degree + 1) ** 0.5
            index[here, degree] = degree * degree + torch.arange(2 * degree + 1)
        self.register_buffer("alpha", _circular(alpha, band).to(dtype), persistent=False)
        self.register_buffer("index", index, persistent=False)
        self.register_buffer("table", table.to(dtype), persistent=False)

    def synthesis(self, coefficients: Float[Tensor, "S ..."]) -> Float[Tensor, "na nb ..."]:
        """Values of the function on the grid."""
        flat = coefficients.flatten(1)
        padded = torch.cat((flat, flat.new_zeros(1, flat.shape[1])))
        frequencies = torch.bmm(self.get_buffer("table"), padded[self.get_buffer("index")])
        alpha = self.get_buffer("alpha")
        values = torch.mm(alpha, frequencies.flatten(1))
        return values.view(len(alpha), frequencies.shape[1], *coefficients.shape[1:])

    def adjoint(self, values: Float[Tensor, "na nb ..."]) -> Float[Tensor, "S ..."]:
        """The transposed linear map: Σ over the grid of values × Y_lm."""
        table, index = self.get_buffer("table"), self.get_buffer("index")
        frequencies = torch.mm(self.get_buffer("alpha").T, values.flatten(1))
        frequencies = frequencies.view(len(table), values.shape[1], -1)
        gathered = torch.bmm(table.transpose(1, 2), frequencies)
        flat = gathered.new_zeros(self.size + 1, gathered.shape[-1])
        flat = flat.index_add(0, index.reshape(-1), gathered.flatten(0, 1))
        return flat[: self.size].view(self.size, *values.shape[2:])
