"""The same surface under other indices, and the angle between two gauges on it.

A frame that is tied to something arbitrary (the first edge of a vertex, say) is tied to it in every
gauge that is drawn on the same arrays, and the error cancels. So every sample is drawn on arrays
that hold the same surface in another order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from gaugeconv.geometry import Frames
from gaugeconv.geometry.tangent import TangentSpaces
from gaugeconv.mesh import TriMesh
from gaugeconv.mesh.connectivity import referenced


@dataclass(frozen=True, eq=False)
class Rebuilt:
    """A mesh whose arrays hold an original's surface in another order.

    Attributes:
        mesh: the mesh.
        vertex: (V,) the original's vertex that each of its vertices is.
        halfedge: (3F,) the original's half-edge that each of its half-edges is.
    """

    mesh: TriMesh
    vertex: Int64[np.ndarray, " V"]
    halfedge: Int64[np.ndarray, " H"]

    @property
    def face(self) -> Int64[np.ndarray, " F"]:
        """(F,) the original's face that each face is."""
        return self.halfedge[::3] // 3


def unchanged(mesh: TriMesh) -> Rebuilt:
    """The mesh itself."""
    return Rebuilt(mesh, np.arange(mesh.num_vertices), np.arange(3 * mesh.num_faces))


def rebuilt(mesh: TriMesh, rng: np.random.Generator, relabel: bool) -> Rebuilt:
    """The surface with its faces in random order and each face starting at a random corner.

    Args:
        mesh: the original.
        rng: the source of randomness.
        relabel: whether to number the vertices anew as well (those that no face uses keep theirs).
    """
    face = rng.permutation(mesh.num_faces)[:, None]
    corner = (np.arange(3) + rng.integers(3, size=face.shape)) % 3
    vertex = np.arange(mesh.num_vertices)
    if relabel:
        used = np.flatnonzero(referenced(mesh.faces, mesh.num_vertices))
        vertex[used] = rng.permutation(used)
    faces = np.argsort(vertex)[mesh.faces[face, corner]]
    if mesh.has_positions:
        result = TriMesh(mesh.vertices[vertex], faces)
    else:
        result = TriMesh.from_edge_lengths(faces, mesh.edge_lengths[face, corner])
    return Rebuilt(result, vertex, (3 * face + corner).reshape(-1))


def gauge_angle(reference: Frames, frames: Frames, surface: Rebuilt) -> Float64[np.ndarray, " V"]:
    """(V,) γ by vertex of the original: components in `frames` are R(γ) times those in `reference`.

    Measured in space, from e1 and e2: what the frames say of themselves (their offsets, in which θ and
    φ are given) is what is to be proven. Where the link of intrinsic to extrinsic angles is lawful, the
    two agree to rounding. An intrinsic mesh has no e1; there the directions of its edges are compared.

    Args:
        reference: the gauge on the original mesh.
        frames: the other gauge, on the rebuilt mesh.
        surface: the rebuilt mesh.
    """
    if not reference.mesh.has_positions:
        return _intrinsic_angle(reference, frames, surface)
    e1 = np.zeros_like(reference.e1)
    e1[surface.vertex] = frames.e1
    x = np.einsum("vi,vi->v", e1, reference.e1)
    y = np.einsum("vi,vi->v", e1, reference.e2)
    return -np.arctan2(y, x)


def _intrinsic_angle(
    reference: Frames, frames: Frames, surface: Rebuilt
) -> Float64[np.ndarray, " V"]:
    """How much further counter-clockwise each edge lies in the other gauge."""
    gamma = np.zeros(reference.mesh.num_vertices)
    before = _edge_directions(reference)[surface.halfedge]
    tail = reference.mesh.halfedges.tail[surface.halfedge]
    gamma[tail] = _edge_directions(frames) - before
    return gamma


def _edge_directions(frames: Frames) -> Float64[np.ndarray, " H"]:
    """(3F,) direction of every half-edge in its tail's frame."""
    spaces, tail = TangentSpaces.of(frames.mesh), frames.mesh.halfedges.tail
    return spaces.angle * spaces.scale[tail] + frames.offset[tail]
