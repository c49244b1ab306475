"""The bundle point of view: frames, feature maps on them, sections, and horizontal lifts.

A frame p at a vertex x is told by the element k of the structure group that makes it from the frame
σ(x) of a reference gauge, p = σ(x) ◁ k; as a matrix of two vectors it is σ(x) times the matrix of k. What
layers see, arrays of components in one gauge, is here only a way to store things (Gerken et al. 2021,
section 2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, Int64
from torch import Tensor

from gaugeconv.errors import FieldTypeError, StructureGroupError
from gaugeconv.geometry.frames import Frames
from gaugeconv.geometry.transport import parallel_transport
from gaugeconv.reps.elements import Element
from gaugeconv.reps.field_type import FieldType


@dataclass(frozen=True, eq=False)
class BundleFrame:
    """Frames p = σ(x) ◁ k, of any batch shape: points of the frame bundle P.

    Attributes:
        vertex: (*batch) the vertices x = π(p).
        element: k, relative to a reference gauge σ.
    """

    vertex: Int64[Tensor, "*batch"]
    element: Element

    @classmethod
    def reference(cls, num_vertices: int) -> BundleFrame:
        """The reference gauge itself: σ(x) at every vertex."""
        zero = torch.zeros(num_vertices, dtype=torch.float64)
        return cls(torch.arange(num_vertices), Element.of(zero))

    def right(self, k: Element) -> BundleFrame:
        """P ◁ k, the right action of the group on frames."""
        return BundleFrame(self.vertex, self.element @ k)

    def to(self, other: BundleFrame) -> Element:
        """The k with other = p ◁ k.

        Raises:
            StructureGroupError: the frames are at different vertices, so that there is none.
        """
        if not torch.equal(self.vertex, other.vertex):
            raise StructureGroupError("frames at different vertices differ by no group element")
        return self.element.inverse() @ other.element

    def vectors(self, frames: Frames) -> Float64[Tensor, "*batch 3 2"]:
        """The two vectors of each frame in space, as columns; `frames` is the reference gauge."""
        both = torch.from_numpy(np.stack((frames.e1, frames.e2), axis=-1))
        return both[self.vertex] @ self.element.matrix()


@dataclass(frozen=True, eq=False)
class FeatureMap:
    """A function on frames with f(p ◁ k⁻¹) = k ▷ f(p): an element of C(P, ρ).

    Attributes:
        field_type: ρ.
        values: (V, dim) what it is at the reference gauge's frames; they determine it.
    """

    field_type: FieldType
    values: Float[Tensor, "V dim"]

    def __call__(self, p: BundleFrame) -> Float[Tensor, "*batch dim"]:
        """f(p), for p = σ(x) ◁ k it is k⁻¹ ▷ f(σ(x)).

        Raises:
            StructureGroupError: a frame does not belong to the bundle of the type's group.
        """
        matrix = self.field_type.action(*p.element.inverse())
        return torch.einsum("...ij,...j->...i", matrix.to(self.values), self.values[p.vertex])


@dataclass(frozen=True, eq=False)
class AssociatedVectors:
    """Classes [p, v] of the associated bundle, where (p, v) ~ (p ◁ k, k⁻¹ ▷ v).

    Attributes:
        field_type: ρ, how k acts on v.
        frame, value: any representative (p, v), of one batch shape.
    """

    field_type: FieldType
    frame: BundleFrame
    value: Float[Tensor, "*batch dim"]

    def value_in(self, frame: BundleFrame) -> Float[Tensor, "*batch dim"]:
        """The v with [frame, v] = self: what the vector is in other frames of its vertices.

        Raises:
            StructureGroupError: the frames are at other vertices.
        """
        back = self.field_type.action(*self.frame.to(frame).inverse())
        return torch.einsum("...ij,...j->...i", back.to(self.value), self.value)

    def same_as(self, other: AssociatedVectors, atol: float = 1e-12) -> Bool[Tensor, "*batch"]:
        """Whether the classes are equal, whatever their representatives."""
        difference = self.value_in(other.frame) - other.value
        return difference.abs().amax(dim=-1) <= atol


@dataclass(frozen=True, eq=False)
class Section:
    """A section of the associated bundle: a vector [p, v] at every vertex.

    Attributes:
        vectors: the vectors at vertices 0 … V − 1, by representatives in any frames.
    """

    vectors: AssociatedVectors

    def __call__(self, vertex: Int64[Tensor, "*batch"]) -> AssociatedVectors:
        """The vectors at some vertices."""
        at = self.vectors
        element = Element(at.frame.element.gamma[vertex], at.frame.element.reflect[vertex])
        frame = BundleFrame(at.frame.vertex[vertex], element)
        return AssociatedVectors(at.field_type, frame, at.value[vertex])


def section_of(f: FeatureMap, gauge: BundleFrame) -> Section:
    """σ_f: x ↦ [p, f(p)] for any frame p at x; all gauges give the same section.

    Args:
        f: a feature map.
        gauge: one frame per vertex, in the order of the vertices.

    Raises:
        FieldTypeError: the gauge is not one frame per vertex.
    """
    if not torch.equal(gauge.vertex, torch.arange(len(f.values))):
        raise FieldTypeError(f"a gauge has one frame for each of the {len(f.values)} vertices")
    return Section(AssociatedVectors(f.field_type, gauge, f(gauge)))


def feature_map_of(section: Section) -> FeatureMap:
    """f_σ: p ↦ the v with [p, v] = σ(π(p)), the inverse of `section_of`."""
    vectors = section.vectors
    gauge = BundleFrame.reference(len(vectors.value))
    return FeatureMap(vectors.field_type, vectors.value_in(gauge))


def horizontal_lift(frames: Frames, start: BundleFrame, path: Sequence[int]) -> list[BundleFrame]:
    """The frames along a path of edges that parallel transport makes from the first one.

    T(p ◁ k) = T(p) ◁ k for every k: transport is equivariant. A closed path need not come back to p, but
    to p ◁ (its holonomy).

    Args:
        frames: the reference gauge.
        start: frames at the first vertex of the path.
        path: vertices, consecutive ones joined by an edge.

    Returns:
        Frames at every vertex of the path, the last of them T(p).

    Raises:
        MeshError: the path is none.
        StructureGroupError: the frames are not at the path's first vertex.
    """
    if not bool((start.vertex == path[0]).all()):
        raise StructureGroupError(f"the path starts at vertex {path[0]}, the frames elsewhere")
    lifted = [start]
    for here, there in pairwise(path):
        phi = parallel_transport(frames.mesh, [there, here], frames)
        transport = Element.of(torch.full_like(start.element.gamma, phi))
        element = transport @ lifted[-1].element
        lifted.append(BundleFrame(torch.full_like(start.vertex, there), element))
    return lifted
