"""The convolution as message passing: what `GaugeConv` is measured against.

A message per pair and channel, K(r) applied to every pair by one einsum, summed at the targets. Written
once, as one would from the formula, and not tuned: the einsum("ejm,er,rjmin->ein") over channels and
components, here with (j, m) and (i, n) each as one axis because irreps differ in size.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gaugeconv.geometry import Neighborhoods
from gaugeconv.reps import KernelSpace


def convolve(
    x: Tensor, rings: Tensor, center: Tensor, nb: Neighborhoods, space: KernelSpace
) -> Tensor:
    """y_p = 1/(πR²) Σ_e w_e [η(θ_e) Σ_k b_k(r_e) W_k ρ(φ_e − θ_e) + b_0(r_e) C ρ(φ_e)] x_q."""
    weight = (nb.weight / (math.pi * nb.radius**2)).to(x)[:, None]
    rho, theta, transport = ((nb.r / nb.radius).to(x), nb.theta.to(x), nb.transport.to(x))
    neighbor = x[nb.source]
    turned = space.in_type.transform(neighbor, transport - theta)
    rings_at = space.basis.rings(rho) * weight
    message = torch.einsum("ej,er,rij->ei", turned, rings_at, rings)
    message = space.out_type.transform(message, theta)
    carried = space.in_type.transform(neighbor, transport)
    center_at = space.basis.center(rho)[:, None] * weight
    message = message + (center_at * carried) @ space.intertwiners.matrix(center).T
    result = x.new_zeros(nb.num_targets, space.out_type.dim)
    return result.index_add(0, nb.target, message)
