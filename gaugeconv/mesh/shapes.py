"""Analytic and random test surfaces, wound counter-clockwise seen from outside (or from above)."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float64, Int64
from scipy.spatial import ConvexHull

from gaugeconv.errors import MeshError
from gaugeconv.mesh.edges import EdgeTable
from gaugeconv.mesh.tri_mesh import TriMesh

_JITTER, _RELAXATION_STEPS = 0.35, 2


def icosphere(subdivisions: int = 2, radius: float = 1.0) -> TriMesh:
    """Icosahedron whose faces are split in four ``subdivisions`` times, pushed onto a sphere.

    10·4ⁿ + 2 vertices. The first 12 vertices are those of the icosahedron.

    Raises:
        MeshError: a negative count or a radius that is not positive.
    """
    _require(subdivisions >= 0, "subdivisions must be at least 0")
    _require(radius > 0, "radius must be positive")
    golden = (1.0 + math.sqrt(5.0)) / 2.0
    edge = [(s, t * golden) for s in (-1.0, 1.0) for t in (-1.0, 1.0)]
    corners = [np.roll((0.0, s, t), turn) for turn in range(3) for s, t in edge]
    vertices = _unit(np.array(corners))
    faces = _hull_faces(vertices)
    for _ in range(subdivisions):
        vertices, faces = _split_in_four(vertices, faces)
    return TriMesh(radius * vertices, faces)


def irregular_sphere(num_vertices: int, seed: int = 0) -> TriMesh:
    """Quasi-uniform random points on the unit sphere with the triangulation of their convex hull.

    A Fibonacci lattice, jittered by a third of its spacing, relaxed a little and turned at random:
    no symmetry and no preferred direction, yet few corners below 20 degrees. Vertex order is
    random. The same seed gives the same mesh.

    Raises:
        MeshError: fewer than four vertices.
    """
    _require(num_vertices >= 4, "num_vertices must be at least 4")
    rng = np.random.default_rng(seed)
    z = 1.0 - (2.0 * rng.permutation(num_vertices) + 1.0) / num_vertices
    turn = math.pi * (3.0 - math.sqrt(5.0)) * num_vertices / 2.0 * z
    rho = np.sqrt(1.0 - z * z)
    points = np.stack([rho * np.cos(turn), rho * np.sin(turn), z], -1)
    spacing = math.sqrt(4.0 * math.pi / num_vertices)
    points = _unit(points + _JITTER * spacing * rng.standard_normal(points.shape))
    points = points @ np.linalg.qr(rng.standard_normal((3, 3)))[0]
    for _ in range(_RELAXATION_STEPS):
        faces = _hull_faces(points)
        points = _unit(points + _neighbour_mean(points, faces))
    return TriMesh(points, _hull_faces(points))


def torus(
    num_major: int = 32,
    num_minor: int = 16,
    major_radius: float = 1.0,
    minor_radius: float = 0.4,
) -> TriMesh:
    """Torus of revolution about the z axis with ``num_major · num_minor`` vertices.

    Raises:
        MeshError: fewer than three segments either way, or radii without 0 < minor < major.
    """
    _require(min(num_major, num_minor) >= 3, "a torus needs at least 3 segments each way")
    _require(0 < minor_radius < major_radius, "radii must satisfy 0 < minor < major")
    u, v = np.meshgrid(_turns(num_major), _turns(num_minor), indexing="ij")
    ring = major_radius + minor_radius * np.cos(v)
    vertices = np.stack([ring * np.cos(u), ring * np.sin(u), minor_radius * np.sin(v)], -1)
    return TriMesh(vertices.reshape(-1, 3), _grid(num_major, num_minor, True, True))


def plane(
    nx: int = 10,
    ny: int = 10,
    width: float = 1.0,
    height: float = 1.0,
    jitter: float = 0.0,
    seed: int = 0,
) -> TriMesh:
    """Flat rectangle [0, width] × [0, height] in z = 0 with (nx + 1)(ny + 1) vertices, normal +z.

    Args:
        nx: cells along x.
        ny: cells along y.
        width: size along x.
        height: size along y.
        jitter: how far vertices move inside the rectangle, in cells, at random; below 0.25 no
            face can turn over. Vertices on a side stay on it and corners stay where they are.
        seed: of the jitter.

    Raises:
        MeshError: no cells, a size that is not positive, or jitter outside [0, 0.25).
    """
    _require(min(nx, ny) >= 1, "a plane needs at least one cell each way")
    _require(min(width, height) > 0, "width and height must be positive")
    _require(0 <= jitter < 0.25, "jitter must lie in [0, 0.25) cells")
    x, y = np.meshgrid(np.arange(nx + 1.0), np.arange(ny + 1.0), indexing="ij")
    shift = np.random.default_rng(seed).uniform(-jitter, jitter, (2, nx + 1, ny + 1))
    shift[0, [0, -1], :] = 0.0
    shift[1, :, [0, -1]] = 0.0
    flat = [(x + shift[0]) * (width / nx), (y + shift[1]) * (height / ny), np.zeros_like(x)]
    return TriMesh(np.stack(flat, -1).reshape(-1, 3), _grid(nx + 1, ny + 1, False, False))


def cylinder(
    n_around: int = 24, n_along: int = 8, radius: float = 1.0, height: float = 2.0
) -> TriMesh:
    """Open cylinder about the z axis from z = 0 to z = height, ``n_around (n_along + 1)`` vertices.

    Raises:
        MeshError: too few segments or sizes that are not positive.
    """
    _require(n_around >= 3 and n_along >= 1, "a cylinder needs n_around ≥ 3 and n_along ≥ 1")
    _require(min(radius, height) > 0, "radius and height must be positive")
    u, z = np.meshgrid(_turns(n_around), np.linspace(0.0, height, n_along + 1), indexing="ij")
    vertices = np.stack([radius * np.cos(u), radius * np.sin(u), z], -1)
    return TriMesh(vertices.reshape(-1, 3), _grid(n_around, n_along + 1, True, False))


def cone(total_angle: float, rings: int = 4, sectors: int = 12, slant: float = 1.0) -> TriMesh:
    """Cone with its apex at vertex 0; the corner angles there sum to ``total_angle`` (radians).

    Ring k = 1…rings, sector s is vertex ``1 + (k − 1)·sectors + s``. Every face is cut from the
    flat unfolding, so up to 2π the mesh is embedded (apex at the origin, opening downwards, 2π is
    a flat disk) and beyond 2π it is intrinsic; both have exactly the unfolding's lengths, where
    vertex (k, s) has polar coordinates r = slant · k / rings and angle s · total_angle / sectors.

    Args:
        total_angle: corner angles round the apex, summed; up to 2π embedded, above intrinsic.
        rings: rings of vertices round the apex.
        sectors: vertices on each ring.
        slant: distance from the apex to the boundary.

    Raises:
        MeshError: fewer than 3 sectors or 1 ring, an angle or slant that is not positive, or
            sectors of π or more.
    """
    _require(rings >= 1 and sectors >= 3, "a cone needs at least 1 ring and 3 sectors")
    _require(total_angle > 0 and slant > 0, "total_angle and slant must be positive")
    _require(total_angle < sectors * math.pi, "a sector must open by less than π; use more sectors")
    ring, side, faces = _cone_cells(rings, sectors)
    if total_angle > 2.0 * math.pi:
        unfolded = slant / rings * ring * np.exp(1j * total_angle / sectors * side)
        return TriMesh.from_edge_lengths(faces, np.abs(unfolded[:, [1, 2, 0]] - unfolded))
    # A sector is the flat triangle of angle δ between two generators: sin(δ/2) = ρ sin(π/sectors).
    rho = math.sin(total_angle / (2 * sectors)) / math.sin(math.pi / sectors)
    drop = math.sqrt(max(0.0, 1.0 - rho * rho))
    r, u = np.meshgrid(slant * np.arange(1.0, rings + 1) / rings, _turns(sectors), indexing="ij")
    body = np.stack([rho * r * np.cos(u), rho * r * np.sin(u), -drop * r], -1)
    return TriMesh(np.concatenate([np.zeros((1, 3)), body.reshape(-1, 3)]), faces)


def _cone_cells(
    rings: int, sectors: int
) -> tuple[Int64[np.ndarray, "F 3"], Int64[np.ndarray, "F 3"], Int64[np.ndarray, "F 3"]]:
    """Ring and side (0 or 1, within its sector) of every corner, and the faces themselves."""
    k = np.arange(1, rings)[:, None]
    lower = np.stack(np.broadcast_arrays(k, k + 1, k + 1), -1)
    upper = np.stack(np.broadcast_arrays(k, k + 1, k), -1)
    rows = np.stack([lower, upper], axis=1).reshape(-1, 3)
    ring = np.concatenate([np.array([[0, 1, 1]]), rows])
    side = np.concatenate([np.array([[0, 0, 1]]), np.tile([[0, 0, 1], [0, 1, 1]], (rings - 1, 1))])
    ring, side = np.tile(ring, (sectors, 1)), np.tile(side, (sectors, 1))
    sector = np.repeat(np.arange(sectors), 2 * rings - 1)[:, None]
    faces = np.where(ring == 0, 0, 1 + (ring - 1) * sectors + (sector + side) % sectors)
    return ring, side, faces


def _grid(rows: int, columns: int, wrap_rows: bool, wrap_columns: bool) -> Int64[np.ndarray, "F 3"]:
    """Two faces for each cell of a grid of vertices numbered row by row."""
    i, j = np.meshgrid(
        np.arange(rows if wrap_rows else rows - 1),
        np.arange(columns if wrap_columns else columns - 1),
        indexing="ij",
    )
    i_next, j_next = (i + 1) % rows, (j + 1) % columns
    a, b = i * columns + j, i_next * columns + j
    c, d = i_next * columns + j_next, i * columns + j_next
    return np.stack([a, b, c, a, c, d], axis=-1).reshape(-1, 3)


def _split_in_four(
    vertices: Float64[np.ndarray, "V 3"], faces: Int64[np.ndarray, "F 3"]
) -> tuple[Float64[np.ndarray, "W 3"], Int64[np.ndarray, "G 3"]]:
    """Faces split at their edge midpoints, which are pushed onto the unit sphere."""
    table = EdgeTable.of(faces)
    middle = len(vertices) + table.edge_of.reshape(-1, 3)
    (a, b, c), (ab, bc, ca) = faces.T, middle.T
    split = np.stack([a, ab, ca, ab, b, bc, ca, bc, c, ab, bc, ca], axis=-1).reshape(-1, 3)
    return np.concatenate([vertices, _unit(vertices[table.ends].sum(axis=1))]), split


def _neighbour_mean(
    points: Float64[np.ndarray, "V 3"], faces: Int64[np.ndarray, "F 3"]
) -> Float64[np.ndarray, "V 3"]:
    """Mean of the neighbours of each vertex of a closed mesh."""
    at, neighbour = faces.ravel(), points[faces[:, [1, 2, 0]].ravel()]
    total = np.stack([np.bincount(at, weights=neighbour[:, i]) for i in range(3)], -1)
    return total / np.bincount(at)[:, None]


def _hull_faces(points: Float64[np.ndarray, "V 3"]) -> Int64[np.ndarray, "F 3"]:
    """Faces of the convex hull, wound counter-clockwise seen from outside."""
    faces = ConvexHull(points).simplices.astype(np.int64)
    a, b, c = np.moveaxis(points[faces] - points.mean(axis=0), 1, 0)
    inward = np.einsum("fi,fi->f", np.cross(b - a, c - a), a) < 0
    return np.where(inward[:, None], faces[:, [0, 2, 1]], faces)


def _turns(count: int) -> Float64[np.ndarray, " N"]:
    return 2.0 * np.pi * np.arange(count) / count


def _unit(vectors: Float64[np.ndarray, "N 3"]) -> Float64[np.ndarray, "N 3"]:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise MeshError(message)
