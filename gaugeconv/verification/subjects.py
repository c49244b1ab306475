"""What is verified: a module with the inputs that one gauge after another gives it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Int64
from torch import nn

from gaugeconv.errors import FieldTypeError
from gaugeconv.geometry import Frames
from gaugeconv.geometry.frames import frames_on
from gaugeconv.mesh import TriMesh
from gaugeconv.reps import Element, FieldType, StructureGroup
from gaugeconv.verification.gauges import draw_elements, frames_changed_by, gauge_change
from gaugeconv.verification.rebuilt import Rebuilt, moved, rebuilt, unchanged
from gaugeconv.verification.structures import all_neighborhoods
from gaugeconv.verification.wording import Claim, scope_on_mesh

Rows = Int64[np.ndarray, " N"]

VERTICES, FACES = "vertices", "faces"


@dataclass(frozen=True, eq=False)
class Case:
    """A module's input in one gauge.

    Attributes:
        args: what the module is called with.
        change: (V,) elements k by vertex of the reference mesh: components are k times the reference's.
        rows: what the rows of a feature may stand for: name → (N,) vertices of the reference mesh
            (under FACES: faces of it).
    """

    args: tuple[Any, ...]
    change: Element
    rows: dict[str, Rows]


class Subject(ABC):
    """A module and everything that is needed to present it with another gauge.

    Attributes:
        module: the module.
        group: what changes of gauge are drawn from.
        out_type: type of its output; None where the output is invariant.
        output_rows: names of the row sets that the output may live on.
        surface: where it is verified, in words.
    """

    module: nn.Module
    group: StructureGroup
    out_type: FieldType | None
    output_rows: tuple[str, ...]
    surface: str

    @abstractmethod
    def reference(self) -> Case:
        """The input in the reference gauge, k = 1."""

    @abstractmethod
    def sample(self, rng: np.random.Generator) -> Case:
        """The same input in a random gauge."""

    @abstractmethod
    def turned(self, rng: np.random.Generator) -> Case | None:
        """The input in a random gauge on the arrays as they are, where samples rebuild them."""

    @abstractmethod
    def scope(self) -> tuple[list[str], list[str]]:
        """What samples put to the test, and what they do not, in words."""


class MeshSubject(Subject):
    """A module that is verified from the mesh on: geometry is recomputed for every sample.

    Args:
        module: the module.
        mesh: the surface; one-sided ones for groups with reflections.
        claim: what samples change: the frames, the numbering, the place, the place and the handedness.
        group: what changes of gauge are drawn from.
        frames: the reference gauge; canonical frames when None.

    Raises:
        NonOrientableError: a one-sided mesh, and a group without reflections.
        MeshError: frames of another mesh.
        StructureGroupError: frames that oppose the winding, and a group without reflections.
    """

    def __init__(
        self,
        module: nn.Module,
        mesh: TriMesh,
        claim: Claim,
        group: StructureGroup,
        frames: Frames | None = None,
    ) -> None:
        if not group.reflections:
            _ = mesh.halfedges
        self.module, self.mesh, self.claim, self.group = module, mesh, claim, group
        self._frames = frames_on(mesh, frames, mirrored=group.reflections)
        self._given = frames is not None
        self.surface = repr(mesh)

    def reference(self) -> Case:
        """The reference gauge on the mesh as it is."""
        identity = self.group.identity(self.mesh.num_vertices)
        return self._case(unchanged(self.mesh), self._frames, identity)

    def sample(self, rng: np.random.Generator) -> Case:
        """The surface in another guise, with other frames if that is the claim.

        Otherwise frames are taken as they come: those of SO(2) and O(2) are canonical ones, and those of
        a finite group, for which the gauge is part of the input, stay where they are. On a mirrored
        surface frames follow its new winding, and so differ from those carried along by a reflection.
        """
        if self.claim == "gauge":
            return self._redrawn(rebuilt(self.mesh, rng, relabel=False), rng)
        if self.claim == "relabelling":
            surface = rebuilt(self.mesh, rng, relabel=True)
        else:
            surface = moved(self.mesh, rng, mirrored=self.claim == "mirror")
        if self.group.is_finite:
            same = self.group.identity(self.mesh.num_vertices)
            k = Element(same.gamma, same.reflect | surface.reverses)
            return self._case(surface, frames_changed_by(k, self._frames, surface), k)
        frames = Frames.canonical(surface.mesh)
        return self._case(surface, frames, gauge_change(self._frames, frames, surface))

    def turned(self, rng: np.random.Generator) -> Case | None:
        """Other frames on the mesh as it is; None unless frames are what is claimed not to matter."""
        return self._redrawn(unchanged(self.mesh), rng) if self.claim == "gauge" else None

    def scope(self) -> tuple[list[str], list[str]]:
        """In words."""
        return scope_on_mesh(self.claim, self.group, self.mesh, self._given)

    def _redrawn(self, surface: Rebuilt, rng: np.random.Generator) -> Case:
        """The surface with frames that differ from the reference by random elements."""
        k = draw_elements(self.group, self.mesh.num_vertices, rng)
        return self._case(surface, frames_changed_by(k, self._frames, surface), k)

    @abstractmethod
    def _case(self, surface: Rebuilt, frames: Frames, change: Element) -> Case:
        """The module's input on a rebuilt mesh in the given frames."""


class PreparedSubject(MeshSubject):
    """A whole network: module(module.prepare(mesh, frames)).

    Args:
        module: the network; its output is invariant unless it has an `out_type`, which as a string is of
            the group.
        mesh, claim, group, frames: see MeshSubject.
        output: the row set of the output, where it is known.
    """

    def __init__(
        self,
        module: nn.Module,
        mesh: TriMesh,
        claim: Claim,
        group: StructureGroup,
        frames: Frames | None,
        output: str | None,
    ) -> None:
        super().__init__(module, mesh, claim, group, frames)
        self.out_type = _promised(module, group)
        self.output_rows = (FACES, VERTICES) if output is None else (output,)

    def scope(self) -> tuple[list[str], list[str]]:
        """In words."""
        checked, not_checked = super().scope()
        return [*checked, "geometry and input features recomputed by the module"], not_checked

    def _case(self, surface: Rebuilt, frames: Frames, change: Element) -> Case:
        inputs: Any = self.module.prepare(surface.mesh, frames)  # type: ignore[operator]
        if callable(getattr(inputs, "to", None)):
            inputs = inputs.to(precision(self.module)[1])
        rows = {VERTICES: surface.vertex, FACES: surface.face}
        for path, nb in all_neighborhoods(inputs).items():
            rows[f"targets of inputs{path}"] = surface.vertex[nb.target_vertex.cpu().numpy()]
            rows[f"sources of inputs{path}"] = surface.vertex[nb.source_vertex.cpu().numpy()]
        return Case((inputs,), change, rows)


def precision(module: nn.Module) -> tuple[torch.dtype, torch.device]:
    """Dtype and device of the module's real numbers; float64 on the CPU where it has none."""
    for tensor in (*module.parameters(), *module.buffers()):
        if tensor.is_floating_point():
            return tensor.dtype, tensor.device
    return torch.float64, torch.device("cpu")


def _promised(module: nn.Module, group: StructureGroup) -> FieldType | None:
    """The type that a network says its output is of.

    Raises:
        FieldTypeError: it says something else.
    """
    found = getattr(module, "out_type", None)
    if isinstance(found, str):
        return FieldType(found, group)
    if found is None or isinstance(found, FieldType):
        return found
    raise FieldTypeError(
        f"out_type of {type(module).__name__} is {found!r}: a field type like '8x0 + 4x1' is needed"
    )
