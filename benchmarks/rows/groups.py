"""Rows about structure groups: how many kernels there are, and how well they obey their law."""

from __future__ import annotations

from typing import Any

import torch

from gaugeconv.reps import Element, FieldType, SteerableKernels, StructureGroup, irreps

GROUPS = ("C1", "D1", "C2", "C3", "C4", "C6", "C8", "D2", "D3", "D4", "D6", "SO2", "O2")
HIGHEST = 6


def _types(group: str) -> list[str]:
    """All irreps up to HIGHEST, vec, and for finite groups the regular type and a quotient."""
    names = [*(irrep.name for irrep in irreps(group, HIGHEST)), "vec"]
    whole = StructureGroup.of(group)
    if whole.is_finite:
        names += ["reg", f"quoC{whole.rotations}", *(["quoD1"] if whole.reflections else [])]
    return names


def _residual(space: SteerableKernels, dtype: torch.dtype, generator: torch.Generator) -> float:
    """The largest entry of K(kX) − η(k) K(X) ρ(k⁻¹) over the largest of K, at 100 random k and X."""
    count = 100
    rings = torch.randn(space.rings_shape, generator=generator, dtype=torch.float64).to(dtype)
    center = torch.randn(space.num_center, generator=generator, dtype=torch.float64).to(dtype)
    k = space.group.random(count, generator=generator)
    k = Element(k.gamma.to(dtype), k.reflect)
    rho = torch.rand(count, generator=generator).to(dtype)
    theta = (6.3 * torch.rand(count, generator=generator)).to(dtype)
    values = space.evaluate(rings, center, rho, theta)
    moved = space.evaluate(rings, center, rho, k.direction(theta))
    expected = space.out_type.action(*k) @ values @ space.in_type.action(*k.inverse())
    scale = values.abs().max()
    return float((moved - expected).abs().max() / scale) if scale > 0 else 0.0


def kernel_law() -> dict[str, Any]:
    """K(kX) = η(k) K(X) ρ(k⁻¹) for random k and X and every pair of types of every group."""
    generator = torch.Generator().manual_seed(0)
    figures = {}
    for group in GROUPS:
        types = [FieldType(name, group) for name in _types(group)]
        spaces = [SteerableKernels(a, b) for a in types for b in types]
        figures[group] = {
            "pairs": len(spaces),
            "float64": max(_residual(s, torch.float64, generator) for s in spaces),
            "float32": max(_residual(s, torch.float32, generator) for s in spaces),
        }
    return figures


def kernel_dimensions() -> dict[str, Any]:
    """Kernels on one ring, and intertwiners, from each type to itself at the default cut-off."""
    figures = {}
    for group in GROUPS:
        for name in _types(group):
            t = FieldType(name, group)
            space = SteerableKernels(t, t)
            figures[f"{group} {name}"] = {
                "components": t.dim,
                "cut_off": space.max_frequency,
                "on_a_ring": space.size,
                "at_the_centre": space.num_center,
                "angular_orders": len(space.orders),
            }
    return figures


ROWS = (kernel_law, kernel_dimensions)
