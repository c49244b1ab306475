"""The exponential map: walks straight across triangles, exactly on the polyhedron."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64
from numpy.typing import ArrayLike

from gaugeconv.errors import MeshError
from gaugeconv.geometry.frames import Frames, frames_on
from gaugeconv.geometry.rays import MAX_STEPS, corner_directions, trace_rays
from gaugeconv.geometry.transport import wrapped
from gaugeconv.mesh import TriMesh
from gaugeconv.mesh.connectivity import referenced


@dataclass(frozen=True, eq=False)
class ExpMap:
    """Where N straight paths end: exp_p(v) for centres p and tangent vectors v.

    Attributes:
        frames: the gauge of the vectors, on the mesh.
        center: (N,) vertices p.
        face: (N,) face in which each path ends. Gauge invariant, as are the next two.
        barycentric: (N, 3) coordinates of the end in it; at least 0, sum 1.
        direction: (N,) direction of the path at its end, in the frame of that face, whose e1 runs
            along the face's first side (`gaugeconv.geometry.face_basis`); radians in (−π, π].
        transport: (N,) φ_{p←f}: carries components in the frame of the face back along the path to
            p's frame; radians in (−π, π], φ → φ + γ_p.
        length: (N,) length walked, in the mesh's unit.
        remaining: (N,) length not walked; 0 unless the path hit the boundary.
        hit_boundary: (N,) whether the surface ended before the path did.
    """

    frames: Frames
    center: Int64[np.ndarray, " N"]
    face: Int64[np.ndarray, " N"]
    barycentric: Float64[np.ndarray, "N 3"]
    direction: Float64[np.ndarray, " N"]
    transport: Float64[np.ndarray, " N"]
    length: Float64[np.ndarray, " N"]
    remaining: Float64[np.ndarray, " N"]
    hit_boundary: Bool[np.ndarray, " N"]

    def position(self) -> Float64[np.ndarray, "N 3"]:
        """The end points in space.

        Raises:
            MeshError: the mesh is intrinsic.
        """
        mesh = self.frames.mesh
        corners = mesh.vertices[mesh.faces[self.face]]
        return np.einsum("nc,nci->ni", self.barycentric, corners)

    def corner_transport(self) -> Float64[np.ndarray, "N 3"]:
        """φ_{p←q} from each corner q of the end face: straight to the end, then back along the path.

        Returns:
            (N, 3) radians in (−π, π], column k for the vertex `mesh.faces[face, k]`; φ → φ + γ_p − γ_q.
            Where the path ends at a corner, that corner's is the transport along the path alone.
        """
        mesh = self.frames.mesh
        inside = corner_directions(mesh, self.face, self.barycentric, self.direction)
        offset = self.frames.offset[mesh.faces[self.face]]
        return wrapped(self.transport[:, None] + inside - offset)


def exp_map(
    mesh: TriMesh,
    center: ArrayLike,
    vectors: ArrayLike,
    frames: Frames | None = None,
    max_steps: int = MAX_STEPS,
) -> ExpMap:
    """exp_p(v): from p in the direction of v, straight on over a length of |v|.

    A path that runs into an interior vertex goes on with half of the total angle on either side; one
    that runs into a boundary vertex or edge stops there. At a boundary vertex a vector that points off
    the surface stops at once. A zero vector stays at its centre (its direction counts as that of e1).

    Args:
        mesh: an oriented manifold mesh; positions are not needed.
        center: a vertex index, or (N,) of them.
        vectors: (2,) or (N, 2) components in the centres' frames, in the mesh's unit of length. Angles
            are those of the rescaled tangent planes, as for `log_map` (docs/conventions.md).
        frames: the gauge; canonical frames when None.
        max_steps: faces that one path may enter.

    Returns:
        One row per vector. exp_map(p, (r cos θ, r sin θ)) with (r, θ) = log_p(q) ends at q where the
        shortest path is unique and passes through no saddle and no boundary vertex.

    Raises:
        MeshError: a defective mesh, frames of another one, a centre that is no vertex of a face,
            a vector that is not finite, shapes that do not fit, or a path of too many steps.
        StructureGroupError: some frames oppose the winding.
    """
    frames = frames_on(mesh, frames)
    vertex, components = _checked(mesh, center, vectors)
    if max_steps < 1:
        raise MeshError(f"max_steps must be at least 1, got {max_steps}")
    x, y = components.T
    theta = np.arctan2(y, x)
    with np.errstate(over="ignore"):  # too long anyhow
        length = np.hypot(x, y)
    rays = trace_rays(frames, vertex, theta, length[:, None], max_steps)
    direction, hit = rays.direction[:, 0], rays.hit_boundary[:, 0]
    walked = rays.length[:, 0]
    # the tangent of a straight path is parallel along it
    transport = wrapped(theta - direction)
    remaining = np.where(hit, length - walked, 0.0)
    face, barycentric = rays.face[:, 0], rays.barycentric[:, 0]
    return ExpMap(frames, vertex, face, barycentric, direction, transport, walked, remaining, hit)


def _checked(
    mesh: TriMesh, center: ArrayLike, vectors: ArrayLike
) -> tuple[Int64[np.ndarray, " N"], Float64[np.ndarray, "N 2"]]:
    """Centres and vectors, one of each per path."""
    vertex, components = np.asarray(center), np.asarray(vectors)
    if vertex.ndim > 1 or vertex.dtype.kind not in "iu":
        raise MeshError(
            f"center must be a vertex index or a list of them, got {vertex.dtype} {vertex.shape}"
        )
    if (
        components.ndim not in (1, 2)
        or components.shape[-1] != 2
        or components.dtype.kind not in "iuf"
    ):
        raise MeshError(
            f"vectors must be (2,) or (N, 2) reals, got {components.dtype} {components.shape}"
        )
    vertex, components = np.atleast_1d(vertex), np.atleast_2d(components)
    if len(vertex) != len(components) and 1 not in (len(vertex), len(components)):
        raise MeshError(f"there are {len(vertex)} centres for {len(components)} vectors")
    bad = np.flatnonzero((vertex < 0) | (vertex >= mesh.num_vertices))
    if len(bad):
        raise MeshError(
            f"centre {bad[0]} is vertex {vertex[bad[0]]}, "
            f"but the mesh has vertices 0 … {mesh.num_vertices - 1}"
        )
    bad = np.flatnonzero(~referenced(mesh.faces, mesh.num_vertices)[vertex])
    if len(bad):
        raise MeshError(f"vertex {vertex[bad[0]]} belongs to no face: nothing to walk on")
    bad = np.flatnonzero(~np.isfinite(components).all(axis=1))
    if len(bad):
        raise MeshError(f"vector {bad[0]} is not finite: {components[bad[0]]}")
    size = len(components) if len(vertex) == 1 else len(vertex)
    return (
        np.broadcast_to(vertex, size).astype(np.int64),
        np.broadcast_to(components, (size, 2)).astype(np.float64),
    )
