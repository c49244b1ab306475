"""Rows that need a GPU."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import torch

from benchmarks.harness import median_seconds
from gaugeconv import FieldType, Neighborhoods, neighborhoods, ops, shapes
from gaugeconv.errors import DataError
from gaugeconv.ops.moments import product_layout
from gaugeconv.ops.tables import pair_tables
from gaugeconv.reps import KernelSpace


def gpu_operator() -> dict[str, Any]:
    """16×(0,1,2) → 16×(0,1,2), three rings, 200,000 vertices, 32 neighbours: Triton beside scatter."""
    if not torch.cuda.is_available() or find_spec("triton") is None:
        raise DataError("it needs a CUDA device and Triton")
    mesh = shapes.torus(632, 316)
    nb = neighborhoods(mesh, 2.64 * mesh.mean_edge_length).to("cuda", torch.float32)
    space = KernelSpace(*2 * [FieldType("16x0 + 16x1 + 16x2")], 3)
    shapes_of = (nb.num_sources, space.in_type.dim), space.rings_shape, (space.num_center,)
    torch.manual_seed(0)
    inputs = [torch.randn(s, device="cuda", requires_grad=True) for s in shapes_of]
    scatter = "torch-scatter" if find_spec("torch_scatter") else "torch"
    sides = {name: _Side(inputs, nb, space, name) for name in ("fused", scatter)}
    forward = alternate({name: side.forward for name, side in sides.items()})
    both = alternate({name: side.forward_backward for name, side in sides.items()})
    copy, moved = copy_bandwidth(), moved_bytes(nb, space)
    ours, theirs = (side.forward_backward() for side in sides.values())
    return {
        "device": torch.cuda.get_device_name(),
        "neighbors": nb.r.numel() / nb.num_targets,
        "scatter": scatter,
        "forward_seconds": forward,
        "forward_backward_seconds": both,
        "forward_ratio": forward[scatter] / forward["fused"],
        "forward_backward_ratio": both[scatter] / both["fused"],
        "peak_extra_bytes": {name: side.peak_extra_bytes() for name, side in sides.items()},
        "largest_relative_difference": max(
            float((a - b).abs().max() / b.abs().max()) for a, b in zip(ours, theirs, strict=True)
        ),
        "copy_bytes_per_second": copy,
        "moved_bytes": moved,
        "share_of_copy_bandwidth": sum(moved.values()) / forward["fused"] / copy,
    }


class _Side:
    """One backend's convolution, with its gradients."""

    def __init__(
        self,
        inputs: list[torch.Tensor],
        nb: Neighborhoods,
        space: KernelSpace,
        backend: ops.Backend,
    ) -> None:
        self.inputs, self.rest = inputs, (nb, space, backend)
        self.dy = inputs[0].detach().flip(0)

    def forward(self) -> torch.Tensor:
        with torch.no_grad():
            return ops.convolve(*self.inputs, *self.rest)

    def forward_backward(self) -> tuple[torch.Tensor, ...]:
        y = ops.convolve(*self.inputs, *self.rest)
        return y.detach(), *torch.autograd.grad(y, self.inputs, self.dy)

    def peak_extra_bytes(self) -> int:
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        self.forward_backward()
        return torch.cuda.max_memory_allocated() - before


def alternate(runs: dict[str, Callable[[], Any]], repeats: int = 15) -> dict[str, float]:
    """Median seconds on the GPU of each, taken in turns after three runs that compile and warm up."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for repeat in range(-3, repeats):
        for name, run in runs.items():
            torch.cuda.synchronize()
            start = time.perf_counter()
            run()
            torch.cuda.synchronize()
            if repeat >= 0:
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def copy_bandwidth() -> float:
    """Bytes per second that a copy of 1 GiB reads and writes."""
    source = torch.zeros(1 << 28, device="cuda")
    target = torch.zeros_like(source)

    def copy() -> None:
        target.copy_(source)
        torch.cuda.synchronize()

    return 2 * source.nbytes / median_seconds(copy, 15)


def moved_bytes(nb: Neighborhoods, space: KernelSpace) -> dict[str, int]:
    """What the two steps of a forward pass in float32 load and store, if no cache helped.

    A row of features for each pair, the tables once, the moments written and read, and the output.
    """
    width = product_layout(space.in_type, space.out_type, space.basis.num).width
    return {
        "features": nb.source.numel() * space.in_type.dim * 4,
        "tables": sum(table.nbytes for table in pair_tables(nb, space.basis, torch.float32)),
        "moments": 2 * nb.num_targets * width * 4,
        "output": nb.num_targets * space.out_type.dim * 4,
    }


ROWS = (gpu_operator,)
