"""Random convolutions for as long as one likes, each against the readable reference.

`python -m benchmarks.soak --minutes 30` records what it found as `operator_soak`.
"""

from __future__ import annotations

import argparse
import gc
import math
import re
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch import Tensor

from benchmarks.harness import record
from gaugeconv import ops
from gaugeconv.geometry import Neighborhoods
from gaugeconv.ops import convolve_op
from gaugeconv.reps import KernelSpace

CHANNELS = (1, 1, 2, 3, 5, 8, 16, 31, 257)
DEGREES = (0, 1, 4, 12, 33, 500)
TOLERANCE = {torch.float64: 1e-12, torch.float32: 2e-5, torch.bfloat16: 0.03}
MOST_COORDINATES = 300_000
MOST_MESSAGES = 2_000_000  # numbers in the reference's messages


@dataclass
class Findings:
    """What a soak has seen so far."""

    cases: int = 0
    comparisons: int = 0
    mismatches: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    worst: dict[str, float] = field(default_factory=dict)
    resident_mb: list[float] = field(default_factory=list)

    def compare(
        self,
        case: str,
        dtype: torch.dtype,
        found: Tensor,
        expected: Tensor,
        rounded: Callable[[], Tensor] | None = None,
    ) -> None:
        """Notes how far two results are apart, relative to the largest entry.

        Args:
            case: what it is.
            dtype: of the computation that found one of them.
            found: the one.
            expected: the other, computed in float64.
            rounded: the reference computed in dtype. A sum that all but cancels has a large error in it,
                too, and what is at most four times as far off is no mismatch.
        """
        error = _relative_error(found, expected)
        name = str(dtype).removeprefix("torch.")
        self.comparisons += 1
        self.worst[name] = max(self.worst.get(name, 0.0), error)
        if error <= TOLERANCE[dtype]:
            return
        if rounded is None or not error <= 4 * _relative_error(rounded(), expected):
            self.mismatches.append(f"{case}: {error:.1e}")
        else:
            self.cancelled.append(f"{case}: {error:.1e}")


def _relative_error(found: Tensor, expected: Tensor) -> float:
    """The largest difference over the largest entry."""
    expected = expected.detach().double()
    difference = found.detach().double() - expected
    error, scale = (float(t.abs().max()) if t.numel() else 0.0 for t in (difference, expected))
    return error / scale if scale > 0 else error


