"""Random neighbourhoods: any numbers are a valid geometry for the algebra of an operator."""

from __future__ import annotations

import math

import torch

from gaugeconv.geometry.neighborhoods import Neighborhoods


def random_neighborhoods(
    targets: int,
    sources: int | None = None,
    degree: int = 8,
    seed: int = 0,
    equal_degrees: bool = False,
) -> Neighborhoods:
    """Random pairs; without `sources`, targets are the sources and each row holds itself first."""
    g = torch.Generator().manual_seed(seed)
    own = sources is None
    num_sources = targets if sources is None else sources
    if equal_degrees:
        degrees = torch.full((targets,), degree)
    else:
        degrees = torch.randint(1 if own else 0, 2 * degree, (targets,), generator=g)
    pairs = int(degrees.sum())
    ptr = torch.zeros(targets + 1, dtype=torch.int64)
    ptr[1:] = degrees.cumsum(0)
    target = torch.repeat_interleave(torch.arange(targets), degrees)
    source = torch.randint(0, max(num_sources, 1), (pairs,), generator=g)
    radius = 1.7
    real = [torch.rand(pairs, generator=g, dtype=torch.float64) for _ in range(4)]
    r, theta, transport = radius * real[0].sqrt(), 2 * math.pi * real[1], 2 * math.pi * real[2]
    if own:
        first = ptr[:-1]
        source[first] = torch.arange(targets)
        r[first], theta[first], transport[first] = 0.0, 0.0, 0.0
    return Neighborhoods(
        ptr=ptr,
        target=target,
        source=source,
        r=r,
        theta=theta,
        transport=transport,
        flip=torch.zeros(pairs, dtype=torch.bool),
        weight=math.pi * radius**2 / degree * (0.5 + real[3]),
        radius=radius,
        num_sources=num_sources,
        target_vertex=torch.arange(targets),
        source_vertex=torch.arange(num_sources),
    )


def angles(count: int, seed: int) -> torch.Tensor:
    """Arbitrary angles, also beyond a full turn."""
    g = torch.Generator().manual_seed(seed)
    return 20 * (torch.rand(count, generator=g, dtype=torch.float64) - 0.5)
