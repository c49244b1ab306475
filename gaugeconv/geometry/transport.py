"""Levi-Civita transport along edges, holonomy and curvature of a mesh (docs/conventions.md).

φ_{p←q} carries components at q into p's frame: v_p = R(φ) v_q. Along an edge it is exact, the edge
being a straight line in both tangent spaces, and needs no search: φ = θ_out − θ_back − π.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float64, Int64
from numpy.typing import ArrayLike

from gaugeconv.errors import MeshError
from gaugeconv.geometry.frames import Frames, frames_on
from gaugeconv.geometry.tangent import TWO_PI, TangentSpaces
from gaugeconv.mesh import TriMesh


def edge_transport(mesh: TriMesh, frames: Frames | None = None) -> Float64[np.ndarray, " H"]:
    """φ_{tail←head} of every half-edge, in (−π, π].

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
    return _wrapped(out - back * spaces.scale[head] - np.pi + offset[tail] - offset[head])


def parallel_transport(mesh: TriMesh, path: ArrayLike, frames: Frames | None = None) -> float:
    """φ_{first←last} along a path of edges: carries components at its last vertex to its first.

    Args:
        mesh: an oriented manifold mesh.
        path: vertex indices, consecutive ones joined by an edge; one vertex gives 0.
        frames: the gauge; canonical frames when None.

    Returns:
        Radians in (−π, π]; φ → φ + γ_first − γ_last. It depends on the path, not on its ends alone:
        two paths differ by the curvature between them.

    Raises:
        MeshError: a defective mesh, no vertex, an index out of range, or a step that is not an edge.
    """
    vertices = _checked_path(mesh, path)
    angle = edge_transport(mesh, frames)
    half_edge, forward = _edges_along(mesh, vertices)
    steps = np.where(forward, angle[half_edge], -angle[half_edge])
    return float(_wrapped(steps.sum(keepdims=True))[0])


def holonomy(mesh: TriMesh, loop: ArrayLike) -> float:
    """The angle by which a vector turns when carried once along a loop of edges.

    The walk i → j → k → i has holonomy φ_{i←k} + φ_{k←j} + φ_{j←i}. Counter-clockwise it is the
    curvature inside, with a plus sign: Σ scaled corner angles − π for a face, 2π − Θ for a cone of
    total angle Θ, the area for a triangle on the unit sphere.

    Args:
        mesh: an oriented manifold mesh.
        loop: vertex indices in walking order; the first may be repeated at the end.

    Returns:
        Radians in (−π, π], for curvature is known mod 2π only. Gauge invariant.

    Raises:
        MeshError: as for `parallel_transport`; the last vertex must be joined to the first.
    """
    vertices = _checked_path(mesh, loop)
    if vertices[0] != vertices[-1]:
        vertices = np.append(vertices, vertices[0])
    return parallel_transport(mesh, vertices[::-1])


def angle_defect(mesh: TriMesh) -> Float64[np.ndarray, " V"]:
    """Integrated curvature per vertex: 2π − Θ inside, π − Θ on the boundary (geodesic curvature).

    Returns:
        (V,) radians, 0 for an unreferenced vertex. Gauge invariant; the sum is 2πχ (Gauss–Bonnet).

    Raises:
        MeshError: a defective mesh.
    """
    halfedges = mesh.halfedges
    full = np.where(halfedges.is_boundary, np.pi, TWO_PI)
    return np.where(np.diff(halfedges.wheel_ptr) > 0, full - TangentSpaces.of(mesh).total, 0.0)


def face_holonomy(mesh: TriMesh) -> Float64[np.ndarray, " F"]:
    """Holonomy of the counter-clockwise walk round every face: Σ scaled corner angles − π.

    Returns:
        (F,) radians, not reduced mod 2π: the vertices' curvature as the tangent spaces spread it over
        their faces, with the sum 2πχ on a closed mesh. Gauge invariant.

    Raises:
        MeshError: a defective mesh.
    """
    scale = TangentSpaces.of(mesh).scale
    return (mesh.corner_angles * scale[mesh.faces]).sum(axis=1) - np.pi


def _checked_path(mesh: TriMesh, path: ArrayLike) -> Int64[np.ndarray, " N"]:
    """The path as int64, checked to be a list of at least one vertex of the mesh."""
    array = np.asarray(path)
    if array.ndim != 1 or array.dtype.kind not in "iu" or len(array) == 0:
        raise MeshError(
            f"a path is a list of one or more vertex indices, got {array.dtype} {array.shape}"
        )
    bad = np.flatnonzero((array < 0) | (array >= mesh.num_vertices))
    if len(bad):
        raise MeshError(
            f"step {bad[0]} of the path is vertex {array[bad[0]]}, "
            f"but the mesh has vertices 0 … {mesh.num_vertices - 1}"
        )
    return array.astype(np.int64)


def _edges_along(
    mesh: TriMesh, vertices: Int64[np.ndarray, " N"]
) -> tuple[Int64[np.ndarray, " M"], Bool[np.ndarray, " M"]]:
    """A half-edge on every step of the path, and whether it runs the way of the step."""
    halfedges, heads = mesh.halfedges, mesh.halfedges.head
    steps = [(int(u), int(v)) for u, v in pairwise(vertices)]
    half_edge = np.zeros(len(steps), dtype=np.int64)
    forward = np.zeros(len(steps), dtype=np.bool_)
    for k, (u, v) in enumerate(steps):
        out, back = halfedges.of_vertex(u), halfedges.of_vertex(v)
        candidates = np.concatenate([out[heads[out] == v], back[heads[back] == u]])
        if len(candidates) == 0:
            raise MeshError(
                f"step {k} of the path: no edge joins vertices {u} and {v}; name every vertex on "
                "the way, or use log_map for the transport along a shortest geodesic"
            )
        half_edge[k] = candidates[0]
        forward[k] = halfedges.tail[candidates[0]] == u
    return half_edge, forward


def _wrapped(angle: Float64[np.ndarray, " N"]) -> Float64[np.ndarray, " N"]:
    """The angle mod 2π, in (−π, π]."""
    return angle - TWO_PI * np.ceil(angle / TWO_PI - 0.5)
