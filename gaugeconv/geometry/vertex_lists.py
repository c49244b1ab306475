"""Lists of vertices that a computation is restricted to."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int64
from numpy.typing import ArrayLike

from gaugeconv.errors import MeshError
from gaugeconv.mesh import TriMesh


def vertex_list(mesh: TriMesh, vertices: ArrayLike, name: str) -> Int64[np.ndarray, " N"]:
    """The list as int64, checked to be ascending and in range.

    Raises:
        MeshError: otherwise; `name` says which list is meant.
    """
    array = np.asarray(vertices)
    if array.ndim != 1 or array.dtype.kind not in "iu" or len(array) == 0:
        raise MeshError(f"{name} must be a list of vertex indices, got {array.dtype} {array.shape}")
    array = array.astype(np.int64)
    if (np.diff(array) <= 0).any() or array[0] < 0 or array[-1] >= mesh.num_vertices:
        raise MeshError(f"{name} must ascend strictly within 0 … {mesh.num_vertices - 1}")
    return array
