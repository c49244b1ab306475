"""Latency and throughput of all contenders, measured by turns in one run."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from gaugeconv.sphere.experiment.contenders import Contender
from gaugeconv.sphere.grids import SphereGrid


def measure_speed(
    contenders: tuple[Contender, ...],
    batch: int,
    rounds: int = 7,
    device: str = "cpu",
    on_round: Callable[[int, int], None] | None = None,
) -> dict[str, dict[str, Any]]:
    """Milliseconds per image of every contender, in evaluation mode, and of a training step.

    On one CPU thread. In each round every network has its turn, so that what else the machine does
    falls on all alike; medians over rounds.

    Args:
        contenders: networks of one task; the result's keys are their names.
        batch: images at once for throughput and training.
        rounds: turns of each.
        device: where to compute.
        on_round: called with rounds done and rounds in all.
    """
    networks = {c.name: c.build().to(device) for c in contenders}
    times: dict[str, dict[str, list[float]]] = {
        name: {"latency_ms": [], "per_image_ms": [], "training_ms": []} for name in networks
    }
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for turn in range(rounds + 1):  # the first warms up
            for name, network in networks.items():
                for key, seconds in _turn(network, batch, device).items():
                    times[name][key].append(1e3 * seconds)
            if on_round is not None and turn:
                on_round(turn, rounds)
    finally:
        torch.set_num_threads(threads)
    return {
        name: {
            "parameters": sum(p.numel() for p in networks[name].parameters()),
            **{key: statistics.median(values[1:]) for key, values in found.items()},
        }
        for name, found in times.items()
    }


def _turn(network: nn.Module, batch: int, device: str) -> dict[str, float]:
    """Seconds for one image alone, per image of a batch, and per image of a training step."""
    grid: SphereGrid = network.grid  # type: ignore[assignment]
    signals = torch.rand(batch, grid.num_points, device=device)
    network.eval()
    with torch.no_grad():
        alone = _seconds(lambda: network(signals[:1]), device)
        together = _seconds(lambda: network(signals), device) / batch
    network.train()

    def step() -> None:
        network.zero_grad()
        network(signals).square().mean().backward()

    return {
        "latency_ms": alone,
        "per_image_ms": together,
        "training_ms": _seconds(step, device) / batch,
    }


def _seconds(run: Callable[[], Any], device: str) -> float:
    """Wall time of one call, finished on the device."""
    start = time.perf_counter()
    run()
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    return time.perf_counter() - start