def soak(minutes: float, seed: int = 0) -> dict[str, Any]:
    """Draws cases until the time is over."""
    rng, found = np.random.default_rng(seed), Findings()
    threads, end = torch.get_num_threads(), time.monotonic() + 60 * minutes
    while found.cases == 0 or time.monotonic() < end:
        torch.set_num_threads(int(rng.integers(1, 4)))
        _one_case(rng, found)
        found.cases += 1
        if found.cases % 25 == 1:
            gc.collect()
            found.resident_mb.append(_resident_mb())
    torch.set_num_threads(threads)
    settled = found.resident_mb[len(found.resident_mb) // 4 :]
    return {
        "minutes": minutes,
        "seed": seed,
        "cases": found.cases,
        "comparisons": found.comparisons,
        "mismatches": found.mismatches[:20],
        "as far off as the reference in the same precision": found.cancelled[:20],
        "worst_relative_difference": found.worst,
        "resident_mb_after_a_quarter": settled[0],
        "resident_mb_at_the_end": settled[-1],
    }


def _one_case(rng: np.random.Generator, found: Findings) -> None:
    """A random problem, its output and gradients in one of several ways."""
    space = _random_space(rng)
    nb = _random_neighborhoods(rng, max(space.in_type.dim, space.out_type.dim))
    dtype = list(TOLERANCE)[rng.integers(0, 3)]
    batch = [(), (1,), (3,)][rng.integers(0, 3)]
    generator = torch.Generator().manual_seed(int(rng.integers(2**31)))

    def draw(*shape: int) -> Tensor:
        values = torch.randn(shape, generator=generator, dtype=torch.float64)
        return values.to(dtype).double()  # the same numbers for both sides

    x = draw(*batch, nb.num_sources, space.in_type.dim)
    kernel = draw(*space.rings_shape), draw(space.num_center)
    dy = draw(*batch, nb.num_targets, space.out_type.dim)
    small = torch.float32 if dtype == torch.bfloat16 else dtype
    cast = [x.to(dtype), *(k.to(small) for k in kernel), dy.to(dtype)]
    with _ways(rng):
        fast = _gradients(*cast, nb, space)
    slow = _gradients(x, *kernel, dy, nb, space, "torch")
    case = f"case {found.cases}, {space.in_type} -> {space.out_type}, {nb.num_targets} targets"
    for k, (a, b) in enumerate(zip(fast, slow, strict=True)):
        rounded = partial(lambda k: _gradients(*cast, nb, space, "torch")[k], k)
        found.compare(f"{case}, {dtype}", dtype, a, b, rounded)
    with torch.no_grad(), ops.use_table_memory(int(rng.integers(1, 10**6))):
        blocks = ops.convolve(x, *kernel, nb, space, "fused")
    found.compare(f"{case}, blocks", torch.float64, blocks, slow[0])
    orders = tuple(sorted({int(n) for n in rng.integers(0, 5, 2)}))
    moments = [_moments(x, nb, space, orders, backend) for backend in ("fused", "torch")]
    for a, b in zip(*moments, strict=True):
        found.compare(f"{case}, moments {orders}", torch.float64, a, b)


def _ways(rng: np.random.Generator) -> ExitStack:
    """Makes the operation go one of its ways, whatever the sizes."""
    forward, backward = (bool(way) for way in rng.integers(0, 2, 2))
    stack = ExitStack()
    for name, way in (("forward_transforms", forward), ("backward_transforms", backward)):
        stack.enter_context(mock.patch.object(convolve_op, name, lambda *_, way=way: way))
    return stack


def _gradients(
    x: Tensor,
    rings: Tensor,
    center: Tensor,
    dy: Tensor,
    nb: Neighborhoods,
    space: KernelSpace,
    backend: ops.Backend = "fused",
) -> tuple[Tensor, ...]:
    inputs = [t.clone().requires_grad_() for t in (x, rings, center)]
    y = ops.convolve(*inputs, nb, space, backend)
    return y, *torch.autograd.grad(y, inputs, dy)


def _moments(
    x: Tensor, nb: Neighborhoods, space: KernelSpace, orders: tuple[int, ...], backend: ops.Backend
) -> tuple[Tensor, Tensor]:
    """Moments of a few channels and the gradient of their squares."""
    x = x.clone().requires_grad_()
    m = ops.aggregate(x, nb, space.basis, space.in_type, orders, backend)
    return m, *torch.autograd.grad(m.square().sum(), x)


def _random_space(rng: np.random.Generator) -> KernelSpace:
    """Any types, but that layouts of large ones are kept by the library and would fill the memory."""
    while True:
        space = KernelSpace(_random_type(rng), _random_type(rng), int(rng.integers(1, 6)))
        if math.prod(space.rings_shape) <= MOST_COORDINATES:
            return space


def _random_type(rng: np.random.Generator) -> str:
    terms = [f"{rng.choice(CHANNELS)}x{rng.integers(0, 5)}" for _ in range(rng.integers(1, 4))]
    return " + ".join(terms)


def _random_neighborhoods(rng: np.random.Generator, width: int) -> Neighborhoods:
    """Any numbers are a geometry. Rows may be empty; targets may be sources, or one vertex alone."""
    degree = int(rng.choice(DEGREES))
    most = max(1, MOST_MESSAGES // (width * max(1, degree)))
    targets = int(rng.choice([0, 1, rng.integers(1, 1 + min(700, most))]))
    sources = targets if rng.integers(0, 2) else int(rng.integers(1, 300))
    degrees = rng.integers(0, 2 * degree + 1, targets) if sources else np.zeros(targets, np.int64)
    pairs, radius = int(degrees.sum()), float(rng.uniform(0.01, 100))
    angle = torch.from_numpy(rng.uniform(-20, 20, (2, pairs)))
    ptr = torch.from_numpy(np.concatenate(([0], np.cumsum(degrees))))
    share = rng.uniform(0, 2, pairs) * math.pi * radius**2 / max(1, degree)
    return Neighborhoods(
        ptr=ptr,
        target=torch.repeat_interleave(torch.arange(targets), ptr.diff()),
        source=torch.from_numpy(rng.integers(0, max(1, sources), pairs)),
        r=torch.from_numpy(radius * np.sqrt(rng.choice([0, 1], pairs) * rng.random(pairs))),
        theta=angle[0],
        transport=angle[1],
        flip=torch.zeros(pairs, dtype=torch.bool),
        weight=torch.from_numpy(share),
        radius=radius,
        num_sources=sources,
        target_vertex=torch.arange(targets),
        source_vertex=torch.arange(sources),
    )


def _resident_mb() -> float:
    """Memory that this process holds now; nan where the system does not tell."""
    status = Path("/proc/self/status")
    found = re.search(r"VmRSS:\s+(\d+)", status.read_text()) if status.exists() else None
    return float(found[1]) / 1024 if found else math.nan


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0, help="how long (default: 30)")
    parser.add_argument("--seed", type=int, default=0, help="of the cases (default: 0)")
    args = parser.parse_args()
    figures = soak(args.minutes, args.seed)
    record("operator_soak", figures)
    sys.exit(1 if figures["mismatches"] else 0)


if __name__ == "__main__":
    main()
