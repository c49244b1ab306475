"""How to train: one immutable record."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gaugeconv.errors import DataError


@dataclass(frozen=True)
class TrainConfig:
    """The recipe of one training run; everything but the data and the network.

    Attributes:
        epochs: passes over the training meshes; None when `minutes` is given.
        minutes: time budget for optimisation steps in place of `epochs`. Preparing geometry
            and validating come on top. Such a run cannot be repeated bit for bit.
        lr: peak learning rate of AdamW.
        weight_decay: decoupled weight decay of all parameters with two or more axes.
        warmup_steps: optimiser steps of linear warm-up.
        label_smoothing: share of the target spread evenly over all labels, in [0, 1).
        clip_norm: largest norm of the gradient of one step.
        batch: meshes per optimiser step, accumulated one after the other.
        augment: extra deformed copies of every training mesh, made once at the start.
        val_every: epochs between two validations.
        seed: of the initial weights, the order of the meshes, dropout and deformations.
    """

    epochs: int | None = 60
    minutes: float | None = None
    lr: float = 3e-3
    weight_decay: float = 1e-3
    warmup_steps: int = 30
    label_smoothing: float = 0.05
    clip_norm: float = 1.0
    batch: int = 1
    augment: int = 0
    val_every: int = 5
    seed: int = 0

    def __post_init__(self) -> None:
        """Checks every field, so that a bad recipe fails before any geometry is computed."""
        if (self.epochs is None) == (self.minutes is None):
            raise DataError("give either epochs or minutes: one of them, not both")
        for name, low in _LOWEST.items():
            value = getattr(self, name)
            if value is not None and not low <= value < math.inf:
                raise DataError(f"{name} = {value} must be finite and at least {low}")
        for name in ("minutes", "lr", "clip_norm"):
            if getattr(self, name) == 0:
                raise DataError(f"{name} must be positive")
        if self.label_smoothing >= 1:
            raise DataError(f"label_smoothing = {self.label_smoothing} must be below 1")

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, for config.json."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> TrainConfig:
        """The inverse of `to_dict`.

        Raises:
            DataError: a field is unknown or out of range.
        """
        unknown = set(fields) - {field.name for field in dataclasses.fields(cls)}
        if unknown:
            raise DataError(f"unknown training options {sorted(unknown)}")
        return cls(**fields)


_LOWEST = {
    "epochs": 1,
    "minutes": 0,
    "lr": 0,
    "weight_decay": 0,
    "warmup_steps": 0,
    "label_smoothing": 0,
    "clip_norm": 0,
    "batch": 1,
    "augment": 0,
    "val_every": 1,
    "seed": 0,
}
