"""Rows about whole networks: their sizes, meshes too big for one pass, labels smoothed by a graph cut."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch

from benchmarks import psb
from benchmarks.harness import alternating_medians, data_folder
from gaugeconv.mesh import shapes
from gaugeconv.models import PRESETS, GaugeSegmenter, SegmenterConfig

BLOCKS = ("conv", "attention")
BIG = (200_000, 1_000_000)
STRENGTHS = (0.05, 0.1, 0.2)

_BIG_MESH = """
import json, sys, time
from benchmarks.harness import peak_memory_gb
from gaugeconv.geometry import level_search
from gaugeconv.mesh import shapes
from gaugeconv.models import GaugeSegmenter, segmenter, trunk

around, parts = int(sys.argv[1]), sys.argv[2] == "parts"
if not parts:
    level_search.PAIRS_AT_ONCE = trunk.ROWS_AT_ONCE = segmenter.ROWS_AT_ONCE = 1 << 62
model = GaugeSegmenter.load("bodies")
model.segment(shapes.torus(40, 20))
mesh = shapes.torus(2 * around, around)
before, began = peak_memory_gb(), time.perf_counter()
model.segment(mesh)
seconds, peak = time.perf_counter() - began, peak_memory_gb()
print(json.dumps({"vertices": mesh.num_vertices, "seconds": seconds, "peak_gb": peak,
                  "peak_extra_gb": peak - before}))
"""


def model_sizes() -> dict[str, Any]:
    """Every size and block: parameters, and seconds of one prediction and of one training step."""
    mesh = shapes.torus(100, 50)
    networks = {
        f"{size}, {block}": GaugeSegmenter(
            SegmenterConfig.preset(size, label_names=tuple("abcdefgh"), block=block)
        ).eval()
        for size in PRESETS
        for block in BLOCKS
    }
    inputs = {
        name: network.prepare(mesh).to(dtype=torch.float32) for name, network in networks.items()
    }

    def predict(name: str) -> None:
        with torch.no_grad():
            networks[name](inputs[name])

    def step(name: str) -> None:
        networks[name].zero_grad()
        networks[name](inputs[name]).square().mean().backward()

    timed = {
        kind: alternating_medians({name: partial(run, name) for name in networks}, repeats=5)
        for kind, run in (("predict", predict), ("step", step))
    }
    return {
        name: {
            "parameters": sum(p.numel() for p in network.parameters()),
            "predict_seconds": timed["predict"][name],
            "step_seconds": timed["step"][name],
        }
        for name, network in networks.items()
    }


def big_meshes() -> dict[str, Any]:
    """`GaugeSegmenter.segment` on tori, each in a process of its own: in parts, and once in one pass."""
    runs = [(BIG[0], "one pass"), *((size, "parts") for size in BIG)]
    figures = {}
    for size, way in runs:
        around = str(round(np.sqrt(size / 2)))
        done = subprocess.run(
            [sys.executable, "-c", _BIG_MESH, around, way],
            capture_output=True,
            text=True,
            check=True,
        )
        found = json.loads(done.stdout.splitlines()[-1])
        bytes_each = found["peak_extra_gb"] * 1e9 / found["vertices"]
        figures[f"{size}, {way}"] = {**found, "extra_bytes_per_vertex": round(bytes_each)}
    return figures


def smoothing() -> dict[str, Any]:
    """The packaged weights on PSB Human with and without the graph cut, on both parts of split 0.

    Not blind: the kind of border cost and the strength were taken after trying some on all twenty shapes.
    """
    data_folder("psb")
    model = GaugeSegmenter.load("bodies")
    names = psb.categories()["Human"]["labels"]
    to_dataset = np.array([names.index(name) for name in model.config.label_names])
    figures: dict[str, Any] = {}
    for part, ids in zip(("twelve", "eight"), psb.split("Human", 0), strict=True):
        scores: dict[float, list[float]] = {}
        for shape in psb.load("Human", ids):
            plain = model.segment(shape.mesh)
            for strength in (0.0, *STRENGTHS):
                labels = to_dataset[replace(plain, smoothing=strength).face_labels]
                scores.setdefault(strength, []).append(psb.original_accuracy(shape, labels))
        mean = {strength: float(np.mean(found)) for strength, found in scores.items()}
        gains = {f"points with {s}": 100 * (mean[s] - mean[0.0]) for s in STRENGTHS}
        figures[part] = {"accuracy": mean[0.0], **gains}
    return figures


ROWS = (model_sizes, big_meshes, smoothing)
