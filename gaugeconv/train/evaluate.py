"""Measuring a network on a split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gaugeconv.data import DatasetFolder
from gaugeconv.errors import DataError
from gaugeconv.models import GaugeSegmenter
from gaugeconv.train.metrics import SegmentationMetrics
from gaugeconv.train.prepare import (
    OnProgress,
    PreparedMesh,
    match_labels,
    no_progress,
    prepare_mesh,
)
from gaugeconv.train.ranks import ALONE, Ranks


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The metrics of a split, together and mesh by mesh.

    Attributes:
        split: which split.
        overall: all meshes together.
        per_mesh: by name.
    """

    split: str
    overall: SegmentationMetrics
    per_mesh: dict[str, SegmentationMetrics]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready: everything overall; accuracy and mean IoU per mesh."""
        meshes = {name: metrics.to_dict() for name, metrics in self.per_mesh.items()}
        return {
            "split": self.split,
            "overall": self.overall.to_dict(),
            "meshes": {
                name: {key: values[key] for key in ("accuracy", "mean_iou")}
                for name, values in meshes.items()
            },
        }

    def __str__(self) -> str:
        """The overall table and one line per mesh."""
        width = max(len(name) for name in self.per_mesh)
        lines = [
            f"{name:<{width}}  {metrics.accuracy:.4f}" for name, metrics in self.per_mesh.items()
        ]
        return "\n".join([f"{self.split}: {self.overall}", "", "accuracy per mesh", *lines])


def evaluate(
    model: GaugeSegmenter,
    dataset: DatasetFolder,
    split: str | None = None,
    on_progress: OnProgress = no_progress,
) -> Evaluation:
    """Labels every mesh of a split and compares with the truth, by area; gauge invariant.

    The meshes are held in memory one at a time. The dataset's labels are matched by name.

    Args:
        model: the network.
        dataset: where the meshes are.
        split: "train", "val" or "test"; None for "test" or, where there is none, "val".
        on_progress: told of every mesh.

    Raises:
        DataError: the split is empty or there is neither "test" nor "val", a label file does not
            fit, or the network lacks a label.
        MeshError: a mesh is malformed.
    """
    label_map = match_labels(dataset.label_names, model.config.label_names)
    split = _held_out(dataset) if split is None else split
    names = dataset.names(split)
    per_mesh = {}
    for done, name in enumerate(names, start=1):
        prepared = prepare_mesh(model, dataset.load(name), label_map)
        per_mesh[name] = measure(model, prepared)
        on_progress(f"evaluate {split}", done, len(names), name)
    return Evaluation(split, SegmentationMetrics.sum(per_mesh.values()), per_mesh)


def _held_out(dataset: DatasetFolder) -> str:
    for split in ("test", "val"):
        if dataset.splits.get(split):
            return split
    raise DataError(
        f"{dataset.path / 'split.json'} names meshes neither for 'test' nor for 'val'; it has "
        f"{', '.join(dataset.splits) or 'none'}: say which split to evaluate"
    )


def measure_all(
    model: GaugeSegmenter,
    meshes: Mapping[int, PreparedMesh],
    count: int,
    ranks: Ranks = ALONE,
) -> SegmentationMetrics:
    """The metrics of meshes 0 … count − 1 together, each measured by the rank that has it.

    The confusion of every mesh reaches all ranks as it is, and all add them up in the same order: the
    result is the same to the bit on every rank, and on any number of them.
    """
    size = len(model.config.label_names)
    confusions, counted = np.zeros((count, size, size)), np.zeros(count)
    for number, prepared in meshes.items():
        measured = measure(model, prepared)
        confusions[number], counted[number] = measured.confusion, measured.num_meshes
    confusions, counted = ranks.sum(confusions), ranks.sum(counted)
    return SegmentationMetrics.sum(
        SegmentationMetrics(model.config.label_names, confusion, int(one))
        for confusion, one in zip(confusions, counted, strict=True)
    )


def measure(model: GaugeSegmenter, prepared: PreparedMesh) -> SegmentationMetrics:
    """The metrics of one prepared mesh; the network is left in the mode it was in."""
    with model.predicting():
        predicted = model(prepared.inputs).argmax(dim=-1)
    return SegmentationMetrics.of_mesh(
        prepared.labels.cpu().numpy(),
        predicted.cpu().numpy(),
        prepared.weights.cpu().numpy(),
        model.config.label_names,
    )
