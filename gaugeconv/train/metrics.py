"""How good a segmentation is, measured on area."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from gaugeconv.errors import DataError


@dataclass(frozen=True, eq=False)
class SegmentationMetrics:
    """Area-weighted confusion between true and predicted face labels, summed over meshes.

    Every mesh counts with total weight 1: its face areas are divided by its labelled area, so
    neither scale nor resolution matters. Sums of confusion matrices are exact, and everything
    else is read off the sum; no ratio is ever averaged. Gauge invariant.

    Attributes:
        label_names: K names, the order of rows and columns.
        confusion: (K, K), share of area per true label (row) and predicted label (column).
        num_meshes: meshes summed up so far that have labelled area.
    """

    label_names: tuple[str, ...]
    confusion: Float64[np.ndarray, "K K"]
    num_meshes: int

    @classmethod
    def of_mesh(
        cls,
        truth: Int64[np.ndarray, " F"],
        predicted: Int64[np.ndarray, " F"],
        areas: Float64[np.ndarray, " F"],
        label_names: Sequence[str],
    ) -> SegmentationMetrics:
        """Compares two labellings of one mesh.

        Args:
            truth: true label per face; faces labelled −1 are left out.
            predicted: label per face.
            areas: area per face, any unit.
            label_names: the names of labels 0 … K−1.

        Raises:
            DataError: the lengths differ or a label is out of range.
        """
        if not truth.shape == predicted.shape == areas.shape:
            raise DataError(
                f"{truth.size} true labels, {predicted.size} predicted labels and {areas.size} "
                "face areas do not belong to one mesh"
            )
        count = len(label_names)
        for name, values, low in (("true", truth, -1), ("predicted", predicted, 0)):
            wrong = np.flatnonzero((values < low) | (values >= count))
            if wrong.size:
                raise DataError(
                    f"{name} label {values[wrong[0]]} of face {wrong[0]} is outside "
                    f"{low} … {count - 1}"
                )
        labelled = truth >= 0
        cell = truth[labelled] * count + predicted[labelled]
        confusion = np.bincount(cell, weights=areas[labelled], minlength=count * count)
        total = confusion.sum()
        return cls(
            tuple(label_names),
            confusion.reshape(count, count) / (total if total > 0 else 1.0),
            int(total > 0),
        )

    @classmethod
    def sum(cls, parts: Iterable[SegmentationMetrics]) -> SegmentationMetrics:
        """The metrics of several meshes together; at least one.

        Raises:
            DataError: there are none, or their labels differ.
        """
        parts = list(parts)
        if not parts:
            raise DataError("no meshes to measure: the split is empty")
        names = parts[0].label_names
        if any(part.label_names != names for part in parts):
            raise DataError("metrics over different label names cannot be added")
        confusion = np.sum([part.confusion for part in parts], axis=0)
        return cls(names, confusion, sum(part.num_meshes for part in parts))

    @property
    def accuracy(self) -> float:
        """Share of the labelled area that is labelled right: the mean over meshes."""
        return _ratio(np.trace(self.confusion), self.confusion.sum())

    @property
    def label_accuracy(self) -> Float64[np.ndarray, " K"]:
        """Share of each true label's area that is labelled right; NaN for an absent label."""
        return _ratios(np.diag(self.confusion), self.confusion.sum(axis=1))

    @property
    def label_iou(self) -> Float64[np.ndarray, " K"]:
        """Intersection over union per label; NaN for a label neither true nor predicted."""
        hit = np.diag(self.confusion)
        return _ratios(hit, self.confusion.sum(axis=0) + self.confusion.sum(axis=1) - hit)

    @property
    def mean_iou(self) -> float:
        """Mean of `label_iou` over the labels that occur; NaN when none does."""
        iou = self.label_iou[~np.isnan(self.label_iou)]
        return float(iou.mean()) if iou.size else float("nan")

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; None where a ratio is undefined."""
        shares = self.confusion.sum(axis=1) / max(self.num_meshes, 1)
        labels = {
            name: {"accuracy": _plain(accuracy), "iou": _plain(iou), "area_share": float(share)}
            for name, accuracy, iou, share in zip(
                self.label_names, self.label_accuracy, self.label_iou, shares, strict=True
            )
        }
        return {
            "accuracy": _plain(self.accuracy),
            "mean_iou": _plain(self.mean_iou),
            "num_meshes": self.num_meshes,
            "labels": labels,
            "confusion": self.confusion.tolist(),
        }

    def __str__(self) -> str:
        """A table with one line per label."""
        width = max(len(name) for name in (*self.label_names, "label"))
        lines = [
            f"accuracy {self.accuracy:.4f}, mean IoU {self.mean_iou:.4f} "
            f"(by area, {self.num_meshes} mesh{'' if self.num_meshes == 1 else 'es'})",
            f"{'label':<{width}}  accuracy     IoU    area",
        ]
        shares = self.confusion.sum(axis=1) / max(self.num_meshes, 1)
        for name, accuracy, iou, share in zip(
            self.label_names, self.label_accuracy, self.label_iou, shares, strict=True
        ):
            lines.append(f"{name:<{width}}  {accuracy:8.4f}  {iou:6.4f}  {share:5.1%}")
        return "\n".join(lines)


def _ratio(part: float, whole: float) -> float:
    """Divides, NaN when there is nothing to divide."""
    return float(part / whole) if whole > 0 else float("nan")


def _ratios(
    part: Float64[np.ndarray, " K"], whole: Float64[np.ndarray, " K"]
) -> Float64[np.ndarray, " K"]:
    """Divides per label, NaN where whole is zero."""
    return np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0)


def _plain(value: float) -> float | None:
    """A number that JSON can hold: NaN becomes None."""
    return None if np.isnan(value) else float(value)
