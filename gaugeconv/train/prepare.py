"""Everything about a mesh that does not change during training, computed once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float64, Int, Int64
from torch import Tensor

from gaugeconv.data import Augmentation, DatasetFolder, LabelledMesh
from gaugeconv.errors import DataError, MeshError
from gaugeconv.models import GaugeSegmenter, SegmenterInput

CPU = torch.device("cpu")
PLAIN = Augmentation()
OnProgress = Callable[[str, int | float, int | float, str], None]
"""Called as (stage, done, total, note) while long work goes on."""


def no_progress(stage: str, done: int | float, total: int | float, note: str) -> None:
    """An `OnProgress` for nobody."""


@dataclass(frozen=True, eq=False)
class PreparedMesh:
    """One mesh as a network and its loss see it.

    Attributes:
        name: of the item in its dataset.
        inputs: geometry and input features.
        labels: (F,) in the network's order of labels, −1 for unlabelled.
        weights: (F,) share of the labelled area, float64, 0 for unlabelled faces; for training, times
            the weight of the label (`objective.label_weights`). Gauge invariant.
    """

    name: str
    inputs: SegmenterInput
    labels: Int[Tensor, " F"]
    weights: Float64[Tensor, " F"]

    def to(self, device: torch.device) -> PreparedMesh:
        """The same mesh with its tensors on a device; itself when they are on the CPU, and stay."""
        if device.type == "cpu":
            return self
        inputs, labels = self.inputs.to(device), self.labels.to(device)
        return replace(self, inputs=inputs, labels=labels, weights=self.weights.to(device))

    def balanced(self, label_weights: Float64[np.ndarray, " L"]) -> PreparedMesh:
        """The same mesh with every face's weight multiplied by that of its label."""
        factors = torch.from_numpy(label_weights)[self.labels.clamp(min=0)]
        return replace(self, weights=self.weights * factors)


def prepare_mesh(
    model: GaugeSegmenter, item: LabelledMesh, label_map: Int64[np.ndarray, " K"]
) -> PreparedMesh:
    """Computes geometry and inputs, area weights, and labels in the network's order.

    Args:
        model: the network whose inputs are wanted.
        item: the mesh and its labels.
        label_map: the network's label for each of the dataset's, from `match_labels`.

    Raises:
        MeshError: the network cannot take the mesh; the message names the item.
    """
    labels = np.where(item.face_labels >= 0, label_map[item.face_labels], -1)
    areas = np.where(labels >= 0, item.mesh.face_areas, 0.0)
    total = areas.sum()
    try:
        inputs = model.prepare(item.mesh)
    except MeshError as error:
        raise type(error)(f"{item.name}: {error}") from error
    return PreparedMesh(
        item.name,
        inputs,
        torch.from_numpy(labels),
        torch.from_numpy(areas / (total if total > 0 else 1.0)),
    )


def prepare_all(
    model: GaugeSegmenter,
    items: Sequence[LabelledMesh],
    label_map: Int64[np.ndarray, " K"],
    augment: int = 0,
    seed: int = 0,
    on_progress: OnProgress = no_progress,
    wanted: Container[int] | None = None,
    device: torch.device = CPU,
    augmentation: Augmentation = PLAIN,
) -> dict[int, PreparedMesh]:
    """Prepares meshes to learn from or validate on, each followed by its deformed copies.

    Args:
        model: the network whose inputs are wanted.
        items: the meshes.
        label_map: as for `prepare_mesh`.
        augment: deformed copies of every mesh.
        seed: of the deformations; copy j of mesh i depends on (seed, i, j) alone.
        on_progress: told of every mesh.
        wanted: numbers of the meshes to prepare, copies counted: mesh i's copy j has number
            i (1 + augment) + j; None for all.
        device: where their tensors go.
        augmentation: how copies are made.

    Returns:
        The prepared meshes by number.

    Raises:
        DataError: a mesh has no labelled area.
    """
    numbers = range(len(items) * (1 + augment))
    chosen = [number for number in numbers if wanted is None or number in wanted]
    prepared: dict[int, PreparedMesh] = {}
    for number in chosen:
        index, copy = divmod(number, 1 + augment)
        item = items[index]
        rng = np.random.default_rng([seed, index, copy])
        changed = augmentation(item, rng) if copy else item
        ready = prepare_mesh(model, changed, label_map)
        if not bool((ready.weights > 0).any()):
            raise DataError(f"{item.name} has no labelled area; take it out of its split")
        prepared[number] = ready.to(device)
        on_progress("geometry", len(prepared), len(chosen), item.name)
    return prepared


def match_labels(
    dataset_names: Sequence[str], model_names: Sequence[str]
) -> Int64[np.ndarray, " K"]:
    """The network's index of every label of a dataset, matched by name.

    Raises:
        DataError: the network does not know a label of the dataset.
    """
    unknown = [name for name in dataset_names if name not in model_names]
    if unknown:
        raise DataError(
            f"the network does not know the labels {unknown}; it knows {list(model_names)}"
        )
    return np.array([list(model_names).index(name) for name in dataset_names], dtype=np.int64)


def read_split(dataset: DatasetFolder, split: str) -> list[LabelledMesh]:
    """Loads the meshes of a split; only "val" may be missing.

    Raises:
        DataError: the split is empty, or a mesh or its labels are malformed.
    """
    if split == "val" and not dataset.splits.get(split):
        return []
    return [dataset.load(name) for name in dataset.names(split)]


def fingerprint(items: Iterable[LabelledMesh]) -> str:
    """A hash of names, meshes and labels, to tell whether a run goes on with the same data."""
    digest = hashlib.sha256()
    for item in items:
        digest.update(f"{item.name}\0{item.mesh.content_hash()}\0".encode())
        digest.update(np.ascontiguousarray(item.face_labels).tobytes())
    return digest.hexdigest()
