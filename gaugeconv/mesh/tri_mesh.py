"""The triangle mesh that everything else is computed on."""

from __future__ import annotations

import hashlib
from functools import cached_property
from os import PathLike
from typing import NoReturn

import numpy as np
from jaxtyping import Bool, Float64, Int64
from numpy.typing import ArrayLike

from gaugeconv.errors import MeshError
from gaugeconv.mesh import measures
from gaugeconv.mesh.connectivity import face_components, referenced
from gaugeconv.mesh.edges import EdgeTable
from gaugeconv.mesh.halfedges import HalfEdges
from gaugeconv.mesh.inputs import as_faces, as_lengths, as_vertices
from gaugeconv.mesh.report import MeshReport, build_report
from gaugeconv.mesh.validate import checked_halfedges


class TriMesh:
    """An immutable triangle mesh: positions and faces, or faces and side lengths.

    All arrays are copies, read-only, C-contiguous, float64 or int64. Measures are computed on
    first use and kept. Everything here is gauge invariant; lengths and areas are in mesh units.

    Args:
        vertices: (V, 3) finite reals; a numpy array, nested lists or a torch tensor.
        faces: (F, 3) integers in [0, V); counter-clockwise seen from outside.
        validate: False postpones the topological checks: ``report()`` then lists every defect,
            and whatever needs half-edges raises the error that was postponed.

    Raises:
        MeshError: naming the offending vertices, edges or faces.
        NonOrientableError: no consistent winding exists.
    """

    _faces: np.ndarray
    _vertices: np.ndarray | None
    _lengths: np.ndarray | None
    _num_vertices: int

    def __init__(self, vertices: ArrayLike, faces: ArrayLike, validate: bool = True) -> None:
        positions = as_vertices(vertices)
        self._fill(as_faces(faces, len(positions)), positions, None, len(positions), validate)

    @classmethod
    def from_edge_lengths(
        cls, faces: ArrayLike, lengths: ArrayLike, validate: bool = True
    ) -> TriMesh:
        """An intrinsic mesh: ``lengths[f, k]`` belongs to ``faces[f, k]`` → ``faces[f, k + 1]``.

        Args:
            faces: (F, 3) integers; the number of vertices is the largest index plus one.
            lengths: (F, 3) positive reals; the two faces at an edge must agree on its length.
            validate: as for the constructor.

        Raises:
            MeshError: also where the triangle inequality or the agreement fails.
        """
        checked = as_faces(faces, None)
        mesh = cls.__new__(cls)
        num_vertices = int(checked.max()) + 1
        mesh._fill(checked, None, as_lengths(lengths, len(checked)), num_vertices, validate)
        return mesh

    @classmethod
    def load(cls, path: str | PathLike[str], validate: bool = True) -> TriMesh:
        """Read a .ply, .obj, .off or .stl file; vertices and faces keep the file's order.

        Raises:
            MeshError: the file is missing, empty, corrupt, of another type, holds no triangles,
                or holds a mesh with defects; the message names the file.
        """
        from gaugeconv.mesh.io import load_mesh

        return load_mesh(path, validate=validate)

    def save(
        self,
        path: str | PathLike[str],
        face_labels: ArrayLike | None = None,
        face_colors: ArrayLike | None = None,
    ) -> None:
        """Write a .ply, .obj, .off or .stl file, whole or not at all.

        All but STL (single precision) load as the same bits. Labels and colours need a PLY:

        Args:
            path: where to write; its folder must exist.
            face_labels: (F,) integers, stored as the face property ``label``.
            face_colors: (F, 3) integers in 0…255, stored as red, green, blue.

        Raises:
            MeshError: no positions, labels or colours that do not fit, or an unusable path.
        """
        from gaugeconv.mesh.io import save_mesh

        save_mesh(self, path, face_labels=face_labels, face_colors=face_colors)

    def _fill(
        self,
        faces: np.ndarray,
        vertices: np.ndarray | None,
        lengths: np.ndarray | None,
        num_vertices: int,
        validate: bool,
    ) -> None:
        for array in (faces, vertices, lengths):
            if array is not None:
                array.setflags(write=False)
        self.__dict__.update(
            _faces=faces, _vertices=vertices, _lengths=lengths, _num_vertices=num_vertices
        )
        if validate:
            _ = self.halfedges

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"TriMesh is immutable: {name} cannot be set; build a new mesh")

    def __repr__(self) -> str:
        kind = "" if self.has_positions else ", intrinsic"
        return f"TriMesh({self.num_vertices} vertices, {self.num_faces} faces{kind})"

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
    def halfedges(self) -> HalfEdges:
        """Half-edge connectivity.

        Raises:
            MeshError: a topological defect, if the mesh was built with ``validate=False``.
        """
        return checked_halfedges(
            self._faces, self._num_vertices, self.edge_lengths, not self.has_positions
        )

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

    @property
    def boundary_vertices(self) -> Bool[np.ndarray, " V"]:
        """(V,) whether each vertex lies on the boundary; False if unreferenced."""
        return self.halfedges.is_boundary

    @cached_property
    def euler_characteristic(self) -> int:
        """χ = V − E + F over the vertices that some face uses, so Σ K = 2πχ on a closed mesh."""
        counted = self.__dict__.get("halfedges") or EdgeTable.of(self._faces)
        used = int(np.count_nonzero(referenced(self._faces, self._num_vertices)))
        return used - counted.num_edges + self.num_faces

    @cached_property
    def num_components(self) -> int:
        """Connected components; unreferenced vertices do not count."""
        return int(face_components(self._faces, self._num_vertices).max()) + 1

    def report(self) -> MeshReport:
        """Counts, topology, and every defect and warning with its indices; never raises."""
        sizes = (self.edge_lengths, self.corner_angles, self.face_areas)
        return build_report(self._faces, self._num_vertices, *sizes, not self.has_positions)

    def content_hash(self) -> str:
        """Hex sha256 of the arrays: equal exactly if faces and positions (or lengths) are."""
        digest = hashlib.sha256()
        name = "positions" if self.has_positions else "lengths"
        reals = self.vertices if self.has_positions else self.edge_lengths
        digest.update(f"{name} {reals.shape} faces {self._faces.shape}".encode())
        digest.update(reals.tobytes())
        digest.update(self._faces.tobytes())
        return digest.hexdigest()


def _frozen(array: np.ndarray) -> np.ndarray:
    array.setflags(write=False)
    return array
