from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache

import pytest
import torch

from gaugeconv import neighborhoods, shapes
from gaugeconv.errors import FieldTypeError, StructureGroupError
from gaugeconv.geometry import Neighborhoods
from gaugeconv.ops.kernel_field import convolve_kernel_field
from gaugeconv.reps import (
    CosineRings,
    Element,
    FieldType,
    KernelCoefficientField,
    KernelFunctionField,
    SteerableKernels,
    shared_kernel,
)
from tests.reps.zoo import draw, normal

V = 42
TYPES = [("SO2", "2x0 + 1", "0 + 2"), ("O2", "0- + 1", "0+ + 2"), ("D3", "reg", "0- + 1")]


@lru_cache(maxsize=1)
def sphere() -> Neighborhoods:
    return neighborhoods(shapes.icosphere(1), 0.9)


def pairs_of(group: str) -> Neighborhoods:
    """The pairs of a sphere with transports of the group: its own for SO2 and O2, else random ones."""
    if group == "SO2":
        return sphere()
    k = draw(group, len(sphere().r), 9)
    keep = sphere().r == 0  # a vertex is its own neighbour with the trivial transport
    return replace(
        sphere(), transport=torch.where(keep, 0.0, k.gamma), flip=k.reflect & ~keep, _memo={}
    )


def changed(nb: Neighborhoods, k: Element) -> Neighborhoods:
    """X → kX and transports → k_p · transport · k_q⁻¹, from the definitions."""
    at_p, at_q = (Element(k.gamma[i], k.reflect[i]) for i in (nb.target, nb.source))
    transport = at_p @ Element(nb.transport, nb.flip) @ at_q.inverse()
    theta = torch.where(nb.r > 0, at_p.direction(nb.theta), nb.theta)
    return replace(nb, theta=theta, transport=transport.gamma, flip=transport.reflect, _memo={})


def field(group: str, a: str, b: str) -> KernelCoefficientField:
    """Unlawful kernels that differ from vertex to vertex."""
    in_type, out_type = FieldType(a, group), FieldType(b, group)
    shape = (out_type.dim, in_type.dim)
    rings = normal(V, 2, 5, *shape, seed=0)
    return KernelCoefficientField(
        in_type, out_type, CosineRings(2), rings, normal(V, *shape, seed=1)
    )


@pytest.mark.parametrize(("group", "a", "b"), TYPES)
def test_a_kernel_field_that_transforms_is_gauge_equivariant(group, a, b):
    kernels, nb = field(group, a, b), pairs_of(group)
    x, k = normal(V, kernels.in_type.dim, seed=2), draw(group, V, 3)
    y = convolve_kernel_field(x, nb, kernels)
    moved = kernels.in_type.transform(x, *k)
    for given in (
        kernels,
        KernelFunctionField(kernels.in_type, kernels.out_type, kernels.evaluate),
    ):
        again = convolve_kernel_field(moved, changed(nb, k), given.change_gauge(k))
        assert (again - kernels.out_type.transform(y, *k)).abs().max() < 1e-13
    assert y.abs().max() > 0.1


@pytest.mark.parametrize(("group", "a", "b"), TYPES)
def test_one_that_does_not_transform_is_not(group, a, b):
    kernels, nb = field(group, a, b), pairs_of(group)
    x, k = normal(V, kernels.in_type.dim, seed=2), draw(group, V, 3)
    y = kernels.out_type.transform(convolve_kernel_field(x, nb, kernels), *k)
    again = convolve_kernel_field(kernels.in_type.transform(x, *k), changed(nb, k), kernels)
    assert (again - y).square().mean() > 0.1 * y.square().mean()


@pytest.mark.parametrize(("group", "a", "b"), TYPES)
def test_a_shared_lawful_kernel_needs_no_transformation(group, a, b):
    space = SteerableKernels(FieldType(a, group), FieldType(b, group), 2)
    rings, center = normal(*space.rings_shape, seed=0), normal(space.num_center, seed=1)
    kernels, nb = shared_kernel(space, rings, center, V), pairs_of(group)
    x, k = normal(V, space.in_type.dim, seed=2), draw(group, V, 3)
    y = space.out_type.transform(convolve_kernel_field(x, nb, kernels), *k)
    again = convolve_kernel_field(space.in_type.transform(x, *k), changed(nb, k), kernels)
    assert (again - y).abs().max() < 1e-13


def test_the_change_of_pairs_is_that_of_neighbourhoods():
    gamma = normal(V, seed=4)
    mine, theirs = changed(sphere(), Element.of(gamma)), sphere().change_gauge(gamma)
    assert (1 - (mine.transport - theirs.transport).cos()).abs().max() < 1e-14
    assert (1 - (mine.theta - theirs.theta).cos()).abs().max() < 1e-14


def test_pair_by_pair_it_is_the_sum_of_the_definition():
    kernels, nb = field("SO2", "1", "0 + 1"), sphere()
    x = normal(3, V, 2, seed=2)
    y = convolve_kernel_field(x, nb, kernels)
    expected = torch.zeros(3, V, 3).double()
    for e in range(len(nb.r)):
        p, q = nb.target[e : e + 1], nb.source[e]
        matrix = kernels.evaluate(p, nb.r[e : e + 1] / nb.radius, nb.theta[e : e + 1])[0]
        carried = x[:, q] @ Element.of(nb.transport[e]).matrix().T
        expected[:, p[0]] += nb.weight[e] * carried @ matrix.T / (math.pi * nb.radius**2)
    assert (y - expected).abs().max() < 1e-13


@pytest.mark.unchecked
def test_transports_and_features_must_fit_the_group():
    kernels = field("D3", "reg", "1")
    with pytest.raises(StructureGroupError, match="not in D3"):
        convolve_kernel_field(normal(V, 6, seed=0), sphere(), kernels)
    with pytest.raises(FieldTypeError, match=rf"\(\.\.\., {V}, 6\)"):
        convolve_kernel_field(normal(V, 5, seed=0), sphere(), kernels)
