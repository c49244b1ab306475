"""Grids on the unit sphere: points, areas and a triangulation, so that the mesh code applies."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float64, Int64
from numpy.typing import ArrayLike
from scipy.spatial import ConvexHull, QhullError, SphericalVoronoi

from gaugeconv.errors import DataError
from gaugeconv.mesh import TriMesh, shapes

AREA = 4.0 * math.pi
"""Area of the unit sphere."""

_LOWEST = 1e-6  # a facet this close to the origin leaves no triangulation of the sphere


@dataclass(frozen=True, eq=False)
class SphereGrid:
    """Sample points on the unit sphere.

    Attributes:
        name: what it is, with its size, like "icosphere-642".
        points: (N, 3) unit vectors.
        weights: (N,) area that each point stands for, summing to 4π.
        shape: (N,), or (2b, 2b) for an equiangular grid whose rows are circles of latitude.
    """

    name: str
    points: Float64[np.ndarray, "N 3"]
    weights: Float64[np.ndarray, " N"]
    shape: tuple[int, ...]

    @property
    def num_points(self) -> int:
        """N."""
        return len(self.points)

    @cached_property
    def mesh(self) -> TriMesh:
        """The convex hull of the points: their Delaunay triangulation, wound outwards."""
        return TriMesh(self.points, _hull_faces(self.points))

    @property
    def bandwidth(self) -> int:
        """Half the rows of an equiangular grid of 2b × 2b points.

        Raises:
            DataError: the grid is none.
        """
        if len(self.shape) != 2:
            raise DataError(f"{self.name} is not equiangular; use driscoll_healy(bandwidth)")
        return self.shape[0] // 2


def icosphere(subdivisions: int) -> SphereGrid:
    """The vertices of `gaugeconv.shapes.icosphere`: 10·4ⁿ + 2 of them, coarser spheres first.

    Raises:
        MeshError: a negative count.
    """
    return from_points(shapes.icosphere(subdivisions).vertices, "icosphere")


def geodesic(frequency: int) -> SphereGrid:
    """Icosahedron whose edges are cut into ν equal parts, pushed onto the sphere: 10ν² + 2 points.

    Raises:
        DataError: a frequency below 1.
    """
    if frequency < 1:
        raise DataError(f"the frequency of a geodesic grid must be at least 1, got {frequency}")
    mesh = shapes.icosphere(0)
    i, j = np.meshgrid(np.arange(frequency + 1), np.arange(frequency + 1), indexing="ij")
    inside = i + j <= frequency
    share = np.stack([i, j, frequency - i - j], -1)[inside] / frequency
    points = (share @ mesh.vertices[mesh.faces]).reshape(-1, 3)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    _, first = np.unique(np.round(points, 9) + 0.0, axis=0, return_index=True)
    return from_points(points[np.sort(first)], "geodesic")


def healpix(nside: int) -> SphereGrid:
    """Centres of the 12·nside² HEALPix pixels of equal area, ring by ring (Górski et al. 2005).

    Args:
        nside: a power of two.

    Raises:
        DataError: nside is none, or the package astropy-healpix is missing.
    """
    try:
        from astropy_healpix import healpix_to_xyz
    except ImportError as error:
        raise DataError("HEALPix grids need astropy-healpix: install gaugeconv[sphere]") from error
    if nside < 1 or nside & (nside - 1):
        raise DataError(f"nside must be a power of two, got {nside}")
    count = 12 * nside * nside
    points = np.stack(healpix_to_xyz(np.arange(count), nside), -1)
    return _grid("healpix", points, np.full(count, AREA / count))


def driscoll_healy(bandwidth: int) -> SphereGrid:
    """The equiangular grid of 2b × 2b points, β_j = π(2j + 1)/4b, α_k = πk/b.

    Its weights integrate products of two functions of degree below b exactly (Driscoll & Healy 1994;
    at these latitudes Kostelec & Rockmore 2008).

    Raises:
        DataError: a bandwidth below 2.
    """
    if bandwidth < 2:
        raise DataError(f"the bandwidth must be at least 2, got {bandwidth}")
    beta, alpha = equiangular_angles(bandwidth)
    b, a = (angle.ravel() for angle in np.meshgrid(beta, alpha, indexing="ij"))
    points = np.stack([np.sin(b) * np.cos(a), np.sin(b) * np.sin(a), np.cos(b)], -1)
    weights = np.repeat(latitude_weights(bandwidth), 2 * bandwidth) * AREA / (2 * bandwidth)
    return _grid("driscoll-healy", points, weights, (2 * bandwidth, 2 * bandwidth))


def irregular(num_points: int, seed: int = 0) -> SphereGrid:
    """Quasi-uniform random points (`gaugeconv.shapes.irregular_sphere`); the same for the same seed.

    Raises:
        MeshError: fewer than four points.
    """
    return from_points(shapes.irregular_sphere(num_points, seed).vertices, "irregular")


def fibonacci(num_points: int) -> SphereGrid:
    """A spiral of points on bands of equal area, related to no other grid: for comparisons.

    Raises:
        DataError: fewer than four points.
    """
    if num_points < 4:
        raise DataError(f"a grid needs at least four points, got {num_points}")
    z = 1.0 - (2.0 * np.arange(num_points) + 1.0) / num_points
    turn = math.pi * (3.0 - math.sqrt(5.0)) * np.arange(num_points)
    rho = np.sqrt(1.0 - z * z)
    points = np.stack([rho * np.cos(turn), rho * np.sin(turn), z], -1)
    return _grid("fibonacci", points, np.full(num_points, AREA / num_points))


def from_points(points: ArrayLike, name: str = "points") -> SphereGrid:
    """Any points on the unit sphere, with the areas of their Voronoi cells.

    Raises:
        DataError: not (N, 3) distinct unit vectors that surround the origin, N ≥ 4.
    """
    array = np.array(points, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] != 3 or len(array) < 4:
        raise DataError(f"points on the sphere have shape (N, 3), N ≥ 4, got {array.shape}")
    off = np.flatnonzero(~(np.abs(np.linalg.norm(array, axis=1) - 1) < 1e-9))
    if len(off):
        raise DataError(f"{len(off)} points are not unit vectors, first point {off[0]}")
    try:
        heights = -ConvexHull(array).equations[:, 3]  # of the facets above the origin
        weights = np.asarray(SphericalVoronoi(array).calculate_areas())
    except (QhullError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"the points do not make a grid of the sphere: {reason}") from error
    if heights.min() < _LOWEST:
        raise DataError("the points leave a hemisphere empty; spread them over the sphere")
    return _grid(name, array, weights)


def equiangular_angles(
    bandwidth: int,
) -> tuple[Float64[np.ndarray, " rows"], Float64[np.ndarray, " columns"]]:
    """(β, α): the 2b colatitudes and 2b longitudes of `driscoll_healy`, radians."""
    steps = np.arange(2 * bandwidth)
    return math.pi * (2 * steps + 1) / (4 * bandwidth), math.pi * steps / bandwidth


def latitude_weights(bandwidth: int) -> Float64[np.ndarray, " rows"]:
    """(2b,) weights w_j with Σ w_j f(β_j) = ½ ∫ f(β) sin β dβ for f of degree below 2b in cos β.

    Fejér's first rule, whose nodes are these latitudes; Σ w_j = 1.
    """
    beta, _ = equiangular_angles(bandwidth)
    k = np.arange(1, bandwidth)
    terms = np.cos(2 * beta[:, None] * k) / (4 * k * k - 1)
    return (1 - 2 * terms.sum(axis=1)) / (2 * bandwidth)


def _grid(
    kind: str,
    points: Float64[np.ndarray, "N 3"],
    weights: Float64[np.ndarray, " N"],
    shape: tuple[int, ...] | None = None,
) -> SphereGrid:
    """A grid whose arrays nobody can change."""
    points, weights = np.ascontiguousarray(points), np.ascontiguousarray(weights)
    points.setflags(write=False)
    weights.setflags(write=False)
    return SphereGrid(f"{kind}-{len(points)}", points, weights, shape or (len(points),))


def _hull_faces(points: Float64[np.ndarray, "N 3"]) -> Int64[np.ndarray, "F 3"]:
    """Faces of the convex hull of points on the sphere, wound counter-clockwise from outside."""
    faces = ConvexHull(points).simplices.astype(np.int64)
    inward = np.linalg.det(points[faces]) < 0
    return np.where(inward[:, None], faces[:, [0, 2, 1]], faces)
