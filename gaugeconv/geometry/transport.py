"""Levi-Civita transport along edges and geodesics, across faces, and round loops (docs/transport.md).

φ_{p←q} carries components at q into p's frame: v_p = R(φ) v_q. Along an edge it is exact, the edge
being a straight line in both tangent spaces, and needs no search: φ = θ_out − θ_back − π.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from jaxtyping import Float64
from numpy.typing import ArrayLike

from gaugeconv.errors import GaugeConvError
from gaugeconv.geometry.frames import Frames, frames_on
from gaugeconv.geometry.polylines import checked_path, geodesic_steps, halfedges_along
from gaugeconv.geometry.tangent import TWO_PI, TangentSpaces
from gaugeconv.mesh import TriMesh

Along = Literal["edges", "geodesics"]


def edge_transport(mesh: TriMesh, frames: Frames | None = None) -> Float64[np.ndarray, " H"]:
    """φ_{tail←head} along every half-edge, in (−π, π].

    Args:
        mesh: an oriented manifold mesh; positions are not needed.
        frames: the gauge; canonical frames when None.

    Returns:
        (3F,) radians; φ → φ + γ_tail − γ_head. Twins have opposite angles, mod 2π.

    Raises:
        MeshError: a defective mesh, or frames of another one.
    """
    spaces = TangentSpaces.of(mesh)
    halfedges = mesh.halfedges
    tail, head, twin = halfedges.tail, halfedges.head, halfedges.twin
    offset = frames_on(mesh, frames).offset
    # without a twin the way back is the last direction of the head's open wheel
    back = np.where(twin >= 0, spaces.angle[twin], spaces.total[head])
    out = spaces.angle * spaces.scale[tail]
    return wrapped(out - back * spaces.scale[head] - np.pi + offset[tail] - offset[head])


def face_basis(mesh: TriMesh) -> Float64[np.ndarray, "F 2 3"]:
    """The frame (e1, e2) of every face: e1 along its first side, e2 = n × e1.

    Returns:
        (F, 2, 3) unit vectors; no choice of vertex frames enters.

    Raises:
        MeshError: an intrinsic mesh, which has no directions in space.
    """
    first, second = mesh.vertices[mesh.faces[:, 0]], mesh.vertices[mesh.faces[:, 1]]
    side = (second - first) / mesh.edge_lengths[:, :1]
    return np.stack([side, np.cross(mesh.face_normals, side)], axis=1)


def corner_transport(mesh: TriMesh, frames: Frames | None = None) -> Float64[np.ndarray, "F 3"]:
    """φ_{f←v} of every corner, from the tangent plane of its vertex v to that of its face f.

    The corner has angle β in the face and sβ in the vertex's rescaled plane; its bisector keeps its
    direction. So a trip v → f → g → v across an edge at v encloses the share of v's curvature that lies
    between the two bisectors, (s − 1)(β_f + β_g)/2.

    Args:
        mesh: an oriented manifold mesh; positions are not needed.
        frames: the gauge at the vertices; canonical frames when None. Faces: see `face_basis`.

    Returns:
        (F, 3) radians in (−π, π], column k for the vertex `faces[:, k]`; φ → φ − γ_v.

    Raises:
        MeshError: a defective mesh, or frames of another one.
    """
    spaces, offset = TangentSpaces.of(mesh), frames_on(mesh, frames).offset
    scale, half = spaces.scale[mesh.faces], mesh.corner_angles / 2
    at_vertex = scale * (spaces.angle.reshape(-1, 3) + half) + offset[mesh.faces]
    return wrapped(_side_angles(mesh) + half - at_vertex)


def face_transport(mesh: TriMesh) -> Float64[np.ndarray, " H"]:
    """φ_{f←g} across every half-edge of a face f, from the face g on its other side.

    The two faces are unfolded into one plane. Round a vertex of total angle Θ, counter-clockwise, the
    angles add up to the holonomy 2π − Θ (mod 2π).

    Returns:
        (3F,) radians in (−π, π], in the frames of `face_basis`; no vertex frames enter. Twins have
        opposite angles, mod 2π; 0 at the boundary, where there is nothing across.

    Raises:
        MeshError: a defective mesh.
    """
    angle, twin = _side_angles(mesh).reshape(-1), mesh.halfedges.twin
    return np.where(twin >= 0, wrapped(angle - angle[twin] - np.pi), 0.0)


def parallel_transport(
    mesh: TriMesh, path: ArrayLike, frames: Frames | None = None, *, along: Along = "edges"
) -> float:
    """φ_{first←last} along a chain of vertices: carries components at its last vertex to its first.

    Args:
        mesh: an oriented manifold mesh.
        path: vertex indices; one vertex gives 0.
        frames: the gauge; canonical frames when None.
        along: "edges", where an edge must join consecutive vertices, or "geodesics": from each vertex
            to the next by the shortest geodesic, that of `log_map`.

    Returns:
        Radians in (−π, π]; φ → φ + γ_first − γ_last. It depends on the path, not on its ends alone:
        two paths differ by the curvature between them.

    Raises:
        MeshError: a defective mesh, no vertex, an index out of range, a step that is not an edge, or
            one between components.
        GaugeConvError: `along` is neither.
    """
    if along not in get_args(Along):
        raise GaugeConvError(f"along must be one of {get_args(Along)}, got {along!r}")
    vertices = checked_path(mesh, path)
    if along == "edges":
        angle = edge_transport(mesh, frames)
        half_edge, forward = halfedges_along(mesh, vertices)
        total = np.where(forward, angle[half_edge], -angle[half_edge]).sum()
    else:
        offset = frames_on(mesh, frames).offset
        total = geodesic_steps(mesh, vertices).sum() + offset[vertices[0]] - offset[vertices[-1]]
    return float(wrapped(np.array([total]))[0])


def holonomy(mesh: TriMesh, loop: ArrayLike, *, along: Along = "edges") -> float:
    """The angle by which a vector turns when carried once along a loop.

    The walk i → j → k → i has holonomy φ_{i←k} + φ_{k←j} + φ_{j←i}. Counter-clockwise it is the
    curvature inside, with a plus sign: Σ scaled corner angles − π for a face, 2π − Θ for a cone of
    total angle Θ, the area for a triangle on the unit sphere.

    Args:
        mesh: an oriented manifold mesh.
        loop: vertex indices in walking order; the first may be repeated at the end.
        along: "edges" or "geodesics", as for `parallel_transport`.

    Returns:
        Radians in (−π, π], for curvature is known mod 2π only. Gauge invariant.

    Raises:
        MeshError, GaugeConvError: as for `parallel_transport`; the last vertex must be joined to the
            first.
    """
    vertices = checked_path(mesh, loop)
    if vertices[0] != vertices[-1]:
        vertices = np.append(vertices, vertices[0])
    return parallel_transport(mesh, vertices[::-1], along=along)


def wrapped(angle: Float64[np.ndarray, "*shape"]) -> Float64[np.ndarray, "*shape"]:
    """The angle mod 2π, in (−π, π]."""
    return angle - TWO_PI * np.ceil(angle / TWO_PI - 0.5)


def _side_angles(mesh: TriMesh) -> Float64[np.ndarray, "F 3"]:
    """Direction of every side in its face, the first side's being 0."""
    angle = np.zeros((mesh.num_faces, 3))
    angle[:, 1] = np.pi - mesh.corner_angles[:, 1]
    angle[:, 2] = np.pi + mesh.corner_angles[:, 0]
    return angle
