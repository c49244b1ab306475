from __future__ import annotations

import math

import pytest
import torch

from gaugeconv.errors import FieldTypeError, StructureGroupError
from gaugeconv.reps import (
    CosineRings,
    FieldType,
    Intertwiners,
    KernelSpace,
    SteerableKernels,
    StructureGroup,
    default_frequency,
    harmonics,
    irreps,
    solve_constraint,
)
from tests.reps.zoo import FINITE, GROUPS, draw, names, normal


def coordinates(space: SteerableKernels, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    return normal(*space.rings_shape, seed=seed), normal(space.num_center, seed=seed + 1)


@pytest.mark.parametrize("group", GROUPS)
def test_kernels_obey_the_law_for_every_pair_of_types(group):
    """K(kX) = η(k) K(X) ρ(k⁻¹) for random k and X, residual ≤ 1e-12."""
    k = draw(group, 20, 0)
    rho, theta = torch.rand(20, dtype=torch.float64), 7 * normal(20, seed=1)
    for a in names(group):
        for b in names(group):
            space = SteerableKernels(FieldType(a, group), FieldType(b, group), 2)
            values = space.evaluate(*coordinates(space), rho, theta)
            moved = space.evaluate(*coordinates(space), rho, k.direction(theta))
            expected = space.out_type.action(*k) @ values @ space.in_type.action(*k.inverse())
            assert (moved - expected).abs().max() < 1e-12, (a, b)


@pytest.mark.parametrize("group", GROUPS)
def test_at_the_centre_kernels_are_the_intertwiners_and_single_valued(group):
    theta = torch.linspace(0, 6, 7).double()
    zero = torch.zeros(7).double()
    k = draw(group, 10, 0)
    for a in names(group)[-3:]:
        for b in names(group)[:4]:
            space = SteerableKernels(FieldType(f"2x{a}", group), FieldType(f"{a} + {b}", group))
            rings, center = coordinates(space)
            values = space.evaluate(rings, center, zero, theta)
            assert (values - values[0]).abs().max() < 1e-13
            commuted = space.out_type.action(*k) @ values[0] - values[0] @ space.in_type.action(*k)
            assert commuted.abs().max() < 1e-13
            assert space.evaluate(rings, center, zero + 1, theta).abs().max() < 1e-30


@pytest.mark.parametrize("group", GROUPS)
def test_intertwiners_are_all_of_them(group):
    """Their number is the dimension of the constant solutions, found by singular values."""
    for a in names(group):
        for b in names(group)[:6]:
            in_type, out_type = FieldType(f"2x{a}", group), FieldType(b, group)
            space = Intertwiners(in_type, out_type)
            oracle = solve_constraint(in_type, out_type, 0)[:, 0].flatten(1)
            assert space.size == len(oracle)
            basis = [space.matrix(row).flatten() for row in torch.eye(space.size).double()]
            if basis:
                found = torch.stack(basis)
                assert (found - found @ oracle.T @ oracle).abs().max() < 1e-13
                assert torch.linalg.matrix_rank(found) == space.size


@pytest.mark.parametrize("group", ["SO2", "O2", "C4", "D4"])
def test_coordinates_of_an_intertwiner_are_read_back(group):
    scalar = "0" if group[0] in "SC" else "0+"
    in_type = FieldType(f"2x{scalar} + 2x1" + (" + reg" if group[1] == "4" else ""), group)
    space = Intertwiners(in_type, FieldType(f"3x1 + {scalar}", group))
    c = normal(space.size, seed=0)
    assert (space.coordinates(space.matrix(c)) - c).abs().max() < 1e-14


def test_for_rotations_they_are_the_kernels_of_the_orbit_form():
    """Every K(r, θ) = η(θ) W ρ(−θ) has coordinates, and the centres are the same matrices."""
    a, b = FieldType("2x0 + 1 + 2"), FieldType("0 + 2x1 + 3")
    free, space = KernelSpace(a, b, 1), SteerableKernels(a, b, 1)
    assert space.size == a.dim * b.dim and space.num_center == free.num_center
    theta = torch.linspace(0, 6, 40).double()
    rho = torch.full_like(theta, 0.5)
    none = torch.zeros(free.num_center).double()
    values = torch.stack(
        [
            space.evaluate(row[None], none, rho, theta).flatten()
            for row in torch.eye(space.size).double()
        ]
    )
    rings = normal(*free.rings_shape, seed=0)
    wanted = free.evaluate(rings, none, rho, theta).flatten()
    solution = torch.linalg.lstsq(values.T, wanted[:, None]).solution
    assert (values.T @ solution - wanted[:, None]).abs().max() < 1e-12
    center = normal(free.num_center, seed=1)
    assert torch.equal(free.intertwiners.matrix(center), space.center_matrix(center))


@pytest.mark.parametrize(("group", "types"), [("SO2", ("0 + 1", "1")), ("D3", ("reg", "1"))])
def test_the_product_is_linear_and_differentiable_in_everything(group, types):
    space = SteerableKernels(*(FieldType(t, group) for t in types), radial=2)
    rings, center = coordinates(space)
    width = space.moment_matrix(rings, center).shape[0]
    moments = normal(3, width, seed=2)
    inputs = [t.requires_grad_() for t in (moments, rings, center)]
    assert torch.autograd.gradcheck(space.product, inputs)
    twice = space.product(moments, 2 * rings, 2 * center)
    assert (twice - 2 * space.product(moments, rings, center)).abs().max() < 1e-13


@pytest.mark.parametrize("group", ["SO2", "O2", "C4", "D3"])
def test_fan_in_keeps_the_variance_of_white_noise(group):
    """With coordinates of variance 1 / fan-in one ring, at one direction on average, has gain one."""
    t = FieldType("2x0 + 3x1" if group[0] in "SC" else "2x0+ + 0- + 3x1", group)
    space = SteerableKernels(t, t, 1)
    theta = torch.arange(32).double() * (2 * math.pi / 32)
    rho = torch.full_like(theta, 0.5)
    gain = torch.zeros(32, t.dim).double()
    for j, fan_in in enumerate(space.ring_fan_in):
        row = torch.zeros(1, space.size).double()
        row[0, j] = fan_in.rsqrt()
        values = space.evaluate(row, torch.zeros(space.num_center).double(), rho, theta)
        gain += values.square().sum(-1)
    assert (gain.mean(0) - 1).abs().max() < 1e-12
    center = torch.zeros(t.dim).double()
    for j, fan_in in enumerate(space.center_fan_in):
        row = torch.zeros(space.num_center).double()
        row[j] = fan_in.rsqrt()
        center += space.center_matrix(row).square().sum(-1)
    assert (center - 1).abs().max() < 1e-12


@pytest.mark.parametrize("group", FINITE)
def test_the_default_cut_off_connects_every_pair_of_irreps_but_opposite_parities(group):
    whole = StructureGroup.of(group)
    cut_off = default_frequency(group)
    assert cut_off == max(3, whole.rotations // 2)
    for a in irreps(whole):
        for b in irreps(whole):
            opposite = a.order == b.order and a.parity != b.parity
            reached = not opposite or whole.rotations <= cut_off
            assert bool(harmonics(a, b, cut_off)) == reached, (a, b)


def test_rotations_and_reflections_of_any_angle_need_no_cut_off():
    assert default_frequency("SO2") is None and default_frequency("O2") is None
    space = SteerableKernels(FieldType("7"), FieldType("9"), 1)
    assert space.max_frequency is None and space.size == 4


def test_a_cut_off_limits_rotations_as_well_and_no_solutions_make_zero():
    narrow = SteerableKernels(FieldType("3"), FieldType("0"), CosineRings(1), max_frequency=2)
    assert narrow.size == 0 and narrow.orders == ()
    values = narrow.evaluate(*coordinates(narrow), torch.rand(4).double(), torch.rand(4).double())
    assert values.shape == (4, 1, 2) and values.abs().max() == 0
    moments = normal(5, narrow.carrier.out_type.dim, seed=0)
    assert narrow.product(moments, *coordinates(narrow)).abs().max() == 0


@pytest.mark.unchecked
def test_what_does_not_fit_is_said():
    a, b = FieldType("reg", "C4"), FieldType("reg", "D4")
    for make in (SteerableKernels, Intertwiners):
        with pytest.raises(StructureGroupError, match="C4"):
            make(a, b)
    with pytest.raises(StructureGroupError, match="no kernels from"):
        solve_constraint(a, b, 1)
    with pytest.raises(StructureGroupError, match="kernels of SO2"):
        KernelSpace(a, a)
    with pytest.raises(FieldTypeError, match="must be ≥ 0, got -1"):
        SteerableKernels(a, a, 1, -1)
    space = SteerableKernels(a, a, 1)
    with pytest.raises(StructureGroupError, match="no orbit form"):
        space.orbit_form(*coordinates(space))
    with pytest.raises(FieldTypeError, match="have rings"):
        space.check(torch.zeros(2, 2), torch.zeros(4))


def test_groups_by_object_are_the_groups_by_name():
    assert FieldType("reg", StructureGroup.of("C4")) == FieldType("reg", "C4")
