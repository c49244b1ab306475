"""Kernel fields: equivariant when they change with the frames, caught when they are fixed numbers."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
from torch import Tensor, nn

from gaugeconv.geometry import Frames, Neighborhoods, neighborhoods
from gaugeconv.mesh import TriMesh
from gaugeconv.nn import FieldModule
from gaugeconv.ops import convolve_kernel_field
from gaugeconv.reps import (
    CosineRings,
    Element,
    FieldType,
    KernelCoefficientField,
    SteerableKernels,
    shared_kernel,
)
from gaugeconv.verification import verify
from gaugeconv.verification.gauges import gauge_change
from gaugeconv.verification.rebuilt import unchanged
from tests.reps.zoo import normal
from tests.verification.zoo import bumpy, moebius

PAIRS = [("SO2", "2x0 + 1", "0 + 2"), ("O2", "0- + 1", "0+ + 2")]


@lru_cache(maxsize=1)
def closed() -> TriMesh:
    return bumpy(80)


class Varying(FieldModule):
    """Kernels that obey no law and differ from vertex to vertex, given in one gauge.

    Args:
        home: the gauge.
        follows: whether they change when frames do, or are the same numbers in every gauge.
    """

    def __init__(
        self, in_type: FieldType, out_type: FieldType, home: Frames, follows: bool
    ) -> None:
        super().__init__(in_type, out_type)
        self.home, self.follows = home, follows
        size, shape = home.mesh.num_vertices, (out_type.dim, in_type.dim)
        self.rings = nn.Parameter(normal(size, 2, 5, *shape, seed=0))
        self.center = nn.Parameter(normal(size, *shape, seed=1))

    def forward(self, x: Tensor, nb: Neighborhoods) -> Tensor:
        types = self.in_type, self.out_type
        kernels = KernelCoefficientField(*types, CosineRings(2), self.rings, self.center)
        if self.follows:
            kernels = kernels.change_gauge(self._change(nb))
        return convolve_kernel_field(x, nb, kernels)

    def _change(self, nb: Neighborhoods) -> Element:
        """Where the frames of the pairs lie, seen from the gauge of the kernels."""
        assert nb.frames is not None
        return gauge_change(self.home, nb.frames, unchanged(self.home.mesh))


@pytest.mark.parametrize(("group", "a", "b"), PAIRS)
def test_a_kernel_field_that_transforms_passes(group: str, a: str, b: str) -> None:
    types = FieldType(a, group), FieldType(b, group)
    report = verify(Varying(*types, Frames.canonical(closed()), follows=True), closed(), samples=2)
    assert report.passed
    assert report.has_teeth
    assert report.max_relative_error <= 1e-12
    assert report.gradients is not None
    assert report.gradients.error <= 1e-12


@pytest.mark.parametrize(("group", "a", "b"), PAIRS)
def test_one_of_fixed_numbers_is_caught(group: str, a: str, b: str) -> None:
    types = FieldType(a, group), FieldType(b, group)
    module = Varying(*types, Frames.canonical(closed()), follows=False)
    report = verify(module, closed(), samples=2)
    assert not report.passed
    assert report.max_relative_error > 0.1
    assert report.gradients is not None
    assert report.gradients.error > 0.1
    # on stored neighbourhoods as well
    assert not verify(module, neighborhoods(closed(), 0.7), samples=2).passed


def test_on_a_one_sided_surface_as_well() -> None:
    surface = moebius(12)
    types = FieldType("0- + 1", "O2"), FieldType("0+ + 1", "O2")
    home = Frames.canonical(surface)
    lawful, fixed = (Varying(*types, home, follows) for follows in (True, False))
    assert verify(lawful, surface, samples=2).max_relative_error <= 1e-12
    assert not verify(fixed, surface, samples=2).passed


def test_fixed_numbers_that_obey_the_law_are_weight_sharing_and_pass() -> None:
    types = FieldType("2x0 + 1"), FieldType("0 + 2")
    space = SteerableKernels(*types, 2)
    size = closed().num_vertices

    class Shared(Varying):
        def forward(self, x: Tensor, nb: Neighborhoods) -> Tensor:
            rings, center = normal(*space.rings_shape, seed=3), normal(space.num_center, seed=4)
            return convolve_kernel_field(x, nb, shared_kernel(space, rings, center, size))

    module = Shared(*types, Frames.canonical(closed()), follows=False)
    assert verify(module, closed(), samples=2).max_relative_error <= 1e-12


def test_kernels_that_follow_a_field_of_directions_pass() -> None:
    """Position-dependent but gauge equivariant: turned to a direction that lives in space."""
    types = FieldType("1x0 + 1x1"), FieldType("1x0 + 1x1")
    along = Frames.from_directions(closed(), np.tile([0.3, 1.0, 0.2], (80, 1)))
    report = verify(Varying(*types, along, follows=True), closed(), samples=2)
    assert report.max_relative_error <= 1e-12
