"""Where a run stands in its schedule, counted in steps or in seconds."""

from __future__ import annotations

import math
from dataclasses import dataclass

from gaugeconv.train.checkpoints import Progress
from gaugeconv.train.config import TrainConfig

FINAL_RATE = 1e-3
"""The learning rate at the end, as a share of the peak."""


@dataclass(frozen=True)
class Schedule:
    """Epochs or minutes turned into an end, a learning rate and a progress bar.

    Attributes:
        config: the recipe.
        num_meshes: training meshes, deformed copies included.
    """

    config: TrainConfig
    num_meshes: int

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps in one pass over the meshes."""
        return math.ceil(self.num_meshes / self.config.batch)

    def amount(self, progress: Progress) -> tuple[float, float]:
        """(done, total): optimiser steps, or seconds when the recipe gives minutes."""
        if self.config.minutes is not None:
            budget = 60.0 * self.config.minutes
            return min(progress.seconds, budget), budget
        return float(progress.step), float(self.steps_per_epoch * (self.config.epochs or 0))

    def over(self, progress: Progress) -> bool:
        """Whether the run is complete, or has waited too long for a better validation."""
        done, total = self.amount(progress)
        patience = self.config.patience
        waited = progress.epoch - progress.improved_epoch
        return done >= total or (0 < patience <= waited)

    def learning_rate(self, progress: Progress) -> float:
        """Linear warm-up, then half a cosine from the peak down to `FINAL_RATE` of it."""
        done, total = self.amount(progress)
        warm_up = self.config.warmup_steps
        warm = min(1.0, (progress.step + 1) / warm_up) if warm_up else 1.0
        cosine = 0.5 * (1.0 + math.cos(math.pi * done / total))
        return self.config.lr * warm * (FINAL_RATE + (1.0 - FINAL_RATE) * cosine)
