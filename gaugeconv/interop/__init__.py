"""Ways in and out: other libraries' meshes, graphs, exported programs.

`gaugeconv.interop.pyg` needs PyTorch Geometric and is imported by its name.
"""

from __future__ import annotations

from gaugeconv.interop.edges import (
    EDGE_COLUMNS,
    OnEdges,
    edge_neighborhoods,
    neighborhood_edges,
)
from gaugeconv.interop.export import TensorModel, export_model, model_tensors
from gaugeconv.interop.meshes import (
    MeshValues,
    from_meshio,
    from_pyvista,
    from_trimesh,
    to_meshio,
    to_pyvista,
    to_trimesh,
)

__all__ = [
    "EDGE_COLUMNS",
    "MeshValues",
    "OnEdges",
    "TensorModel",
    "edge_neighborhoods",
    "export_model",
    "from_meshio",
    "from_pyvista",
    "from_trimesh",
    "model_tensors",
    "neighborhood_edges",
    "to_meshio",
    "to_pyvista",
    "to_trimesh",
]
