"""The flat Möbius band of the example: transports ±1, its symmetries, pictures that turn over."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
import torch

import gaugeconv as gc
from examples.mobius_band import drawn, flat_band, frames_along, glued, shrunk
from examples.mobius_digits import NETWORKS, QUICK, BandNet, build, num_parameters, scores
from gaugeconv.errors import NonOrientableError
from gaugeconv.mesh import TriMesh
from gaugeconv.reps import FieldType
from gaugeconv.verification import verify

AROUND, ACROSS = 10, 7


@lru_cache(maxsize=1)
def band() -> TriMesh:
    return flat_band(AROUND, ACROSS)


@lru_cache(maxsize=1)
def pairs() -> gc.Neighborhoods:
    return gc.neighborhoods(band(), 2.9, frames_along(band(), AROUND, ACROSS))


def column(vertex: torch.Tensor) -> np.ndarray:
    return vertex.numpy() // ACROSS


def test_the_band_is_one_sided_flat_and_has_one_boundary() -> None:
    report = band().report()
    assert (report.euler_characteristic, report.num_boundary_loops) == (0, 1)
    assert band().area == pytest.approx(AROUND * (ACROSS - 1))
    with pytest.raises(NonOrientableError):
        _ = band().halfedges
    # corners at an inner vertex sum to a full turn, those at the boundary to half of one
    total = np.bincount(band().faces.ravel(), band().corner_angles.ravel())
    inner = ~np.isin(np.arange(band().num_vertices) % ACROSS, (0, ACROSS - 1))
    assert np.abs(total - np.where(inner, 2, 1) * np.pi).max() < 1e-14


def test_every_transport_is_one_or_the_reflection_and_only_the_seam_reflects() -> None:
    nb = pairs()
    assert np.abs(np.exp(1j * nb.transport.numpy()) - 1).max() < 1e-13
    across_seam = np.abs(column(nb.target) - column(nb.source)) > AROUND // 2
    assert np.array_equal(nb.flip.numpy(), across_seam)
    assert 0 < across_seam.sum() < len(across_seam)


def test_directions_are_those_of_the_grid() -> None:
    """e1 points along the band and e2 across it, at every vertex."""
    nb = pairs()
    i, j = column(nb.target), nb.target.numpy() % ACROSS
    x = np.rint((nb.r * nb.theta.cos()).numpy()).astype(int)
    y = np.rint((nb.r * nb.theta.sin()).numpy()).astype(int)
    assert np.array_equal(glued(i + x, j + y, AROUND, ACROSS), nb.source.numpy())
    assert np.abs(np.hypot(x, y) - nb.r.numpy()).max() < 1e-12


def test_shifts_and_the_reflection_are_symmetries_of_the_mesh() -> None:
    """So a field that moves along the band sees the same pairs with the same weights."""
    nb, vertex = pairs(), np.arange(band().num_vertices)
    i, j = vertex // ACROSS, vertex % ACROSS

    def table(image: np.ndarray) -> set[tuple[int, int, float, float]]:
        rows = zip(image[nb.target], image[nb.source], nb.r.numpy(), nb.weight.numpy(), strict=True)
        return {(int(p), int(q), round(float(r), 9), round(float(w), 9)) for p, q, r, w in rows}

    for image in (glued(i + 1, j, AROUND, ACROSS), glued(i, ACROSS - 1 - j, AROUND, ACROSS)):
        assert table(image) == table(vertex)
    assert set(nb.weight.numpy().round(9)) == {0.5, 1.0}


def test_pictures_come_back_upside_down_and_then_as_they_were() -> None:
    pictures = torch.rand(1, ACROSS, ACROSS, generator=torch.Generator().manual_seed(0)).repeat(
        4, 1, 1
    )
    shift = torch.tensor([0, AROUND, 2 * AROUND, 3])
    fields = drawn(pictures, shift, AROUND, ACROSS).unflatten(1, (AROUND, ACROSS))[..., 0]
    assert torch.equal(fields[1], fields[0].flip(1))
    assert torch.equal(fields[2], fields[0])
    first = (AROUND - ACROSS) // 2
    assert torch.equal(fields[0][first : first + ACROSS], pictures[0].T)
    assert torch.equal(fields[3][first + 3 :], pictures[0].T[: AROUND - first - 3])
    assert fields.sum((1, 2)).unique().numel() == 1


def test_digits_keep_their_ink_when_they_shrink() -> None:
    images = np.zeros((2, 28, 28), np.uint8)
    images[0, 4:24, 4:24] = 255
    small = shrunk(images, 11)
    assert small.shape == (2, 11, 11)
    assert small.max() == pytest.approx(1.0)
    assert float(small[0].mean()) == pytest.approx((20 / 22) ** 2, rel=0.05)
    assert not small[1].any()


def test_networks_are_of_one_size() -> None:
    sizes = [num_parameters(build(name, QUICK)) for name in NETWORKS]
    assert max(sizes) <= 1.25 * min(sizes)


@pytest.mark.parametrize("hidden", ["3x0+", "3x0-", "2x0+ + 2x0-", "2xreg"])
def test_a_network_does_not_see_where_on_the_band_a_picture_is(hidden: str) -> None:
    torch.manual_seed(0)
    network = BandNet(QUICK, hidden)
    pictures = torch.rand(2 * QUICK.around, QUICK.across, QUICK.across)[:1].repeat(
        2 * QUICK.around, 1, 1
    )
    found = scores(network, pictures, torch.arange(2 * QUICK.around), QUICK)
    assert (found - found[0]).abs().max() < 1e-5 * found.abs().max()
    other = scores(network, pictures.flip(2), torch.arange(2 * QUICK.around), QUICK)
    assert (other[0] - found[0]).abs().max() > 1e-3 * found.abs().max()


def test_its_layers_pass_the_verifier_on_the_band_without_a_connection() -> None:
    frames = frames_along(band(), AROUND, ACROSS)
    for spec in ("2xreg", "0+ + 0-"):
        field = FieldType(spec, "D1")
        conv = gc.nn.GaugeConv(field, field, 2).double()
        report = verify(conv, band(), samples=2, frames=frames)
        assert report.passed
        assert report.has_teeth
        assert report.max_relative_error <= 1e-12
