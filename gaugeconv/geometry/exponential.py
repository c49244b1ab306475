"""The "exponential" quadrature: nodes of a polar Gauss rule on B_R ⊂ T_pM, sent through exp_p.

∫_{B_R} κ(X) f(exp_p X) vol ≈ Σ_ij w_ij κ(X_ij) f(exp_p X_ij), X_ij = r_i (cos θ_j, sin θ_j). The field at
a node is interpolated from the corners of the face there, each carried to p. So a node is three
rows (p, q) of neighbourhoods, one for each corner q, and every layer runs on them unchanged.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float64, Int64
from numpy.typing import ArrayLike

from gaugeconv.errors import MeshError
from gaugeconv.geometry.frames import Frames, frames_on
from gaugeconv.geometry.neighborhoods import Neighborhoods
from gaugeconv.geometry.rays import corner_directions, trace_rays
from gaugeconv.geometry.tangent import TWO_PI, TangentSpaces
from gaugeconv.geometry.vertex_lists import vertex_list
from gaugeconv.mesh import TriMesh
from gaugeconv.mesh.connectivity import referenced

_BLOCK = 65536
"""Rays that are turned into rows at a time, to bound the memory."""


def exponential_neighborhoods(
    frames: Frames,
    radius: float,
    *,
    radial_nodes: int = 3,
    angular_nodes: int = 12,
    radial_panels: int = 4,
    targets: ArrayLike | None = None,
) -> Neighborhoods:
    """Neighbourhoods whose rows are the nodes of a polar rule, three for each: one per corner.

    A row has the node's r and θ, the corner as its source, φ_{p←q} along the segment from the corner
    to the node and back along the node's geodesic, and as weight the node's times the corner's
    barycentric coordinate. Several rows may name the same source; rows of weight 0 are left out.
    Where no path hits a boundary the weights of a target sum to πR². Nodes that lie beyond a boundary
    count as zero. Second order in the edge length, whatever the sampling.

    Args:
        frames: the gauge, on an oriented manifold mesh.
        radius: R > 0, in the mesh's unit.
        radial_nodes: Gauss-Legendre nodes on each panel of [0, R].
        angular_nodes: equally spaced directions; exact for angular frequencies below their number.
        radial_panels: equal parts of [0, R]. A basis of n `CosineRings` has a jump of its second
            derivative at every R k/(n + 1), so n + 1 panels serve it best; 4 fit the default of 3.
        targets: ascending vertex indices p; all vertices when None.

    Returns:
        Neighborhoods in float64; sources are all vertices. Covariant under gauge changes to rounding:
        the first direction is the mean of p's corner bisectors, weighted by the faces' areas, so it
        turns with no frame and no labels. Only where that mean vanishes (a perfectly regular vertex) is
        it arbitrary, and relabelling the mesh may move the nodes.

    Raises:
        MeshError: a defective mesh, a radius that is not positive and finite, counts below 1, bad
            targets, or a radius of too many steps.
        StructureGroupError: some frames oppose the winding.
    """
    mesh = frames.mesh
    frames_on(mesh, frames)  # refuses mirrored ones
    if not (np.isfinite(radius) and radius > 0):
        raise MeshError(f"radius must be positive and finite, got {radius!r}")
    if min(radial_nodes, angular_nodes, radial_panels) < 1:
        raise MeshError(
            "a polar rule needs at least one node each way, got "
            f"{radial_nodes} × {radial_panels} radial and {angular_nodes} angular"
        )
    everything = np.arange(mesh.num_vertices)
    target_vertex = everything if targets is None else vertex_list(mesh, targets, "targets")
    rows = np.flatnonzero(referenced(mesh.faces, mesh.num_vertices)[target_vertex])
    r, weight = _gauss_rule(radius, radial_nodes, radial_panels, angular_nodes)
    turns = TWO_PI * np.arange(angular_nodes) / angular_nodes
    first = _first_directions(mesh) + frames.offset
    nodes: list[list[np.ndarray]] = []
    for some in np.array_split(rows, -(-len(rows) * angular_nodes // _BLOCK) or 1):
        center = target_vertex[some]
        theta = (first[center][:, None] + turns).ravel()
        row, center = np.repeat(some, angular_nodes), np.repeat(center, angular_nodes)
        nodes.append(_nodes(frames, row, center, theta, r, weight))
    return _assembled(frames, radius, target_vertex, nodes)


def _assembled(
    frames: Frames,
    radius: float,
    target_vertex: Int64[np.ndarray, " P"],
    nodes: list[list[np.ndarray]],
) -> Neighborhoods:
    """Neighbourhoods of what `_nodes` gave, block by block."""
    columns = [torch.from_numpy(np.concatenate(column)) for column in zip(*nodes, strict=True)]
    target, source, at_r, at_theta, transport, weights = columns
    ptr = torch.zeros(len(target_vertex) + 1, dtype=torch.int64)
    ptr[1:] = torch.cumsum(torch.bincount(target, minlength=len(target_vertex)), 0)
    return Neighborhoods(
        ptr=ptr,
        target=target,
        source=source,
        r=at_r,
        theta=at_theta,
        transport=transport,
        flip=torch.zeros(len(target), dtype=torch.bool),
        weight=weights,
        radius=float(radius),
        num_sources=frames.mesh.num_vertices,
        target_vertex=torch.from_numpy(target_vertex.copy()),
        source_vertex=torch.arange(frames.mesh.num_vertices),
        frames=frames,
    )


def _nodes(
    frames: Frames,
    row: Int64[np.ndarray, " N"],
    center: Int64[np.ndarray, " N"],
    theta: Float64[np.ndarray, " N"],
    r: Float64[np.ndarray, " K"],
    weight: Float64[np.ndarray, " K"],
) -> list[np.ndarray]:
    """Target row, source, r, θ, φ and weight for every corner of K nodes on each of N rays."""
    mesh = frames.mesh
    rays = trace_rays(frames, center, theta, np.tile(r, (len(center), 1)))
    ray, node = np.nonzero(~rays.hit_boundary)
    face, barycentric = rays.face[ray, node], rays.barycentric[ray, node]
    direction = rays.direction[ray, node]
    source = mesh.faces[face]
    inside = corner_directions(mesh, face, barycentric, direction)
    transport = (theta[ray] - direction)[:, None] + inside - frames.offset[source]
    corner_weight = weight[node][:, None] * barycentric
    columns = np.broadcast_arrays(
        row[ray][:, None], source, r[node][:, None], theta[ray][:, None], transport, corner_weight
    )
    return [column[corner_weight > 0] for column in columns]


def _gauss_rule(
    radius: float, nodes: int, panels: int, angular_nodes: int
) -> tuple[Float64[np.ndarray, " K"], Float64[np.ndarray, " K"]]:
    """Radii, ascending, and weights of ∫ … r dr dθ over one of the equal sectors."""
    x, w = np.polynomial.legendre.leggauss(nodes)
    width = radius / panels
    r = (width * (np.arange(panels)[:, None] + 0.5 * (x + 1))).ravel()
    return r, np.tile(0.5 * width * w, panels) * r * TWO_PI / angular_nodes


def _first_directions(mesh: TriMesh) -> Float64[np.ndarray, " V"]:
    """(V,) intrinsic angle of the mean corner bisector at every vertex, weighted by area."""
    spaces = TangentSpaces.of(mesh)
    corner = mesh.corner_angles.reshape(-1)
    vertex = mesh.halfedges.tail
    bisector = (spaces.angle + 0.5 * corner) * spaces.scale[vertex]
    share = np.repeat(mesh.face_areas / mesh.face_areas.max(), 3)
    size = mesh.num_vertices
    x = np.bincount(vertex, share * np.cos(bisector), minlength=size)
    y = np.bincount(vertex, share * np.sin(bisector), minlength=size)
    return np.arctan2(y, x)
