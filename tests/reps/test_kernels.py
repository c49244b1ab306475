from __future__ import annotations

import numpy as np
import pytest
import torch

from gaugeconv.errors import FieldTypeError
from gaugeconv.reps import FieldType, Intertwiners, KernelSpace
from tests import slow_reference as slow

PAIRS = [
    ("2x0", "3x0"),
    ("1x1", "2x1"),
    ("2x0 + 1x1", "1x2"),
    ("1x1 + 2x0 + 2x1 + 1x3", "2x3 + 1x1 + 1x0"),
]


def nullity(matrix: torch.Tensor) -> int:
    scale = max(1.0, float(matrix.abs().max()))
    small = torch.linalg.svdvals(matrix) < 1e-9 * scale
    return matrix.shape[1] - min(matrix.shape) + int(small.sum())


@pytest.mark.parametrize("in_type, out_type", PAIRS)
def test_intertwiners_commute_with_the_group(in_type, out_type):
    space = Intertwiners(FieldType(in_type), FieldType(out_type))
    c = space.matrix(torch.randn(space.size, dtype=torch.float64))
    gamma = torch.tensor(0.7, dtype=torch.float64)
    difference = space.out_type.action(gamma) @ c - c @ space.in_type.action(gamma)
    assert difference.abs().max() < 1e-13


@pytest.mark.parametrize("in_type, out_type", PAIRS)
def test_intertwiners_are_all_of_them(in_type, out_type):
    """Their number is the dimension of {C : η(γ) C = C ρ(γ)}, found by singular values."""
    space = Intertwiners(FieldType(in_type), FieldType(out_type))
    gamma = torch.tensor(1.0, dtype=torch.float64)  # an irrational part of a turn
    left, right = space.out_type.action(gamma), space.in_type.action(gamma)
    rows, columns = left.shape[0], right.shape[0]
    constraint = torch.kron(left, torch.eye(columns).double()) - torch.kron(
        torch.eye(rows).double(), right.T.contiguous()
    )
    assert space.size == nullity(constraint)
    basis = [space.matrix(row).flatten() for row in torch.eye(space.size).double()]
    if basis:
        assert torch.linalg.matrix_rank(torch.stack(basis)) == space.size


@pytest.mark.parametrize("in_type, out_type", PAIRS)
def test_intertwiner_coordinates_are_in_the_documented_order(in_type, out_type):
    a, b = str(FieldType(in_type)), str(FieldType(out_type))
    space = Intertwiners(FieldType(a), FieldType(b))
    entries = slow.center_entries(a, b)
    assert space.size == len(entries)
    values = np.arange(1.0, space.size + 1)
    expected = np.zeros((slow.dim(b), slow.dim(a)))
    for value, places in zip(values, entries, strict=True):
        for i, j, sign in places:
            expected[i, j] = sign * value
    assert np.array_equal(space.matrix(torch.from_numpy(values)).numpy(), expected)


@pytest.mark.parametrize("in_type, out_type", PAIRS)
@pytest.mark.parametrize("radial", [1, 3])
def test_kernels_obey_the_law(in_type, out_type, radial):
    """K(kX) = η(k) K(X) ρ(k⁻¹)."""
    space = KernelSpace(in_type, out_type, radial)
    rings = torch.randn(space.rings_shape, dtype=torch.float64)
    center = torch.randn(space.num_center, dtype=torch.float64)
    rho, theta, k = (torch.rand(50, dtype=torch.float64) * s for s in (1, 6, 20))
    moved = space.evaluate(rings, center, rho, theta + k)
    expected = space.out_type.action(k) @ space.evaluate(rings, center, rho, theta)
    assert (moved - expected @ space.in_type.action(-k)).abs().max() < 1e-12


def test_kernels_are_single_valued_at_the_centre_and_vanish_at_the_cut_off():
    space = KernelSpace(*PAIRS[3])
    rings = torch.randn(space.rings_shape, dtype=torch.float64)
    center = torch.randn(space.num_center, dtype=torch.float64)
    theta = torch.linspace(0, 6, 7, dtype=torch.float64)
    at_zero = space.evaluate(rings, center, torch.zeros(7).double(), theta)
    assert (at_zero - space.intertwiners.matrix(center)).abs().max() < 1e-13
    assert space.evaluate(rings, center, torch.ones(7).double(), theta).abs().max() < 1e-30


@pytest.mark.parametrize("n, m", [(0, 0), (0, 1), (1, 1), (2, 1), (1, 3)])
def test_every_matrix_is_allowed_away_from_the_centre(n, m):
    """On a circle the solutions of the law have the dimension of the free matrix K(r).

    Kernels with angular frequencies up to n + m + 1 are vectors of Fourier coefficients; those that
    obey the law for one irrational rotation, hence for all, are a null space.
    """
    out_type, in_type = FieldType(f"1x{n}"), FieldType(f"1x{m}")
    size = out_type.dim * in_type.dim
    gamma = torch.tensor(1.0, dtype=torch.float64)
    acting = torch.kron(out_type.action(gamma), in_type.action(gamma))
    blocks = [torch.eye(size).double() - acting]
    for frequency in range(1, n + m + 2):
        # (cos, sin) coefficients of K(θ + γ) in those of K(θ)
        c, s = torch.cos(frequency * gamma), torch.sin(frequency * gamma)
        turn = torch.stack((torch.stack((c, s)), torch.stack((-s, c))))
        left = torch.kron(turn, torch.eye(size).double())
        blocks.append(left - torch.kron(torch.eye(2).double(), acting))
    assert nullity(torch.block_diag(*blocks)) == size


def test_coordinates_of_another_shape_are_refused():
    space = KernelSpace("1x0", "1x1", 2)
    with pytest.raises(FieldTypeError, match=r"rings \(2, 2, 1\) and center \(0,\)"):
        space.evaluate(torch.zeros(3, 2, 1), torch.zeros(0), torch.zeros(1), torch.zeros(1))
