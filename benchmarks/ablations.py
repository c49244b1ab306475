"""What each choice of network and recipe is worth, on validation shapes; no test shape is opened.

    python -m benchmarks.ablations --out out/ablations                    # all variants
    python -m benchmarks.ablations --out out/ablations --only "orders 0"  # some
    python -m benchmarks.ablations --out out/ablations --record           # only results/ablations.json

Of the 12 training shapes of split 0 of three PSB categories, 6 train and 6 score. Every variant changes
one thing and is trained alike otherwise, with one thread, `--jobs` runs side by side; a run leaves one
file and is not repeated.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import psb
from benchmarks.harness import record
from benchmarks.other_log_maps import by_projection
from benchmarks.psb_runs import SMOOTHING
from gaugeconv.data import DatasetFolder, LabelledMesh
from gaugeconv.files import atomic_path
from gaugeconv.geometry import Frames, Neighborhoods
from gaugeconv.geometry.hierarchy import Level
from gaugeconv.models import PRESETS, SegmenterConfig, inputs, trunk
from gaugeconv.nn import NormNonlinearity, ResidualBlock, TensorProductNonlinearity
from gaugeconv.train import TrainConfig, train

CATEGORIES = ("Human", "Hand", "Airplane")
HELD_OUT = 6
RECIPE = TrainConfig(epochs=16, augment=7, mirror=0.5, decimate=0.5)
NETWORK: dict[str, Any] = {"hks": 16}

BASE = {**RECIPE.to_dict(), **NETWORK}

Change = Callable[[Neighborhoods, Frames], Neighborhoods]


@dataclass(frozen=True)
class Variant:
    """One thing that is different.

    Attributes:
        recipe: fields of `TrainConfig`.
        network: fields of `SegmenterConfig`.
        geometry: what becomes of every neighbourhood.
        nonlinearity: in place of gates.
        deformation: fields of `Augmentation`.
    """

    recipe: dict[str, Any] = field(default_factory=dict)
    network: dict[str, Any] = field(default_factory=dict)
    geometry: Change | None = None
    nonlinearity: Callable[..., torch.nn.Module] | None = None
    deformation: dict[str, Any] = field(default_factory=dict)


def projected(nb: Neighborhoods, frames: Frames) -> Neighborhoods:
    """Chord lengths, projected directions and rotated normals, as GEM-CNN's code has them."""
    p = nb.target_vertex[nb.target].numpy()
    q = nb.source_vertex[nb.source].numpy()
    apart = p != q
    r, theta, transport = (value.numpy().copy() for value in (nb.r, nb.theta, nb.transport))
    found = by_projection(frames.mesh, p[apart], q[apart])
    for values, new in zip((r, theta, transport), found, strict=True):
        values[apart] = np.nan_to_num(new)
    r, theta, transport = (torch.from_numpy(values) for values in (r, theta, transport))
    return replace(nb, r=r, theta=theta, transport=transport, _memo={})


def unweighted(nb: Neighborhoods, _frames: Frames) -> Neighborhoods:
    """All neighbours of a target alike, with the same total: what a network on graphs does."""
    total = torch.zeros(nb.num_targets, dtype=nb.weight.dtype).index_add_(0, nb.target, nb.weight)
    share = total / (nb.ptr[1:] - nb.ptr[:-1]).clamp(min=1)
    return replace(nb, weight=share[nb.target], _memo={})


def _types(*multiplicities: tuple[int, ...]) -> dict[str, Any]:
    """Field types of the levels and of the vertices, from their channels of order 0, 1 and so on."""
    *levels, at_vertices = (
        " + ".join(f"{count}x{order}" for order, count in enumerate(counts))
        for counts in multiplicities
    )
    return {"types": tuple(levels), "vertex_type": at_vertices}


VARIANTS = {
    "as recommended": Variant(),
    "projection in place of the log map": Variant(geometry=projected),
    "no quadrature weights": Variant(geometry=unweighted),
    "orders 0, as many components": Variant(network=_types((80,), (120,), (160,), (56,))),
    "orders 0 and 1, as many components": Variant(
        network=_types((32, 24), (48, 36), (64, 48), (32, 12))
    ),
    "norm nonlinearity": Variant(nonlinearity=NormNonlinearity),
    "tensor-product nonlinearity": Variant(nonlinearity=TensorProductNonlinearity),
    "attention": Variant(network={"block": "attention"}),
    "one radius of curvature": Variant(network={"scales": (1.0,)}),
    "no heat-kernel signatures": Variant(network={"hks": 0}),
    "32 heat-kernel signatures": Variant(network={"hks": 32}),
    "no mirror images": Variant(recipe={"mirror": 0.0}),
    "no deformed copies, as many steps": Variant(
        recipe={"augment": 0, "mirror": 0.0, "decimate": 0.0, "epochs": 8 * 16}
    ),
    "15 deformed copies, as many steps": Variant(recipe={"augment": 15, "epochs": 8}),
    "stronger deformations": Variant(deformation={"stretch": 0.25, "bend": 0.5}),
    "weaker deformations": Variant(deformation={"stretch": 0.08, "bend": 0.15}),
    "no copies decimated": Variant(recipe={"decimate": 0.0}),
    "noise on the copies": Variant(recipe={"noise": 0.05}),
    "no label smoothing": Variant(recipe={"label_smoothing": 0.0}),
    "class balance 0.5": Variant(recipe={"class_balance": 0.5}),
    "moving average of weights": Variant(recipe={"ema": 0.998}),
    "half the learning rate": Variant(recipe={"lr": 1.5e-3}),
    "no dropout": Variant(network={"dropout": 0.0}),
    "size small": Variant(network=dict(PRESETS["small"])),
    "size large": Variant(network=dict(PRESETS["large"])),
}


