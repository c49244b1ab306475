"""Between a run in memory and its folder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from torch import Tensor

from gaugeconv.errors import DataError, FileFormatError
from gaugeconv.models.weights import save_weights
from gaugeconv.train.checkpoints import TrainState, optimizer_tensors, restore_optimizer
from gaugeconv.train.events import EventLog

if TYPE_CHECKING:
    from gaugeconv.train.trainer import Trainer


def store(trainer: Trainer, metrics: Mapping[str, Any], events: EventLog | None) -> None:
    """Writes metrics, then best weights, then the state that vouches for both.

    Raises:
        OSError: the folder cannot be written; the state before stays whole.
    """
    progress, folder = trainer.progress, trainer.folder
    with folder.writing(f"go on after epoch {progress.epoch - 1} with --resume"):
        folder.append_metrics(metrics)
        if events is not None:
            events.add(metrics)
        if progress.best_epoch == progress.epoch:
            save_weights(folder.best, trainer.best, trainer.model.config)
        TrainState(
            model=dict(trainer.model.state_dict()),
            best=trainer.best,
            optimizer=optimizer_tensors(trainer.optimizer),
            average=trainer.average.tensors,
            progress=progress,
            fingerprint=trainer.fingerprint,
        ).save(folder.last)


def restore(trainer: Trainer) -> None:
    """Takes up the stored state, and writes the best weights again to match it.

    Raises:
        DataError: the data are not those that the run was started with.
        FileFormatError: the state is damaged, or of another network.
        OSError: the state cannot be read, or the best weights not be written.
    """
    folder, model = trainer.folder, trainer.model
    state = TrainState.load(folder.last)
    if state.fingerprint != trainer.fingerprint:
        raise DataError(
            f"the meshes or labels in {trainer.dataset.path} changed after {folder.path} "
            "was started: start a new run"
        )
    try:
        model.load_state_dict(state.best)
        model.load_state_dict(state.model)
    except RuntimeError as error:
        raise FileFormatError(f"{folder.last} belongs to another network") from error
    if set(state.average) != set(trainer.average.tensors):
        raise FileFormatError(f"{folder.last} does not hold the moving average of the weights")
    restore_optimizer(trainer.optimizer, state.optimizer)
    trainer.average.tensors = _on_device(state.average, trainer)
    trainer.best = _on_device(state.best, trainer)
    trainer.progress = state.progress
    if trainer.ranks.first and state.progress.best_epoch:
        with folder.writing("resume again"):
            save_weights(folder.best, state.best, model.config)


def _on_device(tensors: Mapping[str, Tensor], trainer: Trainer) -> dict[str, Tensor]:
    """Tensors where the run computes."""
    return {name: tensor.to(trainer.ranks.device) for name, tensor in tensors.items()}
