"""Layers of spherical CNNs in the spectral domain (Cohen et al. 2018; Gerken et al. 2022).

Features are coefficients, (S, B, C): degrees and orders first, in the orthonormal bases of
`gaugeconv.sphere.wigner`; then batch and channels. Rotating the signal by R multiplies degree l by D^l(R)
from the left, and every layer commutes with that: convolutions exactly, the nonlinearity up to what its
grid cannot resolve.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gaugeconv.sphere.grids import equiangular_angles, latitude_weights
from gaugeconv.sphere.wigner import RotationFourier, SphereFourier, rotation_size

RINGS, POINTS = 3, 8
"""A kernel on S² has 3 rings of 8 points round the pole; one on SO(3) has 8 turns at each of them."""


def _kernel_angles(reach: float) -> tuple[Float[Tensor, " points"], Float[Tensor, " rings"]]:
    """Longitudes and colatitudes of a kernel's points."""
    turns = torch.arange(POINTS, dtype=torch.float64) * (2 * math.pi / POINTS)
    return turns, reach * torch.arange(1, RINGS + 1, dtype=torch.float64) / RINGS


def grid_angles(band: int) -> tuple[Float[Tensor, " columns"], Float[Tensor, " rows"]]:
    """(α, β) of the equiangular grid of a bandwidth."""
    beta, alpha = equiangular_angles(band)
    return torch.from_numpy(alpha), torch.from_numpy(beta)


class SphereConv(nn.Module):
    """(f ⋆ ψ)(R) = ∫ f(x) ψ(R⁻¹x) dx: from S² to SO(3), with a kernel of 24 points near the pole.

    Per degree the result is the outer product F_m Ψ_n / √(2l+1), summed over input channels.

    Args:
        channels_in: channels on S².
        channels_out: channels on SO(3).
        band: degrees kept, l < band.
        reach: colatitude of the outermost ring, radians.
    """

    def __init__(self, channels_in: int, channels_out: int, band: int, reach: float) -> None:
        super().__init__()
        self.band = band
        self.fourier = SphereFourier(band, *_kernel_angles(reach))
        self.weight = nn.Parameter(torch.randn(POINTS, RINGS, channels_in, channels_out))
        self.scale = (POINTS * RINGS * channels_in) ** -0.5

    def kernel(self) -> Float[Tensor, "s c_in c_out"]:
        """Coefficients Ψ_n."""
        return self.fourier.adjoint(self.weight) * self.scale

    def forward(self, x: Float[Tensor, "s B c_in"]) -> Float[Tensor, "S B c_out"]:
        """Coefficients on SO(3), from coefficients on S²; those of degree ≥ band are left out."""
        kernel, batch, channels = self.kernel(), x.shape[1], self.weight.shape[3]
        parts = []
        for degree in range(self.band):
            rows, side = slice(degree * degree, (degree + 1) ** 2), 2 * degree + 1
            psi = kernel[rows].transpose(0, 1).flatten(1)
            product = torch.matmul(x[rows], psi / math.sqrt(side))
            product = product.view(side, batch, side, channels).transpose(1, 2)
            parts.append(product.reshape(side * side, batch, channels))
        return torch.cat(parts)


class RotationConv(nn.Module):
    """(f ⋆ ψ)(R) = ∫ f(S) ψ(R⁻¹S) dS on SO(3), with a kernel of 192 rotations near the fibre.

    Per degree the result is Σ_n F_mn Ψ_kn / √(2l+1), summed over input channels.

    Args:
        channels_in: channels of the input.
        channels_out: channels of the output.
        band: degrees kept, l < band.
        reach: largest β of the kernel's rotations, radians.
    """

    def __init__(self, channels_in: int, channels_out: int, band: int, reach: float) -> None:
        super().__init__()
        self.band = band
        turns, rings = _kernel_angles(reach)
        self.fourier = RotationFourier(band, turns, rings, turns)
        size = (POINTS, POINTS, RINGS, channels_in, channels_out)
        self.weight = nn.Parameter(torch.randn(size))
        self.scale = (POINTS * POINTS * RINGS * channels_in) ** -0.5

    def kernel(self) -> Float[Tensor, "S c_in c_out"]:
        """Coefficients Ψ_kn."""
        return self.fourier.adjoint(self.weight) * self.scale

    def forward(self, x: Float[Tensor, "S B c_in"]) -> Float[Tensor, "S B c_out"]:
        """Coefficients of the convolution; those of degree ≥ band are left out."""
        kernel, batch = self.kernel(), x.shape[1]
        channels_in, channels_out = self.weight.shape[3:]
        parts = []
        for degree in range(self.band):
            side = 2 * degree + 1
            rows = slice(rotation_size(degree), rotation_size(degree + 1))
            psi = kernel[rows].view(side, side, channels_in, channels_out)
            psi = psi.permute(1, 2, 0, 3).reshape(side * channels_in, -1) / math.sqrt(side)
            features = x[rows].view(side, side, batch, channels_in).transpose(1, 2)
            product = torch.mm(features.reshape(side * batch, -1), psi)
            product = product.view(side, batch, side, channels_out).transpose(1, 2)
            parts.append(product.reshape(side * side, batch, channels_out))
        return torch.cat(parts)


