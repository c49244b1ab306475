"""Connection Laplacians of fields of any order, with their mass matrices (docs/transport.md).

A field of order m has one complex number per vertex, its components in the vertex's frame; a gauge
change by γ multiplies it by e^{imγ}. Matrices A here so change into D A D*, D = diag(e^{imγ}), and
x* L y is the integral of ⟨∇x, ∇y⟩ over the surface, with natural (Neumann) boundary conditions.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from jaxtyping import Complex128, Float64
from scipy.sparse import coo_array, csr_array

from gaugeconv.errors import GaugeConvError
from gaugeconv.geometry.curvature import face_holonomy
from gaugeconv.geometry.frames import Frames
from gaugeconv.geometry.transport import edge_transport
from gaugeconv.mesh import TriMesh

Discretization = Literal["cotangent", "galerkin"]

FLATTEST = 1e-8
"""Smaller corner angles count as this one, so that a face without area has finite cotangents."""


def connection_laplacian(
    mesh: TriMesh,
    order: int = 1,
    frames: Frames | None = None,
    *,
    discretization: Discretization = "cotangent",
) -> csr_array:
    """The positive connection Laplacian ∇*∇ on fields of an order, as a weak (integrated) matrix.

    "cotangent": (Lx)_i = Σ_j w_ij (x_i − e^{imφ_{i←j}} x_j) with w_ij half the sum of the cotangents
    opposite edge ij. It is positive semi-definite for order 0, and for every order where no w_ij is
    negative (a Delaunay triangulation); the curvature inside obtuse triangles can otherwise make the
    smallest eigenvalue slightly negative.

    "galerkin": the elements of Knöppel, Crane, Pinkall and Schröder, *Globally Optimal Direction
    Fields* (2013), whose connection has constant curvature on each face. Positive semi-definite on
    every mesh, with eigenvalues above those of the surface with that connection; the same matrix as
    "cotangent" for order 0 and wherever the surface is flat.

    Args:
        mesh: an oriented manifold mesh; positions are not needed.
        order: m ≥ 0: 0 for scalars, 1 for tangent vectors, 2 for line fields, 4 for cross fields.
        frames: the gauge; canonical frames when None.
        discretization: see above.

    Returns:
        (V, V) complex Hermitian, dimensionless; L → D L D* under a gauge change. Rows of vertices that
        no face uses are zero.

    Raises:
        MeshError: a defective mesh, or frames of another one.
        GaugeConvError: a negative order, or no such discretization.
    """
    _check(order, discretization)
    cot = _cotangents(mesh)
    opposite = cot[:, [2, 0, 1]]  # of side k: the corner that does not lie on it
    stiffness = (cot[:, [1, 2, 0]] + opposite) / 2  # |∇b|² · area of the corner's hat function b
    if discretization == "cotangent":
        side: np.ndarray = -opposite / 2
        corner = stiffness
    else:
        s = order * face_holonomy(mesh)[:, None]
        both, mixed = _stiffness_integrals(s)
        side = 2 * (stiffness + stiffness[:, [1, 2, 0]]) * both - opposite * mixed
        others = stiffness[:, [1, 2, 0]] + stiffness[:, [2, 0, 1]] + cot / 2
        corner = stiffness + s * s / 90 * others
    return _assemble(mesh, order, frames, side, corner)


def mass_matrix(
    mesh: TriMesh,
    order: int = 1,
    frames: Frames | None = None,
    *,
    discretization: Discretization = "cotangent",
) -> csr_array:
    """The matrix M of the inner product of fields, x* M y = ∫ ⟨x, y⟩, that goes with a Laplacian.

    Args:
        mesh, order, frames: as for `connection_laplacian`.
        discretization: "cotangent" gives the diagonal of vertex areas, the same for every order and
            gauge; "galerkin" the consistent matrix of the same elements as its Laplacian.

    Returns:
        (V, V) complex Hermitian, in units of area; M → D M D* under a gauge change. Positive definite
        but for vertices without area.

    Raises:
        MeshError, GaugeConvError: as for `connection_laplacian`.
    """
    _check(order, discretization)
    area = mesh.face_areas[:, None]
    if discretization == "cotangent":
        side, corner = np.zeros((mesh.num_faces, 3)), np.repeat(area / 3, 3, axis=1)
    else:
        s = order * face_holonomy(mesh)[:, None]
        side = np.repeat(area * _mass_integral(s), 3, axis=1)
        corner = np.repeat(area / 6, 3, axis=1)
    return _assemble(mesh, order, frames, side, corner)


def _assemble(
    mesh: TriMesh,
    order: int,
    frames: Frames | None,
    side: Complex128[np.ndarray, "F 3"] | Float64[np.ndarray, "F 3"],
    corner: Float64[np.ndarray, "F 3"],
) -> csr_array:
    """Adds up the faces: `corner` on the diagonal, `side` · e^{imφ_{i←j}} at (i, j) of side i → j."""
    tail, head = mesh.halfedges.tail, mesh.halfedges.head
    entry = side.reshape(-1) * np.exp(1j * order * edge_transport(mesh, frames))
    values = np.concatenate([entry, entry.conj(), corner.reshape(-1)])
    rows, columns = np.concatenate([tail, head, tail]), np.concatenate([head, tail, tail])
    shape = (mesh.num_vertices, mesh.num_vertices)
    return csr_array(coo_array((values, (rows, columns)), shape=shape))


def _cotangents(mesh: TriMesh) -> Float64[np.ndarray, "F 3"]:
    """Cotangents of the corner angles, those of a face without area made finite."""
    angle = np.maximum(mesh.corner_angles, FLATTEST)
    row, widest = np.arange(mesh.num_faces), angle.argmax(axis=1)
    angle[row, widest] -= angle.sum(axis=1) - np.pi
    return np.cos(angle) / np.sin(angle)


def _stiffness_integrals(
    s: Float64[np.ndarray, "F 1"],
) -> tuple[Complex128[np.ndarray, "F 1"], Complex128[np.ndarray, "F 1"]]:
    """Integrals over a face of curvature s (times the order) that its off-diagonal entries consist of.

    The hat functions b_i e_i have e_i parallel along the rays from vertex i, so that
    ∇(b_i e_i) = (db_i + i b_i ω_i) e_i with ω_i = s (b_j db_i + (1 − b_i) db_j), for side i → j and the
    vertex k opposite; and e_j = e^{imφ_{i←j}} e^{i s b_k} e_i. The integrals along lines of constant
    t = b_k, of length l = 1 − t, are polynomials; what is left is one over t.
    """
    t, weight = _gauss()
    l = 1 - t  # noqa: E741
    phase = weight * np.exp(1j * s * t)
    both = -1j * s * (l**2 / 2 - l**3 / 3) - s**2 * (l**4 / 12 - l**5 / 20)
    mixed = l - 1j * s * l**3 / 3 - s**2 * (l**5 / 15 + t * l**3 / 6)
    return (phase * both).sum(axis=1)[:, None], (phase * mixed).sum(axis=1)[:, None]


def _mass_integral(s: Float64[np.ndarray, "F 1"]) -> Complex128[np.ndarray, "F 1"]:
    """∫ b_i b_j e^{i s b_k} over a face, per area."""
    t, weight = _gauss()
    integrand = weight * np.exp(1j * s * t) * (1 - t) ** 3 / 3
    return integrand.sum(axis=1)[:, None]


def _gauss(points: int = 32) -> tuple[Float64[np.ndarray, " N"], Float64[np.ndarray, " N"]]:
    """Nodes and weights on [0, 1]; exact to rounding for |s| ≤ 60, such as order 4 on faces of 15 rad."""
    nodes, weights = np.polynomial.legendre.leggauss(points)
    return (1 + nodes) / 2, weights / 2


def _check(order: int, discretization: Discretization) -> None:
    if not isinstance(order, int | np.integer) or order < 0:
        raise GaugeConvError(f"the order of a field is a whole number from 0 on, got {order!r}")
    if discretization not in get_args(Discretization):
        raise GaugeConvError(
            f"discretization must be one of {get_args(Discretization)}, got {discretization!r}"
        )
