"""Log maps and transports as others compute them, in our intrinsic angles, to be measured beside ours."""

from __future__ import annotations

import numpy as np

from gaugeconv.geometry import Frames
from gaugeconv.geometry.vector_heat import vector_heat_paths
from gaugeconv.mesh import TriMesh


def by_vector_heat(
    mesh: TriMesh, radius: float, p: np.ndarray, q: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The affine log map and vector transport of potpourri3d, in our angles."""
    centers = np.unique(p)
    keep = np.ones(mesh.num_vertices, dtype=np.bool_)
    paths = vector_heat_paths(mesh, centers, 4 * radius, keep)
    key = np.repeat(centers, np.diff(paths.ptr)) * mesh.num_vertices + paths.vertex
    at = np.searchsorted(key, p * mesh.num_vertices + q)
    return paths.r[at], paths.out[at], paths.transport[at]


def by_projection(
    mesh: TriMesh, p: np.ndarray, q: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Chord length, projected direction, and the rotation of normals, as GEM-CNN's code has it."""
    frames = Frames.canonical(mesh)
    step = mesh.vertices[q] - mesh.vertices[p]
    theta = _angle(frames, p, step)
    a, b = frames.normal[q], frames.normal[p]
    carried = _turned(frames.e1[q], a, b)
    return np.linalg.norm(step, axis=1), theta, _angle(frames, p, carried)


def _angle(frames: Frames, p: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    x = np.einsum("ei,ei->e", vectors, frames.e1[p])
    return np.arctan2(np.einsum("ei,ei->e", vectors, frames.e2[p]), x)


def _turned(vectors: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Vectors after the least rotation that takes unit vector a to b (Rodrigues)."""
    axis, cosine = np.cross(a, b), np.einsum("ei,ei->e", a, b)[:, None]
    along = np.einsum("ei,ei->e", axis, vectors)[:, None] * axis / (1 + cosine)
    return cosine * vectors + np.cross(axis, vectors) + along