class RotationToSphere(nn.Module):
    """From SO(3) to S²: a convolution on SO(3) whose last index is summed (Gerken et al. 2022, eq. 3.3).

    Contracting the index on which rotations do not act with any fixed vector leaves coefficients of a
    function on S²: F_m = Σ_k (f ⋆ ψ)_mk / √(2l+1).
    """

    def __init__(self, channels_in: int, channels_out: int, band: int, reach: float) -> None:
        super().__init__()
        self.conv = RotationConv(channels_in, channels_out, band, reach)
        self.bias = nn.Parameter(torch.zeros(channels_out))

    def forward(self, x: Float[Tensor, "S B c_in"]) -> Float[Tensor, "s B c_out"]:
        """Coefficients on S²."""
        kernel = self.conv.kernel()
        parts = []
        for degree in range(self.conv.band):
            side = 2 * degree + 1
            rows = slice(rotation_size(degree), rotation_size(degree + 1))
            psi = kernel[rows].unflatten(0, (side, side)).sum(0) / side
            features = x[rows].unflatten(0, (side, side))
            parts.append(torch.einsum("mnbc,ncd->mbd", features, psi))
        parts[0] = parts[0] + self.bias
        return torch.cat(parts)


class BandNorm(nn.Module):
    """Batch normalisation of functions, from their coefficients: mean and power by Parseval.

    The statistics are integrals, so they do not change when the functions are rotated.

    Args:
        channels: channels of the features.
        momentum: share of a batch in the running statistics.
        eps: added to variances.
    """

    def __init__(self, channels: int, momentum: float = 0.1, eps: float = 1e-5) -> None:
        super().__init__()
        self.momentum, self.eps = momentum, eps
        self.gain = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("variance", torch.ones(channels))

    def forward(self, x: Float[Tensor, "S B C"]) -> Float[Tensor, "S B C"]:
        """Normalised coefficients."""
        mean, variance = self.get_buffer("mean"), self.get_buffer("variance")
        if self.training:
            mean = x[0].mean(0)
            variance = x.square().sum(0).mean(0) - mean.square()
            with torch.no_grad():
                self.get_buffer("mean").lerp_(mean, self.momentum)
                self.get_buffer("variance").lerp_(variance, self.momentum)
        gain = self.gain * torch.rsqrt(variance + self.eps)
        y = x * gain
        return torch.cat(((y[0] + self.bias - mean * gain)[None], y[1:]))


class RotationReLU(nn.Module):
    """ReLU of functions on SO(3), on the grid of (2b)³ rotations.

    Equivariant up to aliasing: the result has degrees that the grid cannot hold.

    Args:
        band_in: degrees of the input, l < band_in ≤ grid.
        grid: b, the bandwidth of the grid.
        band_out: degrees of the output, l < band_out ≤ grid.
    """

    def __init__(self, band_in: int, grid: int, band_out: int) -> None:
        super().__init__()
        alpha, beta = grid_angles(grid)
        self.enter = RotationFourier(band_in, alpha, beta, alpha)
        self.leave = RotationFourier(band_out, alpha, beta, alpha)
        weights = torch.from_numpy(latitude_weights(grid)) / (4 * grid * grid)
        self.register_buffer("weights", weights.to(torch.get_default_dtype()), persistent=False)

    def forward(self, x: Float[Tensor, "S B C"]) -> Float[Tensor, "T B C"]:
        """Coefficients of ReLU(f)."""
        values = nn.functional.relu(self.enter.synthesis(x))
        return self.leave.adjoint(values * self.get_buffer("weights")[:, None, None])


class FromGrid(nn.Module):
    """Coefficients on S², (band², B, C), of signals (B, C, 2b, 2b) on the equiangular grid."""

    def __init__(self, grid: int, band: int) -> None:
        super().__init__()
        self.fourier = SphereFourier(band, *grid_angles(grid))
        weights = torch.from_numpy(latitude_weights(grid)) / (2 * grid)
        self.register_buffer("weights", weights.to(torch.get_default_dtype()), persistent=False)

    def forward(self, x: Float[Tensor, "B C rows columns"]) -> Float[Tensor, "s B C"]:
        """The degrees below `band`; exact for signals of degree below b."""
        values = x.permute(3, 2, 0, 1) * self.get_buffer("weights")[:, None, None]
        return self.fourier.adjoint(values)


class ToGrid(nn.Module):
    """Signals (B, C, 2b, 2b) on the equiangular grid, of coefficients on S² (band², B, C)."""

    def __init__(self, band: int, grid: int) -> None:
        super().__init__()
        self.fourier = SphereFourier(band, *grid_angles(grid))

    def forward(self, x: Float[Tensor, "s B C"]) -> Float[Tensor, "B C rows columns"]:
        """The values on the grid."""
        return self.fourier.synthesis(x).permute(2, 3, 1, 0)
