"""Neighbourhoods as the two tensors of a graph: an edge index and attributes of edges.

So they pass through everything that is made for graphs: batches, loaders, message passing.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.utils.weak import WeakTensorKeyDictionary

from gaugeconv.errors import FieldTypeError
from gaugeconv.geometry import Neighborhoods

EDGE_COLUMNS = ("r", "theta", "transport", "flip", "weight")
"""What the columns of the attributes are; see `neighborhood_edges`."""

_known: WeakTensorKeyDictionary = WeakTensorKeyDictionary()
"""Neighbourhoods by the attributes they were made of, so that the layers of a network share them."""


def neighborhood_edges(nb: Neighborhoods) -> tuple[Int[Tensor, "2 E"], Float[Tensor, "E 5"]]:
    """The pairs as edges of a graph, q → p.

    Returns:
        edge_index, with the sources q in the first row and the targets p in the second, and edge_attr
        with the columns `EDGE_COLUMNS`: r / R; θ and φ_{p←q} in radians; 1 where the transport reflects,
        else 0; and the weight in units of R². Lengths are in units of the radius, so that meshes of
        different radii can share a batch. Gauge behaviour as that of the neighbourhoods.
    """
    edge_index = torch.stack((nb.source, nb.target))
    columns = nb.r / nb.radius, nb.theta, nb.transport, nb.flip.to(nb.r), nb.weight / nb.radius**2
    return edge_index, torch.stack(columns, dim=1)


@torch.compiler.disable
def edge_neighborhoods(
    edge_index: Int[Tensor, "2 E"],
    edge_attr: Float[Tensor, "E 5"],
    num_sources: int,
    num_targets: int | None = None,
) -> Neighborhoods:
    """The neighbourhoods of edges, which may stand in any order; the inverse of `neighborhood_edges`.

    Made once for the same unchanged tensors, with what the layers keep with them; anew each time for
    tensors that were made in inference mode. Geometry has no
    gradients. The radius is 1, and `frames` are None.

    Args:
        edge_index: sources and targets.
        edge_attr: the columns `EDGE_COLUMNS`.
        num_sources: rows of the features that are read.
        num_targets: rows of the result; `num_sources` when None.

    Raises:
        FieldTypeError: shapes, dtypes or devices do not fit, or an index is out of range.
    """
    counts = num_sources, num_sources if num_targets is None else num_targets
    if edge_index.is_inference() or edge_attr.is_inference():  # may change without a trace
        _check(edge_index, edge_attr, counts)
        return _made(edge_index, edge_attr, *counts)
    key: tuple[Any, ...] = (edge_index._version, edge_attr._version, *counts)
    found = _known.get(edge_attr)
    if found is not None and found[0] is edge_index and found[1] == key:
        nb: Neighborhoods = found[2]
        return nb
    _check(edge_index, edge_attr, counts)
    nb = _made(edge_index, edge_attr, *counts)
    _known[edge_attr] = (edge_index, key, nb)
    return nb


def edge_columns(edge_attr: Float[Tensor, "E 5"], dtype: torch.dtype) -> tuple[Tensor, ...]:
    """The columns of the attributes as tensors of their own: r, θ, φ, flip (boolean), weight."""
    r, theta, transport, flip, weight = edge_attr.detach().to(dtype).T.clone().unbind()
    reflects: Bool[Tensor, " E"] = flip > 0.5
    return r, theta, transport, reflects, weight


def _made(edge_index: Tensor, edge_attr: Tensor, sources: int, targets: int) -> Neighborhoods:
    """The neighbourhoods of checked tensors."""
    source, target = edge_index
    order = None
    if not bool((target.diff() >= 0).all()):
        order = torch.argsort(target, stable=True)
        source, target, edge_attr = source[order], target[order], edge_attr[order]
    r, theta, transport, flip, weight = edge_columns(edge_attr, edge_attr.dtype)
    ptr = target.new_zeros(targets + 1)
    torch.cumsum(torch.bincount(target, minlength=targets), 0, out=ptr[1:])
    rows, columns = (torch.arange(n, device=target.device) for n in (targets, sources))
    geometry = r, theta, transport, flip, weight
    return Neighborhoods(
        ptr, target.clone(), source.clone(), *geometry, 1.0, sources, rows, columns
    )


def _check(edge_index: Tensor, edge_attr: Tensor, counts: tuple[int, int]) -> None:
    """Raises the error that names what does not fit; compiled kernels trust the indices."""
    pairs = edge_index.shape[-1]
    if edge_index.shape != (2, pairs) or edge_index.dtype not in (torch.int32, torch.int64):
        raise FieldTypeError(
            f"edge_index must hold integers of shape (2, E), got {edge_index.dtype} of shape "
            f"{tuple(edge_index.shape)}"
        )
    if edge_attr.shape != (pairs, len(EDGE_COLUMNS)) or not edge_attr.is_floating_point():
        raise FieldTypeError(
            f"edge_attr must hold {', '.join(EDGE_COLUMNS)} of {pairs} edges, shape "
            f"({pairs}, {len(EDGE_COLUMNS)}), got {edge_attr.dtype} of shape "
            f"{tuple(edge_attr.shape)}: make it with neighborhood_edges"
        )
    if edge_index.device != edge_attr.device:
        raise FieldTypeError(
            f"edge_index is on {edge_index.device} and edge_attr on {edge_attr.device}: "
            "move them to one device"
        )
    if pairs == 0:
        return
    for row, kind, count in zip(edge_index, ("sources", "targets"), counts, strict=True):
        low, high = (int(value) for value in row.aminmax())
        if low < 0 or high >= count:
            raise FieldTypeError(
                f"edge_index names {kind} {low} … {high}, but there are {count}: features and edges "
                "are of different meshes or batches"
            )


class OnEdges(nn.Module):
    """Any layer that is called as layer(x, neighbourhoods), called as layer(x, edge_index, edge_attr).

    Convolutions, attention, residual and transformer blocks; gauge behaviour as that of the layer.

    Args:
        layer: a layer of `gaugeconv.nn`, or your own.
    """

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(
        self,
        x: Float[Tensor, "*batch Q in"],
        edge_index: Int[Tensor, "2 E"],
        edge_attr: Float[Tensor, "E 5"],
    ) -> Float[Tensor, "*batch Q out"]:
        """Features of all vertices, see `neighborhood_edges`.

        Raises:
            FieldTypeError: edges or features do not fit.
        """
        y: Tensor = self.layer(x, edge_neighborhoods(edge_index, edge_attr, x.shape[-2]))
        return y
