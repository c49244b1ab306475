"""What a run will take, told before it is started."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor

from gaugeconv.data import DatasetFolder, LabelledMesh
from gaugeconv.models import GaugeSegmenter, SegmenterConfig
from gaugeconv.train.config import TrainConfig
from gaugeconv.train.evaluate import measure
from gaugeconv.train.objective import adamw, optimiser_step
from gaugeconv.train.prepare import PreparedMesh, match_labels, prepare_mesh, read_split
from gaugeconv.train.schedule import Schedule


@dataclass(frozen=True)
class Estimate:
    """Time and memory of a run on one process, extrapolated from one mesh of it.

    Times grow with the number of vertices, so they are those of a mesh of nearly mean size, times the
    ratio of all vertices to its own.

    Attributes:
        meshes: training meshes, deformed copies included.
        validation_meshes: meshes of the split "val".
        vertices: of all of them together.
        parameters: numbers that the network learns.
        epochs: passes over the training meshes, as many as fit into a given number of minutes.
        geometry_seconds: preparing all meshes, once.
        epoch_seconds: all steps of one epoch.
        validation_seconds: one validation.
        total_seconds: everything together; less when the run stops early.
        memory_gb: peak resident memory; None where the system does not tell.
        disk_mb: the run's folder.
    """

    meshes: int
    validation_meshes: int
    vertices: int
    parameters: int
    epochs: int
    geometry_seconds: float
    epoch_seconds: float
    validation_seconds: float
    total_seconds: float
    memory_gb: float | None
    disk_mb: float

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return dataclasses.asdict(self)

    def __str__(self) -> str:
        """A few lines."""
        memory = "unknown" if self.memory_gb is None else f"{self.memory_gb:.1f} GB"
        return (
            f"{self.meshes} training and {self.validation_meshes} validation meshes, "
            f"{self.vertices} vertices, {self.parameters} parameters\n"
            f"geometry    {_duration(self.geometry_seconds)}, once\n"
            f"training    {_duration(self.epoch_seconds)} an epoch, {self.epochs} epochs\n"
            f"validation  {_duration(self.validation_seconds)} each time\n"
            f"in all      {_duration(self.total_seconds)}, {memory} of memory, "
            f"{self.disk_mb:.0f} MB on disk"
        )


def estimate(
    dataset: DatasetFolder,
    config: TrainConfig,
    model_config: SegmenterConfig,
    device: torch.device | str = "cpu",
) -> Estimate:
    """Prepares one mesh, takes two steps on it, and extrapolates; writes no file.

    A smaller mesh is prepared beforehand, so that loading compiled kernels is not counted.

    Raises:
        DataError: bad data.
        MeshError: the mesh of mean size is defective; the others are not looked at closely.
    """
    train_items, val_items = (read_split(dataset, split) for split in ("train", "val"))
    items = sorted(train_items, key=lambda item: item.mesh.num_vertices)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        model = GaugeSegmenter(model_config).to(device)
        label_map = match_labels(dataset.label_names, model_config.label_names)
        trial = _tried(model, items, label_map, config, torch.device(device))
    copies = 1 + config.augment
    in_train, in_val = (_vertices(part) / trial.vertices for part in (items, val_items))
    schedule = Schedule(config, len(items) * copies)
    epoch = trial.step * in_train * copies
    epochs = config.epochs or max(1, round(60.0 * (config.minutes or 0.0) / epoch))
    all_meshes = in_train * copies + in_val
    geometry, validation = trial.preparing * all_meshes, trial.measuring * in_val
    largest = items[-1].mesh.num_vertices / trial.vertices
    memory = trial.base + trial.grown * largest + trial.held * all_meshes
    size = sum(tensor.numel() * tensor.element_size() for tensor in model.state_dict().values())
    return Estimate(
        meshes=schedule.num_meshes,
        validation_meshes=len(val_items),
        vertices=_vertices(items) * copies + _vertices(val_items),
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        epochs=epochs,
        geometry_seconds=geometry,
        epoch_seconds=epoch,
        validation_seconds=validation,
        total_seconds=geometry + epochs * epoch + validation * (epochs // config.val_every + 1),
        memory_gb=memory / 1e9 if trial.base else None,
        disk_mb=size * (6 if config.ema else 5) / 1e6,
    )


@dataclass(frozen=True)
class _Trial:
    """What one mesh took: seconds, and bytes before, on top of that, and for its inputs alone."""

    vertices: int
    preparing: float
    step: float
    measuring: float
    base: int
    grown: int
    held: int


def _tried(
    model: GaugeSegmenter,
    items: Sequence[LabelledMesh],
    label_map: Int64[np.ndarray, " K"],
    config: TrainConfig,
    device: torch.device,
) -> _Trial:
    """Prepares and trains on the mesh next to mean size; items ascend in size."""
    mean = np.mean([item.mesh.num_vertices for item in items])
    chosen = min(items, key=lambda item: abs(item.mesh.num_vertices - mean))
    prepare_mesh(model, items[0], label_map)
    base = _peak_memory()
    began = time.perf_counter()
    prepared = prepare_mesh(model, chosen, label_map).to(device)
    preparing = time.perf_counter() - began
    step, measuring = _timed(model, prepared, config)
    grown, held = _peak_memory() - base, bytes_held(prepared.inputs)
    return _Trial(chosen.mesh.num_vertices, preparing, step, measuring, base, grown, held)


def bytes_held(value: object) -> int:
    """The memory of all tensors and arrays that a record of them holds, each counted once."""
    seen: set[int] = set()

    def walk(part: object) -> int:
        if id(part) in seen:
            return 0
        seen.add(id(part))
        if isinstance(part, Tensor):
            return part.untyped_storage().nbytes()
        if isinstance(part, np.ndarray):
            return part.nbytes
        if isinstance(part, dict):
            return sum(walk(item) for item in part.values())
        if isinstance(part, list | tuple):
            return sum(walk(item) for item in part)
        return walk(vars(part)) if dataclasses.is_dataclass(part) else 0

    return walk(value)


def _timed(
    model: GaugeSegmenter, prepared: PreparedMesh, config: TrainConfig
) -> tuple[float, float]:
    """Seconds of the second of two steps, and of a measurement."""
    optimizer = adamw(model, config)
    model.train()
    ends = [time.perf_counter()]
    for _ in range(2):
        optimiser_step(model, optimizer, [prepared], 1, config.lr, config)
        ends.append(time.perf_counter())
    measure(model, prepared)
    return ends[2] - ends[1], time.perf_counter() - ends[2]


def _vertices(items: Iterable[LabelledMesh]) -> int:
    return sum(item.mesh.num_vertices for item in items)


def _peak_memory() -> int:
    """Peak resident memory of this process so far, bytes; 0 where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _duration(seconds: float) -> str:
    """Seconds, minutes or hours, whichever reads best."""
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
