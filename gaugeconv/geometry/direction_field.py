"""Globally smooth direction fields, a gauge chosen for the whole surface at once, and where it fails.

Knöppel, Crane, Pinkall and Schröder, *Globally Optimal Direction Fields* (ACM Trans. Graph. 2013).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex128, Float64, Int64
from scipy.linalg import eigh
from scipy.sparse import csr_array, eye_array

from gaugeconv.errors import GaugeConvError, MeshError
from gaugeconv.geometry.curvature import face_holonomy
from gaugeconv.geometry.eigen import smallest_eigenpairs
from gaugeconv.geometry.frames import Frames, frames_on
from gaugeconv.geometry.laplacian import connection_laplacian, mass_matrix
from gaugeconv.geometry.tangent import TWO_PI
from gaugeconv.geometry.transport import edge_transport, wrapped
from gaugeconv.mesh import TriMesh
from gaugeconv.mesh.connectivity import vertex_components

DENSE = 40
"""Up to this many vertices a component's eigenvectors are computed by dense algebra."""


@dataclass(frozen=True, eq=False)
class DirectionField:
    """m directions at every vertex, a turn of 2π/m apart: 1 for vectors, 2 for lines, 4 for crosses.

    Attributes:
        frames: the gauge that `values` are given in.
        order: m.
        values: (V,) complex, a section of order m: x → e^{imγ} x. Directions are those of its m-th
            roots; |x| fades out towards singularities and is of no further meaning.
        energy: (C,) ∫ |∇x|² of each component of the mesh over ∫ |x|², in 1/length²; no other field of
            the order has less. Gauge invariant. Components as in `face_components`.
    """

    frames: Frames
    order: int
    values: Complex128[np.ndarray, " V"]
    energy: Float64[np.ndarray, " C"]

    @property
    def angle(self) -> Float64[np.ndarray, " V"]:
        """(V,) direction of one of the m directions in the frame, radians in (−π/m, π/m]."""
        return np.angle(self.values) / self.order

    @property
    def vectors(self) -> Float64[np.ndarray, "V 3"]:
        """(V, 3) the unit vector of `angle` in space. Gauge invariant for order 1.

        For other orders it is one of m, and which one may change from vertex to vertex.
        """
        angle = self.angle[:, None]
        return np.cos(angle) * self.frames.e1 + np.sin(angle) * self.frames.e2

    def along(self) -> Frames:
        """The gauge whose e1 is the direction of `angle`: smooth but at singularities, for order 1."""
        return self.frames.rotated(-self.angle)

    def face_index(self) -> Int64[np.ndarray, " F"]:
        """Index of the field on every face, in units of 1/m turn; 0 where it has no singularity.

        How often m times the field's angle turns round the face, as the walk does, beyond what the
        connection turns by itself. Gauge invariant. The sum over a closed mesh is mχ (Poincaré–Hopf).
        """
        mesh = self.frames.mesh
        tail, head = mesh.halfedges.tail, mesh.halfedges.head
        phase = np.angle(self.values)
        step = wrapped(self.order * edge_transport(mesh, self.frames) + phase[head] - phase[tail])
        twin = mesh.halfedges.twin
        second = (twin >= 0) & (twin < np.arange(len(twin)))
        step[second] = -step[twin[second]]  # exactly, half turns included
        turns = (step.reshape(-1, 3).sum(axis=1) + self.order * face_holonomy(mesh)) / TWO_PI
        return np.rint(turns).astype(np.int64)

    @property
    def singular_faces(self) -> Int64[np.ndarray, " S"]:
        """Faces of index other than 0, ascending."""
        return np.flatnonzero(self.face_index())


def smooth_direction_field(
    mesh: TriMesh, order: int = 1, frames: Frames | None = None
) -> DirectionField:
    """The smoothest field of m directions: the lowest eigenvector of the connection Laplacian.

    Each connected component is solved for by itself. The field is unique up to one common turn per
    component, unless the lowest eigenvalue is degenerate (as on a round sphere): then it is some field
    of that eigenspace.

    Args:
        mesh: an oriented manifold mesh; positions are not needed.
        order: m ≥ 1.
        frames: the gauge; canonical frames when None.

    Returns:
        A field with |x|² integrating to the area of each component; 1 at vertices that no face uses.

    Raises:
        MeshError: a defective mesh, one without area, or frames of another one.
        GaugeConvError: an order below 1, or eigenvectors that do not converge.
    """
    if not isinstance(order, int | np.integer) or order < 1:
        raise GaugeConvError(f"the order of a direction field is 1 or more, got {order!r}")
    frames = frames_on(mesh, frames)
    if not mesh.area > 0:
        raise MeshError("the mesh has no area: every face is degenerate, see mesh.report()")
    stiffness = connection_laplacian(mesh, order, frames, discretization="galerkin")
    mass = mass_matrix(mesh, order, frames, discretization="galerkin") / mesh.area
    # vertices whose faces have no area would make it singular
    mass = csr_array(mass + 1e-14 / mesh.num_vertices * eye_array(mesh.num_vertices))
    values = np.ones(mesh.num_vertices, dtype=np.complex128)
    energy = []
    for part in _vertices_of_components(mesh):
        own_mass = mass[part][:, part]
        value, x = _lowest(stiffness[part][:, part], own_mass)
        share = mesh.vertex_areas[part].sum() / mesh.area
        values[part] = x * np.sqrt(share / np.vdot(x, own_mass @ x).real)
        energy.append(value / mesh.area)
    return DirectionField(frames, int(order), values, np.array(energy))


def _lowest(stiffness: csr_array, mass: csr_array) -> tuple[float, Complex128[np.ndarray, " N"]]:
    """The smallest λ of stiffness · x = λ mass · x, and an x of it."""
    size = stiffness.shape[0]
    if size <= DENSE:
        value, vector = eigh(stiffness.toarray(), mass.toarray(), subset_by_index=[0, 0])
        return float(value[0]), vector[:, 0]
    shift = -0.1 / mass.diagonal().sum().real
    start = np.exp(1j * np.random.default_rng(0).uniform(0, TWO_PI, size))
    value, vector = smallest_eigenpairs(stiffness, mass, 1, shift, start)
    return float(value[0]), vector[:, 0]


def _vertices_of_components(mesh: TriMesh) -> list[Int64[np.ndarray, " N"]]:
    """The vertices of every component, ascending; those that no face uses belong to none."""
    component = vertex_components(mesh.faces, mesh.num_vertices)
    order = np.argsort(component, kind="stable")
    starts = np.searchsorted(component[order], np.arange(component.max() + 1))
    return np.split(order, starts)[1:]
