"""Training and scoring one network on projected digits."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from gaugeconv.errors import DataError
from gaugeconv.sphere.digits import ProjectedDigits
from gaugeconv.sphere.equivariance import rotation_error, smooth_signals
from gaugeconv.sphere.experiment.plan import Cell, Plan
from gaugeconv.sphere.grids import SphereGrid, fibonacci
from gaugeconv.sphere.interpolation import Interpolation
from gaugeconv.sphere.mnist import load_digits
from gaugeconv.sphere.tasks import BACKGROUND, NUM_DIGITS, Task
from gaugeconv.train import SegmentationMetrics

BACKGROUND_WEIGHT = 0.15
"""Weight of background points in the loss: nine points of ten are background."""

SCORED_AT = 3000
"""Points of equal area, of none of the networks' grids, on which segmentations are scored."""

_TEST_SEED = 1_000_003
_CHUNK = 25
_NAMES = (*(str(digit) for digit in range(NUM_DIGITS)), "background")


@dataclass(frozen=True)
class Split:
    """Digits to train on and to score on.

    Attributes:
        train: images and labels.
        held_out: images and labels of the test file, or left out of training (for searches).
    """

    train: tuple[np.ndarray, np.ndarray]
    held_out: tuple[np.ndarray, np.ndarray]


def split_digits(folder: str, cell: Cell, held_out: int) -> Split:
    """The digits of a cell: `size` of the training file drawn by its seed, and those to score on.

    Raises:
        DataError: files are missing, or hold too few digits.
    """
    images, labels = _load(folder, "train")
    needed = cell.size + (held_out if cell.validation else 0)
    if needed > len(images):
        raise DataError(f"{needed} training digits are needed, {folder} holds {len(images)}")
    order = np.random.default_rng(cell.seed).permutation(len(images))
    chosen = order[: cell.size]
    train = images[chosen], labels[chosen]
    if cell.validation:
        left = order[cell.size : needed]
        return Split(train, (images[left], labels[left]))
    test_images, test_labels = _load(folder, "test")
    if held_out > len(test_images):
        raise DataError(f"{held_out} test digits are needed, {folder} holds {len(test_images)}")
    return Split(train, (test_images[:held_out], test_labels[:held_out]))


@lru_cache(maxsize=4)
def _load(folder: str, split: str) -> tuple[np.ndarray, np.ndarray]:
    return load_digits(folder, split)


def train_cell(cell: Cell, plan: Plan, folder: str, device: str = "cpu") -> dict[str, Any]:
    """Trains and scores one cell; the same cell gives the same figures on the same machine.

    Args:
        cell: what to train.
        plan: the recipe.
        folder: of the MNIST files.
        device: where to compute.

    Returns:
        JSON-ready figures: score on rotated digits and at rest (accuracy, or mean IoU of the digits),
        parameters, seconds, final loss and the error of rotation equivariance.
    """
    split = split_digits(folder, cell, plan.test_images)
    with torch.random.fork_rng():
        torch.manual_seed(cell.seed)
        network = cell.contender.build().to(device)
        clock = time.process_time if device == "cpu" else time.perf_counter
        start = clock()  # processor time: what else the machine does does not count
        loss = _fit(network, cell, plan, split)
        seconds = clock() - start
    network.eval()
    grid: SphereGrid = network.grid  # type: ignore[assignment]
    rng = np.random.default_rng(_TEST_SEED)
    task, shown = cell.contender.task, plan.digits_of(cell)
    return {
        "score": score(network, task, split.held_out, rotated=True, digits_per_image=shown),
        "score_at_rest": score(
            network, task, split.held_out, rotated=False, digits_per_image=shown
        ),
        "rotation_error": _finite(rotation_error(network.cpu(), grid, smooth_signals(4), rng)),
        "parameters": sum(p.numel() for p in network.parameters()),
        "grid": grid.name,
        "training_seconds": seconds,
        "loss": _finite(loss),
    }


def _finite(value: float) -> float | None:
    """A number that JSON can hold; None for what a diverged training leaves."""
    return value if math.isfinite(value) else None


