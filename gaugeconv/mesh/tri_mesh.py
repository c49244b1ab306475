"""The triangle mesh that everything else is computed on."""

from __future__ import annotations

import hashlib
from functools import cached_property
from os import PathLike
from typing import TYPE_CHECKING, NoReturn

import numpy as np
from jaxtyping import Bool
from numpy.typing import ArrayLike

from gaugeconv.mesh.connectivity import face_components, referenced
from gaugeconv.mesh.edges import EdgeTable
from gaugeconv.mesh.halfedges import HalfEdges
from gaugeconv.mesh.inputs import as_faces, as_lengths, as_vertices, require_size
from gaugeconv.mesh.measured import Measured
from gaugeconv.mesh.report import MeshReport, build_report
from gaugeconv.mesh.validate import checked_halfedges

if TYPE_CHECKING:
    from gaugeconv.mesh.repair import Repair


class TriMesh(Measured):
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

    def __init__(self, vertices: ArrayLike, faces: ArrayLike, validate: bool = True) -> None:
        positions = as_vertices(vertices)
        self._fill(as_faces(faces, len(positions)), positions, None, len(positions), validate)

    @classmethod
    def from_edge_lengths(
        cls,
        faces: ArrayLike,
        lengths: ArrayLike,
        validate: bool = True,
        num_vertices: int | None = None,
    ) -> TriMesh:
        """An intrinsic mesh: ``lengths[f, k]`` belongs to ``faces[f, k]`` → ``faces[f, k + 1]``.

        Args:
            faces: (F, 3) integers.
            lengths: (F, 3) positive reals; the two faces at an edge must agree on its length.
            validate: as for the constructor.
            num_vertices: V; the largest index plus one when None.

        Raises:
            MeshError: also where the triangle inequality or the agreement fails.
        """
        checked = as_faces(faces, num_vertices)
        mesh = cls.__new__(cls)
        count = int(checked.max()) + 1 if num_vertices is None else num_vertices
        mesh._fill(checked, None, as_lengths(lengths, len(checked)), count, validate)
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
        require_size(self.mean_edge_length)
        if validate:
            _ = self.halfedges

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"TriMesh is immutable: {name} cannot be set; build a new mesh")

    def __repr__(self) -> str:
        kind = "" if self.has_positions else ", intrinsic"
        return f"TriMesh({self.num_vertices} vertices, {self.num_faces} faces{kind})"

    @cached_property
    def halfedges(self) -> HalfEdges:
        """Half-edge connectivity.

        Raises:
            MeshError: a topological defect, if the mesh was built with ``validate=False``.
        """
        return checked_halfedges(
            self._faces, self._num_vertices, self.edge_lengths, not self.has_positions
        )

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

    def repaired(
        self,
        *,
        weld: float | None = None,
        mollify: bool = False,
        cut_one_sided: bool = True,
        compact: bool = False,
    ) -> Repair:
        """A mesh without defects, made from one built or loaded with ``validate=False``.

        ``clean, vertex_map = mesh.repaired()``; the result also says what was done and carries
        labels both ways. A mesh without defects comes back as it is. In this order: faces that use
        a vertex twice are dropped, ends of zero-length edges merged, copies of faces dropped, edges
        with three or more faces cut, one-sided pieces cut open, faces wound like the majority of
        their component, bow-tie vertices split. The result does not depend on the scale.

        Args:
            weld: first merge vertices at most this many mean edge lengths apart (0: at equal
                positions), as for the triangle soup of an STL file; at most 0.5.
            mollify: lengthen zero-length edges to 1e-6 mean edge lengths instead, so that every
                vertex and face stays. The result is intrinsic. Always so on an intrinsic mesh.
            cut_one_sided: False leaves one-sided components for structure groups with reflections;
                the result may then have that one defect.
            compact: last remove the vertices that no face uses.

        Raises:
            MeshError: nothing would be left; intrinsic lengths contradict each other, or are to be
                welded; or ``weld`` is out of range.
        """
        from gaugeconv.mesh.repair import repair_mesh

        return repair_mesh(self, weld, mollify, cut_one_sided, compact)

    def content_hash(self) -> str:
        """Hex sha256 of the arrays: equal exactly if faces and positions (or lengths) are."""
        digest = hashlib.sha256()
        name = "positions" if self.has_positions else "lengths"
        reals = self.vertices if self.has_positions else self.edge_lengths
        digest.update(f"{name} {reals.shape} faces {self._faces.shape}".encode())
        digest.update(reals.tobytes())
        digest.update(self._faces.tobytes())
        return digest.hexdigest()
