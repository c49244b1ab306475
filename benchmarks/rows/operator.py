"""Rows about the convolution against message passing and the hardware: speed, memory, growth."""

from __future__ import annotations

import ctypes
import gc
import multiprocessing
import re
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks import reference_message_passing as reference
from benchmarks.harness import alternating_medians, median_seconds
from gaugeconv import neighborhoods, ops, shapes
from gaugeconv.errors import DataError
from gaugeconv.geometry import Neighborhoods
from gaugeconv.nn import GaugeConv

FIELD = "16x0 + 16x1 + 16x2"
EDGES = 2.95
"""Radius in mean edge lengths for about 32 neighbours on a sphere."""
Convolution = Callable[[Tensor, Tensor, Tensor, Neighborhoods, Any], Tensor]


def _problem(dtype: torch.dtype = torch.float32) -> tuple[GaugeConv, Neighborhoods, list[Tensor]]:
    """The layer, 10,242 vertices with about 32 neighbours, and features with the kernel."""
    torch.manual_seed(0)
    conv = GaugeConv(FIELD, FIELD, radial=3, bias=False).to(dtype)
    nb = neighborhoods(shapes.icosphere(5), edges=EDGES)
    x = torch.randn(nb.num_sources, conv.in_type.dim, dtype=dtype)
    inputs = [t.detach().clone().requires_grad_() for t in (x, *conv.kernel())]
    return conv, nb, inputs


def _gradients(
    convolve: Convolution, inputs: list[Tensor], nb: Neighborhoods, space: Any
) -> tuple[Tensor, ...]:
    """Output and gradients of the sum of squares."""
    y = convolve(*inputs, nb, space)
    return y, *torch.autograd.grad(y.square().sum(), inputs)


def operator_speed() -> dict[str, Any]:
    """GaugeConv against message passing, 10k vertices; to reach: ≥ 12× forward, ≥ 15× with backward."""
    figures: dict[str, Any] = {"threads": torch.get_num_threads()}
    for dtype in (torch.float64, torch.float32):
        conv, nb, inputs = _problem(dtype)
        ours, theirs = (
            _gradients(c, inputs, nb, conv.space) for c in (ops.convolve, reference.convolve)
        )
        name = str(dtype).removeprefix("torch.")
        figures[f"relative_difference_{name}"] = {
            what: float((a - b).detach().norm() / b.detach().norm())
            for what, a, b in zip(("y", "dx", "drings", "dcenter"), ours, theirs, strict=True)
        }
    figures["neighbors"] = nb.r.numel() / nb.num_targets
    sides: dict[str, Convolution] = {"ours": ops.convolve, "reference": reference.convolve}
    with torch.no_grad():
        forward = {n: partial(c, *inputs, nb, conv.space) for n, c in sides.items()}
        figures["forward_seconds"] = alternating_medians(forward, 5)
    both = {n: partial(_gradients, c, inputs, nb, conv.space) for n, c in sides.items()}
    figures["forward_backward_seconds"] = alternating_medians(both, 5)
    for part in ("forward", "forward_backward"):
        seconds = figures[f"{part}_seconds"]
        figures[f"{part}_ratio"] = seconds["reference"] / seconds["ours"]
    return figures


def operator_memory() -> dict[str, Any]:
    """Peak extra memory of the same, a process each; to reach: ≥ 10× less forward, ≥ 5× with backward."""
    figures: dict[str, Any] = {}
    for part in ("forward", "forward_backward"):
        for state in ("tables included", "tables there"):
            mb = {side: _peak_mb(side, part, state) for side in ("ours", "reference")}
            figures[f"{part}, {state}"] = {**mb, "ratio": mb["reference"] / mb["ours"]}
    return figures


def _peak_mb(side: str, part: str, state: str) -> float:
    """How much the resident memory of a fresh process grows at most."""
    if not Path("/proc/self/clear_refs").exists():
        raise DataError("peak memory is read from /proc, which this system has not")
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_measure_peak, args=(side, part, state, sender))
    process.start()
    grown = float(receiver.recv())
    process.join()
    return grown


def _measure_peak(side: str, part: str, state: str, sender: Any) -> None:
    """Runs once on something small, so that all is compiled, and then on the real thing."""
    convolve = ops.convolve if side == "ours" else reference.convolve
    conv, nb, inputs = _problem()
    small = neighborhoods(shapes.icosphere(2), edges=EDGES)
    few = [inputs[0][: small.num_sources].detach().requires_grad_(), *inputs[1:]]

    def run(inputs: list[Tensor], nb: Neighborhoods) -> None:
        if part == "forward":
            with torch.no_grad():
                convolve(*inputs, nb, conv.space)
        else:
            _gradients(convolve, inputs, nb, conv.space)

    run(few, small)
    if state == "tables there":
        run(inputs, nb)
    before = _settled_mb()
    run(inputs, nb)
    sender.send(_status_mb("VmHWM") - before)


