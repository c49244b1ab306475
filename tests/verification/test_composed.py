"""`verify` on pooling, attention and whole networks of several groups, faults inside included."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gaugeconv.geometry import Frames, Neighborhoods, neighborhoods
from gaugeconv.geometry.hierarchy import Level, hierarchy_of
from gaugeconv.mesh import TriMesh
from gaugeconv.nn import (
    FieldNorm,
    GatedNonlinearity,
    GaugeConv,
    GaugeLinear,
    GaugePool,
    GaugeUnpool,
    TransformerBlock,
    invariants,
    num_invariants,
)
from gaugeconv.reps import FieldType
from gaugeconv.verification import verify, verify_isometry, verify_relabelling
from tests.verification.zoo import TYPES, bumpy

ROUNDING = 1e-11
COARSE = np.arange(2, 120, 4)


@lru_cache(maxsize=1)
def mesh() -> TriMesh:
    return bumpy()


def down(surface: TriMesh, radius: float, frames: Frames) -> Neighborhoods:
    return neighborhoods(surface, radius, frames, targets=COARSE)


def up(surface: TriMesh, radius: float, frames: Frames) -> Neighborhoods:
    area = np.ones(len(COARSE))
    return neighborhoods(surface, radius, frames, sources=COARSE, source_area=area)


# --- pooling by itself -------------------------------------------------------------------------


@pytest.mark.parametrize("group", ["SO2", "O2"])
def test_pooling_and_unpooling_pass(group: str) -> None:
    field = FieldType(TYPES[group], group)
    for module, make in ((GaugePool(field), down), (GaugeUnpool(field), up)):
        report = verify(module, mesh(), samples=2, neighborhoods=make)
        assert report.max_relative_error <= ROUNDING
        assert all(control.change > 0.05 for control in report.controls)


class PlainPool(GaugePool):
    """Averages components as they stand in their own frames."""

    def forward(self, x: Tensor, nb: Neighborhoods) -> Tensor:
        y = x.new_zeros(nb.num_targets, x.shape[-1])
        return y.index_add(0, nb.target, x[nb.source])


def test_pooling_without_transport_is_caught_but_on_scalars() -> None:
    report = verify(PlainPool("1x0 + 1x1"), mesh(), samples=2, neighborhoods=down)
    assert not report.passed
    assert report.first_failure is not None
    assert [block.error > 0.1 for block in report.first_failure.blocks] == [False, True]
    assert verify(PlainPool("2x0"), mesh(), samples=2, neighborhoods=down).passed


# --- a whole network ---------------------------------------------------------------------------

NETWORKS = {"SO2": ("0", "1"), "O2": ("0+", "1"), "C4": ("0", "1")}


class Network(nn.Module):
    """Heights and their directions, attention, down, convolution, up, scores per vertex."""

    def __init__(self, group: str, pool: type[GaugePool] = GaugePool) -> None:
        super().__init__()
        torch.manual_seed(2)
        scalar, vector = NETWORKS[group]
        connection = "fourier" if group == "C4" else "exact"
        inputs = FieldType(f"1x{scalar} + 1x{vector}", group)
        inner = "2xreg" if group == "C4" else f"3x{scalar} + 2x{vector} + 1x2"
        field = FieldType(inner, group)
        self.enter = GaugeConv(inputs, field, 2, connection=connection)
        self.transform = TransformerBlock(field, 2, heads=2, connection=connection)
        self.gate = GatedNonlinearity(field)
        self.narrow = GaugeLinear(field, FieldType(f"2x{scalar} + 2x{vector}", group))
        middle = self.narrow.out_type
        self.pool, self.unpool = self._pools(pool, middle)
        self.norm = FieldNorm(middle)
        self.head = nn.Linear(num_invariants(middle), 3)
        self.double()

    def _pools(self, pool: type[GaugePool], middle: FieldType) -> tuple[nn.Module, nn.Module]:
        if middle.group.name == "C4":  # transports are not in C4, and pooling snaps nothing
            middle = FieldType("2x0 + 2x1")
        return pool(middle), GaugeUnpool(middle)

    def prepare(self, surface: TriMesh, frames: Frames) -> tuple[Tensor, tuple[Level, ...]]:
        fine = np.arange(surface.num_vertices)
        # coarse vertices are chosen by where they are, not by their numbers
        coarse = np.argsort((surface.vertices - surface.vertices.mean(0)) @ self.axis(surface))[::4]
        levels = hierarchy_of(frames, [fine, coarse], radii=(0.2, 0.35))
        relative = surface.vertices - surface.vertices.mean(axis=0)
        parts = [np.linalg.norm(relative, axis=1)]
        parts += [(relative * e).sum(axis=1) for e in (frames.e1, frames.e2)]
        return torch.from_numpy(np.stack(parts, axis=1)), tuple(levels)

    @staticmethod
    def axis(surface: TriMesh) -> np.ndarray:
        """The longest direction, the way that the third moment is positive."""
        relative = surface.vertices - surface.vertices.mean(axis=0)
        long = np.linalg.svd(relative, full_matrices=False)[2][0]
        return long * np.sign(((relative @ long) ** 3).sum())

    def forward(self, inputs: tuple[Tensor, tuple[Level, ...]]) -> Tensor:
        x, (fine, coarse) = inputs
        x = self.gate(self.enter(x, fine.within))
        x = self.narrow(self.transform(x, fine.within))
        assert coarse.down is not None
        y = self.unpool(self.pool(x, coarse.down), coarse.up)
        z = self.norm(x + y)
        return self.head(invariants(z, self.narrow.out_type))


@pytest.mark.parametrize("group", NETWORKS)
def test_a_network_with_attention_and_pooling_passes_in_all_respects(group: str) -> None:
    report = verify(Network(group), mesh(), samples=2)
    assert report.passed
    assert report.group == group
    assert report.has_teeth
    assert report.max_relative_error <= ROUNDING
    names = {found.name for found in report.layers}
    assert {"enter", "transform.attention.join", "transform.norm2", "pool", "unpool"} <= names
    assert verify_relabelling(Network(group), mesh(), 1).max_relative_error <= ROUNDING
    assert verify_isometry(Network(group), mesh(), 1).max_relative_error <= ROUNDING


def test_a_fault_in_the_pooling_of_a_network_is_named() -> None:
    report = verify(Network("O2", PlainPool), mesh(), samples=2)
    assert not report.passed
    assert report.first_failure is not None
    assert report.first_failure.name == "pool"
    assert report.first_failure.worst.name == "1"


def test_a_fault_in_the_attention_of_a_network_is_named() -> None:
    network = Network("O2")
    key = network.transform.attention.key

    def shift(_: nn.Module, __: tuple[Tensor], output: Tensor) -> Tensor:
        return output + 0.5

    handle = key.register_forward_hook(shift)
    report = verify(network, mesh(), samples=2)
    handle.remove()
    assert not report.passed
    assert report.first_failure is not None
    assert report.first_failure.name == "transform.attention.key"
