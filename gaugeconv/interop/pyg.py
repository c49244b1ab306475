"""PyTorch Geometric: neighbourhoods in `Data`, and a convolution that is a `MessagePassing`.

Needs torch-geometric, the extra gaugeconv[pyg].
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from gaugeconv.errors import MeshError, StructureGroupError
from gaugeconv.geometry import Frames, neighborhoods
from gaugeconv.geometry.connect import Quadrature
from gaugeconv.interop.edges import edge_columns, edge_neighborhoods, neighborhood_edges
from gaugeconv.mesh import TriMesh
from gaugeconv.nn import Connection, GaugeConv
from gaugeconv.nn.fields import bias_vector
from gaugeconv.reps import FieldType, RadialBasis

try:
    from torch_geometric.data import Data
    from torch_geometric.nn import MessagePassing
    from torch_geometric.transforms import BaseTransform
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "gaugeconv.interop.pyg needs torch-geometric: install gaugeconv[pyg]", name=error.name
    ) from error


def to_data(mesh: TriMesh, dtype: torch.dtype = torch.float32) -> Data:
    """A mesh as PyTorch Geometric holds one: `pos` (V, 3) and `face` (3, F)."""
    faces = torch.from_numpy(mesh.faces.copy())
    return Data(pos=torch.from_numpy(mesh.vertices.copy()).to(dtype), face=faces.T.contiguous())


def from_data(data: Data) -> TriMesh:
    """The mesh of `pos` and `face`.

    Raises:
        MeshError: one of them is missing, or the mesh is defective.
    """
    missing = [name for name in ("pos", "face") if data.get(name) is None]
    if missing:
        raise MeshError(
            f"the data have no {' and no '.join(missing)}: a mesh needs pos (V, 3) and face (3, F)"
        )
    vertices, faces = (np.asarray(t.detach().cpu()) for t in (data.pos, data.face.T))
    return TriMesh(vertices, faces)


class GaugeNeighborhoods(BaseTransform):
    """Attaches neighbourhoods, in the canonical frames, to the data of a mesh.

    Adds `edge_index` (2, E) and `edge_attr` (E, 5) (`gaugeconv.interop.neighborhood_edges`), and the
    frames `e1` and `e2` (V, 3), in the dtype of `pos`. Plain tensors whose names PyTorch Geometric knows
    how to batch: `Batch` and `DataLoader` shift the indices by the vertices before. Computed on the
    CPU, from `pos` as it is: whatever moves vertices comes before, best as a `pre_transform`.

    The size is chosen by one of `radius`, `edges` and `nearest`, as in `gaugeconv.neighborhoods`.

    Args:
        radius: R, in the unit of `pos`.
        edges: R in mean edge lengths.
        nearest: as many nearest neighbours.
        quadrature: "vertex" or "exponential".
        cache: keep the geometry on disk, and find it there again.
        name: the tensors are called `{name}_index` and `{name}_attr`.
    """

    def __init__(
        self,
        radius: float | None = None,
        *,
        edges: float | None = None,
        nearest: int | None = None,
        quadrature: Quadrature = "vertex",
        cache: bool = False,
        name: str = "edge",
    ) -> None:
        self.size = {"radius": radius, "edges": edges, "nearest": nearest}
        self.quadrature: Quadrature = quadrature
        self.cache = cache
        self.name = name

    def forward(self, data: Data) -> Data:
        """The data with the tensors added.

        Raises:
            MeshError: no `pos` or `face`, a defective mesh, or not one size.
        """
        mesh = from_data(data)
        frames = Frames.canonical(mesh)
        options: dict[str, Any] = {**self.size, "quadrature": self.quadrature, "cache": self.cache}
        edge_index, edge_attr = neighborhood_edges(neighborhoods(mesh, frames=frames, **options))
        data[f"{self.name}_index"] = edge_index.to(data.pos.device)
        data[f"{self.name}_attr"] = edge_attr.to(data.pos)
        data.e1, data.e2 = (torch.from_numpy(e.copy()).to(data.pos) for e in (frames.e1, frames.e2))
        return data

    def __repr__(self) -> str:
        chosen = ", ".join(f"{k}={v!r}" for k, v in self.size.items() if v is not None)
        return f"{type(self).__name__}({chosen})"


class MessagePassingConv(MessagePassing):
    """`gaugeconv.nn.GaugeConv` as a `MessagePassing`, called as conv(x, edge_index, edge_attr).

    The numbers are those of `conv`, computed by the same fused kernels. Only while the model is explained
    (`torch_geometric.explain` masks messages), or with `fused` set to False, does every edge send a
    message of its own; that takes memory for a matrix per edge, and gives the same up to rounding.

    Args:
        in_type, out_type, radial, bias, max_frequency, connection: as for `gaugeconv.nn.GaugeConv`.
        fused: whether to use the fused kernels.

    Attributes:
        conv: the convolution, which holds the parameters.
    """

    def __init__(
        self,
        in_type: str | FieldType,
        out_type: str | FieldType,
        radial: int | RadialBasis = 3,
        bias: bool = True,
        max_frequency: int | None = None,
        connection: Connection = "exact",
        fused: bool = True,
    ) -> None:
        super().__init__(aggr="add", node_dim=-2)
        self.conv = GaugeConv(in_type, out_type, radial, bias, max_frequency, connection)
        self.in_channels, self.out_channels = self.conv.in_type.dim, self.conv.out_type.dim
        self.fused = fused

    def reset_parameters(self) -> None:
        """Draws new weights."""
        super().reset_parameters()
        self.conv.reset_parameters()

    def forward(
        self,
        x: Float[Tensor, "*batch Q in"],
        edge_index: Int[Tensor, "2 E"],
        edge_attr: Float[Tensor, "E 5"],
        size: tuple[int, int] | None = None,
    ) -> Float[Tensor, "*batch P out"]:
        """Features of the targets; covariant.

        Args:
            x: features of the sources, of the input type.
            edge_index: sources and targets, in any order.
            edge_attr: what `GaugeNeighborhoods` or `gaugeconv.interop.neighborhood_edges` made.
            size: numbers of sources and targets; those of x when None.

        Raises:
            FieldTypeError: edges or features do not fit.
            StructureGroupError: a transport is not in the structure group; or messages are wanted of a
                layer with another connection than "exact".
        """
        sources, targets = (x.shape[-2], x.shape[-2]) if size is None else size
        nb = edge_neighborhoods(edge_index, edge_attr, sources, targets)
        if self.fused and not self.explain:
            y: Tensor = self.conv(x, nb)
            return y
        matrices = self._matrices(edge_attr, x.dtype)
        y = self.propagate(edge_index.long(), x=x, matrices=matrices, size=(sources, targets))
        bias = self.conv.bias
        return y if bias is None else y + bias_vector(bias, self.conv.out_type)

    def message(
        self, x_j: Float[Tensor, "*batch E in"], matrices: Float[Tensor, "E out in"]
    ) -> Float[Tensor, "*batch E out"]:
        """w_e K(r_e, θ_e) ρ(φ_e) x_q / (πR²) for every edge e."""
        return torch.einsum("eoi,...ei->...eo", matrices, x_j)

    def _matrices(self, edge_attr: Tensor, dtype: torch.dtype) -> Float[Tensor, "E out in"]:
        """What each edge does to the features of its source."""
        if self.conv.connection != "exact":
            raise StructureGroupError(
                f"messages of single edges need connection='exact', got {self.conv.connection!r}"
            )
        r, theta, transport, flip, weight = edge_columns(edge_attr, dtype)
        kernel = self.conv.space.evaluate(*self.conv.kernel(), r, theta)
        reflect = flip if bool(flip.any()) else None
        carried = kernel @ self.conv.in_type.action(transport, reflect)
        return carried * (weight / math.pi)[:, None, None]
