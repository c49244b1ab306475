"""The arrays of a triangle mesh, and its measures, computed on first use and kept."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from jaxtyping import Float64, Int64

from gaugeconv.errors import MeshError
from gaugeconv.mesh import measures


class Measured:
    """What follows from faces and positions, or faces and side lengths, without half-edges.

    The base of ``TriMesh``, which fills the arrays in. Everything here is gauge invariant.
    """

    _faces: np.ndarray
    _vertices: np.ndarray | None
    _lengths: np.ndarray | None
    _num_vertices: int

    @property
    def vertices(self) -> Float64[np.ndarray, "V 3"]:
        """(V, 3) positions in mesh units; a MeshError if the mesh is intrinsic."""
        if self._vertices is None:
            raise MeshError("an intrinsic mesh (from_edge_lengths) has no vertex positions")
        return self._vertices

    @property
    def has_positions(self) -> bool:
        """Whether the mesh lies in space; False for an intrinsic mesh."""
        return self._vertices is not None

    @property
    def faces(self) -> Int64[np.ndarray, "F 3"]:
        """(F, 3) vertex indices, counter-clockwise."""
        return self._faces

    @property
    def num_vertices(self) -> int:
        """V, unreferenced vertices included."""
        return self._num_vertices

    @property
    def num_faces(self) -> int:
        """F, every face counted."""
        return len(self._faces)

    @cached_property
    def edge_lengths(self) -> Float64[np.ndarray, "F 3"]:
        """(F, 3) length of the side from corner k to corner k + 1."""
        if self._lengths is not None:
            return self._lengths
        return _frozen(measures.edge_lengths(self.vertices, self._faces))

    @cached_property
    def mean_edge_length(self) -> float:
        """Mean over the sides of all faces (an interior edge counts once for each face)."""
        return float(self.edge_lengths.mean())

    @cached_property
    def corner_angles(self) -> Float64[np.ndarray, "F 3"]:
        """(F, 3) interior angles in radians, not rescaled; each face sums to π."""
        if self._lengths is not None:
            return _frozen(measures.corner_angles_from_lengths(self._lengths))
        return _frozen(measures.corner_angles(self.vertices, self._faces))

    @cached_property
    def face_areas(self) -> Float64[np.ndarray, " F"]:
        """(F,) areas in squared mesh units."""
        if self._lengths is not None:
            return _frozen(measures.face_areas_from_lengths(self._lengths))
        return _frozen(measures.face_areas(self.vertices, self._faces))

    @cached_property
    def vertex_areas(self) -> Float64[np.ndarray, " V"]:
        """(V,) a third of the area of the faces round each vertex; they sum to ``area``."""
        return _frozen(measures.vertex_areas(self.face_areas, self._faces, self._num_vertices))

    @cached_property
    def area(self) -> float:
        """Total area in squared mesh units."""
        return float(self.face_areas.sum())

    @cached_property
    def face_normals(self) -> Float64[np.ndarray, "F 3"]:
        """(F, 3) unit normals, always finite; a MeshError if the mesh is intrinsic."""
        return _frozen(measures.face_normals(self.vertices, self._faces))

    @cached_property
    def vertex_normals(self) -> Float64[np.ndarray, "V 3"]:
        """(V, 3) area-weighted unit normals, always finite; a MeshError if intrinsic."""
        return _frozen(measures.vertex_normals(self.vertices, self._faces))


def _frozen(array: np.ndarray) -> np.ndarray:
    array.setflags(write=False)
    return array
