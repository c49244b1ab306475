"""Layers, verified on a random field: from the mesh on, or on stored neighbourhoods."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from gaugeconv import geometry
from gaugeconv.geometry import Frames, Neighborhoods
from gaugeconv.mesh import TriMesh
from gaugeconv.reps import Element, FieldType, StructureGroup
from gaugeconv.verification.gauges import act, draw_elements
from gaugeconv.verification.rebuilt import Rebuilt
from gaugeconv.verification.subjects import (
    FACES,
    VERTICES,
    Case,
    MeshSubject,
    Rows,
    Subject,
    precision,
)
from gaugeconv.verification.wording import Claim

MakeNeighborhoods = Callable[[TriMesh, float, Frames], Neighborhoods]


class LayerSubject(MeshSubject):
    """A layer on a fixed random field, with neighbourhoods recomputed where it takes them.

    Args:
        module: the layer.
        mesh, claim, group, frames: see MeshSubject.
        types: of its input and output.
        make: computes neighbourhoods; `gaugeconv.neighborhoods` by default.
        radius: of the neighbourhoods; 3 mean edge lengths by default.
        seed: of the field.
    """

    def __init__(
        self,
        module: nn.Module,
        mesh: TriMesh,
        claim: Claim,
        group: StructureGroup,
        frames: Frames | None,
        types: tuple[FieldType, FieldType],
        make: MakeNeighborhoods | None,
        radius: float | None,
        seed: int,
    ) -> None:
        super().__init__(module, mesh, claim, group, frames)
        self.out_type = types[1]
        self.takes_neighborhoods = takes_neighborhoods(module)
        self.output_rows = ("targets",) if self.takes_neighborhoods else (VERTICES,)
        self._field = RandomField(types[0], mesh.num_vertices, seed, *precision(module))
        self._make = make or geometry.neighborhoods
        self._radius = 3 * mesh.mean_edge_length if radius is None else radius

    def scope(self) -> tuple[list[str], list[str]]:
        """In words."""
        checked, not_checked = super().scope()
        if self.takes_neighborhoods:
            recomputed = f"neighbourhoods of radius {self._radius:.3g} recomputed from the frames"
            return [*checked, recomputed], not_checked
        return checked, [*not_checked, "log map and transport: the layer takes no neighbourhoods"]

    def _case(self, surface: Rebuilt, frames: Frames, change: Element) -> Case:
        if self.takes_neighborhoods:
            nb = self._make(surface.mesh, self._radius, frames)
            return _layer_case(self._field, nb, surface.vertex, change)
        x = self._field.at(surface.vertex, change)
        return Case((x,), change, {VERTICES: surface.vertex, FACES: surface.face})


class RotatedSubject(Subject):
    """A layer on stored neighbourhoods: θ and φ are rotated, geometry is taken as it is.

    Args:
        module: the layer.
        nb: the neighbourhoods.
        group: what changes of gauge are drawn from.
        types: of its input and output.
        seed: of the field.
    """

    def __init__(
        self,
        module: nn.Module,
        nb: Neighborhoods,
        group: StructureGroup,
        types: tuple[FieldType, FieldType],
        seed: int,
    ) -> None:
        self.module, self.nb, self.group, self.out_type = module, nb, group, types[1]
        self.surface = f"{nb.num_targets} stored neighbourhoods of radius {nb.radius:.3g}"
        self.takes_neighborhoods = takes_neighborhoods(module)
        self.output_rows = ("targets",) if self.takes_neighborhoods else ("sources",)
        highest = [int(v.max()) for v in (nb.target_vertex, nb.source_vertex) if v.numel()]
        self._vertex = np.arange(1 + max(highest, default=-1))
        self._field = RandomField(types[0], len(self._vertex), seed, *precision(module))

    def reference(self) -> Case:
        """The neighbourhoods as they are stored."""
        return self._case(self.group.identity(len(self._vertex)))

    def sample(self, rng: np.random.Generator) -> Case:
        """The neighbourhoods after `change_gauge` by random elements."""
        return self._case(draw_elements(self.group, len(self._vertex), rng))

    def turned(self, _: np.random.Generator) -> Case | None:
        """Nothing: samples rebuild nothing."""
        return None

    def scope(self) -> tuple[list[str], list[str]]:
        """In words."""
        drawn = (
            f"by random elements of {self.group}" if self.group.is_finite else "at arbitrary angles"
        )
        reflected = ", reflected at random" if self.group.reflections else ""
        return [f"stored θ and φ rotated {drawn}{reflected}"], [
            "geometry: a log map or transport that was wrong when stored (of the wrong sign, say) "
            "passes; give the mesh to have it recomputed"
        ]

    def _case(self, change: Element) -> Case:
        k = Element(*(part.to(self.nb.theta.device) for part in change))
        rows, columns = self.nb.target_vertex, self.nb.source_vertex
        reflects = (k.reflect[rows], k.reflect[columns]) if k.reflect.any() else ()
        nb = self.nb.change_gauge(k.gamma[rows], k.gamma[columns], *reflects)
        case = _layer_case(self._field, nb, self._vertex, change)
        return case if self.takes_neighborhoods else Case(case.args[:1], change, case.rows)


@dataclass(frozen=True)
class RandomField:
    """A fixed field of white noise, in any gauge.

    Attributes:
        field_type: its type.
        size: number of vertices.
        seed: of the noise.
        dtype, device: of the features that it returns; they are drawn and rotated in float64.
    """

    field_type: FieldType
    size: int
    seed: int
    dtype: torch.dtype
    device: torch.device

    def at(self, vertex: Rows, change: Element) -> Float[Tensor, "N dim"]:
        """(N, dim) the field at the given vertices, in the gauge that differs by k (V,)."""
        generator = torch.Generator().manual_seed(self.seed)
        shape = (self.size, self.field_type.dim)
        x = torch.randn(shape, generator=generator, dtype=torch.float64)
        x = act(self.field_type, x, change)
        return x[torch.from_numpy(vertex)].to(self.device, self.dtype)


def takes_neighborhoods(module: nn.Module) -> bool:
    """Whether `forward` takes a second positional argument, which is neighbourhoods then."""
    kinds = [p.kind for p in inspect.signature(module.forward).parameters.values()]
    positional = kinds.count(inspect.Parameter.POSITIONAL_OR_KEYWORD)
    positional += kinds.count(inspect.Parameter.POSITIONAL_ONLY)
    return positional > 1 or inspect.Parameter.VAR_POSITIONAL in kinds


def _layer_case(field: RandomField, nb: Neighborhoods, vertex: Rows, change: Element) -> Case:
    """The field on the sources, and the neighbourhoods in the field's precision."""
    sources = vertex[nb.source_vertex.cpu().numpy()]
    targets = vertex[nb.target_vertex.cpu().numpy()]
    args = (field.at(sources, change), nb.to(field.device, field.dtype))
    return Case(args, change, {"targets": targets, "sources": sources})
