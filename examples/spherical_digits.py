"""Digits on the sphere: a gauge network learns them at rest and is tested in every position.

    python examples/spherical_digits.py MNIST_FOLDER

Needs no extra package. A network that does not know of rotations would only guess.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from gaugeconv.sphere import (
    GaugeLayout,
    GaugeSphereNet,
    ProjectedDigits,
    icosphere,
    load_digits,
    sphere_pyramid,
)


def main(folder: str | Path, steps: int = 400, subdivisions: int = 3, tests: int = 500) -> float:
    """Trains for some steps; the accuracy on digits turned at random."""
    torch.manual_seed(0)
    grid = icosphere(subdivisions)
    levels = (10 * 4 ** (subdivisions - 1) + 2, 10 * 4 ** (subdivisions - 2) + 2)
    network = GaugeSphereNet(
        sphere_pyramid(grid, levels, nested=True), GaugeLayout(), "classification"
    )
    train = ProjectedDigits(*load_digits(folder, "train"), grid.points, rotated=False)
    optimizer = torch.optim.AdamW(network.parameters(), lr=5e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 5e-3, total_steps=max(steps, 2))
    for step in range(steps):
        signals, labels, _ = train.batch(range(16 * step, 16 * step + 16))
        loss = torch.nn.functional.cross_entropy(network(signals), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 50 == 0:
            print(f"step {step}: loss {loss.item():.3f}")
    test = ProjectedDigits(*load_digits(folder, "test"), grid.points, rotated=True, seed=1)
    network.eval()
    right = 0
    with torch.no_grad():
        for start in range(0, tests, 50):
            signals, labels, _ = test.batch(range(start, min(start + 50, tests)))
            right += int((network(signals).argmax(1) == labels).sum())
    print(f"accuracy on turned digits: {right / tests:.3f}")
    return right / tests


if __name__ == "__main__":
    main(sys.argv[1])
