"""The state of a training run in one file, whole at any moment and free of pickle."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from gaugeconv.errors import FileFormatError
from gaugeconv.files import atomic_path, parse_json, read_safetensors

_FORMAT = "gaugeconv-train-state-1"
_GROUPS = ("model", "best", "optimizer", "average")


@dataclass(frozen=True)
class Progress:
    """How far a run has come.

    Attributes:
        epoch: epochs completed.
        step: optimiser steps done.
        seconds: time spent in optimiser steps.
        best_epoch: the epoch whose weights are the best so far.
        best_accuracy: their accuracy on the validation split; None without one.
        improved_epoch: the epoch at which that accuracy was first reached.
    """

    epoch: int = 0
    step: int = 0
    seconds: float = 0.0
    best_epoch: int = 0
    best_accuracy: float | None = None
    improved_epoch: int = 0

    def check(self) -> None:
        """Raises FileFormatError unless all counts and times are numbers that there can be."""
        counts = (self.epoch, self.step, self.best_epoch, self.improved_epoch)
        accuracy = 0.0 if self.best_accuracy is None else self.best_accuracy
        whole = all(type(count) is int and count >= 0 for count in counts)
        if not (
            whole and all(type(x) in (int, float) and x >= 0 for x in (self.seconds, accuracy))
        ):
            raise FileFormatError(f"a run cannot have come so far: {self}")


@dataclass(frozen=True)
class TrainState:
    """Everything that the rest of a run depends on, apart from its config and its data.

    No random generator is stored: each epoch draws from generators seeded by (seed, epoch).

    Attributes:
        model: the network's state_dict.
        best: the best weights so far, likewise.
        optimizer: the optimiser's tensors as "parameter index.name".
        average: the moving average of the weights; empty where the recipe has none.
        progress: epoch, step and the like.
        fingerprint: hash of the training data, see `prepare.fingerprint`.
    """

    model: dict[str, Tensor]
    best: dict[str, Tensor]
    optimizer: dict[str, Tensor]
    progress: Progress = field(default_factory=Progress)
    fingerprint: str = ""
    average: dict[str, Tensor] = field(default_factory=dict)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the state to a temporary file and renames it: an old state or a new, never half.

        Raises:
            OSError: the file cannot be written.
        """
        tensors = {
            f"{group}.{name}": tensor.detach().cpu().contiguous().clone()
            for group in _GROUPS
            for name, tensor in getattr(self, group).items()
        }
        header = {"progress": asdict(self.progress), "fingerprint": self.fingerprint}
        with atomic_path(path) as temporary:
            metadata = {"format": _FORMAT, "state": json.dumps(header)}
            save_file(tensors, temporary, metadata=metadata)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> TrainState:
        """Reads a state.

        Raises:
            FileFormatError: the file is corrupt, truncated or something else.
            OSError: the file cannot be read.
        """
        tensors, metadata = read_safetensors(path, _FORMAT)
        groups: dict[str, dict[str, Tensor]] = {group: {} for group in _GROUPS}
        try:
            header = parse_json(metadata["state"])
            for key, tensor in tensors.items():
                group, _, name = key.partition(".")
                groups[group][name] = tensor.clone()  # off the memory-mapped file
            progress = Progress(**header["progress"])
            progress.check()
            return cls(**groups, progress=progress, fingerprint=str(header["fingerprint"]))
        except (KeyError, TypeError, FileFormatError) as error:
            raise FileFormatError(f"{path} is not a whole training state: {error!r}") from error


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimiser's running averages and step counts, flat."""
    return {
        f"{index}.{name}": value
        for index, values in optimizer.state_dict()["state"].items()
        for name, value in values.items()
        if isinstance(value, Tensor)
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """The inverse of `optimizer_tensors`, into an optimiser over the same parameters.

    Raises:
        FileFormatError: the tensors belong to another optimiser.
    """
    groups = optimizer.state_dict()["param_groups"]
    shapes = [parameter.shape for group in optimizer.param_groups for parameter in group["params"]]
    states: dict[int, dict[str, Any]] = {}
    for key, tensor in tensors.items():
        index, _, name = key.partition(".")
        known = index.isdecimal() and len(index) < 10 and int(index) < len(shapes)
        if not known or tensor.shape not in (shapes[int(index)], ()):
            raise FileFormatError("the training state belongs to another network")
        states.setdefault(int(index), {})[name] = tensor.clone()  # the optimiser works in place
    optimizer.load_state_dict({"state": states, "param_groups": groups})