def _settled_mb() -> float:
    """Resident memory without what is free; the peak starts anew."""
    gc.collect()
    if hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
        libc.malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    return _status_mb("VmRSS")


def _status_mb(name: str) -> float:
    found = re.search(rf"{name}:\s+(\d+)", Path("/proc/self/status").read_text())
    return float(found[1]) / 1024 if found else float("nan")


def operator_roofline() -> dict[str, Any]:
    """Forward time over operations / peak of torch.mm; to reach: ≤ 2.5× the bound.

    Directly after an operation of PyTorch its threads still spin on the cores, so the time is taken
    twice: after `torch.mm`, and after a forward pass.
    """
    conv, nb, inputs = _problem()
    a, b = torch.randn(2048, 2048), torch.randn(2048, 2048)

    def forward() -> None:
        ops.convolve(*inputs, nb, conv.space)

    with torch.no_grad():
        sides = {"mm": lambda: torch.mm(a, b), "after mm": forward, "forward": forward}
        seconds = alternating_medians(sides, 21)
    peak = 2 * 2048**3 / seconds["mm"]
    into, out = conv.in_type, conv.out_type
    parts = {block.order: 1 if block.order == 0 else 2 for block in out.blocks}
    aggregate = nb.r.numel() * into.dim * 3 * sum(parts.values())
    product = nb.num_targets * sum(
        3 * into.dim * parts[b.order] * (b.slice.stop - b.slice.start) for b in out.blocks
    )
    bound = 2 * (aggregate + product) / peak
    return {
        "threads": torch.get_num_threads(),
        "torch_mm_gflops": peak / 1e9,
        "aggregation_multiply_adds": aggregate,
        "product_multiply_adds": product,
        "bound_seconds": bound,
        "forward_seconds": seconds["forward"],
        "ratio_to_bound": seconds["forward"] / bound,
        "ratio_to_bound_after_mm": seconds["after mm"] / bound,
    }


def growth_operator() -> dict[str, Any]:
    """Forward time per vertex, torus of 20k … 1M vertices; to reach: within 1.5×."""
    figures: dict[str, Any] = {"microseconds_per_vertex": {}}
    conv = GaugeConv(FIELD, FIELD, radial=3)
    for around in (200, 632, 1414):
        mesh = shapes.torus(around, around // 2)
        nb = neighborhoods(mesh, edges=2.77, dtype=torch.float32, index_dtype=torch.int32)
        x = torch.randn(nb.num_sources, conv.in_type.dim)
        with torch.no_grad():
            seconds = median_seconds(partial(conv, x, nb), repeats=3)
        figures["microseconds_per_vertex"][mesh.num_vertices] = 1e6 * seconds / mesh.num_vertices
    per_vertex = figures["microseconds_per_vertex"].values()
    figures["spread"] = max(per_vertex) / min(per_vertex)
    return figures


def million_vertices() -> dict[str, Any]:
    """One convolution at 1,000,000 vertices, 35 neighbours: time and memory, tables kept or in blocks."""
    return {
        kept: _in_own_process(kept == "tables kept")
        for kept in ("tables kept", "blocks of targets")
    }


def _in_own_process(keep: bool) -> dict[str, float]:
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_convolve_a_million, args=(keep, sender))
    process.start()
    figures: dict[str, float] = receiver.recv()
    process.join()
    return figures


def _convolve_a_million(keep: bool, sender: Any) -> None:
    conv = GaugeConv(FIELD, FIELD, radial=3)
    mesh = shapes.torus(1414, 707)
    nb = neighborhoods(mesh, edges=2.77, dtype=torch.float32, index_dtype=torch.int32)
    x = torch.randn(nb.num_sources, conv.in_type.dim)
    before, times = _settled_mb(), []
    with torch.no_grad(), ops.use_table_memory(8 << 30 if keep else 64 << 20):
        for _ in range(3):
            start = time.perf_counter()
            conv(x, nb)
            times.append(time.perf_counter() - start)
    tensors = (nb.ptr, nb.target, nb.source, nb.r, nb.theta, nb.transport, nb.flip, nb.weight)
    sender.send(
        {
            "pairs": nb.r.numel(),
            "neighborhoods_gb": sum(t.numel() * t.element_size() for t in tensors) / 1e9,
            "features_gb": x.numel() * x.element_size() / 1e9,
            "peak_extra_gb": (_status_mb("VmHWM") - before) / 1024,
            "first_seconds": times[0],
            "seconds": statistics.median(times[1:]),
        }
    )


ROWS = (operator_speed, operator_memory, operator_roofline, growth_operator, million_vertices)
