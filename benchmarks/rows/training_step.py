"""A training step of whole networks, and where its time goes."""

from __future__ import annotations

from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks.harness import alternating_medians
from gaugeconv import ops, shapes
from gaugeconv.models import GaugeSegmenter, SegmenterConfig

LABELS = tuple("abcdefgh")


def training_step() -> dict[str, Any]:
    """A training step on 10k vertices beside the reference backend; to reach: ≥ 8×.

    The default segmenter works on at most 1024 of them, so that much of the time is not in
    convolutions; beside it one whose finest level has all vertices.
    """
    every = shapes.icosphere(5).num_vertices
    return {
        "default": _step_times(SegmenterConfig(label_names=LABELS)),
        "all vertices": _step_times(SegmenterConfig(label_names=LABELS, sizes=(every, 256, 64))),
    }


def _step_times(config: SegmenterConfig) -> dict[str, Any]:
    """Seconds of a step with either backend, and where those of ours go."""
    mesh = shapes.icosphere(5)
    model = GaugeSegmenter(config)
    inputs = model.prepare(mesh)
    labels = torch.randint(0, len(LABELS), (mesh.num_faces,))
    optimizer = torch.optim.AdamW(model.parameters())

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        torch.nn.functional.cross_entropy(model(inputs), labels).backward()
        optimizer.step()

    def reference_step() -> None:
        with ops.use_backend("torch"):
            step()

    seconds = alternating_medians({"fused": step, "reference": reference_step}, 5)
    return {
        "seconds": seconds,
        "ratio": seconds["reference"] / seconds["fused"],
        "shares_of_the_time": _shares(step),
    }


def _shares(step: Any, steps: int = 5) -> dict[str, float]:
    """Which operations take how much of the main thread's time, the largest first."""
    with profile(activities=[ProfilerActivity.CPU]) as found:
        for _ in range(steps):
            step()
    events = found.key_averages()
    total = sum(event.self_cpu_time_total for event in events)
    inside = ("gaugeconv::convolve", "gaugeconv::convolve_backward")
    shares = {
        event.key: (event.cpu_time_total if event.key in inside else event.self_cpu_time_total)
        for event in events
        if "GeneratedBackwardFor_gaugeconv" not in event.key  # what calls those inside
    }
    largest = sorted(shares.items(), key=lambda item: -item[1])[:14]
    return {name: round(time / total, 4) for name, time in largest}


ROWS = (training_step,)
