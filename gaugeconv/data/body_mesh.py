"""Fewer triangles for a body's skin, still one closed manifold surface."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, Int64

from gaugeconv.data.body_model import MISSING_EXTRA
from gaugeconv.errors import GaugeConvError, MeshError
from gaugeconv.mesh import TriMesh

_TRIES = 12
_GENTLEST = 2.0
_NUDGE = 0.01  # mean edge lengths per failed try: flattens no feature, opens every splinter
_THINNEST = 1e-3  # height over longest side, below which a triangle is a splinter


def simplify(
    vertices: Float64[np.ndarray, "V 3"],
    faces: Int64[np.ndarray, "F 3"],
    num_faces: int,
    aggressiveness: float,
) -> tuple[Float64[np.ndarray, "W 3"], Int64[np.ndarray, "G 3"]]:
    """Collapses edges down to about `num_faces` triangles of a closed surface of genus 0.

    When the result is not closed, manifold and free of splinters, a slightly larger target, a
    gentler threshold and slightly moved vertices are tried. An input with no more faces than
    asked for is returned as it is.

    Raises:
        GaugeConvError: `fast_simplification` is not installed.
        MeshError: no target in reach gives a valid mesh.
    """
    try:
        import fast_simplification
    except ImportError as error:
        raise GaugeConvError(MISSING_EXTRA.format(name="fast-simplification")) from error
    if len(faces) <= num_faces:
        return vertices, faces
    edge = TriMesh(vertices, faces).mean_edge_length
    for attempt in range(_TRIES):
        nudge = attempt * _NUDGE * edge * np.random.default_rng(attempt).normal(size=vertices.shape)
        target = min(num_faces + 2 * attempt * (1 + num_faces // 300), len(faces) - 2)
        points, triangles = fast_simplification.simplify(
            vertices + nudge, faces.astype(np.int32), target_count=target, agg=aggressiveness
        )
        aggressiveness = max(_GENTLEST, 0.8 * aggressiveness)
        points, triangles = _without_flaps(points.astype(np.float64), triangles.astype(np.int64))
        if is_closed_sphere(points, triangles):
            return points, triangles
    raise MeshError(
        f"no simplification of {len(faces)} faces to about {num_faces} stays a closed manifold; "
        "ask for more faces"
    )


def _without_flaps(
    vertices: Float64[np.ndarray, "V 3"], faces: Int64[np.ndarray, "F 3"]
) -> tuple[Float64[np.ndarray, "W 3"], Int64[np.ndarray, "G 3"]]:
    """Removes pairs of faces on the same three vertices, and then unreferenced vertices.

    Edge collapses leave such flaps behind where they break the link condition; the surface closes
    over the edge that a flap hung on.
    """
    while True:
        _, group, size = np.unique(
            np.sort(faces, axis=1), axis=0, return_inverse=True, return_counts=True
        )
        single = size[group.ravel()] == 1
        if single.all():
            break
        faces = faces[single]
    used, compact = np.unique(faces, return_inverse=True)
    return vertices[used], compact.reshape(-1, 3)


def is_closed_sphere(vertices: Float64[np.ndarray, "V 3"], faces: Int64[np.ndarray, "F 3"]) -> bool:
    """Whether a mesh is valid, closed, connected, of genus 0, and has no splinters."""
    try:
        mesh = TriMesh(vertices, faces)
    except MeshError:
        return False
    closed = not mesh.boundary_vertices.any() and mesh.num_components == 1
    if not closed or mesh.euler_characteristic != 2:
        return False
    thickness = 2 * mesh.face_areas / mesh.edge_lengths.max(axis=1) ** 2
    return bool(thickness.min() > _THINNEST)


def roughen(
    vertices: Float64[np.ndarray, "V 3"],
    faces: Int64[np.ndarray, "F 3"],
    amount: float,
    rng: np.random.Generator,
) -> Float64[np.ndarray, "V 3"]:
    """Adds independent normal noise like a scanner's, halved until the mesh stays valid.

    `amount` is the standard deviation in mean edge lengths.
    """
    noise = rng.normal(size=vertices.shape) * TriMesh(vertices, faces).mean_edge_length
    while amount > 1e-3:
        moved = vertices + amount * noise
        if is_closed_sphere(moved, faces):
            return moved
        amount /= 2
    return vertices
