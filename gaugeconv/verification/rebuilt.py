"""The same surface in another guise: its arrays reordered, or itself moved or mirrored in space.

A frame that is tied to something arbitrary (the first edge of a vertex, say) is tied to it in every
gauge that is drawn on the same arrays, and the error cancels. So samples are drawn on arrays that hold
the same surface in another order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from gaugeconv.mesh import TriMesh
from gaugeconv.mesh.connectivity import referenced


@dataclass(frozen=True, eq=False)
class Rebuilt:
    """A mesh that is an original's surface in other arrays or at another place.

    Attributes:
        mesh: the mesh.
        vertex: (V,) the original's vertex that each of its vertices is.
        corner: (3F,) the original's corner (3 face + place) that each of its corners is.
        motion: (3, 3) the orthogonal matrix that vectors of the original were multiplied by.
        reverses: whether faces are wound the other way round.
    """

    mesh: TriMesh
    vertex: Int64[np.ndarray, " V"]
    corner: Int64[np.ndarray, " C"]
    motion: Float64[np.ndarray, "3 3"]
    reverses: bool = False

    @property
    def face(self) -> Int64[np.ndarray, " F"]:
        """(F,) the original's face that each face is."""
        return self.corner[::3] // 3


def unchanged(mesh: TriMesh) -> Rebuilt:
    """The mesh itself."""
    return Rebuilt(mesh, np.arange(mesh.num_vertices), np.arange(3 * mesh.num_faces), np.eye(3))


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
        result = TriMesh(mesh.vertices[vertex], faces, validate=False)
    else:
        lengths = mesh.edge_lengths[face, corner]
        result = TriMesh.from_edge_lengths(faces, lengths, False, mesh.num_vertices)
    return Rebuilt(result, vertex, (3 * face + corner).reshape(-1), np.eye(3))


def moved(mesh: TriMesh, rng: np.random.Generator, mirrored: bool) -> Rebuilt:
    """The surface after a random rigid motion, as far as its own size.

    Args:
        mesh: the original.
        rng: the source of randomness.
        mirrored: whether to mirror it in space as well and reverse its winding, so that an outward
            normal stays outward. An intrinsic mesh has its winding reversed and nothing else.
    """
    order = [0, 2, 1] if mirrored else [0, 1, 2]
    faces = mesh.faces[:, order]
    motion = _random_rotation(rng)
    if mirrored:
        motion[:, 0] *= -1
    if mesh.has_positions:
        center = mesh.vertices.mean(axis=0)
        shift = center + rng.normal(size=3) * np.sqrt(mesh.area)
        result = TriMesh((mesh.vertices - center) @ motion.T + shift, faces, validate=False)
    else:
        lengths = mesh.edge_lengths[:, [2, 1, 0]] if mirrored else mesh.edge_lengths
        result = TriMesh.from_edge_lengths(faces, lengths, False, mesh.num_vertices)
    corner = 3 * np.arange(mesh.num_faces)[:, None] + order
    return Rebuilt(result, np.arange(mesh.num_vertices), corner.reshape(-1), motion, mirrored)


def _random_rotation(rng: np.random.Generator) -> Float64[np.ndarray, "3 3"]:
    """A rotation drawn uniformly: the Q of a Gaussian matrix, signs fixed (Stewart 1980)."""
    q, r = np.linalg.qr(rng.normal(size=(3, 3)))
    q *= np.sign(np.diagonal(r))
    q[:, 0] *= np.linalg.det(q)
    return q
