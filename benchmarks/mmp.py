"""Exact geodesics by an independent solver (pygeodesic, MMP), and what they say about log maps."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.spatial import cKDTree

from gaugeconv.errors import DataError
from gaugeconv.geometry.tangent import TangentSpaces
from gaugeconv.mesh import TriMesh

AT_VERTEX = 1e-9  # of the mean edge length: a path this near a vertex goes through it


@dataclass(frozen=True)
class Geodesic:
    """A shortest path p → q in intrinsic (rescaled, frameless) angles.

    Attributes:
        length: in the mesh's unit. out: direction at p. transport: φ_{p←q}.
        bends: how many vertices it goes through on its way.
    """

    length: float
    out: float
    transport: float
    bends: int


class ExactGeodesics:
    """Shortest paths from one vertex of a mesh with positions, read off the polylines of an MMP solver.

    The solver sees the faces near the vertex alone: it would spread over the whole mesh for each path.
    """

    def __init__(self, mesh: TriMesh, center: int, radius: float) -> None:
        try:
            from pygeodesic.geodesic import PyGeodesicAlgorithmExact
        except ImportError as error:
            raise DataError("pygeodesic is missing: install gaugeconv[dev]") from error
        self.mesh, self.spaces, self.center = mesh, TangentSpaces.of(mesh), center
        near = np.linalg.norm(mesh.vertices - mesh.vertices[center], axis=1) <= 1.01 * radius
        self.vertices, faces = np.unique(
            mesh.faces[near[mesh.faces].any(axis=1)], return_inverse=True
        )
        self.positions = mesh.vertices[self.vertices]
        self.solver = PyGeodesicAlgorithmExact(
            self.positions, faces.reshape(-1, 3).astype(np.int32)
        )
        self.tree = cKDTree(self.positions)

    def to(self, q: int) -> Geodesic:
        """One shortest path to a vertex within the radius; the solver chooses among tied ones."""
        start, end = np.searchsorted(self.vertices, [self.center, q])
        length, line = self.solver.geodesicDistance(start, end)
        if not np.array_equal(line[0], self.positions[start]):
            line = line[::-1]
        distance, nearest = self.tree.query(line)
        at = np.flatnonzero(distance <= AT_VERTEX * self.mesh.mean_edge_length)
        at = at[np.append(True, np.diff(nearest[at]) != 0)]  # the solver may say it twice
        vertex = self.vertices[nearest]
        out = transport = 0.0
        for leg, (first, last) in enumerate(pairwise(at)):
            forth = self._direction(vertex[first], line[first + 1])
            back = self._direction(vertex[last], line[last - 1])
            transport += forth - back - np.pi
            out = forth if leg == 0 else out
        return Geodesic(float(length), out, transport, len(at) - 2)

    def _direction(self, p: int, x: np.ndarray) -> float:
        """Rescaled angle at p of the segment p → x, which lies in one of the faces round p."""
        mesh, found = self.mesh, []
        step = x - mesh.vertices[p]
        for h in mesh.halfedges.of_vertex(p):
            side = mesh.vertices[mesh.halfedges.head[h]] - mesh.vertices[p]
            normal = mesh.face_normals[h // 3]
            angle = np.arctan2(np.cross(side, step) @ normal, side @ step)
            beyond = max(-angle, angle - mesh.corner_angles.flat[h], 0.0)
            outside = abs(step @ normal) / np.linalg.norm(step) + beyond
            found.append((outside, (self.spaces.angle[h] + angle) * self.spaces.scale[p]))
        return min(found)[1]
