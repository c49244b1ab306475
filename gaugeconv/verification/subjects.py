"""What is verified: a module with the inputs that one gauge after another gives it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Float64, Int64
from torch import nn

from gaugeconv.geometry import Frames
from gaugeconv.mesh import TriMesh
from gaugeconv.reps import FieldType
from gaugeconv.verification.rebuilt import Rebuilt, gauge_angle, rebuilt, unchanged
from gaugeconv.verification.structures import all_neighborhoods

Rows = Int64[np.ndarray, " N"]

VERTICES, FACES = "vertices", "faces"


@dataclass(frozen=True, eq=False)
class Case:
    """A module's input in one gauge.

    Attributes:
        args: what the module is called with.
        gamma: (V,) angle γ from the reference gauge, by vertex of the reference mesh.
        rows: what the rows of a feature may stand for: name → (N,) vertices of the reference mesh
            (under FACES: faces of it).
    """

    args: tuple[Any, ...]
    gamma: Float64[np.ndarray, " V"]
    rows: dict[str, Rows]


class Subject(ABC):
    """A module and everything that is needed to present it with another gauge.

    Attributes:
        module: the module.
        out_type: type of its output; None where the output is invariant.
        output_rows: names of the row sets that the output may live on.
        surface: where it is verified, in words.
    """

    module: nn.Module
    out_type: FieldType | None
    output_rows: tuple[str, ...]
    surface: str

    @abstractmethod
    def reference(self) -> Case:
        """The input in the reference gauge, γ = 0."""

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
        mesh: the surface.
        relabel: whether samples number the vertices anew in place of turning the canonical frames.
    """

    def __init__(self, module: nn.Module, mesh: TriMesh, relabel: bool) -> None:
        self.module, self.mesh, self.relabel = module, mesh, relabel
        self.surface = repr(mesh)

    def reference(self) -> Case:
        """Canonical frames on the mesh as it is."""
        return self._case(unchanged(self.mesh), self._frames, np.zeros(self.mesh.num_vertices))

    def sample(self, rng: np.random.Generator) -> Case:
        """Frames drawn on a rebuilt mesh: canonical ones, turned at random unless relabelling."""
        surface = rebuilt(self.mesh, rng, self.relabel)
        frames = Frames.canonical(surface.mesh)
        if not self.relabel:
            frames = frames.rotated(random_angles(rng, self.mesh.num_vertices))
        return self._case(surface, frames, gauge_angle(self._frames, frames, surface))

    def turned(self, rng: np.random.Generator) -> Case | None:
        """Canonical frames turned at random, the mesh as it is; None when relabelling."""
        if self.relabel:
            return None
        frames, surface = self._frames, unchanged(self.mesh)
        frames = frames.rotated(random_angles(rng, self.mesh.num_vertices))
        return self._case(surface, frames, gauge_angle(self._frames, frames, surface))

    def scope(self) -> tuple[list[str], list[str]]:
        """In words."""
        shuffled = "faces shuffled, their corners rotated"
        if self.relabel:
            drawn = f"vertices numbered anew, {shuffled}, canonical frames recomputed"
        else:
            drawn = f"frames redrawn at arbitrary angles on rebuilt arrays ({shuffled})"
        if self.mesh.has_positions:
            return [drawn, "angles between gauges measured in space, from e1 and e2"], []
        return [drawn, "angles between gauges measured from the directions of edges"], [
            "the link of intrinsic to extrinsic angles: an intrinsic mesh does not lie in space"
        ]

    @cached_property
    def _frames(self) -> Frames:
        return Frames.canonical(self.mesh)

    @abstractmethod
    def _case(self, surface: Rebuilt, frames: Frames, gamma: Float64[np.ndarray, " V"]) -> Case:
        """The module's input on a rebuilt mesh in the given frames."""


class PreparedSubject(MeshSubject):
    """A whole network: module(module.prepare(mesh, frames)).

    Args:
        module: the network; its output is invariant unless it has an `out_type`.
        mesh, relabel: see MeshSubject.
        output: the row set of the output, where it is known.
    """

    def __init__(self, module: nn.Module, mesh: TriMesh, relabel: bool, output: str | None) -> None:
        super().__init__(module, mesh, relabel)
        out_type = getattr(module, "out_type", None)
        self.out_type = out_type if isinstance(out_type, FieldType) else None
        self.output_rows = (FACES, VERTICES) if output is None else (output,)

    def scope(self) -> tuple[list[str], list[str]]:
        """In words."""
        checked, not_checked = super().scope()
        return [*checked, "geometry and input features recomputed by the module"], not_checked

    def _case(self, surface: Rebuilt, frames: Frames, gamma: Float64[np.ndarray, " V"]) -> Case:
        inputs: Any = self.module.prepare(surface.mesh, frames)  # type: ignore[operator]
        if callable(getattr(inputs, "to", None)):
            inputs = inputs.to(precision(self.module)[1])
        rows = {VERTICES: surface.vertex, FACES: surface.face}
        for path, nb in all_neighborhoods(inputs).items():
            rows[f"targets of inputs{path}"] = surface.vertex[nb.target_vertex.cpu().numpy()]
            rows[f"sources of inputs{path}"] = surface.vertex[nb.source_vertex.cpu().numpy()]
        return Case((inputs,), gamma, rows)


def random_angles(rng: np.random.Generator, count: int) -> Float64[np.ndarray, " V"]:
    """Uniform in (−π, π): arbitrary angles, not multiples of anything."""
    return rng.uniform(-np.pi, np.pi, count)


def precision(module: nn.Module) -> tuple[torch.dtype, torch.device]:
    """Dtype and device of the module's real numbers; float64 on the CPU where it has none."""
    for tensor in (*module.parameters(), *module.buffers()):
        if tensor.is_floating_point():
            return tensor.dtype, tensor.device
    return torch.float64, torch.device("cpu")