def _fit(network: nn.Module, cell: Cell, plan: Plan, split: Split) -> float:
    """Trains in place; the mean loss of the last tenth of the steps."""
    grid: SphereGrid = network.grid  # type: ignore[assignment]
    digits = ProjectedDigits(
        *split.train,
        grid.points,
        rotated=cell.augmented,
        seed=cell.seed,
        digits_per_image=plan.digits_of(cell),
    )
    steps, rate = plan.num_steps(cell), plan.rate(cell)
    optimizer = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=1e-4)
    device = next(network.parameters()).device
    area = torch.from_numpy(grid.weights / grid.weights.mean()).float().to(device)
    order = _endless(cell.size, cell.seed)
    network.train()
    last = []
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = rate * _schedule(step, steps)
        signals, labels, masks = digits.batch([next(order) for _ in range(plan.batch)])
        scores = network(signals.to(device))
        if cell.contender.task == "classification":
            loss = nn.functional.cross_entropy(scores, labels.to(device))
        else:
            loss = segmentation_loss(scores, masks.to(device), area)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step >= steps - max(1, steps // 10):
            last.append(loss.item())
    return float(np.mean(last))


def _endless(size: int, seed: int) -> Iterator[int]:
    """Item numbers: every digit once in each pass, passes in different orders."""
    rng = np.random.default_rng((seed, 2))
    start = 0
    while True:
        yield from (start + rng.permutation(size)).tolist()
        start += size


def _schedule(step: int, steps: int) -> float:
    """Linear warm-up over a twentieth of the steps, then half a cosine."""
    warm = min(1.0, (step + 1) / max(1.0, steps / 20))
    return warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * step / steps)))


def segmentation_loss(
    scores: Float[Tensor, "B N 11"], masks: Int[Tensor, "B N"], area: Float[Tensor, " N"]
) -> Float[Tensor, ""]:
    """Cross-entropy averaged over the sphere, the background counting less."""
    weight = scores.new_ones(scores.shape[-1])
    weight[BACKGROUND] = BACKGROUND_WEIGHT
    loss = nn.functional.cross_entropy(
        scores.transpose(1, 2), masks, weight=weight, reduction="none"
    )
    return (loss * area).mean()


@torch.no_grad()
def score(
    network: nn.Module,
    task: Task,
    digits: tuple[np.ndarray, np.ndarray],
    rotated: bool,
    digits_per_image: int = 1,
) -> float:
    """Accuracy, or mean intersection over union of the ten digits without the background.

    Segmentations are interpolated to `SCORED_AT` points of equal area and compared there with the
    exact masks, whatever the network's grid; areas are summed over all images before dividing.

    Args:
        network: in evaluation mode.
        task: what it is for.
        digits: images and labels.
        rotated: whether every image is turned at random, the same way in every call.
        digits_per_image: how many each of them shows.
    """
    grid: SphereGrid = network.grid  # type: ignore[assignment]
    device = next(network.parameters()).device
    common = fibonacci(SCORED_AT)
    seen, truth = (
        ProjectedDigits(
            *digits,
            where.points,
            rotated=rotated,
            seed=_TEST_SEED,
            digits_per_image=digits_per_image,
        )
        for where in (grid, common)
    )
    across = Interpolation.between(grid, common.points) if task == "segmentation" else None
    right, parts = 0, []
    for start in range(0, len(seen), _CHUNK):
        items = range(start, min(start + _CHUNK, len(seen)))
        signals, labels, _ = seen.batch(items)
        scores = network(signals.to(device)).cpu()
        if across is None:
            right += int((scores.argmax(1) == labels).sum())
            continue
        predicted = across(scores.transpose(1, 2)).argmax(1).numpy()
        parts += [
            SegmentationMetrics.of_mesh(truth[i].mask, labelled, common.weights, _NAMES)
            for i, labelled in zip(items, predicted, strict=True)
        ]
    if across is None:
        return right / len(seen)
    return float(np.nanmean(SegmentationMetrics.sum(parts).label_iou[:NUM_DIGITS]))
