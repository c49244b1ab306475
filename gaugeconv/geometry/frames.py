"""Frames: a gauge on a mesh, an orthonormal tangent basis at every vertex."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Float64
from numpy.typing import ArrayLike

from gaugeconv.errors import MeshError
from gaugeconv.geometry.tangent import TangentSpaces
from gaugeconv.mesh import TriMesh

Vectors = Float64[np.ndarray, "V 3"]


@dataclass(frozen=True, eq=False)
class Frames:
    """A gauge: frame (e1, e2) and normal n = e1 × e2 per vertex, tied to the intrinsic angles.

    Attributes:
        mesh: the mesh that the frames belong to.
        offset: (V,) angle from e1 to the first half-edge of the vertex's wheel, radians,
            counter-clockwise about n. Gauge-fixing: turns by +γ when the frame turns by −γ.

    A direction of intrinsic angle θ (rescaled) at p has angle θ + offset_p in the frame.
    """

    mesh: TriMesh
    offset: Float64[np.ndarray, " V"]

    @classmethod
    def canonical(cls, mesh: TriMesh) -> Frames:
        """Frames whose e1 is the best fit, over all edges, to the direction of intrinsic angle 0.

        The fit is the weighted circular mean arg Σ_j w_j exp i(α_j − θ_j) (docs/conventions.md), so it
        depends on no single edge. Which direction has angle 0 is arbitrary.
        """
        return cls(mesh, np.zeros(mesh.num_vertices))

    @classmethod
    def from_directions(cls, mesh: TriMesh, directions: ArrayLike) -> Frames:
        """Frames whose e1 is the tangential part of the given vectors.

        Args:
            mesh: a mesh with positions.
            directions: (V, 3), any length but zero, not along the normal.

        Raises:
            MeshError: wrong shape, or a direction without a finite tangential part.
        """
        vectors = np.asarray(directions, dtype=np.float64)
        if vectors.shape != (mesh.num_vertices, 3):
            raise MeshError(
                f"directions have shape {vectors.shape}, expected ({mesh.num_vertices}, 3)"
            )
        frames = cls.canonical(mesh)
        x = np.einsum("vi,vi->v", vectors, frames.e1)
        y = np.einsum("vi,vi->v", vectors, frames.e2)
        length = np.hypot(x, y)
        bad = np.flatnonzero(~(length > 1e-12 * np.linalg.norm(vectors, axis=1)))
        if len(bad):
            raise MeshError(
                f"{len(bad)} directions have no tangential part, first at vertex {bad[0]}; "
                "give vectors that are finite, nonzero and not along the normal"
            )
        return cls(mesh, -np.arctan2(y, x))

    def rotated(self, gamma: ArrayLike | float) -> Frames:
        """The gauge p ◁ k⁻¹: frames turn by −γ, so components of vectors change by R(+γ).

        Args:
            gamma: (V,) angles in radians, or one angle for all vertices.
        """
        angles = np.asarray(gamma, dtype=np.float64)
        if angles.ndim and angles.shape != self.offset.shape:
            raise MeshError(
                f"angles have shape {angles.shape}: give one, or {self.mesh.num_vertices}, one per vertex"
            )
        return replace(self, offset=self.offset + angles)

    @property
    def normal(self) -> Vectors:
        """(V, 3) unit normals. Gauge invariant."""
        return self.mesh.vertex_normals

    @cached_property
    def e1(self) -> Vectors:
        """(V, 3) first frame vector, unit length."""
        basis1, basis2 = _basis(self.normal)
        angle = (_link(self.mesh, basis1, basis2) - self.offset)[:, None]
        return np.cos(angle) * basis1 + np.sin(angle) * basis2

    @cached_property
    def e2(self) -> Vectors:
        """(V, 3) second frame vector, n × e1."""
        return np.cross(self.normal, self.e1)


def frames_on(mesh: TriMesh, frames: Frames | None) -> Frames:
    """The frames, or canonical ones for None.

    Raises:
        MeshError: the frames belong to another mesh.
    """
    if frames is None:
        return Frames.canonical(mesh)
    if frames.mesh is not mesh and frames.mesh.content_hash() != mesh.content_hash():
        raise MeshError("the frames belong to another mesh: make them from the one that is used")
    return frames


def _basis(normal: Vectors) -> tuple[Vectors, Vectors]:
    """Some orthonormal tangent basis, a function of the normal alone (Duff et al. 2017)."""
    x, y, z = normal.T
    sign = np.where(z < 0, -1.0, 1.0)
    a = -1.0 / (sign + z)
    b = x * y * a
    first = np.stack([1 + sign * x * x * a, sign * b, -sign * x], axis=1)
    second = np.stack([b, sign + y * y * a, -y], axis=1)
    return first, second


def _link(mesh: TriMesh, basis1: Vectors, basis2: Vectors) -> Float64[np.ndarray, " V"]:
    """(V,) angle in the given basis of the direction whose intrinsic angle is 0.

    Every edge j at p votes exp i(α_j − θ_j) with the share of the total angle next to it, times the
    cosine of its slope: an edge along the normal has no α.
    """
    spaces = TangentSpaces.of(mesh)
    halfedges = mesh.halfedges
    corner = mesh.corner_angles.reshape(-1)
    size = mesh.num_vertices
    vote_x, vote_y = np.zeros(size), np.zeros(size)
    h = np.arange(len(corner))
    before = np.where(h % 3 == 0, h + 2, h - 1)
    vertex = halfedges.tail
    positions = mesh.vertices
    # each corner votes with both of its edges: an interior edge so gets half of either neighbour
    ends = ((halfedges.tail[np.where(h % 3 == 2, h - 2, h + 1)], spaces.angle),
            (halfedges.tail[before], spaces.angle + corner))  # fmt: skip
    for other, unscaled in ends:
        edge = positions[other] - positions[vertex]
        edge /= np.linalg.norm(edge, axis=1, keepdims=True)
        x = np.einsum("hi,hi->h", edge, basis1[vertex])
        y = np.einsum("hi,hi->h", edge, basis2[vertex])
        vote = corner * (x + 1j * y) * np.exp(-1j * unscaled * spaces.scale[vertex])
        vote_x += np.bincount(vertex, vote.real, minlength=size)
        vote_y += np.bincount(vertex, vote.imag, minlength=size)
    return np.arctan2(vote_y, vote_x)
