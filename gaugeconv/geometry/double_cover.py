"""The orientation double cover: where the geometry of a one-sided surface is computed.

Every face has two sheets, one for each winding; across an edge, a sheet goes on to the one that is wound
alike. On an orientable surface the sheets fall apart, on a one-sided one they connect, and the whole is
an oriented mesh over which paths, angles and transports are as usual. Picking one sheet per vertex gives
every vertex a local orientation; a path that ends on the other sheet reflects.
"""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from jaxtyping import Float64, Int64

from gaugeconv.errors import NonOrientableError
from gaugeconv.geometry.tangent import TangentSpaces
from gaugeconv.mesh import DefectKind, TriMesh
from gaugeconv.mesh.connectivity import connected, next_half_edge, referenced
from gaugeconv.mesh.edges import EdgeTable
from gaugeconv.mesh.validate import find_defects


@dataclass(frozen=True, eq=False)
class DoubleCover:
    """The double cover of a one-sided mesh with V vertices and F faces.

    Attributes:
        mesh: 2V vertices, 2F faces, oriented. Vertex v is v in its local orientation, the winding of
            the first face that uses it; vertex v + V is v in the other one.
        turn: (V,) radians: the direction of rescaled angle α at v + V has angle turn − α at v.

    Intrinsic; depends on no frames.
    """

    mesh: TriMesh
    turn: Float64[np.ndarray, " V"]


_covers: WeakKeyDictionary[TriMesh, DoubleCover] = WeakKeyDictionary()


def double_cover(mesh: TriMesh) -> DoubleCover | None:
    """The double cover, computed once for each mesh; None where the mesh is oriented as it is.

    Raises:
        MeshError: a defect other than being one-sided.
    """
    if mesh not in _covers:
        try:
            _ = mesh.halfedges
        except NonOrientableError:
            _covers[mesh] = _build(mesh)
        else:
            return None
    return _covers[mesh]


def oriented(mesh: TriMesh) -> TriMesh:
    """The mesh itself, or the mesh of its double cover, whose first V vertices are those of the mesh."""
    cover = double_cover(mesh)
    return mesh if cover is None else cover.mesh


def _build(mesh: TriMesh) -> DoubleCover:
    table = EdgeTable.of(mesh.faces)
    for defect in find_defects(table, mesh.num_vertices, mesh.edge_lengths, not mesh.has_positions):
        if defect.kind is not DefectKind.NON_ORIENTABLE:
            raise defect.error()
    faces = _cover_faces(table, mesh.num_vertices)
    if mesh.has_positions:
        cover = TriMesh(np.concatenate([mesh.vertices, mesh.vertices]), faces)
    else:
        lengths = np.concatenate([mesh.edge_lengths, mesh.edge_lengths[:, [2, 1, 0]]])
        cover = TriMesh.from_edge_lengths(faces, lengths, num_vertices=2 * mesh.num_vertices)
    return DoubleCover(cover, _turn(cover))


def _cover_faces(table: EdgeTable, num_vertices: int) -> Int64[np.ndarray, "G 3"]:
    """The faces as they are wound, then all of them reversed, on the vertices of the cover."""
    corners = table.faces.size
    h, g = table.pairs.T
    h_end, g_end = next_half_edge(h), next_half_edge(g)
    same = table.same_direction
    at_tail, at_head = np.where(same, g, g_end), np.where(same, g_end, g)
    lower, upper = np.where(same, corners, 0), np.where(same, 0, corners)
    first = np.concatenate([h, h_end, h + corners, h_end + corners])
    second = np.concatenate([at_tail + lower, at_head + lower, at_tail + upper, at_head + upper])
    fan = connected(first, second, 2 * corners).reshape(2, corners)
    vertex = table.faces.ravel()
    own = np.zeros(num_vertices, dtype=np.int64)
    own[vertex[::-1]] = fan[0, ::-1]  # of repeated indices the last one counts: the first corner
    sheets = np.where(fan == own[vertex], vertex, vertex + num_vertices).reshape(2, -1, 3)
    return np.concatenate([sheets[0], sheets[1][:, [0, 2, 1]]])


def _turn(cover: TriMesh) -> Float64[np.ndarray, " V"]:
    """Compares the corner that is first in the wheel of v + V with the same corner at v."""
    size, num_faces = cover.num_vertices // 2, cover.num_faces // 2
    spaces, halfedges = TangentSpaces.of(cover), cover.halfedges
    v = np.flatnonzero(referenced(cover.faces, cover.num_vertices)[:size])
    first = halfedges.wheel[halfedges.wheel_ptr[v + size]]
    face = (first // 3 + num_faces) % (2 * num_faces)  # the same face on the other sheet
    h = 3 * face + np.argmax(cover.faces[face] == v[:, None], axis=1)
    turn = np.zeros(size)
    turn[v] = (spaces.angle[h] + cover.corner_angles.reshape(-1)[h]) * spaces.scale[v]
    return turn
