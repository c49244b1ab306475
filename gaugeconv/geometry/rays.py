"""Straight paths from vertices, and transport from where they end to the corners of the face there."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int64

from gaugeconv.errors import MeshError
from gaugeconv.geometry.corner_kernels import corner_angles
from gaugeconv.geometry.exp_kernels import trace_many
from gaugeconv.geometry.frames import Frames
from gaugeconv.geometry.surface import surface_records
from gaugeconv.geometry.tangent import TWO_PI, TangentSpaces
from gaugeconv.mesh import TriMesh

MAX_STEPS = 100_000


@dataclass(frozen=True, eq=False)
class Rays:
    """K points on each of N straight paths.

    Attributes:
        face: (N, K) face of every point. barycentric: (N, K, 3) its coordinates there.
        direction: (N, K) of the path at the point, in the frame of the face, radians in (−π, π].
        length: (N, K) walked. hit_boundary: (N, K) whether the path ended before the point.
    """

    face: Int64[np.ndarray, "N K"]
    barycentric: Float64[np.ndarray, "N K 3"]
    direction: Float64[np.ndarray, "N K"]
    length: Float64[np.ndarray, "N K"]
    hit_boundary: Bool[np.ndarray, "N K"]


def trace_rays(
    frames: Frames,
    center: Int64[np.ndarray, " N"],
    theta: Float64[np.ndarray, " N"],
    lengths: Float64[np.ndarray, "N K"],
    max_steps: int = MAX_STEPS,
) -> Rays:
    """Walks straight from each centre in direction θ of its frame, to points at ascending lengths.

    The centres are vertices of faces, the numbers finite. The result is intrinsic: turning the frames
    by −γ and θ by +γ changes nothing.

    Raises:
        MeshError: a path takes more than `max_steps` steps from face to face.
    """
    mesh = frames.mesh
    surface, unit = surface_records(mesh)
    angle = np.mod(theta - frames.offset[center], TWO_PI)
    # a hair to the right of a boundary vertex's first edge is on it
    angle = np.where(angle > TWO_PI - 1e-12, 0.0, angle) / TangentSpaces.of(mesh).scale[center]
    with np.errstate(over="ignore"):
        reach = lengths / unit
    size = lengths.shape
    rays = Rays(
        np.zeros(size, np.int64), np.zeros((*size, 3)), np.zeros(size), np.zeros(size),
        np.zeros(size, np.bool_),
    )  # fmt: skip

    def work(part: slice) -> None:
        outputs = [a[part] for a in vars(rays).values()]
        lost = trace_many(*surface, center[part], angle[part], reach[part], max_steps, *outputs)
        if lost >= 0:
            i = part.start + lost
            raise MeshError(
                f"path {i}, from vertex {center[i]} over a length of {lengths[i, -1]:.6g}, does not end "
                f"within {max_steps} steps from face to face: shorten it or raise max_steps"
            )

    threads = max(1, min(torch.get_num_threads(), len(center) // 1024))
    bounds = np.linspace(0, len(center), threads + 1).astype(int)
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, map(slice, bounds[:-1], bounds[1:])))
    rays.length[...] = np.where(rays.hit_boundary, rays.length * unit, lengths)
    return rays


def corner_directions(
    mesh: TriMesh,
    face: Int64[np.ndarray, " N"],
    barycentric: Float64[np.ndarray, "N 3"],
    direction: Float64[np.ndarray, " N"],
) -> Float64[np.ndarray, "N 3"]:
    """Frameless φ_{face←corner} from each corner of a face, along the segment to a point in it.

    The segment from corner q to the point X has an angle in the face and an angle in q's rescaled
    tangent plane, both measured from the corner's first side; transport along it is their difference.
    So near the corner this is exact on the polyhedron. Where X is the corner itself, the path through
    X stands in for the segment; `direction` is its direction.

    Returns:
        (N, 3) radians, to carry components in the intrinsic angles of the vertex to the face's frame.
    """
    spaces = TangentSpaces.of(mesh)
    result = np.zeros((len(face), 3))
    corner_angles(
        mesh.faces, mesh.edge_lengths, mesh.corner_angles, spaces.angle, spaces.scale,
        face, barycentric, direction, result,
    )  # fmt: skip
    return result
