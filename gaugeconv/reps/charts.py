"""Charts: frames on parts of a mesh, and the transition functions where two parts overlap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int64
from numpy.typing import ArrayLike
from torch import Tensor

from gaugeconv.errors import MeshError
from gaugeconv.mesh import TriMesh
from gaugeconv.reps.elements import Element


class Transition(NamedTuple):
    """A transition function k_BA on the overlap of two charts: X^B = k_BA ▷ X^A.

    Attributes:
        vertex: (n,) the vertices that both charts have, ascending.
        element: k_BA there.
    """

    vertex: Int64[Tensor, " n"]
    element: Element


@dataclass(frozen=True, eq=False)
class Chart:
    """A local trivialisation of the frame bundle: an orthonormal frame at every vertex of a domain.

    Attributes:
        domain: (V,) bool, where it is defined.
        vectors: (V, 3, 2) the frame vectors as columns; zero outside of the domain.
    """

    domain: Bool[Tensor, " V"]
    vectors: Float64[Tensor, "V 3 2"]

    @classmethod
    def along(
        cls, mesh: TriMesh, directions: ArrayLike, mirrored: bool = False, least: float = 0.1
    ) -> Chart:
        """The frames whose e1 is the tangential part of a vector field, where that is large enough.

        Args:
            mesh: a mesh with positions.
            directions: (3,) or (V, 3) vectors.
            mirrored: whether e2 is −n × e1, for bundles whose group has reflections.
            least: the domain is where the tangential part has at least this share of the length.

        Raises:
            MeshError: the vectors do not fit the mesh.
        """
        field = np.asarray(directions, dtype=np.float64)
        if field.shape not in ((3,), (mesh.num_vertices, 3)):
            raise MeshError(
                f"directions have shape {field.shape}, expected (3,) or ({mesh.num_vertices}, 3)"
            )
        normal = mesh.vertex_normals
        tangential = field - (field * normal).sum(axis=1, keepdims=True) * normal
        length = np.linalg.norm(tangential, axis=1)
        domain = length >= least * np.maximum(np.linalg.norm(field, axis=-1), 1e-300)
        e1 = tangential / np.where(domain, length, 1.0)[:, None]
        e2 = np.cross(normal, e1) * (-1.0 if mirrored else 1.0)
        vectors = np.stack((e1, e2), axis=-1) * domain[:, None, None]
        return cls(torch.from_numpy(domain), torch.from_numpy(vectors))

    def transition_to(self, other: Chart) -> Transition:
        """The k_BA from this chart A to another one B, from the frame vectors in space.

        They satisfy the cocycle condition k_CB k_BA = k_CA wherever three charts overlap, and k_AA = e.

        Raises:
            MeshError: the charts are of meshes of different sizes.
        """
        if self.domain.shape != other.domain.shape:
            raise MeshError("the charts belong to different meshes")
        vertex = torch.nonzero(self.domain & other.domain).flatten()
        matrix = other.vectors[vertex].transpose(1, 2) @ self.vectors[vertex]
        return Transition(vertex, Element.from_matrix(matrix))
