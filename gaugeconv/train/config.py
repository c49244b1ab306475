"""How to train: one immutable record."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from types import NoneType
from typing import Any

from gaugeconv.data import Augmentation
from gaugeconv.errors import DataError

LARGEST_SEED = 2**63 - 1
"""The largest number that PyTorch takes for a seed and an int64 holds."""


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
        batch: meshes per optimiser step, one after the other or spread over ranks.
        augment: extra deformed copies of every training mesh, made once at the start.
        val_every: epochs between two validations.
        seed: of the initial weights, the order of the meshes, dropout and deformations; below 2⁶³.
        ema: decay per step of an exponential moving average of the weights, in [0, 1), which is
            then what is validated and kept; 0 for none.
        patience: epochs without a better validation after which to stop early; 0 for never.
        class_balance: the loss weighs a label of share s of the training area by
            s^(−class_balance): 0 counts all area alike, 1 all labels alike.
        mirror: share of the deformed copies that are mirror images as well. This and the next three
            are errors without `augment`.
        decimate: share of the copies with other, fewer triangles, half of them at the least; needs
            fast-simplification.
        crop: share of the copies that lack a part, up to a fifth of the area.
        noise: standard deviation of the copies' vertex noise, in mean edge lengths.
        init: packaged weights by name, or a file of weights, to start from (`start_from`); None for
            random weights.

    Raises:
        DataError: a field is of another type or out of range.
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
    ema: float = 0.0
    patience: int = 0
    class_balance: float = 0.0
    mirror: float = 0.0
    decimate: float = 0.0
    crop: float = 0.0
    noise: float = 0.0
    init: str | None = None

    def __post_init__(self) -> None:
        """Checks every field, so that a bad recipe fails before any geometry is computed."""
        if (self.epochs is None) == (self.minutes is None):
            raise DataError("give either epochs or minutes: one of them, not both")
        for name, (kind, low, high) in _BOUNDS.items():
            value = getattr(self, name)
            if value is None and name in ("epochs", "minutes"):
                continue
            fits = isinstance(value, (int, kind)) and not isinstance(value, bool)
            if not fits:
                raise DataError(f"{name} = {value!r} must be a number of type {kind.__name__}")
            if not low <= value <= high:
                raise DataError(f"{name} = {value} must be at least {low} and at most {high}")
        if not isinstance(self.init, (str, NoneType)):
            raise DataError(f"init = {self.init!r} must be a name or a path")
        for name in ("minutes", "lr", "clip_norm"):
            if getattr(self, name) == 0:
                raise DataError(f"{name} must be positive")
        for name in ("mirror", "decimate", "crop", "noise"):
            if getattr(self, name) > 0 and self.augment == 0:
                raise DataError(f"{name} is about deformed copies: give augment as well")
        for name in ("label_smoothing", "ema"):
            if getattr(self, name) >= 1:
                raise DataError(f"{name} = {getattr(self, name)} must be below 1")

    @property
    def augmentation(self) -> Augmentation:
        """How the deformed copies are made."""
        names = ("mirror", "decimate", "crop", "noise")
        return Augmentation(**{name: getattr(self, name) for name in names})

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


_LARGEST = 10**9
_BOUNDS: dict[str, tuple[type, float, float]] = {
    "epochs": (int, 1, _LARGEST),
    "minutes": (float, 0, _LARGEST),
    "lr": (float, 0, _LARGEST),
    "weight_decay": (float, 0, _LARGEST),
    "warmup_steps": (int, 0, _LARGEST),
    "label_smoothing": (float, 0, 1),
    "clip_norm": (float, 0, _LARGEST),
    "batch": (int, 1, _LARGEST),
    "augment": (int, 0, _LARGEST),
    "val_every": (int, 1, _LARGEST),
    "seed": (int, 0, LARGEST_SEED),
    "ema": (float, 0, 1),
    "patience": (int, 0, _LARGEST),
    "class_balance": (float, 0, 1),
    "mirror": (float, 0, 1),
    "decimate": (float, 0, 1),
    "crop": (float, 0, 1),
    "noise": (float, 0, 1),
}
"""Type, smallest and largest value of every field."""
