"""GaugeConv for every structure group: against plain loops, and what transports it follows."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from gaugeconv import neighborhoods, shapes
from gaugeconv.errors import FieldTypeError, StructureGroupError
from gaugeconv.geometry import Frames
from gaugeconv.nn import GaugeAttention, GaugeConv, PointwiseNonlinearity, ResidualBlock, snapped
from gaugeconv.reps import Element, FieldType, KernelSpace, StructureGroup, extension
from tests.geometry.test_non_orientable import LENGTH, aligned_frames, flat_moebius, moebius
from tests.nn.layers import TYPES, changed, changes, pairs_in
from tests.ops.random_pairs import angles
from tests.reps.zoo import normal

V = 8


def convolve_pair_by_pair(conv, x, nb):
    """Σ w K(log_p q) ρ(k_pq) x_q / (πR²), one pair after the other."""
    rings, center = conv.kernel()
    y = torch.zeros(nb.num_targets, conv.out_type.dim, dtype=torch.float64)
    for e in range(nb.r.numel()):
        one = slice(e, e + 1)
        kernel = conv.space.evaluate(rings, center, nb.r[one] / nb.radius, nb.theta[one])[0]
        transport = conv.in_type.action(nb.transport[e], nb.flip[e])
        y[nb.target[e]] += nb.weight[e] * kernel @ transport @ x[nb.source[e]]
    return y / (math.pi * nb.radius**2)


@pytest.mark.parametrize("max_frequency", [None, 5])
@pytest.mark.parametrize("group", TYPES)
def test_it_is_the_sum_over_pairs_of_kernel_times_transported_feature(group, max_frequency):
    into, out = (FieldType(t, group) for t in TYPES[group][:2])
    conv = GaugeConv(into, out, 2, bias=False, max_frequency=max_frequency).double()
    nb, x = pairs_in(group, V, 6), normal(6, into.dim, seed=1)
    expected = convolve_pair_by_pair(conv, x, nb).detach()
    assert (conv(x, nb) - expected).abs().max() < 1e-12
    assert expected.abs().max() > 0.1


@pytest.mark.parametrize("group", [group for group in TYPES if group != "SO2"])
def test_gradients_of_the_weights_are_those_of_the_sum_over_pairs(group):
    into, out = (FieldType(t, group) for t in TYPES[group][:2])
    conv = GaugeConv(into, out, 2, bias=False).double()
    nb, x = pairs_in(group, 4, 3, degree=3), normal(3, into.dim, seed=1).requires_grad_()
    weights = normal(4, out.dim, seed=2)
    wanted = [x, conv.rings, conv.center]
    fast = torch.autograd.grad((conv(x, nb) * weights).sum(), wanted)
    slow = torch.autograd.grad((convolve_pair_by_pair(conv, x, nb) * weights).sum(), wanted)
    for a, b in zip(fast, slow, strict=True):
        assert (a - b).abs().max() < 1e-12 * max(1, b.abs().max())


@pytest.mark.parametrize("group", ["SO2", "O2", "C4", "D3"])
def test_unit_variance_in_gives_about_unit_variance_out(group):
    torch.manual_seed(0)
    names = {"SO2": "8x0 + 8x1", "O2": "8x0+ + 4x0- + 8x1", "C4": "6xreg", "D3": "4xreg + 4x1"}
    t = FieldType(names[group], group)
    nb = pairs_in(group, 300, degree=32)
    nb = replace(nb, weight=torch.full_like(nb.weight, float(nb.weight.mean())), _memo={})
    y = GaugeConv(t, t)(torch.randn(300, t.dim), nb).detach()
    for block in t.blocks:
        assert 0.5 < float(y[:, block.slice].var()) < 2


def test_irreps_of_so2_keep_their_parameters_and_their_kernels():
    """What packaged weights refer to."""
    conv = GaugeConv("2x0 + 1x1", "1x1 + 3x0", 2)
    assert isinstance(conv.space, KernelSpace)
    assert {k: tuple(v.shape) for k, v in conv.state_dict().items()} == {
        "rings": (2, 5, 4),
        "center": (8,),
        "bias": (3,),
    }


def test_so2_with_all_frequencies_named_is_the_same_space():
    named = GaugeConv("2x0 + 1x1", "1x1 + 3x0", 2, max_frequency=9)
    assert named.rings.numel() == GaugeConv("2x0 + 1x1", "1x1 + 3x0", 2).rings.numel()
    assert GaugeConv("2x0 + 1x1", "1x1 + 3x0", 2, max_frequency=0).rings.shape[1] == 6 + 2


@pytest.mark.unchecked
def test_bad_arguments_are_named():
    with pytest.raises(FieldTypeError, match="raise max_frequency"):
        GaugeConv("1x0", "1x2", max_frequency=1)
    with pytest.raises(StructureGroupError, match="restriction"):
        GaugeConv("1x0", FieldType("reg", "C4"))
    with pytest.raises(ValueError, match="snap"):
        GaugeConv("1x0", "1x1", connection="nearest")
    with pytest.raises(StructureGroupError, match="nothing of"):
        GaugeConv(FieldType("2", "C4"), FieldType("2", "C4"), connection="fourier")


# which transports a group follows


def test_features_of_a_finite_group_cannot_follow_a_curved_surface_unasked():
    nb = neighborhoods(shapes.icosphere(1), 0.9)
    reg = FieldType("2xreg", "C4")
    x = normal(nb.num_sources, reg.dim, seed=1)
    for layer in (GaugeConv(reg, reg), GaugeAttention(reg), ResidualBlock(reg)):
        with pytest.raises(StructureGroupError, match=r"connection='fourier'.*connection='snap'"):
            layer.double()(x, nb)
    for connection in ("fourier", "snap"):
        for layer in (GaugeConv, GaugeAttention):
            y = layer(reg, reg, connection=connection).double()(x, nb)
            assert y.isfinite().all()
        assert ResidualBlock(reg, connection=connection).double()(x, nb).isfinite().all()


def test_one_sided_surfaces_need_a_group_with_reflections():
    nb = neighborhoods(moebius(), edges=2.2)
    assert nb.flip.any()
    for group, connection in (("SO2", "exact"), ("C5", "snap"), ("C5", "fourier")):
        t = FieldType("0 + 1", group)
        for layer in (GaugeConv, GaugeAttention):
            with pytest.raises(StructureGroupError, match="reflect"):
                layer(t, t, connection=connection).double()(normal(nb.num_sources, 3, seed=1), nb)
    for group, connection in (("O2", "exact"), ("D5", "fourier"), ("D4", "snap"), ("D1", "snap")):
        t = FieldType("0+ + 0- + vec", group)
        conv = GaugeConv(t, t, connection=connection).double()
        assert conv(normal(nb.num_sources, 4, seed=1), nb).isfinite().all()


def mirrored(count: int, seed: int) -> Element:
    generator = torch.Generator().manual_seed(seed)
    reflect = torch.randint(2, (count,), generator=generator).bool()
    return Element(torch.zeros(count, dtype=torch.float64), reflect)


@pytest.mark.parametrize("spec", ["2xreg", "0+ + 0-", "vec + reg"])
def test_on_a_flat_moebius_band_the_reflection_group_is_exact_as_it_is(spec):
    """Frames along the band: every transport is the identity or S, and so are changes of frame."""
    mesh = flat_moebius()
    nb = neighborhoods(mesh, 0.25 * LENGTH, aligned_frames(mesh))
    assert nb.flip.any()
    t = FieldType(spec, "D1")
    k, x = mirrored(nb.num_sources, 3), normal(nb.num_sources, t.dim, seed=1)
    for layer in (GaugeConv(t, t).double(), GaugeAttention(t).double()):
        y = layer(x, nb)
        again = layer(t.transform(x, *k), changed(nb, k))
        assert (again - t.transform(y, *k)).abs().max() < 1e-12
        assert y.abs().max() > 0.05
    frames = aligned_frames(mesh).reflected(k.reflect.numpy())  # and with geometry computed anew
    conv = GaugeConv(t, t).double()
    again = conv(t.transform(x, *k), neighborhoods(mesh, 0.25 * LENGTH, frames))
    assert (again - t.transform(conv(x, nb), *k)).abs().max() < 1e-11


def test_ignoring_the_reflections_of_the_band_is_noticed():
    mesh = flat_moebius()
    nb = neighborhoods(mesh, 0.25 * LENGTH, aligned_frames(mesh))
    t = FieldType("2xreg", "D1")
    conv, x, k = GaugeConv(t, t).double(), normal(nb.num_sources, t.dim, seed=1), mirrored(85, 3)

    def unflipped(nb):
        return replace(nb, flip=torch.zeros_like(nb.flip), _memo={})

    y = t.transform(conv(x, unflipped(nb)), *k)
    again = conv(t.transform(x, *k), unflipped(changed(nb, k)))
    assert (again - y).abs().max() > 0.05


@pytest.mark.parametrize(
    ("group", "spec"), [("C5", "2xreg + 1"), ("C7", "reg"), ("D3", "reg + 0-")]
)
def test_by_fourier_extension_it_commutes_with_rotations_by_any_angle(group, spec):
    mesh = shapes.icosphere(1)
    nb = neighborhoods(mesh, 0.9)
    t = FieldType(spec, group)
    change = extension(t)
    whole = change.out_type
    layers = [GaugeConv(t, t, connection="fourier"), GaugeAttention(t, connection="fourier")]
    k = changes(whole.group.name, nb.num_sources, 3)
    x = normal(nb.num_sources, t.dim, seed=1)
    for layer in layers:
        layer = layer.double()
        y = layer(x, nb)
        turned = change.inverse(whole.transform(change(x), *k))
        again = layer(turned, changed(nb, k))
        expected = change.inverse(whole.transform(change(y), *k))
        assert (again - expected).abs().max() < 1e-12
        assert y.abs().max() > 0.1


def test_for_even_n_the_extension_drops_the_component_of_order_n_over_2():
    nb = neighborhoods(shapes.icosphere(1), 0.9)
    t = FieldType("reg", "C4")
    conv = GaugeConv(t, t, connection="fourier", bias=False).double()
    x = torch.tensor([1.0, -1.0, 1.0, -1.0]).double().expand(nb.num_sources, 4)
    assert conv(x, nb).abs().max() < 1e-14
    assert conv(x.roll(1, 0) * normal(nb.num_sources, 1, seed=1), nb).abs().max() < 1e-14
    assert conv(normal(nb.num_sources, 4, seed=1), nb).abs().max() > 0.1


def test_snapped_transports_are_exact_for_the_group_and_for_no_more():
    nb = neighborhoods(shapes.icosphere(1), 0.9)
    for group, inside in (("C4", True), ("D3", True), ("SO2", False)):
        t = FieldType("0 + 1" if group != "D3" else "reg", group if inside else "C4")
        conv = GaugeConv(t, t, connection="snap").double()
        k, x = changes(group, nb.num_sources, 3), normal(nb.num_sources, t.dim, seed=1)
        y = conv(x, nb)
        acts = t if inside else FieldType("0 + 1")
        again = conv(acts.transform(x, *k), changed(nb, k))
        error = (again - acts.transform(y, *k)).abs().max()
        assert error < 1e-12 if inside else error > 0.1


def test_where_transports_are_in_the_group_snapping_changes_nothing():
    t = FieldType("2xreg", "C4")
    nb, x = pairs_in("C4", V), normal(V, t.dim, seed=1)
    conv = GaugeConv(t, t).double()
    y = conv(x, nb)
    conv.connection = "snap"
    assert torch.equal(conv(x, nb), y)
    noisy = replace(nb, transport=nb.transport + 1e-11 * normal(nb.r.numel(), seed=2), _memo={})
    conv.connection = "exact"
    assert (conv(x, noisy) - y).abs().max() < 1e-13  # rounding is taken off, not carried


def test_snapped_pairs_are_for_every_layer():
    nb = neighborhoods(shapes.icosphere(1), 0.9)
    flat = snapped(nb, "C4")
    assert StructureGroup.of("C4").contains(Element(flat.transport, flat.flip)).all()
    assert torch.equal(flat.theta, nb.theta) and snapped(nb, "C4") is flat
    assert torch.equal(snapped(nb, "SO2").transport, nb.transport)
    t = FieldType("reg", "C4")
    x = normal(nb.num_sources, 4, seed=1)
    snap = GaugeConv(t, t, connection="snap").double()
    exact = GaugeConv(t, t).double()
    exact.load_state_dict(snap.state_dict())
    assert torch.equal(exact(x, flat), snap(x, nb))


def test_the_trivial_group_is_a_plain_convolution_in_given_frames():
    """On a flat sheet with parallel frames: any kernel, and no transport."""
    mesh = shapes.plane(6, 6)
    count = mesh.num_vertices
    frames = Frames.from_directions(mesh, np.tile([1.0, 0.0, 0.0], (count, 1)))
    nb = neighborhoods(mesh, 0.4, frames)
    t = FieldType("2x0", "C1")
    conv = GaugeConv(t, FieldType("3x0", "C1"), max_frequency=2, bias=False).double()
    x = normal(count, 2, seed=1)
    rings, center = conv.kernel()
    kernel = (
        conv.space.evaluate(rings, center, nb.r / nb.radius, nb.theta) * nb.weight[:, None, None]
    )
    messages = torch.einsum("eij,ej->ei", kernel, x[nb.source]) / (math.pi * nb.radius**2)
    expected = torch.zeros(count, 3).double().index_add(0, nb.target, messages)
    assert (conv(x, nb) - expected).abs().max() < 1e-12
    with pytest.raises(StructureGroupError, match="not in C1"):
        conv(x, neighborhoods(mesh, 0.4, frames.rotated(angles(count, 1).numpy())))


def test_regular_features_stay_exact_through_a_network_with_pointwise_functions():
    """Copy and rotate filters: an exact C4 network of convolutions and ReLU, on snapped transports."""
    torch.manual_seed(0)
    nb = neighborhoods(shapes.icosphere(1), 0.9)
    into, reg = FieldType("3x0", "C4"), FieldType("4xreg", "C4")
    relu = PointwiseNonlinearity(reg, "relu")
    first, second = (GaugeConv(a, reg, connection="snap").double() for a in (into, reg))

    def network(x, nb):
        return relu(second(relu(first(x, nb)), nb))

    x, k = normal(nb.num_sources, 3, seed=1), changes("C4", nb.num_sources, 3)
    y = network(x, nb)
    assert (network(x, changed(nb, k)) - reg.transform(y, *k)).abs().max() < 1e-12
    means = y.unflatten(-1, (4, 4)).mean(-1)
    turned = (
        network(x, changed(nb, changes("SO2", nb.num_sources, 4))).unflatten(-1, (4, 4)).mean(-1)
    )
    assert (turned - means).abs().max() > 0.01  # and not for other angles
