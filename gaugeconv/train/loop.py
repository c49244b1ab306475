"""The training loop."""

from __future__ import annotations

import dataclasses
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gaugeconv.data import DatasetFolder, LabelledMesh
from gaugeconv.errors import DataError, FileFormatError
from gaugeconv.models import GaugeSegmenter, SegmenterConfig
from gaugeconv.train.checkpoints import (
    Progress,
    TrainState,
    optimizer_tensors,
    restore_optimizer,
)
from gaugeconv.train.config import TrainConfig
from gaugeconv.train.evaluate import measure_all
from gaugeconv.train.objective import adamw, optimiser_step
from gaugeconv.train.prepare import (
    OnProgress,
    PreparedMesh,
    fingerprint,
    match_labels,
    no_progress,
    prepare_all,
)
from gaugeconv.train.run_folder import RunFolder
from gaugeconv.train.schedule import Schedule


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


def train(
    dataset: DatasetFolder,
    out_dir: str | os.PathLike[str],
    config: TrainConfig,
    model_config: SegmenterConfig,
    resume: bool = False,
    on_progress: OnProgress = no_progress,
) -> TrainResult:
    """Trains a segmenter on the split "train", choosing weights by the split "val".

    Without validation meshes the last weights are taken; the test split is never touched.
    Weights depend on the config, the data and the number of threads alone when `epochs` is
    given, interrupted and resumed or not. torch's global generator is left as it was.

    Args:
        dataset: the labelled meshes.
        out_dir: a new folder, or the one to resume.
        config: the recipe.
        model_config: the network.
        resume: go on after the last finished epoch found in `out_dir`.
        on_progress: told of meshes prepared and steps done.

    Raises:
        DataError: bad data; `out_dir` holds a run (or none, when resuming), or one started
            with another config or other data.
        FileFormatError: the state to resume from is damaged.
        GaugeConvError: the loss is no longer finite.
        OSError: `out_dir` cannot be written.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        model = GaugeSegmenter(model_config)
        return Trainer(model, dataset, out_dir, config, on_progress).run(resume)


class Trainer:
    """One run over one network: AdamW, warm-up and cosine, clipping, state after every epoch."""

    def __init__(
        self,
        model: GaugeSegmenter,
        dataset: DatasetFolder,
        out_dir: str | os.PathLike[str],
        config: TrainConfig,
        on_progress: OnProgress = no_progress,
    ) -> None:
        """Takes a freshly initialised network; arguments as for `train`."""
        self.model = model
        self.dataset = dataset
        self.folder = RunFolder(out_dir)
        self.config = config
        self.on_progress = on_progress
        self.progress = Progress()
        self.optimizer = adamw(model, config)
        self.best = _copied(model.state_dict())

    def run(self, resume: bool = False) -> TrainResult:
        """Trains to the end of the schedule, from the beginning or from the stored state.

        Draws from torch's global generator; `train` shields the caller from that. Raises what
        `train` raises.
        """
        record = {
            "train": self.config.to_dict(),
            "model": json.loads(self.model.config.to_json()),
            "labels": list(self.dataset.label_names),
        }
        if resume:
            self.folder.require_same(record)
        else:
            self.folder.require_new()
        items = {split: self._read(split) for split in ("train", "val")}
        self.fingerprint = fingerprint([*items["train"], *items["val"]])
        self.schedule = Schedule(self.config, len(items["train"]) * (1 + self.config.augment))
        if not resume:
            self.folder.start(record)
        elif self.folder.last.exists():
            self._restore()
        self.folder.forget_after(self.progress.epoch)
        if not self.schedule.over(self.progress):
            self._prepare(items["train"], items["val"])
        while not self.schedule.over(self.progress):
            self._store(self._epoch())
        return TrainResult(self.folder, self.progress)

    def _read(self, split: str) -> list[LabelledMesh]:
        """Loads the meshes of a split; only "val" may be missing."""
        if split == "val" and not self.dataset.splits.get(split):
            return []
        return [self.dataset.load(name) for name in self.dataset.names(split)]

    def _prepare(self, train_items: list[LabelledMesh], val_items: list[LabelledMesh]) -> None:
        """Computes the geometry of all meshes."""
        label_map = match_labels(self.dataset.label_names, self.model.config.label_names)
        augment, seed, tell = self.config.augment, self.config.seed, self.on_progress
        self.val = prepare_all(self.model, val_items, label_map, on_progress=tell)
        self.meshes = prepare_all(self.model, train_items, label_map, augment, seed, tell)

    def _epoch(self) -> dict[str, Any]:
        """One pass over the training meshes, or what the time allows; returns its metrics."""
        epoch = self.progress.epoch
        seeds = np.random.SeedSequence([self.config.seed, epoch])
        torch.manual_seed(int(seeds.generate_state(1, np.uint64)[0]))
        order = np.random.default_rng(seeds).permutation(len(self.meshes))
        losses = []
        self.model.train()
        for part in np.array_split(order, range(self.config.batch, len(order), self.config.batch)):
            losses.append(self._step([self.meshes[i] for i in part]))
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

    def _step(self, batch: list[PreparedMesh]) -> float:
        """One optimiser step, timed and reported."""
        began = time.perf_counter()
        rate = self.schedule.learning_rate(self.progress)
        loss = optimiser_step(self.model, self.optimizer, batch, rate, self.config)
        seconds = self.progress.seconds + time.perf_counter() - began
        self._advance(step=self.progress.step + 1, seconds=seconds)
        best = self.progress.best_accuracy
        note = f"loss {loss:.3f}" + ("" if best is None else f", val {best:.3f}")
        self.on_progress("train", *self.schedule.amount(self.progress), note)
        return loss

    def _validate(self) -> float | None:
        """Validates when due; keeps the best weights, or the last where there is no validation."""
        if not self.val:
            self._keep(None)
            return None
        due = self.progress.epoch % self.config.val_every == 0
        if not due and not self.schedule.over(self.progress):
            return None
        accuracy = measure_all(self.model, self.val).accuracy
        best = self.progress.best_accuracy
        if best is None or accuracy >= best:
            self._keep(accuracy)
        return accuracy

    def _keep(self, accuracy: float | None) -> None:
        """Takes the present weights as the best."""
        self.best = _copied(self.model.state_dict())
        self._advance(best_epoch=self.progress.epoch, best_accuracy=accuracy)

    def _store(self, metrics: Mapping[str, Any]) -> None:
        """Writes metrics, then best weights, then the state that vouches for both."""
        self.folder.append_metrics(metrics)
        if self.progress.best_epoch == self.progress.epoch:
            self.model.save(self.folder.best)
        TrainState(
            model=dict(self.model.state_dict()),
            best=self.best,
            optimizer=optimizer_tensors(self.optimizer),
            progress=self.progress,
            fingerprint=self.fingerprint,
        ).save(self.folder.last)

    def _restore(self) -> None:
        """Takes up the stored state, and writes the best weights again to match it."""
        state = TrainState.load(self.folder.last)
        if state.fingerprint != self.fingerprint:
            raise DataError(
                f"the meshes or labels in {self.dataset.path} changed after {self.folder.path} "
                "was started: start a new run"
            )
        try:
            self.model.load_state_dict(state.best)
            if state.progress.best_epoch:
                self.model.save(self.folder.best)
            self.model.load_state_dict(state.model)
        except RuntimeError as error:
            raise FileFormatError(f"{self.folder.last} belongs to another network") from error
        restore_optimizer(self.optimizer, state.optimizer)
        self.best, self.progress = state.best, state.progress

    def _advance(self, **changes: Any) -> None:
        self.progress = dataclasses.replace(self.progress, **changes)


def _copied(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors that later steps do not change."""
    return {name: tensor.detach().clone() for name, tensor in tensors.items()}
