"""A mesh as the compiled walks over it read it."""

from __future__ import annotations

import numpy as np

from gaugeconv.geometry.records import HALFEDGE, NEEDLE, VERTEX
from gaugeconv.geometry.tangent import TangentSpaces
from gaugeconv.mesh import TriMesh


def surface_records(mesh: TriMesh) -> tuple[tuple[np.ndarray, np.ndarray], float]:
    """Half-edge and vertex records (see `records`), in units of the mean edge length, and that unit.

    Raises:
        MeshError: a defective mesh.
    """
    halfedges = mesh.halfedges
    spaces = TangentSpaces.of(mesh)
    unit = mesh.mean_edge_length
    sides = np.zeros(3 * mesh.num_faces, HALFEDGE)
    sides["length"] = mesh.edge_lengths.reshape(-1) / unit
    sides["corner"] = mesh.corner_angles.reshape(-1)
    sides["angle"] = spaces.angle
    sides["twin"] = halfedges.twin
    sides["tail"] = halfedges.tail
    sides["head"] = halfedges.head
    sides["apex"] = mesh.faces[:, [2, 0, 1]].reshape(-1)
    sides["wheel"] = halfedges.wheel
    ratio = np.roll(sides["length"].reshape(-1, 3), 1, axis=1).reshape(-1) / sides["length"]
    sides["along"] = ratio * np.cos(sides["corner"])
    sides["height"] = ratio * np.sin(sides["corner"])
    vertices = np.zeros(mesh.num_vertices + 1, VERTEX)
    vertices["wheel"] = halfedges.wheel_ptr
    vertices["total"][:-1] = spaces.total
    vertices["scale"][:-1] = spaces.scale
    vertices["boundary"][:-1] = halfedges.is_boundary
    needle = (
        ((sides["height"] < NEEDLE) | (sides["height"] > 1 / NEEDLE)).reshape(-1, 3).any(axis=1)
    )
    vertices["needle"][mesh.faces[needle]] = 1
    return (sides, vertices), unit
