"""Arrays from outside, turned into checked float64 and int64 copies."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, Int64
from numpy.typing import ArrayLike

from gaugeconv.errors import MeshError
from gaugeconv.mesh.messages import listed

SMALLEST_SIZE, LARGEST_COORDINATE = 1e-153, 1e153
"""Outside these, areas underflow or overflow float64."""


def as_vertices(vertices: ArrayLike) -> Float64[np.ndarray, "V 3"]:
    """A checked float64 copy of vertex positions.

    Raises:
        MeshError: empty, not (V, 3), not real numbers, NaN or infinite, or so large that areas do not
            fit float64.
    """
    raw = as_array(vertices, "vertices")
    if raw.size == 0:
        raise MeshError(f"the mesh is empty: vertices have shape {raw.shape}")
    if raw.ndim != 2 or raw.shape[1] != 3:
        raise MeshError(f"vertices must have shape (V, 3), not {raw.shape}")
    out = _as_reals(raw, "vertices")
    _require_rows(
        ~np.isfinite(out).all(axis=1),
        "vertices need positions (mend or drop them), but there are NaN or infinite coordinates",
    )
    _require_rows(
        np.abs(out).max(axis=1) > LARGEST_COORDINATE,
        f"coordinates exceed {LARGEST_COORDINATE:g} in size, so areas overflow; rescale the mesh",
    )
    return out


def as_faces(faces: ArrayLike, num_vertices: int | None) -> Int64[np.ndarray, "F 3"]:
    """A checked int64 copy of vertex indices.

    Args:
        faces: (F, 3) of any integer type.
        num_vertices: V, or None if the faces themselves say how many vertices there are.

    Raises:
        MeshError: empty, not (F, 3), not of an integer type, or an index outside [0, V).
    """
    raw = as_array(faces, "faces")
    if raw.size == 0:
        raise MeshError(
            f"the mesh has no faces (faces have shape {raw.shape}); a point cloud is not a mesh"
        )
    if raw.ndim != 2 or raw.shape[1] != 3:
        raise MeshError(
            f"faces must have shape (F, 3), not {raw.shape}; triangulate polygons first"
        )
    if raw.dtype.kind not in "iu":
        raise MeshError(f"faces must be of an integer type, not {raw.dtype}")
    limit = raw.size if num_vertices is None else num_vertices
    bad = np.flatnonzero(((raw < 0) | (raw >= limit)).any(axis=1))
    if len(bad):
        raise MeshError(
            f"face indices must lie in [0, {limit}), there being {limit} vertices at most: "
            f"{listed(bad, 'face')}; face {bad[0]} is {raw[bad[0]].tolist()}"
        )
    return np.array(raw, dtype=np.int64, order="C", copy=True)


def as_lengths(lengths: ArrayLike, num_faces: int) -> Float64[np.ndarray, "F 3"]:
    """A checked float64 copy of side lengths; zeros pass, to be reported as a defect.

    Raises:
        MeshError: not (F, 3), not real numbers, NaN, infinite, negative, or too large.
    """
    raw = as_array(lengths, "lengths")
    if raw.shape != (num_faces, 3):
        raise MeshError(f"lengths must have shape ({num_faces}, 3) like faces, not {raw.shape}")
    out = _as_reals(raw, "lengths")
    good = np.isfinite(out) & (out >= 0.0)
    _require_rows(~good.all(axis=1), "faces have NaN, infinite or negative side lengths", "face")
    largest = float(out.max())
    if largest > LARGEST_COORDINATE:
        raise MeshError(f"the largest length is {largest:g}, so areas overflow; rescale the mesh")
    return out


def require_size(mean_edge_length: float) -> None:
    """Lengths may all be zero, which is a defect of its own.

    Raises:
        MeshError: the mesh is so small that areas do not fit float64.
    """
    if 0.0 < mean_edge_length < SMALLEST_SIZE:
        raise MeshError(
            f"the mean edge length is {mean_edge_length:g}, so areas underflow; rescale the mesh to "
            f"above {SMALLEST_SIZE:g}"
        )


def as_array(values: ArrayLike, what: str) -> np.ndarray:
    """A numpy array of ``values``; torch tensors are recognised by their methods.

    Raises:
        MeshError: there is no such array; ``what`` names it.
    """
    try:
        detach = getattr(values, "detach", None)
        if detach is None:
            return np.asarray(values)
        tensor = detach().cpu()
        # numpy has no bfloat16
        return (tensor.double() if tensor.is_floating_point() else tensor).numpy()
    except (TypeError, ValueError) as error:
        raise MeshError(f"{what} cannot be read as an array: {error}") from error


def _as_reals(raw: np.ndarray, what: str) -> np.ndarray:
    if raw.dtype.kind not in "fiu":
        raise MeshError(f"{what} must be real numbers, not {raw.dtype}")
    with np.errstate(over="ignore"):
        return np.array(raw, dtype=np.float64, order="C", copy=True)


def _require_rows(bad: np.ndarray, message: str, element: str = "vertex") -> None:
    if bad.any():
        raise MeshError(f"{message}: {listed(np.flatnonzero(bad), element)}")
