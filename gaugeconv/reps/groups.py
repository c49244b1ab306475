"""Structure groups: the subgroups of O(2) that changes of frame may be taken from.

Every element is k = R(γ) S^s with the counter-clockwise rotation R(γ) and the reflection
S = diag(1, −1), which keeps the first frame vector. The groups are C_N (N rotations; C_1 = {e}), D_N
(the same and their products with S; D_1 is the reflection group), SO(2) and O(2).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int64
from torch import Tensor

from gaugeconv.errors import StructureGroupError
from gaugeconv.reps.elements import Element

_ALIASES = {"e": "C1", "trivial": "C1", "reflection": "D1"}
_FINITE = re.compile(r"([CD])([1-9]\d*)")


@dataclass(frozen=True)
class StructureGroup:
    """A subgroup of O(2): C_N, D_N, SO(2) or O(2). Make one by `StructureGroup.of("D4")`.

    Attributes:
        rotations: N, the number of rotations; 0 for all of them.
        reflections: whether S belongs to the group.
    """

    rotations: int
    reflections: bool

    @classmethod
    def of(cls, group: str | StructureGroup) -> StructureGroup:
        """The group of a name: "SO2", "O2", "C4", "D4"; also "trivial", "e" (C1), "reflection" (D1).

        Raises:
            StructureGroupError: no such name.
        """
        if isinstance(group, StructureGroup):
            return group
        name = _ALIASES.get(group, group)
        if name in ("SO2", "O2"):
            return cls(0, name == "O2")
        match = _FINITE.fullmatch(name)
        if match is None:
            raise StructureGroupError(
                f"there is no structure group {group!r}: use 'SO2', 'O2', or 'C4', 'D4' with any "
                "number of rotations ('C1' is trivial, 'D1' the reflection group)"
            )
        return cls(int(match[2]), match[1] == "D")

    @property
    def name(self) -> str:
        """What `of` makes the group from."""
        if self.is_finite:
            return f"{'D' if self.reflections else 'C'}{self.rotations}"
        return "O2" if self.reflections else "SO2"

    def __str__(self) -> str:
        return self.name

    @property
    def is_finite(self) -> bool:
        """Whether it is one of C_N and D_N."""
        return self.rotations > 0

    @property
    def size(self) -> int:
        """Number of elements of a finite group.

        Raises:
            StructureGroupError: the group is SO(2) or O(2).
        """
        if not self.is_finite:
            raise StructureGroupError(f"{self} has infinitely many elements")
        return self.rotations * (1 + self.reflections)

    def is_subgroup_of(self, other: StructureGroup) -> bool:
        """Whether every element of this group belongs to the other."""
        if self.reflections and not other.reflections:
            return False
        if not other.is_finite:
            return True
        return self.is_finite and other.rotations % self.rotations == 0

    def identity(self, *shape: int, dtype: torch.dtype = torch.float64) -> Element:
        """The neutral element, repeated to a batch shape."""
        return Element.of(torch.zeros(shape, dtype=dtype))

    def elements(self, dtype: torch.dtype = torch.float64) -> Element:
        """All elements of a finite group: rotations by 2πj/N, j = 0 … N − 1, then the same times S.

        Raises:
            StructureGroupError: the group is SO(2) or O(2).
        """
        if not self.is_finite:
            raise StructureGroupError(f"{self} has infinitely many elements")
        return self._evenly(self.rotations, dtype)

    def samples(self, frequency: int, dtype: torch.dtype = torch.float64) -> Element:
        """Elements whose plain mean is the invariant mean of functions up to an angular frequency.

        All elements of a finite group; evenly spaced ones of SO(2) and O(2).
        """
        return self._evenly(self.rotations or frequency + 1, dtype)

    def _evenly(self, count: int, dtype: torch.dtype) -> Element:
        """`count` rotations and, in a group with reflections, their products with S."""
        gamma = torch.arange(count, dtype=dtype) * (2 * math.pi / count)
        reflect = torch.zeros(count, dtype=torch.bool)
        if not self.reflections:
            return Element(gamma, reflect)
        return Element(gamma.repeat(2), torch.cat((reflect, ~reflect)))

    def generators(self) -> Element:
        """Elements that generate the group: a rotation and, where it belongs, S.

        For SO(2) and O(2) the rotation is by 1 radian, whose powers are dense.
        """
        gamma = 2 * math.pi / self.rotations if self.is_finite else 1.0
        if not self.reflections:
            return Element.of(torch.tensor([gamma], dtype=torch.float64))
        return Element(torch.tensor([gamma, 0.0], dtype=torch.float64), torch.tensor([False, True]))

    def random(
        self,
        *shape: int,
        generator: torch.Generator | None = None,
        dtype: torch.dtype = torch.float64,
    ) -> Element:
        """Elements drawn uniformly (by the invariant measure)."""
        gamma = torch.rand(shape, generator=generator, dtype=dtype) * (2 * math.pi)
        if self.is_finite:
            turns = torch.randint(self.rotations, shape, generator=generator)
            gamma = turns.to(dtype) * (2 * math.pi / self.rotations)
        if not self.reflections:
            return Element.of(gamma)
        return Element(gamma, torch.randint(2, shape, generator=generator).bool())

    def contains(self, element: Element, atol: float = 1e-9) -> Bool[Tensor, "*batch"]:
        """Whether elements of O(2) belong to the group, their angles within `atol` radians."""
        allowed = torch.ones_like(element.reflect)
        if not self.reflections:
            allowed = ~element.reflect
        if self.is_finite:
            allowed = allowed & ((element.gamma - self._nearest(element.gamma)).abs() <= atol)
        return allowed

    def snap(self, element: Element) -> Element:
        """The nearest elements that reflect or not as they do; SO(2) and O(2) leave angles as they are.

        Multiplying by rotations of the group commutes with snapping (halves round up, always), so a
        snapped transport is covariant under changes of gauge that lie in the group. For D_N this
        holds but for angles exactly half-way.

        Raises:
            StructureGroupError: an element reflects, and the group does not.
        """
        if not self.reflections and bool(element.reflect.any()):
            count = int(element.reflect.sum())
            raise StructureGroupError(
                f"{count} of {element.reflect.numel()} elements reflect, but {self} has no "
                "reflection: use O2, D1 or a D group"
            )
        return Element(self._nearest(element.gamma), element.reflect)

    def member(self, element: Element) -> Element:
        """The element, rid of rounding; for what must not be used outside of its group.

        Raises:
            StructureGroupError: an element does not belong to the group (up to rounding of its dtype).
        """
        if not self.is_finite and self.reflections:
            return element
        atol = 1e-9 if element.gamma.dtype == torch.float64 else 1e-4
        inside = self.contains(element, atol)
        if not bool(inside.all()):
            where = torch.nonzero(~inside.flatten())[0, 0]
            raise StructureGroupError(
                f"{int((~inside).sum())} of {inside.numel()} elements are not in {self}, first "
                f"number {int(where)}: angle {float(element.gamma.flatten()[where]):.6g}, reflection "
                f"{bool(element.reflect.flatten()[where])}; snap them, or use a larger group"
            )
        return self.snap(element)

    def index(self, element: Element) -> Int64[Tensor, "*batch"]:
        """Places of elements of a finite group in the list `elements()`.

        Raises:
            StructureGroupError: an element does not belong, or the group is SO(2) or O(2).
        """
        last = self.rotations * element.reflect.long()
        turns = self.member(element).gamma * (self.rotations / (2 * math.pi))
        if not self.is_finite:
            raise StructureGroupError(f"{self} has infinitely many elements")
        return turns.round().long() % self.rotations + last

    def _nearest(self, gamma: Tensor) -> Tensor:
        """Angles of the group next to the given ones."""
        if not self.is_finite:
            return gamma
        step = 2 * math.pi / self.rotations
        return torch.floor(gamma / step + 0.5) * step
