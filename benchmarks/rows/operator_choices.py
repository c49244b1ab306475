"""Rows that justify choices of the convolution, and show where a training step spends its time."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from functools import partial
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch import Tensor

from benchmarks.harness import alternating_medians
from gaugeconv import FieldType, TriMesh, neighborhoods, shapes
from gaugeconv.errors import DataError
from gaugeconv.geometry import Neighborhoods, block_diagonal
from gaugeconv.nn import GaugeConv
from gaugeconv.ops import costs, cpu, tables
from gaugeconv.ops.moments import product_map
from gaugeconv.reps import CosineRings

FIELD = "16x0 + 16x1 + 16x2"


def segment_sums() -> dict[str, Any]:
    """torch-scatter's segment sum against PyTorch's reductions, forward and with backward, on the CPU."""
    if importlib.util.find_spec("torch_scatter") is None:
        raise DataError("torch-scatter is not installed: pip install 'gaugeconv[scatter]'")
    scatter = importlib.import_module("torch_scatter")
    nb = neighborhoods(shapes.icosphere(5), edges=2.95)
    messages = torch.randn(nb.r.numel(), 80, requires_grad=True)
    index = nb.target[:, None].expand(-1, 80)
    zeros = torch.zeros(nb.num_targets, 80)
    ways = {
        "torch_scatter.segment_csr": lambda: scatter.segment_csr(messages, nb.ptr, reduce="sum"),
        "torch_scatter.scatter": lambda: scatter.scatter(messages, nb.target, 0, reduce="sum"),
        "index_add": lambda: zeros.index_add(0, nb.target, messages),
        "scatter_add": lambda: zeros.scatter_add(0, index, messages),
        "segment_reduce": lambda: torch.segment_reduce(messages, "sum", offsets=nb.ptr),
    }
    with torch.no_grad():
        expected = ways["index_add"]()
        apart = {name: float((way() - expected).abs().max()) for name, way in ways.items()}
        forward = alternating_medians(ways)
    both = alternating_medians(
        {
            name: lambda way=way: torch.autograd.grad(way().square().sum(), messages)
            for name, way in ways.items()
        }
    )
    return {
        "largest_difference": apart,
        "forward_seconds": forward,
        "forward_backward_seconds": both,
    }


def mixed_precision() -> dict[str, Any]:
    """A convolution under autocast: error of rounding, gauge error, time and memory of features."""
    torch.manual_seed(0)
    mesh = shapes.icosphere(5)
    nb, conv = neighborhoods(mesh, edges=2.95), GaugeConv(FIELD, FIELD)
    gamma = 2 * torch.pi * torch.rand(mesh.num_vertices, dtype=torch.float64)
    turned, kind = nb.change_gauge(gamma), conv.in_type
    x = torch.randn(mesh.num_vertices, kind.dim, requires_grad=True)
    exact = GaugeConv(FIELD, FIELD).double()
    exact.load_state_dict(conv.state_dict())
    truth = exact(x.detach().double(), nb).detach()
    figures: dict[str, Any] = {}
    for name, dtype in (
        ("float32", None),
        ("bfloat16", torch.bfloat16),
        ("float16", torch.float16),
    ):
        cast = torch.autocast("cpu", dtype or torch.bfloat16, enabled=dtype is not None)

        def run(x: Tensor, nb: Neighborhoods, cast: Any = cast) -> Tensor:
            with cast:
                return conv(x, nb).float()

        with torch.no_grad():
            y, z = run(x, nb), run(kind.transform(x, gamma), turned)
        moved = kind.transform(y, gamma)
        seconds = alternating_medians(
            {"both": lambda run=run: torch.autograd.grad(run(x, nb).sum(), (x, conv.rings))}
        )
        figures[name] = {
            "relative_error": float((y - truth).norm() / truth.norm()),
            "gauge_error": float((moved - z).norm() / z.norm()),
            "forward_backward_seconds": seconds["both"],
            "bytes_per_feature": 4 if dtype is None else dtype.itemsize,
        }
    return figures


def transform_first() -> dict[str, Any]:
    """Aggregating first against multiplying first, and what counting operations chooses."""
    figures, basis = {}, CosineRings(3)
    nb = neighborhoods(shapes.icosphere(5), edges=2.95)
    few = neighborhoods(
        shapes.icosphere(5), edges=6.0, sources=np.arange(0, 10_242, 10), source_area=np.ones(1025)
    )
    for name, pairs, in_type, out_type in (
        ("as many channels", nb, FIELD, FIELD),
        ("10 times fewer", nb, FIELD, "8x0"),
        ("32 times fewer", nb, "256x0", "8x0"),
        ("from a tenth of the vertices", few, "32x0 + 16x1 + 8x2", "32x0 + 8x1 + 4x2"),
    ):
        types = FieldType(in_type), FieldType(out_type), 3
        maps = product_map(*types), product_map(*types, transposed=True)
        made = tables.pair_tables(pairs, basis, torch.float32)
        kernel = torch.randn(maps[0].back_index.shape[1])
        x = torch.randn(1, pairs.num_sources, types[0].dim)
        seconds = alternating_medians(
            {
                "aggregate_first": partial(cpu.multiply, x, made, maps[0], kernel, None),
                "transform_first": partial(cpu.transform_first, x, made, maps[1], kernel),
            }
        )
        counts = pairs.source.numel(), pairs.num_targets, pairs.num_sources
        first = "transform" if costs.forward_transforms(*maps, *counts) else "aggregate"
        figures[name] = {"types": f"{in_type} -> {out_type}", **seconds, "chosen": f"{first}_first"}
    return figures


def vertex_order() -> dict[str, Any]:
    """A convolution on 200k vertices, in order and shuffled, with and without clusters of rows."""
    mesh = shapes.torus(632, 316)
    new = np.random.default_rng(0).permutation(mesh.num_vertices)
    shuffled = TriMesh(mesh.vertices[np.argsort(new)], new[mesh.faces])
    conv, runs = GaugeConv(FIELD, FIELD), {}
    x = torch.randn(mesh.num_vertices, conv.in_type.dim)
    for name, surface in (("in order", mesh), ("shuffled", shuffled)):
        nb = neighborhoods(surface, edges=2.77, dtype=torch.float32)
        runs[f"{name}, clustered"] = partial(conv, x, nb)
        plain = nb.to(index_dtype=torch.int32)
        with mock.patch.object(tables, "cluster_rows", lambda *rest: np.arange(rest[-1])):
            tables.pair_tables(plain, conv.space.basis, torch.float32)
        runs[f"{name}, as it is"] = partial(conv, x, plain)
    with torch.no_grad():
        return {"seconds": alternating_medians(runs, 3)}


def batches() -> dict[str, Any]:
    """32 signals on one sphere, of many channels or one, and 16 meshes as one: beside one by one."""
    conv, sphere = GaugeConv(FIELD, FIELD), shapes.icosphere(4)
    nb = neighborhoods(sphere, edges=2.95)
    signals = torch.randn(32, nb.num_sources, conv.in_type.dim, requires_grad=True)
    parts = [neighborhoods(shapes.icosphere(2 + i % 2), edges=2.95) for i in range(16)]
    whole = block_diagonal(parts)
    x = torch.randn(whole.num_sources, conv.in_type.dim, requires_grad=True)
    counts = [part.num_sources for part in parts]

    def gradient(y: Tensor, of: Tensor) -> None:
        torch.autograd.grad(y.square().sum(), (of, conv.rings))

    narrow = GaugeConv("1x0", FIELD)
    images = torch.randn(32, nb.num_sources, 1)

    def each_signal() -> None:
        gradient(torch.stack([conv(signal, nb) for signal in signals]), signals)

    def each_mesh() -> None:
        pieces = zip(x.split(counts), parts, strict=True)
        gradient(torch.cat([conv(piece, part) for piece, part in pieces]), x)

    seconds = alternating_medians(
        {
            "32 signals at once": lambda: gradient(conv(signals, nb), signals),
            "32 signals one by one": each_signal,
            "32 of one channel, forward, at once": lambda: narrow(images, nb),
            "32 of one channel, forward, one by one": lambda: [narrow(x, nb) for x in images],
            "16 meshes as one": lambda: gradient(conv(x, whole), x),
            "16 meshes one by one": each_mesh,
        }
    )
    return {"vertices": nb.num_targets, "seconds": seconds}


def first_use() -> dict[str, Any]:
    """`gaugeconv warmup` with an empty cache of compiled kernels and with a full one: seconds."""
    figures = {}
    with tempfile.TemporaryDirectory() as cache:
        for state in ("empty", "full"):
            command = [sys.executable, "-m", "gaugeconv", "warmup", "--json"]
            environment = {**os.environ, "NUMBA_CACHE_DIR": cache}
            run = subprocess.run(command, env=environment, capture_output=True, check=True)
            figures[state] = json.loads(run.stdout)["seconds"]
    return figures


ROWS = (
    first_use,
    segment_sums,
    mixed_precision,
    transform_first,
    vertex_order,
    batches,
)