def score(variant: Variant, category: str, folder: Path) -> dict[str, Any]:
    """Trains on 6 shapes; accuracy on 6 others, on their original meshes, and seconds."""
    _apply(variant)
    names = psb.categories()[category]["labels"]
    chosen, _ = psb.split(category, 0)
    shapes = list(psb.load(category, chosen))
    data = DatasetFolder.write(
        folder / "data",
        [LabelledMesh(s.name, s.mesh, s.face_labels) for s in shapes[HELD_OUT:]],
        names,
        {"train": [s.name for s in shapes[HELD_OUT:]]},
    )
    config = SegmenterConfig(label_names=tuple(names), **{**NETWORK, **variant.network})
    result = train(data, folder / "run", replace(RECIPE, **variant.recipe), config)
    best = str(result.run.best)
    scores = {s: psb.evaluate(category, best, chosen[:HELD_OUT], s) for s in (0.0, SMOOTHING)}
    return {
        "recipe": BASE,
        "accuracy": float(np.mean(list(scores[0.0].values()))),
        "smoothed": float(np.mean(list(scores[SMOOTHING].values()))),
        "training_seconds": result.progress.seconds,
    }


def _apply(variant: Variant) -> None:
    """Puts the variant's parts in the place of the library's, in this process."""
    if variant.geometry is not None:
        change, build = variant.geometry, inputs.build_hierarchy

        def changed(frames: Frames, *arguments: Any, **options: Any) -> list[Level]:
            def of(nb: Neighborhoods | None) -> Neighborhoods | None:
                return None if nb is None else change(nb, frames)

            return [
                replace(level, within=of(level.within), down=of(level.down), up=of(level.up))
                for level in build(frames, *arguments, **options)
            ]

        inputs.build_hierarchy = changed
    if variant.nonlinearity is not None:
        trunk.GatedNonlinearity = variant.nonlinearity
        trunk.ResidualBlock = partial(ResidualBlock, nonlinearity=variant.nonlinearity)
    if variant.deformation:
        plain = TrainConfig.augmentation.fget
        TrainConfig.augmentation = property(lambda c: replace(plain(c), **variant.deformation))


def _result(out: Path, name: str, category: str) -> Path:
    return out / name.replace(" ", "-").replace(",", "") / category / "result.json"


def _finished(path: Path) -> dict[str, Any] | None:
    """What a run of the present recipe left."""
    found: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    return found if found.get("recipe") == BASE else None


def _run(out: Path, name: str, category: str) -> None:
    """One run in a process of its own, so that what a variant replaces ends with it."""
    folder = _result(out, name, category).parent
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    command = [sys.executable, "-m", "benchmarks.ablations", "--out", str(out), "--run", name]
    with (folder / "log.txt").open("w") as log:
        subprocess.run(
            [*command, category],
            check=True,
            stdout=log,
            stderr=log,
            env={**os.environ, "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"},
        )


def table(out: Path) -> dict[str, dict[str, Any]]:
    """Means over the categories, and every category, of the variants that are finished."""
    figures = {}
    for name in VARIANTS:
        runs = [_finished(_result(out, name, category)) for category in CATEGORIES]
        found = [run for run in runs if run is not None]
        if len(found) < len(CATEGORIES):
            continue
        each = {f"{c} accuracy": r["accuracy"] for c, r in zip(CATEGORIES, found, strict=True)}
        figures[name] = {
            "accuracy": float(np.mean(list(each.values()))),
            "smoothed accuracy": float(np.mean([r["smoothed"] for r in found])),
            **each,
            "training_seconds": float(np.mean([r["training_seconds"] for r in found])),
        }
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of all runs")
    parser.add_argument("--only", nargs="+", metavar="VARIANT", choices=list(VARIANTS))
    parser.add_argument("--jobs", type=int, default=2, help="runs side by side (default: 2)")
    parser.add_argument("--record", action="store_true", help="only write results/ablations.json")
    parser.add_argument("--run", nargs=2, metavar=("VARIANT", "CATEGORY"), help="only this one")
    arguments = parser.parse_args()
    out = arguments.out
    if arguments.run:
        name, category = arguments.run
        torch.set_num_threads(1)
        path = _result(out, name, category)
        figures = score(VARIANTS[name], category, path.parent)
        with atomic_path(path) as partial_path:
            partial_path.write_text(json.dumps(figures) + "\n")
        return
    if not arguments.record:
        chosen = [(out, name, c) for name in arguments.only or VARIANTS for c in CATEGORIES]
        left = [run for run in chosen if _finished(_result(*run)) is None]
        with ThreadPoolExecutor(arguments.jobs) as pool:
            for (_, name, category), _ in zip(
                left, pool.map(lambda run: _run(*run), left), strict=True
            ):
                found = json.loads(_result(out, name, category).read_text())
                print(f"{name}, {category}: {found['accuracy']:.4f}", flush=True)
    figures = table(out)
    if not figures:
        parser.error(f"{out} holds no variant with all categories")
    record("ablations", figures)


if __name__ == "__main__":
    main()
