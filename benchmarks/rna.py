"""RNA surfaces at full resolution: our segmenter beside a network on spectral features, same minutes.

    python -m benchmarks.rna --out out/rna --minutes 30

Data: `rna/` below $GAUGECONV_DATA, 120 molecules to train on and 40 to test, about 15,000 vertices each,
untidy as they are. Both train for as long, geometry on top, with all threads; both label vertices, and
accuracy counts every labelled vertex of the test molecules. The spectral network knows of each vertex its
heat-kernel signatures at 32 times, and is a perceptron.
"""

from __future__ import annotations

import argparse
import math
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor, nn

from benchmarks.harness import data_folder, peak_memory_gb, record
from gaugeconv.data import DatasetFolder, LabelledMesh
from gaugeconv.geometry.heat import heat_kernel_signatures
from gaugeconv.models import GaugeSegmenter

SIGNATURES = 32
RECIPE = ("--lr", "3e-3", "--label-smoothing", "0.1")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of data and run")
    parser.add_argument("--minutes", type=float, default=30.0, help="of training (default: 30)")
    parser.add_argument("--molecules", type=int, help="train on and test with the first so many")
    arguments = parser.parse_args()
    out, minutes = arguments.out, arguments.minutes
    command = [sys.executable, "-m", "gaugeconv"]
    if not (out / "data" / "split.json").is_file():
        source = str(data_folder("rna"))
        subprocess.run([*command, "data", "convert", "rna", source, str(out / "data")], check=True)
    data = DatasetFolder(out / "data")
    train = [data.load(name) for name in data.names("train")[: arguments.molecules]]
    test = [data.load(name) for name in data.names("test")[: arguments.molecules]]
    spectral = spectral_accuracy(train, test, len(data.label_names), minutes)
    run = out / f"run-{minutes:g}"
    if arguments.molecules is not None:
        data = _some(data, out / f"first-{arguments.molecules}", train, test)
    began = time.perf_counter()
    subprocess.run(
        [*command, "train", str(data.path), "--out", str(run), "--minutes", str(minutes), *RECIPE],
        check=True,
    )
    figures = {
        "minutes": minutes,
        "molecules": {"train": len(train), "test": len(test)},
        "vertices": {"train": _vertices(train), "test": _vertices(test)},
        "ours": {
            **our_accuracy(GaugeSegmenter.load(run / "best.safetensors"), test),
            "seconds_with_geometry": time.perf_counter() - began,
            "training_peak_gb": peak_memory_gb(children=True),
        },
        "spectral": spectral,
    }
    record("rna", figures)


def our_accuracy(model: GaugeSegmenter, test: Iterable[LabelledMesh]) -> dict[str, Any]:
    """Share of the labelled vertices that are right; one on no face takes the nearest one's label."""
    right = labelled = loose = 0
    for item in test:
        truth, found = _labels(item), model.segment(item.mesh).vertex_labels.copy()
        alone, known = found < 0, truth >= 0
        tree = cKDTree(item.mesh.vertices[~alone])
        found[alone] = found[~alone][tree.query(item.mesh.vertices[alone])[1]]
        right += int((truth == found)[known].sum())
        labelled += int(known.sum())
        loose += int((alone & known).sum())
    return {
        "accuracy": right / labelled,
        "labelled_vertices": labelled,
        "of_them_on_no_face": loose,
        "parameters": sum(p.numel() for p in model.parameters()),
    }


def spectral_accuracy(
    train: list[LabelledMesh], test: list[LabelledMesh], labels: int, minutes: float
) -> dict[str, Any]:
    """The same of a perceptron on heat-kernel signatures, one molecule a step, cosine schedule."""
    torch.manual_seed(0)
    known = [(_signatures(item), torch.from_numpy(_labels(item))) for item in train]
    every = torch.cat([features for features, _ in known])
    mean, spread = every.mean(0), every.std(0)
    network = nn.Sequential(
        *(nn.Linear(SIGNATURES, 512), nn.SiLU(), nn.Linear(512, 512), nn.SiLU()),
        *(nn.Linear(512, 512), nn.SiLU(), nn.Linear(512, labels)),
    )
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    rng, began = np.random.default_rng(0), time.perf_counter()
    while (done := (time.perf_counter() - began) / (60 * minutes)) < 1:
        features, truth = known[rng.integers(len(known))]
        optimizer.param_groups[0]["lr"] = 1e-3 * (
            0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done))
        )
        scores = network((features - mean) / spread)
        loss = nn.functional.cross_entropy(scores, truth, ignore_index=-1, label_smoothing=0.1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    right = labelled = 0
    with torch.no_grad():
        for item in test:
            truth = torch.from_numpy(_labels(item))
            found = network((_signatures(item) - mean) / spread).argmax(1)
            right += int((found == truth)[truth >= 0].sum())
            labelled += int((truth >= 0).sum())
    parameters = sum(p.numel() for p in network.parameters())
    return {"accuracy": right / labelled, "labelled_vertices": labelled, "parameters": parameters}


def _signatures(item: LabelledMesh) -> Tensor:
    """Logarithms of the signatures; a vertex on no face has none, and gets zeros."""
    signatures = np.nan_to_num(heat_kernel_signatures(item.mesh, SIGNATURES))
    return torch.from_numpy(np.log(np.maximum(signatures, 1e-6))).float()


def _labels(item: LabelledMesh) -> np.ndarray:
    assert item.vertex_labels is not None  # RNA is labelled vertex by vertex
    return item.vertex_labels


def _vertices(items: Iterable[LabelledMesh]) -> int:
    return sum(item.mesh.num_vertices for item in items)


def _some(
    data: DatasetFolder, path: Path, train: list[LabelledMesh], test: list[LabelledMesh]
) -> DatasetFolder:
    """A dataset of these molecules alone."""
    if (path / "split.json").is_file():
        return DatasetFolder(path)
    splits = {"train": [item.name for item in train], "test": [item.name for item in test]}
    return DatasetFolder.write(path, [*train, *test], data.label_names, splits)


if __name__ == "__main__":
    main()
