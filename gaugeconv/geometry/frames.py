"""Frames: a gauge on a mesh, an orthonormal tangent basis at every vertex."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float64, Int64
from numpy.typing import ArrayLike

from gaugeconv.errors import MeshError, StructureGroupError
from gaugeconv.geometry.double_cover import oriented
from gaugeconv.geometry.tangent import TangentSpaces
from gaugeconv.mesh import TriMesh
from gaugeconv.mesh.connectivity import next_half_edge

Vectors = Float64[np.ndarray, "V 3"]


@dataclass(frozen=True, eq=False)
class Frames:
    """A gauge: frame (e1, e2) and normal n = e1 × e2 per vertex, tied to the intrinsic angles.

    Attributes:
        mesh: the mesh that the frames belong to; it may be one-sided.
        offset: (V,) angle of the first half-edge of the vertex's wheel in the frame, radians.
            Gauge-fixing: turns by +γ when the frame turns by −γ.
        mirrored: (V,) whether n opposes the winding (on a one-sided mesh the local orientation, the
            winding of the first face that uses the vertex). No vertex when None.

    A direction of intrinsic angle α (rescaled) at p has angle offset_p ± α in the frame, − where it is
    mirrored.
    """

    mesh: TriMesh
    offset: Float64[np.ndarray, " V"]
    mirrored: Bool[np.ndarray, " V"] | None = None

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
        """The gauge p ◁ R(γ)⁻¹: frames turn by −γ about n, so components of vectors change by R(γ).

        Args:
            gamma: (V,) angles in radians, or one angle for all vertices.
        """
        angles = np.asarray(gamma, dtype=np.float64)
        if angles.ndim and angles.shape != self.offset.shape:
            raise MeshError(
                f"angles have shape {angles.shape}: give one, or {self.mesh.num_vertices}, one per vertex"
            )
        return replace(self, offset=self.offset + angles)

    def reflected(self, where: ArrayLike | bool = True) -> Frames:
        """The gauge p ◁ S with S = diag(1, −1): e2 and n change sign, and so do second components.

        The change by k = R(γ) S^s is `frames.reflected(s).rotated(gamma)`. Features need a structure
        group with reflections to follow.

        Args:
            where: (V,) booleans, the vertices whose frames to reflect, or one for all.
        """
        chosen = np.asarray(where)
        if chosen.dtype != np.bool_ or (chosen.ndim and chosen.shape != self.offset.shape):
            raise MeshError(
                f"reflections are {chosen.dtype} of shape {chosen.shape}: give one boolean, or "
                f"{self.mesh.num_vertices}, one per vertex"
            )
        return replace(
            self,
            offset=np.where(chosen, -self.offset, self.offset),
            mirrored=self.is_mirrored ^ chosen,
        )

    @property
    def is_mirrored(self) -> Bool[np.ndarray, " V"]:
        """(V,) `mirrored`, spelt out."""
        if self.mirrored is None:
            return np.zeros(self.offset.shape, dtype=np.bool_)
        return self.mirrored

    def direction(
        self, vertex: Int64[np.ndarray, " N"], angle: Float64[np.ndarray, " N"]
    ) -> Float64[np.ndarray, " N"]:
        """(N,) angles in the frames of directions with the given intrinsic angles at the vertices."""
        offset = self.offset[vertex]
        if self.mirrored is None:
            return offset + angle
        return offset + np.where(self.mirrored[vertex], -angle, angle)

    def transport(
        self,
        p: Int64[np.ndarray, " N"],
        q: Int64[np.ndarray, " N"],
        angle: Float64[np.ndarray, " N"],
        flip: Bool[np.ndarray, " N"],
    ) -> tuple[Float64[np.ndarray, " N"], Bool[np.ndarray, " N"]]:
        """Transports R(φ) S^flip from q to p in these frames, of those in intrinsic angles.

        k_p R(φ) S^f k_q⁻¹ with k = R(offset) S^mirrored, which equals R(φ') S^f' with
        f' = m_p + f + m_q and φ' = offset_p + (−1)^{m_p} φ − (−1)^f' offset_q.
        """
        at_p, at_q = self.offset[p], self.offset[q]
        if self.mirrored is not None:
            angle = np.where(self.mirrored[p], -angle, angle)
            flip = self.mirrored[p] ^ flip ^ self.mirrored[q]
        return angle + (at_p - np.where(flip, -at_q, at_q)), flip

    @cached_property
    def normal(self) -> Vectors:
        """(V, 3) unit normals n = e1 × e2, area-weighted. Invariant to rotations of the frames."""
        outward = oriented(self.mesh).vertex_normals[: self.mesh.num_vertices]
        return np.where(self.is_mirrored[:, None], -outward, outward)

    @cached_property
    def e1(self) -> Vectors:
        """(V, 3) first frame vector, unit length."""
        mesh = oriented(self.mesh)
        basis1, basis2 = _basis(mesh.vertex_normals)
        at = slice(self.mesh.num_vertices)
        turn = np.where(self.is_mirrored, self.offset, -self.offset)
        angle = (_link(mesh, basis1, basis2)[at] + turn)[:, None]
        return np.cos(angle) * basis1[at] + np.sin(angle) * basis2[at]

    @cached_property
    def e2(self) -> Vectors:
        """(V, 3) second frame vector, n × e1."""
        return np.cross(self.normal, self.e1)


def frames_on(mesh: TriMesh, frames: Frames | None, mirrored: bool = False) -> Frames:
    """The frames, or canonical ones for None.

    Args:
        mesh: the mesh that they must belong to.
        frames: a gauge.
        mirrored: whether frames may oppose the winding; what carries no reflections says no.

    Raises:
        MeshError: the frames belong to another mesh.
        StructureGroupError: some oppose the winding, and may not.
    """
    if frames is None:
        return Frames.canonical(mesh)
    if frames.mesh is not mesh and frames.mesh.content_hash() != mesh.content_hash():
        raise MeshError("the frames belong to another mesh: make them from the one that is used")
    against = np.flatnonzero(frames.is_mirrored)
    if len(against) and not mirrored:
        raise StructureGroupError(
            f"{len(against)} frames oppose the winding, first at vertex {against[0]}, and this has no "
            "reflections: use frames that are not reflected, or neighborhoods and log_map"
        )
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
    ends = ((halfedges.tail[next_half_edge(h)], spaces.angle),
            (halfedges.tail[before], spaces.angle + corner))  # fmt: skip
    for other, unscaled in ends:
        edge = (positions[other] - positions[vertex]) / mesh.mean_edge_length
        edge /= np.linalg.norm(edge, axis=1, keepdims=True)
        x = np.einsum("hi,hi->h", edge, basis1[vertex])
        y = np.einsum("hi,hi->h", edge, basis2[vertex])
        vote = corner * (x + 1j * y) * np.exp(-1j * unscaled * spaces.scale[vertex])
        vote_x += np.bincount(vertex, vote.real, minlength=size)
        vote_y += np.bincount(vertex, vote.imag, minlength=size)
    return np.arctan2(vote_y, vote_x)
