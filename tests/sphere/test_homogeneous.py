from __future__ import annotations

import numpy as np
import pytest
import torch

from gaugeconv import Frames, neighborhoods, shapes
from gaugeconv.ops import convolve
from gaugeconv.reps import CosineRings, FieldType, KernelSpace
from gaugeconv.sphere.equivariance import SmoothSignal
from gaugeconv.sphere.grids import driscoll_healy
from gaugeconv.sphere.harmonics import kernel_eigenvalue
from gaugeconv.sphere.homogeneous import gauge_field, gauge_rotations, order_part, values_at
from gaugeconv.sphere.s2cnn_layers import FromGrid, SphereConv, grid_angles
from gaugeconv.sphere.wigner import RotationFourier, rotation_size

pytest.importorskip("e3nn", reason="S2CNNs need gaugeconv[sphere]")
pytestmark = pytest.mark.usefixtures("double")

BAND, GRID, RADIUS = 7, 32, 0.6


def profile(r: np.ndarray) -> np.ndarray:
    """The kernel's radial function, the only ring of its basis."""
    return CosineRings(1).rings(torch.from_numpy(r / RADIUS))[:, 0].numpy()


def lifted(order: int) -> tuple[SmoothSignal, torch.Tensor]:
    """A signal, and its lift by the kernel κ = k(r) cos(nθ)/πR² as a spectral network does it."""
    grid, f = driscoll_healy(GRID), SmoothSignal(BAND - 1, seed=4)
    beta, alpha = (angle.numpy() for angle in reversed(grid_angles(GRID)))
    beta, alpha = (a.ravel() for a in np.meshgrid(beta, alpha, indexing="ij"))
    psi = profile(beta) * np.cos(order * alpha) * beta / np.sin(beta)
    psi *= 4 * np.pi / (np.pi * RADIUS**2)  # spectral integrals are means over the sphere
    enter = FromGrid(GRID, BAND)
    conv = SphereConv(1, 1, BAND, 0.3)
    kernel = enter(torch.from_numpy(psi).view(1, 1, 2 * GRID, 2 * GRID))
    conv.kernel = lambda: kernel
    signal = torch.from_numpy(f(grid.points)).view(1, 1, 2 * GRID, 2 * GRID)
    return f, conv(enter(signal))


@pytest.mark.parametrize("order", [0, 1, 2])
def test_both_networks_compute_the_same_convolution(order):
    f, coefficients = lifted(order)
    space = KernelSpace("1x0", f"1x{order}", CosineRings(1))
    rings = torch.eye(*space.rings_shape[1:])[None]
    errors = []
    for subdivisions in (2, 3):
        mesh = shapes.icosphere(subdivisions)
        gamma = np.random.default_rng(0).uniform(0, 6, mesh.num_vertices)
        frames = Frames.canonical(mesh).rotated(gamma)
        spectral = gauge_field(coefficients, order, frames)[..., 0, 0]
        signal = torch.from_numpy(f(mesh.vertices))[:, None]
        nb = neighborhoods(mesh, RADIUS, frames)
        gauge = convolve(signal, rings, torch.zeros(space.num_center), nb, space)
        scale = (gauge * spectral).sum() / spectral.square().sum()
        errors.append(float((gauge / scale - spectral).norm() / spectral.norm()))
    # the vertex rule may be that of the surface, 1.5 % below the tangent disk's at this radius
    assert 0.97 < scale < 1.01
    assert errors[1] < 0.025
    assert errors[1] < errors[0] / 3, errors


def test_a_zonal_lift_multiplies_degrees_by_the_eigenvalues_of_the_kernel():
    f, coefficients = lifted(0)
    plain = FromGrid(GRID, BAND)(
        torch.from_numpy(f(driscoll_healy(GRID).points)).view(1, 1, 2 * GRID, 2 * GRID)
    )
    for degree in range(BAND):
        side, start = 2 * degree + 1, rotation_size(degree)
        middle = coefficients[start : start + side * side, 0, 0].view(side, side)[:, degree]
        exact = kernel_eigenvalue(profile, RADIUS, degree) / (np.pi * RADIUS**2)
        expected = plain[degree**2 : (degree + 1) ** 2, 0, 0] * exact
        # the kernel is not band-limited, so its coefficients are only nearly those of the integral
        assert torch.allclose(middle, expected, atol=3e-4)


def test_fields_turn_with_the_frames():
    torch.manual_seed(0)
    x = torch.randn(rotation_size(4), 2)
    mesh = shapes.icosphere(1)
    frames = Frames.canonical(mesh)
    gamma = np.random.default_rng(1).uniform(0, 6, mesh.num_vertices)
    for order in (0, 1, 3):
        at_rest = gauge_field(x, order, frames).permute(2, 0, 1)
        turned = gauge_field(x, order, frames.rotated(gamma)).permute(2, 0, 1)
        expected = FieldType(f"1x{order}").transform(at_rest, torch.from_numpy(gamma))
        assert torch.allclose(turned, expected, atol=1e-10)


def test_the_orders_of_a_function_add_up_to_it():
    torch.manual_seed(0)
    x = torch.randn(rotation_size(4), 1)
    assert torch.allclose(sum(order_part(x, order) for order in range(4)), x)
    rotations = gauge_rotations(Frames.canonical(shapes.icosphere(0)))
    total = sum(gauge_field(x, m, Frames.canonical(shapes.icosphere(0)))[:, 0] for m in range(4))
    assert torch.allclose(values_at(x, rotations), total)


def test_values_at_rotations_are_those_of_the_grid():
    from gaugeconv.sphere.rotations import from_euler

    torch.manual_seed(0)
    x = torch.randn(rotation_size(3), 1)
    angles = torch.tensor([0.3, 1.4]), torch.tensor([0.2, 0.9, 2.0]), torch.tensor([2.5])
    values = RotationFourier(3, *angles).synthesis(x)
    for i, alpha in enumerate(angles[0].numpy()):
        at = from_euler(np.full(3, alpha), angles[1].numpy(), np.full(3, 2.5))
        assert torch.allclose(values_at(x, at), values[i, 0])
