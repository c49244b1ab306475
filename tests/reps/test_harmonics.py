"""The solutions of the kernel constraint on a circle: how many, which, and that there are no others."""

from __future__ import annotations

import math

import pytest
import torch

from gaugeconv.errors import StructureGroupError
from gaugeconv.reps import (
    FieldType,
    Irrep,
    SteerableKernels,
    StructureGroup,
    harmonics,
    irreps,
    solve_constraint,
)
from tests.reps.zoo import FINITE, GROUPS, HIGHEST, names

CUT_OFFS = (0, 1, 3, 5, 8, 13)


def in_class(shift: int, period: int, cut_off: int) -> int:
    """How many of the integers shift + period·t lie in [−cut_off, cut_off]."""
    return (cut_off - shift) // period + (cut_off + shift) // period + 1


def published_count(out: Irrep, into: Irrep, cut_off: int) -> int:
    """Solutions with frequencies up to a cut-off, by the tables of Weiler & Cesa 2019, appendix F.

    For SO(2) and O(2) they are 1, 2 or 4 (half of it, or nothing between unequal parities, for O(2)).
    For C_N and D_N each such solution has one partner for every integer t, with tN added to its
    frequency; between one-dimensional irreps cos and sin of the same frequency are these partners.
    """
    group, n, m = out.group, out.order, into.order
    unequal = (out.parity < 0) != (into.parity < 0)
    if not group.is_finite:
        whole = {1: 1, 2: 2, 4: 4}[out.dim * into.dim]
        if not group.reflections:
            return whole
        return int(not unequal) if whole == 1 else whole // 2
    difference = in_class(n - m, group.rotations, cut_off)
    if out.dim * into.dim == 1:
        constant = int((n - m) % group.rotations == 0)
        if not group.reflections:
            return difference
        return (difference - constant) // 2 + constant * (not unequal)
    total = 2 * difference
    if out.dim * into.dim == 4:
        total += 2 * in_class(n + m, group.rotations, cut_off)
    return total // 2 if group.reflections else total


@pytest.mark.parametrize("group", [*GROUPS, "C7", "C9", "C12", "D8", "D12"])
def test_dimensions_are_the_published_ones_for_every_pair_up_to_order_six(group):
    whole = StructureGroup.of(group)
    for out in irreps(whole, HIGHEST):
        for into in irreps(whole, HIGHEST):
            for cut_off in CUT_OFFS if whole.is_finite else (None,):
                count = len(harmonics(out, into, cut_off))
                assert count == published_count(out, into, cut_off or 0), (out, into, cut_off)


@pytest.mark.parametrize("group", FINITE)
def test_regular_kernels_are_free_on_the_circle(group):
    """|K| channels of band-limited functions of the angle: |K| (2M + 1), as for plain convolution."""
    t = FieldType("reg", group)
    for cut_off in (0, 2, 5):
        size = StructureGroup.of(group).size
        assert SteerableKernels(t, t, 1, cut_off).size == size * (2 * cut_off + 1)


@pytest.mark.parametrize("group", GROUPS)
def test_closed_form_and_null_space_are_equal_for_every_pair_of_irreps(group):
    whole = StructureGroup.of(group)
    for cut_off in (2, 5) if whole.is_finite else (2 * HIGHEST,):
        sizes = {
            (a.name, b.name): compare(FieldType(a.name, whole), FieldType(b.name, whole), cut_off)
            for a in irreps(whole, HIGHEST)
            for b in irreps(whole, HIGHEST)
        }
        assert all(sizes[name, name] > 0 for name, _ in sizes), "every irrep has kernels to itself"


@pytest.mark.parametrize("group", ["C4", "C5", "D1", "D2", "D3", "D4"])
def test_closed_form_and_null_space_are_equal_for_regular_and_quotient_types(group):
    others = [name for name in names(group) if not name[0].isdigit()]
    for name in others:
        assert compare(FieldType("reg", group), FieldType(name, group), 2) > 0
        assert compare(FieldType(name, group), FieldType(f"vec + {name}", group), 2) > 0


def compare(in_type: FieldType, out_type: FieldType, cut_off: int) -> int:
    """The spans are equal: same dimension, which is returned, and one lies in the other."""
    space = SteerableKernels(in_type, out_type, 1, cut_off)
    expected = solve_constraint(in_type, out_type, cut_off).flatten(1)
    assert space.size == len(expected), (in_type, out_type, cut_off)
    if space.size == 0:
        return 0
    found = space.fourier(torch.eye(space.size).double())
    padded = torch.zeros(space.size, 2 * cut_off + 1, *found.shape[2:]).double()
    padded[:, : found.shape[1]] = found
    found = padded.flatten(1)
    assert (found - found @ expected.T @ expected).abs().max() < 1e-12
    assert torch.linalg.svdvals(found)[-1] > 0.3
    return space.size


@pytest.mark.parametrize("group", GROUPS)
def test_solutions_are_orthonormal_per_output_component(group):
    """The mean over θ of tr KᵀK′ is the output's dimension for equal solutions, and else zero."""
    theta = torch.arange(64).double() * (2 * math.pi / 64)
    whole = StructureGroup.of(group)
    for a in irreps(whole, 3):
        for b in irreps(whole, 3):
            space = SteerableKernels(FieldType(a.name, whole), FieldType(b.name, whole), 1)
            if space.size:
                rings = torch.eye(space.size).double()
                k = torch.stack([evaluate(space, row, theta) for row in rings])
                gram = torch.einsum("aeij,beij->ab", k, k) / 64 / b.dim
                assert (gram - torch.eye(space.size)).abs().max() < 1e-13


def evaluate(space: SteerableKernels, row: torch.Tensor, theta: torch.Tensor) -> torch.Tensor:
    """The kernel of one ring at its node, where b_1 = 1."""
    rho = torch.full_like(theta, 0.5)
    return space.evaluate(row[None], torch.zeros(space.num_center).double(), rho, theta)


def test_the_largest_frequency_is_kept_to_and_needed_for_finite_groups():
    a, b = irreps("C4", 1)[1], irreps("C4", 0)[0]
    assert [h.frequency for h in harmonics(a, b, 5)] == [1, 1, -3, -3, 5, 5]
    with pytest.raises(StructureGroupError, match="C4 need a largest angular frequency"):
        harmonics(a, b)
    with pytest.raises(StructureGroupError, match="no kernels from a type of C4 to one of C5"):
        harmonics(irreps("C5")[0], b, 1)
