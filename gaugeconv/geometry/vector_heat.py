"""Logarithmic maps and transport by the vector heat method, through potpourri3d.

Sharp, Soliman & Crane, *The Vector Heat Method* (2019): short-time diffusion of vectors by the connection
Laplacian. Approximate, smooth where shortest paths tie, and O(V) per centre where windows are local.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64, Int64

from gaugeconv.errors import MeshError
from gaugeconv.geometry.logmap import PathTable
from gaugeconv.geometry.tangent import TWO_PI, TangentSpaces
from gaugeconv.mesh import DefectKind, TriMesh
from gaugeconv.mesh.connectivity import face_components, vertex_components


def vector_heat_paths(
    mesh: TriMesh,
    centers: Int64[np.ndarray, " C"],
    radius: float,
    keep: Bool[np.ndarray, " V"],
) -> PathTable:
    """What `shortest_paths` returns, by potpourri3d: its affine log map and its vector transport.

    Nothing is exact. Lengths differ from end to end, so they are returned up to 2R, of which the pairs
    with a mean within R are to be kept. Beyond the cut locus the map folds back over the centre: what is
    farther away than R in space is left out. At the boundary geometry-central rescales angles to π, so
    its tangent plane is set on ours by the middle of the fan.

    Raises:
        MeshError: the mesh is defective, has no positions or faces without area, or is too degenerate
            for the method.
        NonOrientableError: the mesh is one-sided.
    """
    _ = mesh.halfedges, mesh.vertices  # nothing defective or intrinsic gets to potpourri3d
    flat = mesh.report().defect(DefectKind.ZERO_AREA_FACE)
    if flat is not None:
        raise MeshError(f'{flat}; method="vector-heat" cannot have them, method="exact" can')
    component = face_components(mesh.faces, mesh.num_vertices)
    at = vertex_components(mesh.faces, mesh.num_vertices)
    rows: list[list[np.ndarray]] = [[np.zeros(0)] * 4 for _ in centers]
    for label in np.unique(at[centers[at[centers] >= 0]]):
        try:
            solver = _Solver(mesh, component == label)
            for i in np.flatnonzero(at[centers] == label):
                rows[i] = solver.row(int(centers[i]), radius, keep)
        except (RuntimeError, ValueError) as error:  # its matrices are not finite
            vertex = mesh.faces[component == label][0, 0]
            raise MeshError(
                f'method="vector-heat" fails on the component of vertex {vertex} ({error}): see the '
                'needles in mesh.report(), or use method="exact"'
            ) from error
    ptr = np.concatenate([[0], np.cumsum([len(row[0]) for row in rows])])
    vertex, r, out, transport = (np.concatenate(column) for column in zip(*rows, strict=True))
    flip = np.zeros(len(r), dtype=np.bool_)
    back = out - transport - np.pi
    return PathTable(ptr, vertex.astype(np.int64), r, out, back, transport, flip)


class _Solver:
    """The method on one component, which potpourri3d sees without stray vertices and in units of h."""

    def __init__(self, mesh: TriMesh, faces: Bool[np.ndarray, " F"]) -> None:
        potpourri3d: Any = importlib.import_module("potpourri3d")
        self.vertices, local = np.unique(mesh.faces[faces], return_inverse=True)
        self.unit = mesh.mean_edge_length
        positions = mesh.vertices[self.vertices]
        positions = (positions - positions[0]) / self.unit
        part = TriMesh(positions, local.reshape(-1, 3))
        self.positions = positions
        self.solver = potpourri3d.MeshVectorHeatSolver(positions, np.array(part.faces))
        basis1, basis2, _ = self.solver.get_tangent_frames()
        self.start = _basis_direction(part, basis1, basis2)

    def row(self, center: int, radius: float, keep: Bool[np.ndarray, " V"]) -> list[np.ndarray]:
        """Vertices, distances, directions at the centre, and transports to it."""
        p = int(np.searchsorted(self.vertices, center))
        log = self.solver.compute_log_map(p) * self.unit
        carried = self.solver.transport_tangent_vector(p, [1.0, 0.0])
        if not all(np.isfinite(result).all() for result in (log, carried, self.start)):
            raise RuntimeError("the result is not finite")
        log[p] = 0.0
        r = np.hypot(log[:, 0], log[:, 1])
        out = np.arctan2(log[:, 1], log[:, 0]) + self.start[p]
        arrival = np.arctan2(carried[:, 1], carried[:, 0]) + self.start
        chord = self.unit * np.linalg.norm(self.positions - self.positions[p], axis=1)
        chosen = np.flatnonzero((r <= 2 * radius) & (chord <= radius) & keep[self.vertices])
        transport = np.where(chosen == p, 0.0, self.start[p] - arrival[chosen])
        return [self.vertices[chosen], r[chosen], out[chosen], transport]


def _basis_direction(
    mesh: TriMesh, basis1: Float64[np.ndarray, "V 3"], basis2: Float64[np.ndarray, "V 3"]
) -> Float64[np.ndarray, " V"]:
    """(V,) intrinsic angle of geometry-central's first tangent vector.

    It turns every edge back by the intrinsic angle it has there, from a half-edge of its own choice, and
    adds them up (`computeVertexTangentBasis`). So the sum over our angles is off by our angle of that
    half-edge. At the boundary it starts at the clockwise-most, as we do, with angles scaled to π.
    """
    spaces, halfedges = TangentSpaces.of(mesh), mesh.halfedges
    edge = mesh.vertices[halfedges.head] - mesh.vertices[halfedges.tail]
    tail = halfedges.tail
    x = np.einsum("hi,hi->h", edge, basis1[tail])
    y = np.einsum("hi,hi->h", edge, basis2[tail])
    turned = (x + 1j * y) * np.exp(-1j * spaces.angle * spaces.scale[tail])
    size = mesh.num_vertices
    total = np.bincount(tail, turned.real, minlength=size) + 1j * np.bincount(
        tail, turned.imag, minlength=size
    )
    middle = 0.5 * (np.minimum(spaces.total, TWO_PI) - np.pi)
    return np.where(halfedges.is_boundary, middle, -np.angle(total))
