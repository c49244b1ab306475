"""What test_ranks.py runs under torch.distributed.run, and alone to compare with."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import os
import sys
from pathlib import Path

import torch

from gaugeconv import cli
from gaugeconv.data import DatasetFolder
from gaugeconv.errors import GaugeConvError
from gaugeconv.models import GaugeSegmenter, SegmenterConfig
from gaugeconv.train import Ranks, TrainConfig, Trainer, joined
from gaugeconv.train.objective import optimiser_step
from gaugeconv.train.prepare import match_labels, prepare_mesh

NETWORK = SegmenterConfig(
    label_names=("inner", "outer"),
    sizes=(36,),
    types=("6x0 + 3x1 + 2x2",),
    vertex_type="6x0 + 2x1",
    blocks=(1,),
)
RECIPE = TrainConfig(
    epochs=4,
    val_every=1,
    warmup_steps=2,
    lr=0.02,
    augment=1,
    batch=3,  # the four meshes make a batch of three, and one of a single mesh of rank 0
    seed=3,
    ema=0.9,
    class_balance=0.5,
)


class Stop(BaseException):
    """Ends a run between two steps, on every rank."""


def run(data: str, out: str, ranks: Ranks, resume: bool = False, stop: int = -1) -> list[int]:
    """Trains in float64; returns the numbers of the meshes that this rank prepared."""
    torch.manual_seed(RECIPE.seed)
    model = GaugeSegmenter(NETWORK).double()

    def tell(stage: str, done: float, *_: object) -> None:
        if stage == "train" and done == stop:
            raise Stop

    trainer = Trainer(model, DatasetFolder(data), out, RECIPE, tell, ranks)
    with contextlib.suppress(Stop):
        trainer.run(resume)
    return sorted(trainer.meshes)


def summed_gradients(ranks: Ranks) -> list[list[float] | None]:
    """Of parameters used on both ranks, on the second alone, and on none."""
    both, second, none = (torch.nn.Parameter(torch.zeros(2)) for _ in range(3))
    both.grad = torch.full((2,), 1.0 + ranks.rank)
    if ranks.rank == 1:
        second.grad = torch.tensor([3.0, 4.0])
    ranks.sum_gradients([both, second, none])
    return [None if p.grad is None else p.grad.tolist() for p in (both, second, none)]


def broken_loss(data: str, ranks: Ranks) -> str:
    """The error on this rank where the loss of the second is not a number."""
    torch.manual_seed(0)
    model = GaugeSegmenter(NETWORK)
    dataset = DatasetFolder(data)
    label_map = match_labels(dataset.label_names, NETWORK.label_names)
    mesh = prepare_mesh(model, dataset.load("a"), label_map)
    if ranks.rank == 1:
        mesh = dataclasses.replace(mesh, weights=mesh.weights * float("nan"))
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    try:
        optimiser_step(model, optimizer, [mesh], 2, 1.0, RECIPE, ranks)
    except GaugeConvError as error:
        return str(error)
    return "no error"


def disagreement(ranks: Ranks) -> list[str]:
    """What `require_same` says to the same digest, and to another on each rank."""
    said = []
    for digest in ("ab" * 32, "ab" * 31 + f"a{ranks.rank}"):
        try:
            ranks.require_same(digest)
            said.append("agreed")
        except GaugeConvError as error:
            said.append(str(error))
    return said


def command_line(data: str, out: str) -> str:
    """What `gaugeconv train` prints on this rank."""
    printed = io.StringIO()
    words = [
        "train",
        data,
        "--out",
        out,
        "--epochs",
        "1",
        "--batch",
        "2",
        "--width",
        "0.1",
        "--json",
    ]
    with contextlib.redirect_stdout(printed):
        code = cli.main(words)
    return f"code {code}" if code else printed.getvalue()


def main(data: str, folder: Path) -> None:
    with joined() as ranks:
        found = {
            "gradients": summed_gradients(ranks),
            "loss": broken_loss(data, ranks),
            "agreement": disagreement(ranks),
            "meshes": run(data, str(folder / "two"), ranks),
            "stopped": run(data, str(folder / "stopped"), ranks, stop=5),
            "printed": command_line(data, str(folder / "command")),
            "resumed": run(data, str(folder / "one-then-two"), ranks, resume=True),
        }
    (folder / f"rank{os.environ['RANK']}.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
