"""Meshes for the geometry tests, and how to compare neighbourhoods up to a change of gauge."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gaugeconv.geometry import Neighborhoods
from gaugeconv.mesh import TriMesh, shapes

SYMMETRIC = {
    "icosphere": lambda: shapes.icosphere(2),
    "torus": lambda: shapes.torus(16, 10),
    "plane": lambda: shapes.plane(7, 7),
}


def wrap(angle):
    """Mod 2π, to [−π, π]."""
    return angle - 2 * np.pi * np.round(np.asarray(angle) / (2 * np.pi))


def edge_radius(mesh: TriMesh, edges: float = 3.0) -> float:
    return edges * mesh.mean_edge_length


def bumpy_sphere(n: int, seed: int, amplitude: float = 0.25) -> TriMesh:
    """A sphere with smooth bumps: convex, saddle and flat regions, no symmetry."""
    mesh = shapes.irregular_sphere(n, seed)
    rng = np.random.default_rng(seed)
    waves, phase = rng.normal(0, 2.5, (4, 3)), rng.uniform(0, 2 * np.pi, 4)
    height = np.sin(mesh.vertices @ waves.T + phase).mean(axis=1)
    return TriMesh(mesh.vertices * (1 + amplitude * height)[:, None], mesh.faces)


def rough_sphere(n: int, seed: int, amplitude: float = 0.15) -> TriMesh:
    """Every vertex moved at random: about half of them are saddles."""
    mesh = shapes.irregular_sphere(n, seed)
    radial = 1 + amplitude * np.random.default_rng(seed).normal(size=n)
    return TriMesh(mesh.vertices * radial[:, None], mesh.faces)


def irregular_torus(num_major: int, num_minor: int, seed: int) -> TriMesh:
    mesh = shapes.torus(num_major, num_minor)
    step = np.random.default_rng(seed).normal(size=mesh.vertices.shape)
    return TriMesh(mesh.vertices + 0.08 * mesh.mean_edge_length * step, mesh.faces)


def l_shape(cells: int = 4, jitter: float = 0.2) -> TriMesh:
    """[0, 2]² without its upper right quarter; the concave corner is at (1, 1)."""
    square = shapes.plane(2 * cells, 2 * cells, 2.0, 2.0, jitter=jitter, seed=3)
    side = 2 * cells + 1
    i, j = np.divmod(square.faces, side)
    kept = ~((i.min(axis=1) >= cells) & (j.min(axis=1) >= cells))
    positions = square.vertices.copy()
    # the cut must be straight
    row, column = np.divmod(np.arange(side * side), side)
    positions[(row == cells) & (column >= cells), 0] = 1.0
    positions[(column == cells) & (row >= cells), 1] = 1.0
    used, faces = np.unique(square.faces[kept], return_inverse=True)
    return TriMesh(positions[used], faces.reshape(-1, 3))


@dataclass(frozen=True)
class Relabelling:
    """The same surface with other vertex numbers, face order and first corners."""

    mesh: TriMesh
    new_of_old: np.ndarray

    @classmethod
    def of(cls, mesh: TriMesh, seed: int, move_vertices: bool = True) -> Relabelling:
        rng = np.random.default_rng(seed)
        size = mesh.num_vertices
        new = rng.permutation(size) if move_vertices else np.arange(size)
        vertices = np.zeros_like(mesh.vertices)
        vertices[new] = mesh.vertices
        faces = new[mesh.faces][rng.permutation(mesh.num_faces)]
        turn = (np.arange(3) + rng.integers(0, 3, (mesh.num_faces, 1))) % 3
        return cls(TriMesh(vertices, np.take_along_axis(faces, turn, axis=1)), new)


@dataclass(frozen=True)
class Table:
    """Pairs sorted by (p, q), as numpy arrays of vertex numbers and geometry."""

    p: np.ndarray
    q: np.ndarray
    r: np.ndarray
    theta: np.ndarray
    transport: np.ndarray
    weight: np.ndarray

    @classmethod
    def of(cls, nb: Neighborhoods, vertex_map: np.ndarray | None = None) -> Table:
        """Reads a Neighborhoods, renaming its vertices by `vertex_map`."""
        p = nb.target_vertex[nb.target].numpy()
        q = nb.source_vertex[nb.source].numpy()
        if vertex_map is not None:
            p, q = vertex_map[p], vertex_map[q]
        order = np.lexsort((q, p))
        arrays = (p, q, nb.r, nb.theta, nb.transport, nb.weight)
        return cls(*(np.asarray(a)[order] for a in arrays))

    def same_pairs(self, other: Table) -> bool:
        return np.array_equal(self.p, other.p) and np.array_equal(self.q, other.q)


def gauge_residual(table: Table, theta, transport, orientation: int = 1) -> float:
    """How far θ and φ are from the given ones, up to the best change of gauge.

    With orientation −1 the given ones are those of the mirror image.
    """
    turn = np.exp(1j * (table.theta - orientation * theta)) * (table.p != table.q)
    gamma = np.zeros(max(table.p.max(), table.q.max()) + 1, complex)
    np.add.at(gamma, table.p, turn)
    gamma = np.angle(gamma)
    apart = table.p != table.q
    in_theta = wrap(table.theta - orientation * theta - gamma[table.p])[apart]
    change = gamma[table.p] - gamma[table.q]
    in_transport = wrap(table.transport - orientation * transport - change)
    return float(max(np.abs(in_theta).max(initial=0), np.abs(in_transport).max(initial=0)))


def assert_same_up_to_gauge(
    table: Table, other: Table, tolerance: float, orientation: int = 1, weights: float = 1e-11
):
    """Same pairs, lengths and weights; angles differ by a change of gauge."""
    assert table.same_pairs(other)
    scale = max(other.r.max(), 1e-300)
    assert np.abs(table.r - other.r).max() <= tolerance * scale
    largest = other.weight.max()  # a share in the shadow of a saddle has no area but rounding
    np.testing.assert_allclose(table.weight, other.weight, rtol=weights, atol=weights * largest)
    residual = gauge_residual(table, other.theta, other.transport, orientation)
    assert residual <= tolerance, f"angles differ by {residual:.2e} rad beyond a change of gauge"
