"""Hypothesis strategies: irregular meshes of every topology."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from gaugeconv.mesh import TriMesh, shapes
from tests.geometry.zoo import bumpy_sphere, irregular_torus, rough_sphere

SEEDS = st.integers(0, 2**31 - 1)


def voxel_surface(solid: np.ndarray, seed: int, jitter: float = 0.2) -> TriMesh:
    """The boundary of a union of unit cubes, squares split at random, every vertex moved at random."""
    rng = np.random.default_rng(seed)
    padded = np.pad(solid.astype(bool), 1)
    quads = []
    for axis in range(3):
        u, v = np.eye(3, dtype=int)[[(axis + 1) % 3, (axis + 2) % 3]]
        for outward in (1, -1):
            outside = ~np.roll(padded, -outward, axis)
            cell = np.argwhere(padded & outside)
            base = cell + np.eye(3, dtype=int)[axis] * (outward > 0)
            ring = [base, base + u, base + u + v, base + v][::outward]
            quads.append(np.stack(ring, axis=1))
    corners = np.concatenate(quads)
    points, index = np.unique(corners.reshape(-1, 3), axis=0, return_inverse=True)
    a, b, c, d = index.reshape(-1, 4).T
    split = rng.random(len(a)) < 0.5
    first = np.where(split, [a, b, c], [b, c, d]).T
    second = np.where(split, [a, c, d], [b, d, a]).T
    moved = points + jitter * rng.uniform(-1, 1, points.shape)
    return TriMesh(moved, np.concatenate([first, second]))


def holed_plate(genus: int, seed: int, jitter: float = 0.2) -> TriMesh:
    """A plate with a row of holes."""
    solid = np.ones((3, 2 * genus + 1, 1))
    solid[1, 1::2] = 0
    return voxel_surface(solid, seed, jitter)


def sheet(nx: int, ny: int, seed: int, jitter: float, height: float) -> TriMesh:
    """A rectangle with boundary, its vertices moved in the plane and out of it."""
    flat = shapes.plane(nx, ny, float(nx), float(ny), jitter=jitter, seed=seed)
    up = height * np.random.default_rng(seed).normal(size=flat.num_vertices)
    return TriMesh(flat.vertices + up[:, None] * [0.0, 0.0, 1.0], flat.faces)


def punctured(mesh: TriMesh, seed: int) -> TriMesh:
    """The mesh without the faces round one vertex, which is dropped."""
    gone = int(np.random.default_rng(seed).integers(mesh.num_vertices))
    faces = mesh.faces[(mesh.faces != gone).all(axis=1)]
    used, compact = np.unique(faces, return_inverse=True)
    return TriMesh(mesh.vertices[used], compact.reshape(-1, 3))


def closed_meshes() -> st.SearchStrategy[TriMesh]:
    """Smooth and rough spheres, tori, and plates of genus 0 to 3."""
    size = st.integers(30, 90)
    return st.one_of(
        st.builds(bumpy_sphere, size, SEEDS, st.floats(0, 0.4)),
        st.builds(rough_sphere, size, SEEDS, st.floats(0, 0.3)),
        st.builds(irregular_torus, st.integers(5, 10), st.integers(4, 8), SEEDS),
        st.builds(holed_plate, st.integers(0, 3), SEEDS, st.floats(0.05, 0.2)),
    )


def meshes() -> st.SearchStrategy[TriMesh]:
    """Closed meshes, sheets, and closed meshes with a hole."""
    heights = st.just(0.0) | st.floats(0.02, 0.3)  # on a grid that is all but flat paths tie
    sheets = st.builds(
        sheet, st.integers(1, 8), st.integers(1, 8), SEEDS, st.floats(0, 0.24), heights
    )
    return st.one_of(closed_meshes(), sheets, st.builds(punctured, closed_meshes(), SEEDS))
