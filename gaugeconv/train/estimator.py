"""Segmentation for the impatient: fit and predict on meshes and labels in memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from gaugeconv.data import DatasetFolder, LabelledMesh
from gaugeconv.errors import DataError, GaugeConvError
from gaugeconv.mesh import TriMesh
from gaugeconv.models import GaugeSegmenter, SegmenterConfig
from gaugeconv.train.config import TrainConfig
from gaugeconv.train.loop import train

Meshes = TriMesh | Sequence[TriMesh]
Labels = ArrayLike | Sequence[ArrayLike]


@dataclass
class SegmentationEstimator:
    """A segmenter with `fit`, `predict` and `score`; gauge invariant.

    `fit` trains with `gaugeconv.train.train`, whose files go to a temporary folder; for runs that can be
    watched and resumed, use that or `gaugeconv train`.

    Attributes:
        epochs: passes over the meshes; not used when `minutes` is given.
        minutes: a time budget in place of epochs.
        val_fraction: share of the meshes, the last ones given, set aside to choose the best weights by.
        seed: of everything random.
        recipe: other fields of `gaugeconv.train.TrainConfig`.
        network: other fields of `gaugeconv.models.SegmenterConfig`.
        classes_: after `fit`, the labels in ascending order.
        model_: after `fit`, the trained network.
    """

    epochs: int = 60
    minutes: float | None = None
    val_fraction: float = 0.0
    seed: int = 0
    recipe: dict[str, Any] = field(default_factory=dict)
    network: dict[str, Any] = field(default_factory=dict)

    def fit(self, meshes: Meshes, face_labels: Labels) -> SegmentationEstimator:
        """Trains a new network.

        Args:
            meshes: one or more meshes.
            face_labels: for each mesh one label per face: integers, −1 for unlabelled faces, or strings,
                empty for unlabelled faces. One array alone for one mesh alone.

        Returns:
            Itself.

        Raises:
            DataError: labels are not one per face, or fewer than two different ones; or a bad option.
            MeshError: a mesh cannot be used; the message counts it from 0.
        """
        meshes, labels = _paired(meshes, face_labels)
        self.classes_ = np.unique(np.concatenate(labels))
        self.classes_ = self.classes_[~_unlabelled(self.classes_)]
        if len(self.classes_) < 2:
            raise DataError(
                f"fit needs at least two different labels, got {self.classes_.tolist()}"
            )
        if not 0 <= self.val_fraction < 1:
            raise DataError(f"val_fraction must be in [0, 1), got {self.val_fraction}")
        names = [f"mesh-{k}" for k in range(len(meshes))]
        kept = len(names) - int(self.val_fraction * len(names))
        items = [
            LabelledMesh(name, mesh, self._numbers(found))
            for name, mesh, found in zip(names, meshes, labels, strict=True)
        ]
        label_names = tuple(str(label) for label in self.classes_)
        network = SegmenterConfig(label_names=label_names, **self.network)
        epochs = self.epochs if self.minutes is None else None
        config = TrainConfig(epochs, self.minutes, seed=self.seed, **self.recipe)
        splits = {"train": names[:kept], "val": names[kept:]}
        with tempfile.TemporaryDirectory() as folder, _counted():
            dataset = DatasetFolder.write(Path(folder, "data"), items, label_names, splits)
            result = train(dataset, Path(folder, "run"), config, network)
            self.model_ = GaugeSegmenter.load(result.run.best)
        return self

    def predict(self, meshes: Meshes) -> np.ndarray | list[np.ndarray]:
        """The label of every face, as `fit` was given them: an array for a mesh, a list for several.

        Raises:
            GaugeConvError: `fit` has not been called.
            MeshError: a mesh cannot be used.
        """
        if not hasattr(self, "model_"):
            raise GaugeConvError("the estimator has not been trained: call fit first")
        if isinstance(meshes, TriMesh):
            found: np.ndarray = self.classes_[self.model_.segment(meshes).face_labels]
            return found
        return [self.classes_[self.model_.segment(mesh).face_labels] for mesh in meshes]

    def score(self, meshes: Meshes, face_labels: Labels) -> float:
        """The share of the labelled area that is labelled right, averaged over the meshes.

        Raises what `predict` raises; DataError: labels are not one per face, or a mesh has none.
        """
        meshes, labels = _paired(meshes, face_labels)
        for k, truth in enumerate(labels):
            if _unlabelled(truth).all():
                raise DataError(f"mesh {k} has no labelled face to score")
        shares = []
        for mesh, truth, found in zip(meshes, labels, self.predict(meshes), strict=True):
            area = np.where(_unlabelled(truth), 0.0, mesh.face_areas)
            shares.append(area[truth == found].sum() / area.sum())
        return float(np.mean(shares))

    def _numbers(self, labels: np.ndarray) -> np.ndarray:
        """Labels as indices into `classes_`, −1 for unlabelled faces."""
        numbers = np.searchsorted(self.classes_, labels)
        return np.where(_unlabelled(labels), -1, numbers).astype(np.int64)


def _unlabelled(labels: np.ndarray) -> np.ndarray:
    """Which labels say that there is none."""
    return labels == ("" if labels.dtype.kind == "U" else -1)


def _paired(meshes: Meshes, labels: Labels) -> tuple[list[TriMesh], list[np.ndarray]]:
    """Lists of meshes and of arrays that fit them.

    Raises:
        DataError: they do not fit.
    """
    one = isinstance(meshes, TriMesh)
    meshes = [meshes] if isinstance(meshes, TriMesh) else list(meshes)
    each: Any = [labels] if one else labels
    arrays = [np.asarray(found) for found in each]
    if len(meshes) != len(arrays) or not arrays:
        raise DataError(
            f"{len(meshes)} meshes and labels of {len(arrays)}: give one array for each"
        )
    for k, (mesh, array) in enumerate(zip(meshes, arrays, strict=True)):
        if array.shape != (mesh.num_faces,) or array.dtype.kind not in "iuU":
            raise DataError(
                f"mesh {k} needs {mesh.num_faces} labels, one per face, integers or strings; got "
                f"{array.dtype} of shape {array.shape}"
            )
    if len({array.dtype.kind == "U" for array in arrays}) > 1:
        raise DataError("labels are integers for some meshes and strings for others: use one kind")
    return meshes, arrays


@contextmanager
def _counted() -> Iterator[None]:
    """Errors name the mesh by its number, not by the name it has in a temporary dataset."""
    try:
        yield
    except GaugeConvError as error:
        raise type(error)(str(error).replace("mesh-", "mesh ")) from error
