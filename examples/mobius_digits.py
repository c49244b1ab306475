"""Digits on a Möbius band: networks for which turning over is a change of gauge, against a plain CNN.

The experiment of Weiler et al. (arXiv:2106.06020, on the Möbius band): networks see digits in the middle
of a flat band and are tested on digits anywhere on it, which come back upside down after one turn.

    python -m examples.mobius_digits DATA [--out FOLDER] [--network NAME] [--quick]

DATA is a folder with the four idx files of MNIST (or the environment variable MNIST).
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import gaugeconv as gc
from examples.mobius_band import drawn, flat_band, frames_along, shrunk
from gaugeconv.files import atomic_path
from gaugeconv.nn import GatedNonlinearity, GaugeConv
from gaugeconv.sphere.mnist import load_digits

HIDDEN = {
    "scalar": "{}x0+",
    "sign-flip": "{}x0-",
    "irreps": "{0}x0+ + {0}x0-",
    "regular": "{}xreg",
}
"""Features between the layers, by their number."""

NETWORKS = ("CNN", *HIDDEN)
CLASSES = 10


@dataclass(frozen=True)
class Settings:
    """Everything that a result depends on.

    Attributes:
        around, across: vertices along the band and across it.
        radius: of the kernels, in distances between vertices.
        radial: functions of the distance in a kernel.
        layers: convolutions.
        scalars: channels after the last of them.
        train, test: digits.
        epochs, batch, rate: passes over the training digits, digits per step, largest step of Adam.
        parameters: that every network has, as nearly as its width allows.
        seed: of weights, order and shifts.
    """

    around: int = 24
    across: int = 11
    radius: float = 2.9
    radial: int = 2
    layers: int = 3
    scalars: int = 24
    train: int = 4000
    test: int = 2000
    epochs: int = 8
    batch: int = 25
    rate: float = 2e-2
    parameters: int = 5000
    seed: int = 0


QUICK = Settings(around=8, across=5, train=60, test=20, epochs=1, batch=20)


@lru_cache(maxsize=1)
def band_pairs(around: int, across: int, radius: float) -> gc.Neighborhoods:
    """Neighbourhoods on the band in the frames along it, whose transports are ±1 (e2 to e2 or to −e2)."""
    mesh = flat_band(around, across)
    frames = frames_along(mesh, around, across)
    return gc.neighborhoods(mesh, radius, frames, dtype=torch.float32)


class BandNet(nn.Module):
    """Convolutions with D1 fields on the band, the last to scalars, and scores from all that was seen."""

    def __init__(self, settings: Settings, hidden: str) -> None:
        super().__init__()
        self.pairs = band_pairs(settings.around, settings.across, settings.radius)
        specs = ["0+", *[hidden] * (settings.layers - 1), f"{settings.scalars}x0+"]
        types = [gc.FieldType(spec, "D1") for spec in specs]
        self.convs = nn.ModuleList(
            GaugeConv(a, b, radial=settings.radial) for a, b in pairwise(types)
        )
        self.gates = nn.ModuleList(GatedNonlinearity(t) for t in types[1:])
        self.head = nn.Linear(2 * settings.scalars, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        for conv, gate in zip(self.convs, self.gates, strict=True):
            x = gate(conv(x, self.pairs))
        return self.head(seen(x))


class ChartNet(nn.Module):
    """The same in coordinates: an ordinary CNN on the band cut open, blind across the cut."""

    def __init__(self, settings: Settings, channels: int) -> None:
        super().__init__()
        self.shape = (settings.around, settings.across)
        widths = [1, *[channels] * (settings.layers - 1), settings.scalars]
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 5, padding=2) for a, b in pairwise(widths))
        self.head = nn.Linear(2 * settings.scalars, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        y = x.transpose(1, 2).unflatten(2, self.shape)
        for conv in self.convs:
            y = nn.functional.silu(conv(y))
        return self.head(seen(y.flatten(2).transpose(1, 2)))


def seen(x: Tensor) -> Tensor:
    """(B, 2 C) mean and maximum over the band of scalars (B, V, C)."""
    return torch.cat([x.mean(dim=1), x.amax(dim=1)], dim=1)


def num_parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def build(name: str, settings: Settings) -> nn.Module:
    """A new network of the width that brings its size next to the one asked for."""

    def of_width(width: int) -> nn.Module:
        torch.manual_seed(settings.seed)
        if name == "CNN":
            return ChartNet(settings, width)
        return BandNet(settings, HIDDEN[name].format(width))

    return min(
        map(of_width, range(2, 25)), key=lambda n: abs(num_parameters(n) - settings.parameters)
    )


@dataclass(frozen=True)
class Digits:
    """Pictures (n, across, across) and labels (n,) to train on and to test on."""

    train: tuple[Tensor, Tensor]
    test: tuple[Tensor, Tensor]

    @classmethod
    def load(cls, folder: str | Path, settings: Settings) -> Digits:
        sides = []
        for split, count in (("train", settings.train), ("test", settings.test)):
            images, labels = load_digits(folder, split)
            chosen = np.random.default_rng(0).permutation(len(images))[:count]
            pictures = shrunk(images[chosen], settings.across)
            sides.append((pictures, torch.from_numpy(labels[chosen])))
        return cls(*sides)


def train(network: nn.Module, digits: Digits, settings: Settings) -> None:
    """Adam with a rate that rises and falls in one cycle, on centred digits alone."""
    pictures, labels = digits.train
    generator = torch.Generator().manual_seed(settings.seed)
    steps = settings.epochs * -(-len(pictures) // settings.batch)
    optimizer = torch.optim.Adam(network.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, settings.rate, total_steps=steps)
    for _ in range(settings.epochs):
        for chosen in torch.randperm(len(pictures), generator=generator).split(settings.batch):
            fields = on_band(pictures[chosen], torch.zeros(len(chosen)), settings)
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(fields), labels[chosen]).backward()
            optimizer.step()
            schedule.step()


def on_band(pictures: Tensor, shift: Tensor, settings: Settings) -> Tensor:
    return drawn(pictures, shift.long(), settings.around, settings.across)


@torch.no_grad()
def scores(network: nn.Module, pictures: Tensor, shift: Tensor, settings: Settings) -> Tensor:
    """(n, 10) scores of pictures moved along the band, each by its shift."""
    parts = zip(pictures.split(settings.batch), shift.split(settings.batch), strict=True)
    return torch.cat([network(on_band(p, s, settings)) for p, s in parts])


def measure(name: str, digits: Digits, settings: Settings) -> dict[str, Any]:
    """Trains one network; tests it on centred digits, on the same after one turn, and anywhere."""
    network = build(name, settings)
    start = time.perf_counter()
    train(network, digits, settings)
    seconds = time.perf_counter() - start
    pictures, labels = digits.test
    generator = torch.Generator().manual_seed(settings.seed)
    anywhere = torch.randint(2 * settings.around, labels.shape, generator=generator)
    still = torch.zeros_like(anywhere)
    shifts = {"centred": still, "turned_over": still + settings.around, "shifted": anywhere}
    found = {where: scores(network, pictures, s, settings) for where, s in shifts.items()}
    moved = (found["shifted"] - found["centred"]).square().mean().sqrt()
    return {
        "parameters": num_parameters(network),
        **{f"error_{w}": float((v.argmax(1) != labels).double().mean()) for w, v in found.items()},
        "scores_move_by": float(moved / found["centred"].std()),
        "seconds_of_training": seconds,
    }


def experiment(
    folder: str | Path, out: str | Path, settings: Settings, names: Sequence[str] = NETWORKS
) -> dict[str, Any]:
    """The networks of these names; what lies in `out` with the same settings is not computed again."""
    Path(out).mkdir(parents=True, exist_ok=True)
    recipe, digits, results = asdict(settings), None, {}
    for name in names:
        path = Path(out) / f"{name}.json"
        stored = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        if stored.get("settings") != recipe:
            digits = digits or Digits.load(folder, settings)
            stored = {"settings": recipe, **measure(name, digits, settings)}
            with atomic_path(path) as temporary:
                temporary.write_text(json.dumps(stored, indent=2), encoding="utf-8")
        row = results[name] = {key: value for key, value in stored.items() if key != "settings"}
        print(
            f"{name:>10}: {row['parameters']} parameters; errors: centred {row['error_centred']:.2%}, "
            f"turned over {row['error_turned_over']:.2%}, anywhere {row['error_shifted']:.2%}; "
            f"scores move by {row['scores_move_by']:.1e}",
            flush=True,
        )
    return {"settings": recipe, "networks": results}


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("data", nargs="?", default=os.environ.get("MNIST"), help="idx files")
    parser.add_argument("--out", default="runs/mobius", help="where results lie (runs/mobius)")
    parser.add_argument(
        "--network", action="append", choices=NETWORKS, help="one of them, or more (all)"
    )
    parser.add_argument("--quick", action="store_true", help="to see that it runs")
    args = parser.parse_args(arguments)
    if args.data is None:
        parser.error("give the folder of the MNIST files, or set MNIST")
    settings = QUICK if args.quick else Settings()
    return experiment(args.data, args.out, settings, args.network or NETWORKS)


if __name__ == "__main__":
    main()
