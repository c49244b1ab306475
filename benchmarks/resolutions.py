"""Weights trained at one resolution, tested on the same shapes at others.

    python -m benchmarks.resolutions --runs out/psb [--only Human] [--record]

Takes the runs of `benchmarks.psb_runs` and labels their test shapes as they are (about 2,000 vertices),
at half, twice and four times as many vertices, and remeshed irregularly; labels are projected back to
the original faces and scored there, as everywhere in this benchmark.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import psb
from benchmarks.harness import record
from benchmarks.psb_runs import all_runs
from gaugeconv.data import decimate, project_labels, refine
from gaugeconv.mesh import TriMesh
from gaugeconv.models import GaugeSegmenter


def resolutions(mesh: TriMesh, seed: int) -> Iterator[tuple[str, TriMesh]]:
    """Names and meshes of the same surface."""
    fine, _ = refine(mesh)
    yield "as trained", mesh
    yield "half", decimate(mesh, mesh.num_faces // 2)
    yield "twice", decimate(fine, 2 * mesh.num_faces)
    yield "four times", fine
    # vertices moved at random before edges collapse: other triangles, of other shapes
    yield "remeshed", decimate(fine, mesh.num_faces, np.random.default_rng(seed))


def accuracies(category: str, split: int, weights: Path) -> dict[str, float]:
    """Mean accuracy on the original meshes of the test shapes, by resolution."""
    model = GaugeSegmenter.load(weights)
    names = psb.categories()[category]["labels"]
    to_dataset = np.array([names.index(name) for name in model.config.label_names])
    found: dict[str, list[float]] = {}
    for number, shape in enumerate(psb.load(category, psb.split(category, split)[1])):
        for name, mesh in resolutions(shape.mesh, number):
            labels = to_dataset[model.segment(mesh).face_labels]
            if mesh is not shape.mesh:
                labels = project_labels(labels, mesh, shape.mesh, "face")
            found.setdefault(name, []).append(psb.original_accuracy(shape, labels))
    return {f"{name}, accuracy": float(np.mean(values)) for name, values in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=Path, required=True, help="folder of benchmarks.psb_runs")
    parser.add_argument("--only", nargs="+", metavar="CATEGORY", choices=list(psb.categories()))
    parser.add_argument("--record", action="store_true", help="write results/resolutions.json")
    arguments = parser.parse_args()
    table: dict[str, dict[str, Any]] = {}
    for run in all_runs(arguments.runs, arguments.only):
        if run.split == 0 and run.result is not None:
            weights = run.run / "best.safetensors"
            table[run.category] = accuracies(run.category, run.split, weights)
            print(run.category, table[run.category], flush=True)
    if not table:
        parser.error(f"{arguments.runs} holds no finished run of split 0")
    if arguments.record:
        record("resolutions", table)


if __name__ == "__main__":
    main()
