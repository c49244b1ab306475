"""Networks as programs of tensors: `torch.export`, with any number of vertices.

What a network reads of a mesh goes in as tensors with names, and scores come out. An exported program
is one file that runs without the Python code of the network; it needs PyTorch and, for the registered
operations, `import gaugeconv.ops`.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from gaugeconv.geometry import Neighborhoods, block_diagonal
from gaugeconv.models import MeshTrunk, SegmenterInput
from gaugeconv.models.inputs import LevelInput

_WHOLE = ("features", "faces", "areas")
_PAIRS = ("ptr", "target", "source", "r", "theta", "transport", "flip", "weight")


def model_tensors(inputs: SegmenterInput) -> dict[str, Tensor]:
    """What a network reads of a mesh, as tensors with names; any number of vertices and levels.

    `features` (V, d), `faces` (F, 3), `areas` (V,); for level l from 0, the finest, `l.features`
    (N_l, d); and for its neighbourhoods within the level, from the finer one (`down`, not of level 0)
    and to it (`up`, of level 0 to all vertices) `l.within.ptr` and so on, the tensors of
    `gaugeconv.Neighborhoods`, with lengths in units of the radius and weights in units of its square.
    Gauge behaviour as that of the input.
    """
    tensors = {name: getattr(inputs, name) for name in _WHOLE}
    for number, level in enumerate(inputs.levels):
        tensors[f"{number}.features"] = level.features
        for way in _ways(number):
            nb: Neighborhoods = getattr(level, way)
            scaled = block_diagonal([nb])
            tensors.update({f"{number}.{way}.{name}": getattr(scaled, name) for name in _PAIRS})
    return tensors


class TensorModel(nn.Module):
    """A network that is called with `model_tensors`; gauge invariant as the network is.

    Args:
        model: the network, whose weights it shares.
    """

    def __init__(self, model: MeshTrunk) -> None:
        super().__init__()
        self.model = model

    def forward(self, tensors: dict[str, Tensor]) -> Float[Tensor, "*rows K"]:
        """What the network returns: scores per face and label, say.

        Raises:
            FieldTypeError: features do not fit the network or the neighbourhoods.
        """
        sizes = [tensors["features"].shape[0]]
        sizes += [tensors[f"{i}.features"].shape[0] for i in range(len(self.model.config.sizes))]
        levels = tuple(
            _level(tensors, number, finer, own)
            for number, (finer, own) in enumerate(pairwise(sizes))
        )
        whole: dict[str, Any] = {name: tensors[name] for name in _WHOLE}
        y: Tensor = self.model(SegmenterInput(levels, **whole))
        return y


def export_model(model: MeshTrunk, example: SegmenterInput) -> ExportedProgram:
    """A network as a program for meshes of any size, in evaluation mode.

    The network is left as it was. Save and load it with `torch.export.save` and `load`; run it with
    ``program.module()(model_tensors(model.prepare(mesh)))``.

    Args:
        model: the network.
        example: a prepared mesh with more vertices than the coarsest levels have, to trace with.
    """
    tensors = model_tensors(example)
    with model.predicting():  # without gradients no tables of adjoints are made
        return torch.export.export(
            TensorModel(model),
            (tensors,),
            dynamic_shapes=({name: _dynamic(name) for name in tensors},),
            strict=False,
        )


def _ways(number: int) -> tuple[str, ...]:
    """The neighbourhoods that a level has."""
    return ("within", "up") if number == 0 else ("within", "down", "up")


def _level(tensors: dict[str, Tensor], number: int, finer: int, own: int) -> LevelInput:
    """One level, made of tensors; `finer` and `own` count its vertices and those of the finer one."""
    counts = {"within": (own, own), "down": (own, finer), "up": (finer, own)}
    found: dict[str, Neighborhoods | None] = {"down": None}
    for way in _ways(number):
        targets, sources = counts[way]
        pairs: dict[str, Any] = {name: tensors[f"{number}.{way}.{name}"] for name in _PAIRS}
        rows, columns = (
            torch.arange(n, device=tensors["faces"].device) for n in (targets, sources)
        )
        found[way] = Neighborhoods(
            **pairs, radius=1.0, num_sources=sources, target_vertex=rows, source_vertex=columns
        )
    return LevelInput(tensors[f"{number}.features"], **found)  # type: ignore[arg-type]


def _dynamic(name: str) -> dict[int, Any]:
    """The first size of a tensor, which other meshes have otherwise; alike where it must be."""
    level, *rest = name.split(".")
    if name == "faces":
        return {0: Dim("faces")}
    if not rest:
        return {0: _vertices(-1)}
    if rest == ["features"]:
        return {0: _vertices(int(level))}
    way, tensor = rest
    if tensor == "ptr":
        return {0: _vertices(int(level) - (way == "up")) + 1}
    return {0: Dim(f"pairs_{level}_{way}")}


def _vertices(level: int) -> Any:
    """The number of vertices of a level, or of the mesh (−1)."""
    return Dim("vertices" if level < 0 else f"vertices_{level}", min=3)
