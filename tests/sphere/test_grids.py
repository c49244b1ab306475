from __future__ import annotations

import numpy as np
import pytest

from gaugeconv.errors import DataError
from gaugeconv.mesh import shapes
from gaugeconv.sphere import grids
from gaugeconv.sphere.harmonics import spin_harmonic

AREA = 4 * np.pi


def make(kind: str) -> grids.SphereGrid:
    if kind == "healpix":
        pytest.importorskip("astropy_healpix", reason="HEALPix needs gaugeconv[sphere]")
        return grids.healpix(4)
    return {
        "icosphere": lambda: grids.icosphere(2),
        "geodesic": lambda: grids.geodesic(5),
        "driscoll-healy": lambda: grids.driscoll_healy(7),
        "irregular": lambda: grids.irregular(200, seed=1),
        "fibonacci": lambda: grids.fibonacci(200),
    }[kind]()


KINDS = ("icosphere", "geodesic", "healpix", "driscoll-healy", "irregular", "fibonacci")


@pytest.mark.parametrize("kind", KINDS)
def test_points_cover_the_sphere_and_triangulate_it(kind):
    grid = make(kind)
    assert np.abs(np.linalg.norm(grid.points, axis=1) - 1).max() < 1e-12
    assert abs(grid.weights.sum() - AREA) < 1e-9
    assert grid.weights.min() > 0
    report = grid.mesh.report()
    assert report.euler_characteristic == 2
    assert grid.mesh.num_vertices == grid.num_points
    assert not grid.mesh.boundary_vertices.any()
    outward = np.einsum("fi,fi->f", grid.mesh.face_normals, grid.points[grid.mesh.faces[:, 0]])
    assert outward.min() > 0


@pytest.mark.parametrize("kind", KINDS)
def test_weights_integrate_low_harmonics(kind):
    grid = make(kind)
    for degree in range(1, 4):
        values = spin_harmonic(degree, 1, 0, grid.points)
        assert abs((grid.weights * values).sum()) < 0.05


def test_the_icosphere_is_that_of_the_meshes():
    assert np.array_equal(grids.icosphere(2).points, shapes.icosphere(2).vertices)
    coarse = {tuple(p) for p in np.round(grids.icosphere(1).points, 9) + 0.0}
    assert {tuple(p) for p in np.round(grids.geodesic(2).points, 9) + 0.0} == coarse


def test_driscoll_healy_weights_are_exact_below_the_bandwidth():
    grid, band = grids.driscoll_healy(5), 5
    assert grid.bandwidth == band
    assert grid.shape == (10, 10)
    functions = np.stack(
        [
            spin_harmonic(degree, row, 0, grid.points)
            for degree in range(band)
            for row in range(-degree, degree + 1)
        ]
    )
    norms = [AREA / (2 * degree + 1) for degree in range(band) for _ in range(2 * degree + 1)]
    gram = (functions * grid.weights) @ functions.conj().T
    assert np.abs(gram - np.diag(norms)).max() < 1e-12


def test_healpix_pixels_have_equal_area_and_their_published_centres():
    grid = make("healpix")
    assert np.ptp(grid.weights) == 0
    assert grid.name == "healpix-192"
    # Górski et al. 2005, equations 4 and 5: the first ring has z = 1 − 1/(3 nside²), φ = π/4
    first = grid.points[0]
    assert first[2] == pytest.approx(1 - 1 / (3 * 16))
    assert np.arctan2(first[1], first[0]) == pytest.approx(np.pi / 4)


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: grids.geodesic(0), "frequency"),
        (lambda: grids.driscoll_healy(1), "bandwidth"),
        (lambda: grids.fibonacci(3), "four"),
        (lambda: grids.from_points(np.eye(3)), "shape"),
        (lambda: grids.from_points(2 * shapes.icosphere(1).vertices), "unit"),
        (lambda: grids.from_points(np.repeat(np.eye(3), 2, axis=0)), "grid of the sphere"),
        (lambda: grids.icosphere(1).bandwidth, "equiangular"),
    ],
)
def test_what_is_no_grid_is_refused(call, word):
    with pytest.raises(DataError, match=word):
        call()


def test_points_of_one_hemisphere_are_refused():
    points = grids.fibonacci(100).points
    with pytest.raises(DataError):
        grids.from_points(points[points[:, 2] > 0.3])


def test_nside_must_be_a_power_of_two():
    make("healpix")
    with pytest.raises(DataError, match="power of two"):
        grids.healpix(3)
