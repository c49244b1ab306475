"""The calculation that gauge equivariant convolution commutes with the group, line by line.

Gerken et al. 2021 (arXiv:2105.13926), section 2: with (φf)(p) = ∫ κ_p(X) f(T_X p) vol over the ball B_R
in the tangent space of x = π(p), and for each k in the structure group,

    (k ▷ φf)(p) = η(k) (φf)(p)                                      (1) how k acts on feature maps
                = ∫ η(k) κ_p(X) f(T_X p)                            (2) η(k) is linear
                = ∫ η(k) κ_p(X) ρ(k⁻¹) ρ(k) f(T_X p)                (3) ρ(k⁻¹) ρ(k) = 1
                = ∫ κ_{p ◁ k⁻¹}(X) ρ(k) f(T_X p)                    (4) how kernels change with the frame
                = ∫ κ_{p ◁ k⁻¹}(X) f((T_X p) ◁ k⁻¹)                 (5) f is a feature map
                = ∫ κ_{p ◁ k⁻¹}(X) f(T_X (p ◁ k⁻¹))                 (6) transport is equivariant
                = (φf)(p ◁ k⁻¹).                                    (7) the definition

Integrals are sums over the vertices of a mesh with their quadrature weights. X is a vector in space,
without components until a frame is chosen; κ_p(X) is the kernel K at its components in the frame p.
"""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import pairwise

import pytest
import torch

from gaugeconv import neighborhoods, ops, shapes
from gaugeconv.geometry import Neighborhoods
from gaugeconv.reps import Element, FieldType, SteerableKernels
from gaugeconv.reps.bundle import BundleFrame, FeatureMap
from tests.reps.zoo import draw, normal

GROUPS = [("SO2", "2x0 + 1 + 2", "0 + 2x1"), ("O2", "0+ + 0- + 2x1", "1 + 0- + 2")]


@lru_cache(maxsize=1)
def torus() -> Neighborhoods:
    """Curved both ways, so that transports matter."""
    return neighborhoods(shapes.torus(12, 8), 0.7)


class Convolution:
    """φ, written with frames: every quantity of the calculation as a function on the bundle.

    Attributes:
        group: name of the structure group.
        f: the feature map, of type ρ; the output is of type η.
        x: the vertex of the calculation.
    """

    def __init__(self, group: str, in_type: str, out_type: str, x: int) -> None:
        self.rho, self.eta = FieldType(in_type, group), FieldType(out_type, group)
        self.space = SteerableKernels(self.rho, self.eta, 2)
        self.coordinates = (
            normal(*self.space.rings_shape, seed=0),
            normal(self.space.num_center, seed=1),
        )
        nb = torus()
        self.f = FeatureMap(self.rho, normal(nb.num_sources, self.rho.dim, seed=2))
        pairs = slice(int(nb.ptr[x]), int(nb.ptr[x + 1]))
        self.source, self.transport = nb.source[pairs], nb.transport[pairs]
        self.weight = nb.weight[pairs] / (math.pi * nb.radius**2)
        # the tangent vectors X in space, from their components in the frames of the reference gauge
        r, theta = nb.r[pairs], nb.theta[pairs]
        components = r[:, None] * torch.stack((theta.cos(), theta.sin()), -1)
        self.reference = BundleFrame(torch.tensor(x), Element.of(torch.tensor(0.0).double()))
        self.tangent = components @ self.reference.vectors(nb.frames).T

    def lift(self, p: BundleFrame) -> BundleFrame:
        """T_X p for every X: the frame p transported along the geodesics exp(tX)."""
        carried = Element.of(-self.transport) @ p.element  # from x to the neighbours, hence minus
        return BundleFrame(self.source, carried)

    def kernel(self, p: BundleFrame) -> torch.Tensor:
        """κ_p(X) for every X: the shared kernel at the components of X in the frame p."""
        components = self.tangent @ p.vectors(torus().frames)
        r, theta = components.norm(dim=-1), torch.atan2(components[:, 1], components[:, 0])
        return self.space.evaluate(*self.coordinates, r / torus().radius, theta)

    def integral(self, integrand: torch.Tensor) -> torch.Tensor:
        return torch.einsum("e,ei->i", self.weight, integrand)

    def __call__(self, p: BundleFrame) -> torch.Tensor:
        """(φf)(p)."""
        return self.integral(apply(self.kernel(p), self.f(self.lift(p))))


def apply(matrix: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
    return torch.einsum("...ij,...j->...i", matrix, vectors)


@pytest.mark.parametrize("x", [0, 17])
@pytest.mark.parametrize(("group", "in_type", "out_type"), GROUPS)
def test_every_line_of_the_calculation_holds(group, in_type, out_type, x):
    phi = Convolution(group, in_type, out_type, x)
    for seed in range(4):
        a, k = (
            Element(e.gamma[0], e.reflect[0])
            for e in (draw(group, 1, seed), draw(group, 1, 9 + seed))
        )
        p = phi.reference.right(a)
        moved = p.right(k.inverse())
        eta, rho, rho_inverse = phi.eta.action(*k), phi.rho.action(*k), phi.rho.action(*k.inverse())
        lifted, kernel = phi.f(phi.lift(p)), phi.kernel(p)

        # the facts that the lines use, each by itself
        assert close(phi.f(phi.lift(p).right(k.inverse())), apply(rho, lifted))
        assert close(phi.kernel(moved), eta @ kernel @ rho_inverse)
        frames = torus().frames
        lifted_then_moved = phi.lift(p).right(k.inverse()).vectors(frames)
        assert close(phi.lift(moved).vectors(frames), lifted_then_moved)

        lines = [
            apply(eta, phi(p)),
            phi.integral(apply(eta @ kernel, lifted)),
            phi.integral(apply(eta @ kernel @ rho_inverse, apply(rho, lifted))),
            phi.integral(apply(phi.kernel(moved), apply(rho, lifted))),
            phi.integral(apply(phi.kernel(moved), phi.f(phi.lift(p).right(k.inverse())))),
            phi.integral(apply(phi.kernel(moved), phi.f(phi.lift(moved)))),
            phi(moved),
        ]
        for before, after in pairwise(lines):
            assert close(before, after)
        assert lines[0].abs().max() > 1e-3


def close(a: torch.Tensor, b: torch.Tensor) -> bool:
    return bool((a - b).abs().max() < 1e-12)


def test_a_kernel_without_the_law_breaks_the_fourth_line_and_the_result():
    """Teeth: the same calculation with a kernel that does not change with the frame."""

    class Unlawful(Convolution):
        def kernel(self, p: BundleFrame) -> torch.Tensor:  # noqa: ARG002
            return normal(2, 2, seed=5).expand(len(self.source), 2, 2)

    phi = Unlawful("SO2", "1", "1", 0)
    k = Element.of(torch.tensor(0.8).double())
    p = phi.reference
    moved, eta = p.right(k.inverse()), phi.eta.action(*k)
    assert not close(phi.kernel(moved), eta @ phi.kernel(p) @ phi.rho.action(*k.inverse()))
    assert not close(phi(moved), apply(eta, phi(p)))


def test_in_the_reference_gauge_it_is_the_operator_of_the_library():
    phi = Convolution("SO2", "2x0 + 1 + 2", "0 + 2x1", 17)
    space = phi.space
    moments = ops.aggregate(
        space.carrier(phi.f.values), torus(), space.basis, space.carrier.out_type, space.orders
    )
    y = space.product(moments, *phi.coordinates)
    assert close(phi(phi.reference), y[17])
