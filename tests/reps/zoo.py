"""The structure groups that tests run over, and representations of each."""

from __future__ import annotations

import torch

from gaugeconv.reps import Element, StructureGroup, irreps

FINITE = [f"C{n}" for n in (1, 2, 3, 4, 5, 6, 8)] + [f"D{n}" for n in range(1, 7)]
GROUPS = ["SO2", "O2", *FINITE]
HIGHEST = 6


def subgroups(group: str) -> list[str]:
    """Names of the subgroups of a finite group that are C or D groups."""
    whole = StructureGroup.of(group)
    names = [f"{kind}{n}" for kind in "CD" for n in range(1, whole.rotations + 1)]
    return [name for name in names if StructureGroup.of(name).is_subgroup_of(whole)]


def irrep_names(group: str) -> list[str]:
    return [irrep.name for irrep in irreps(group, HIGHEST)]


def names(group: str) -> list[str]:
    """All irreps up to HIGHEST, vec, and what finite groups have besides."""
    if group not in FINITE:
        return [*irrep_names(group), "vec"]
    quotients = [f"quo{name}" for name in subgroups(group) if name not in ("C1", group)]
    return [*irrep_names(group), "vec", "reg", *quotients]


def draw(group: str, count: int, seed: int) -> Element:
    """Random elements; of SO2 and O2 also angles beyond one turn."""
    k = StructureGroup.of(group).random(count, generator=torch.Generator().manual_seed(seed))
    return Element(3 * k.gamma, k.reflect) if group not in FINITE else k


def normal(*shape: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)
