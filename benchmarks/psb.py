"""The Labelled Princeton Segmentation Benchmark: conversion to a dataset folder, and its measure.

    python -m benchmarks.psb convert Human OUT --seed 0
    python -m benchmarks.psb evaluate Human --weights RUN/best.safetensors --seed 0

Data: `psb/` below $GAUGECONV_DATA (default: ../shared/data), see `load`. Accuracy is measured on the
original meshes: `area_by_label` holds the share of the original area of each true label that lands
on each small face, so predictions p score Σ area_by_label[f, p_f].
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.harness import record
from gaugeconv.data import DatasetFolder, LabelledMesh
from gaugeconv.mesh import TriMesh
from gaugeconv.models import GaugeSegmenter

TRAIN = 12


def data_folder() -> Path:
    """Where the data of benchmarks lie; ends the program, saying so, where there are none."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("GAUGECONV_DATA", default))
    if not folder.is_dir():
        raise SystemExit(f"skipped: no data in {folder}; set GAUGECONV_DATA")
    return folder


@dataclass(frozen=True)
class Shape:
    """One mesh: labels per face, and (F, K) the share of the original area by true label."""

    name: str
    mesh: TriMesh
    face_labels: np.ndarray
    area_by_label: np.ndarray


def categories() -> dict[str, dict[str, list]]:
    return json.loads((data_folder() / "psb" / "categories.json").read_text())


def load(category: str, ids: list[int]) -> Iterator[Shape]:
    for number in ids:
        with np.load(data_folder() / "psb" / "npz" / f"{number}.npz", allow_pickle=False) as file:
            mesh = TriMesh(file["vertices"], file["faces"].astype(np.int64))
            labels = file["face_labels"].astype(np.int64)
            yield Shape(f"{category}_{number:03d}", mesh, labels, file["area_by_label"])


def split(category: str, seed: int) -> tuple[list[int], list[int]]:
    """12 train and 8 test ids of a category."""
    ids = np.random.default_rng(seed).permutation(sorted(categories()[category]["ids"]))
    return ids[:TRAIN].tolist(), ids[TRAIN:].tolist()


def convert(category: str, out: Path, seed: int) -> None:
    """Writes a dataset folder with the given split."""
    train, test = split(category, seed)
    shapes = {shape.name: shape for shape in load(category, sorted(train + test))}
    DatasetFolder.write(
        out,
        [LabelledMesh(s.name, s.mesh, s.face_labels) for s in shapes.values()],
        categories()[category]["labels"],
        {
            "train": [f"{category}_{i:03d}" for i in train],
            "test": [f"{category}_{i:03d}" for i in test],
        },
    )


def original_accuracy(shape: Shape, predicted: np.ndarray) -> float:
    """Share of the original mesh's area that is labelled right."""
    known = predicted < shape.area_by_label.shape[1]
    rows = np.flatnonzero(known)
    return float(shape.area_by_label[rows, predicted[rows]].sum() / shape.area_by_label.sum())


def evaluate(
    category: str, weights: str, ids: list[int], smoothing: float = 0.0
) -> dict[str, float]:
    """Accuracy on the original meshes, per shape, with labels matched by name.

    Args:
        category: of the shapes.
        weights: of a segmenter.
        ids: which shapes.
        smoothing: strength of the graph cut over the faces, 0 for none.
    """
    model = GaugeSegmenter.load(weights)
    names = categories()[category]["labels"]
    to_dataset = np.array([names.index(name) for name in model.config.label_names])
    return {
        shape.name: original_accuracy(
            shape, to_dataset[model.segment(shape.mesh, smoothing).face_labels]
        )
        for shape in load(category, ids)
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("task", choices=("convert", "evaluate"))
    parser.add_argument("category")
    parser.add_argument("out", nargs="?", type=Path, help="folder to write (convert)")
    parser.add_argument("--weights", default="bodies")
    parser.add_argument("--seed", type=int, default=0, help="of the split")
    parser.add_argument("--training-seconds", type=int, help="recorded beside the figures")
    parser.add_argument("--record", metavar="ROW", help="write results/ROW.json as well")
    parser.add_argument(
        "--all", action="store_true", help="evaluate on all shapes, not the 8 of test"
    )
    args = parser.parse_args()
    if args.task == "convert":
        if args.out is None:
            parser.error("convert needs a folder to write")
        convert(args.category, args.out, args.seed)
        return
    train, test = split(args.category, args.seed)
    figures = evaluate(args.category, args.weights, sorted(train + test) if args.all else test)
    report = {"mean": float(np.mean(list(figures.values()))), "shapes": figures}
    if args.record:
        facts = {"category": args.category, "weights": Path(args.weights).stem}
        if args.training_seconds is not None:
            facts |= {"split": args.seed, "training_seconds": args.training_seconds}
        record(args.record, {**facts, **report})
    else:
        print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
