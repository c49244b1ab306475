"""One training run: data in, epochs, files out."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from gaugeconv.data import DatasetFolder, LabelledMesh
from gaugeconv.data.resample import require_fast_simplification
from gaugeconv.errors import DataError
from gaugeconv.models import GaugeSegmenter
from gaugeconv.train.averaging import WeightAverage, copied
from gaugeconv.train.checkpoints import Progress
from gaugeconv.train.config import TrainConfig
from gaugeconv.train.evaluate import measure_all
from gaugeconv.train.events import EventLog, require_tensorboard
from gaugeconv.train.objective import adamw, label_weights, optimiser_step
from gaugeconv.train.prepare import (
    OnProgress,
    PreparedMesh,
    fingerprint,
    match_labels,
    no_progress,
    prepare_all,
    read_split,
)
from gaugeconv.train.ranks import Ranks
from gaugeconv.train.run_folder import RunFolder
from gaugeconv.train.sampling import Slots, epoch_seeds, mesh_seed
from gaugeconv.train.schedule import Schedule
from gaugeconv.train.storage import restore, store


@dataclass(frozen=True)
class TrainResult:
    """What a finished run has produced.

    Attributes:
        run: the folder; `run.best` holds the weights to use.
        progress: epochs, steps, seconds and the best validation accuracy.
    """

    run: RunFolder
    progress: Progress

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {"weights": str(self.run.best), **dataclasses.asdict(self.progress)}


class Trainer:
    """One run over one network: AdamW, warm-up and cosine, clipping, state after every epoch."""

    def __init__(
        self,
        model: GaugeSegmenter,
        dataset: DatasetFolder,
        out_dir: str | os.PathLike[str],
        config: TrainConfig,
        on_progress: OnProgress = no_progress,
        ranks: Ranks | None = None,
        tensorboard: bool = False,
    ) -> None:
        """Takes a freshly initialised network, on the ranks' device; arguments as for `train`."""
        self.model = model
        self.dataset = dataset
        self.folder = RunFolder(out_dir)
        self.config = config
        self.on_progress = on_progress
        self.ranks = Ranks.current() if ranks is None else ranks
        self.tensorboard = tensorboard
        self.progress = Progress()
        self.optimizer = adamw(model, config)
        self.average = WeightAverage(model, config.ema)
        self.best = copied(model.state_dict())

    def run(self, resume: bool = False) -> TrainResult:
        """Trains to the end of the schedule, from the beginning or from the stored state.

        Draws from torch's global generator; `train` shields the caller from that. Raises what
        `train` raises.
        """
        self._check()
        record = {
            "train": self.config.to_dict(),
            "model": json.loads(self.model.config.to_json()),
            "labels": list(self.dataset.label_names),
        }
        if resume:
            self.folder.require_same(record)
        elif self.ranks.first:
            self.folder.require_new()
        train_items, val_items = (read_split(self.dataset, split) for split in ("train", "val"))
        self.fingerprint = fingerprint([*train_items, *val_items])
        self.schedule = Schedule(self.config, len(train_items) * (1 + self.config.augment))
        if resume and self.folder.last.exists():
            restore(self)
        agreed = json.dumps([record, self.fingerprint, dataclasses.astuple(self.progress)])
        self.ranks.require_same(hashlib.sha256(agreed.encode()).hexdigest())
        self.ranks.share_tensors(self.model.state_dict().values())
        events = self._begin(None if resume else record) if self.ranks.first else None
        if not self.schedule.over(self.progress):
            self._prepare(train_items, val_items)
        while not self.schedule.over(self.progress):
            metrics = self._epoch()
            if self.ranks.first:
                store(self, metrics, events)
        if events is not None:
            events.close()
        return TrainResult(self.folder, self.progress)

    def _check(self) -> None:
        """Refuses what the recipe cannot do with these data and ranks."""
        if self.config.patience and not self.dataset.splits.get("val"):
            raise DataError(
                "early stopping (patience) needs a split 'val' to watch; 'test' is never seen"
            )
        if self.ranks.size > self.config.batch:
            raise DataError(
                f"{self.ranks.size} ranks cannot share batches of {self.config.batch}: give a batch "
                f"of {self.ranks.size} or a multiple of it (--batch), or start fewer processes"
            )
        if self.config.augment and self.config.decimate:
            require_fast_simplification()
        if self.tensorboard and self.ranks.first:
            require_tensorboard()

    def _begin(self, record: Mapping[str, Any] | None) -> EventLog | None:
        """Readies the folder: config.json of a new run; of an old one, no trace of what is undone."""
        with self.folder.writing("start again"):
            if record is not None:
                self.folder.start(record)
            self.folder.sweep()
            self.folder.forget_after(self.progress.epoch)
            if not self.tensorboard:
                return None
            return EventLog(self.folder.path / "tensorboard", self.folder.read_metrics())

    def _prepare(self, train_items: list[LabelledMesh], val_items: list[LabelledMesh]) -> None:
        """Computes the geometry of this rank's meshes."""
        names, config, ranks = self.model.config.label_names, self.config, self.ranks
        label_map = match_labels(self.dataset.label_names, names)
        copies = 1 + config.augment
        self.slots = Slots(
            [item.mesh.num_vertices for item in train_items for _ in range(copies)], config.batch
        )
        watched = Slots([item.mesh.num_vertices for item in val_items], ranks.size)
        self.num_val = len(val_items)
        self.val = prepare_all(
            *(self.model, val_items, label_map),
            on_progress=self.on_progress,
            wanted=watched.owned(ranks),
            device=ranks.device,
        )
        self.meshes = prepare_all(
            *(self.model, train_items, label_map, config.augment, config.seed),
            on_progress=self.on_progress,
            wanted=self.slots.owned(ranks),
            device=ranks.device,
            augmentation=config.augmentation,
        )
        if config.class_balance:
            by_label = label_weights(train_items, label_map, len(names), config.class_balance)
            self.meshes = {i: mesh.balanced(by_label) for i, mesh in self.meshes.items()}

    def _epoch(self) -> dict[str, Any]:
        """One pass over the training meshes, or what the time allows; returns its metrics."""
        epoch = self.progress.epoch
        seeds = epoch_seeds(self.config, epoch)
        torch.manual_seed(int(seeds.generate_state(1, np.uint64)[0]))
        losses = []
        self.model.train()
        for numbers in self.slots.epoch(np.random.default_rng(seeds)):
            losses.append(self._step(numbers))
            if self.config.minutes is not None and self.schedule.over(self.progress):
                break
        self._advance(epoch=epoch + 1)
        return {
            "epoch": epoch + 1,
            "step": self.progress.step,
            "loss": float(np.mean(losses)),
            "val_accuracy": self._validate(),
            "lr": self.optimizer.param_groups[0]["lr"],
            "seconds": round(self.progress.seconds, 3),
        }

    def _step(self, numbers: list[int]) -> float:
        """One optimiser step, timed and reported."""
        began = time.perf_counter()
        rate = self.schedule.learning_rate(self.progress)
        batch, size = self._own(numbers), len(numbers)
        loss = optimiser_step(
            self.model, self.optimizer, batch, size, rate, self.config, self.ranks
        )
        self.average.update(self.progress.step)
        seconds = self.progress.seconds + time.perf_counter() - began
        # the rate may follow the clock, so all ranks go by one
        self._advance(step=self.progress.step + 1, seconds=self.ranks.of_first(seconds))
        best = self.progress.best_accuracy
        note = f"loss {loss:.3f}" + ("" if best is None else f", val {best:.3f}")
        self.on_progress("train", *self.schedule.amount(self.progress), note)
        return loss

    def _own(self, numbers: list[int]) -> Iterator[PreparedMesh]:
        """The meshes of a step that this rank has, each just before it is computed.

        In a batch of several, each draws from a generator of its own, wherever the others are.
        """
        for number in numbers:
            if number not in self.meshes:
                continue
            if self.config.batch > 1:
                torch.manual_seed(mesh_seed(self.config, self.progress.epoch, number))
            yield self.meshes[number]

    def _validate(self) -> float | None:
        """Validates when due; keeps the best weights, or the last where there is no validation."""
        if not self.num_val:
            self._keep(None)
            return None
        due = self.progress.epoch % self.config.val_every == 0
        if not due and not self.schedule.over(self.progress):
            return None
        with self.average.applied():
            accuracy = measure_all(self.model, self.val, self.num_val, self.ranks).accuracy
        best = self.progress.best_accuracy
        if best is None or accuracy > best:
            self._advance(improved_epoch=self.progress.epoch)
        if best is None or accuracy >= best:
            self._keep(accuracy)
        return accuracy

    def _keep(self, accuracy: float | None) -> None:
        """Takes the present weights, averaged where the recipe says so, as the best."""
        self.best = copied(self.average.tensors or self.model.state_dict())
        self._advance(best_epoch=self.progress.epoch, best_accuracy=accuracy)

    def _advance(self, **changes: Any) -> None:
        self.progress = dataclasses.replace(self.progress, **changes)
