"""The convolution of every structure group as an aggregation and one dense product."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from gaugeconv import neighborhoods, ops, shapes
from gaugeconv.geometry import Neighborhoods
from gaugeconv.reps import Element, FieldType, SteerableKernels
from tests.reps.zoo import draw, normal


def in_group(nb: Neighborhoods, group: str, reflecting: bool) -> tuple[Neighborhoods, Element]:
    """The pairs of nb with random transports of a group."""
    k = draw(group, nb.r.numel(), 5)
    if not reflecting:
        k = Element(k.gamma, torch.zeros_like(k.reflect))
    return replace(nb, transport=k.gamma, flip=k.reflect, _memo={}), k


def doubled(x: torch.Tensor, t: FieldType, nb: Neighborhoods) -> tuple[torch.Tensor, Neighborhoods]:
    """Sources twice, as they are and reflected, so that transports need not reflect."""
    count = nb.num_sources
    mirror = torch.ones(count, dtype=torch.bool)
    both = torch.cat((x, t.transform(x, torch.zeros(count).double(), mirror)))
    changed = replace(
        nb,
        source=nb.source + count * nb.flip,
        flip=torch.zeros_like(nb.flip),
        num_sources=2 * count,
        source_vertex=nb.source_vertex.repeat(2),
        _memo={},
    )
    return both, changed


@pytest.mark.parametrize(
    ("group", "in_type", "out_type", "reflecting"),
    [
        ("SO2", "2x0 + 1 + 2", "1 + 2x3", False),
        ("O2", "2x0+ + 0- + 1 + 2", "1 + 2x3 + 0-", True),
        ("C1", "2x0", "reg", False),
        ("C4", "2xreg + 2", "1 + 2xreg + 2", False),
        ("C5", "2xreg", "1 + 2xreg + 2", False),
        ("D1", "2xreg + 0-", "vec", True),
        ("D4", "2xquoC2 + reg", "1 + reg + 2-", True),
    ],
)
def test_aggregation_and_one_product_are_the_convolution(group, in_type, out_type, reflecting):
    """Moments times matrix is Σ w K(X) ρ(k) x / (πR²), pair by pair."""
    mesh = shapes.icosphere(1)
    nb, k = in_group(neighborhoods(mesh, 0.9), group, reflecting)
    a, b = FieldType(in_type, group), FieldType(out_type, group)
    space = SteerableKernels(a, b, 2)
    rings, center = normal(*space.rings_shape, seed=0), normal(space.num_center, seed=1)
    x = normal(mesh.num_vertices, a.dim, seed=7)
    kernel = space.evaluate(rings, center, nb.r / nb.radius, nb.theta)
    carried = a.transform(x[nb.source], *k)
    messages = torch.einsum("eij,ej->ei", kernel, carried) * nb.weight[:, None]
    expected = torch.zeros(mesh.num_vertices, b.dim).double().index_add(0, nb.target, messages)
    expected /= math.pi * nb.radius**2
    if reflecting:
        x, nb = doubled(x, a, nb)
    z = space.carrier(space.in_irreps(x))
    moments = ops.aggregate(z, nb, space.basis, space.carrier.out_type, space.orders)
    assert (space.product(moments, rings, center) - expected).abs().max() < 1e-13
    dense = space.out_irreps.inverse(moments @ space.moment_matrix(rings, center))
    assert (dense - expected).abs().max() < 1e-13


@pytest.mark.parametrize(
    ("group", "in_type", "out_type"),
    [("SO2", "2x0 + 1 + 2", "1 + 2x3"), ("O2", "2x0+ + 0- + 1 + 2", "1 + 2x3 + 0- + 0+")],
)
def test_for_all_rotations_the_orbit_form_convolves_as_well(group, in_type, out_type):
    mesh = shapes.icosphere(1)
    a, b = FieldType(in_type, group), FieldType(out_type, group)
    nb, _ = in_group(neighborhoods(mesh, 0.9), group, True)
    space = SteerableKernels(a, b, 2)
    coordinates = normal(*space.rings_shape, seed=0), normal(space.num_center, seed=1)
    x = normal(mesh.num_vertices, a.dim, seed=7)
    if group == "O2":
        x, nb = doubled(x, a, nb)
    z = space.carrier(x)
    moments = ops.aggregate(z, nb, space.basis, space.carrier.out_type, space.orders)
    orbit = space.orbit_form(*coordinates)
    y = ops.convolve(z, orbit.rings, orbit.center, nb, orbit.space)
    assert (y - space.product(moments, *coordinates)).abs().max() < 1e-13
    s = torch.tensor([True])
    zero = torch.zeros(1).double()
    mirrored = b.action(zero, s) @ orbit.rings @ a.action(zero, s) if group == "O2" else orbit.rings
    assert (mirrored - orbit.rings).abs().max() < 1e-14
