"""`gaugeconv train`: a segmenter from a labelled dataset."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gaugeconv.cli.common import (
    Bars,
    Commands,
    Parser,
    add_json,
    add_threads,
    path_text,
    positive_float,
    positive_int,
    require_writable,
    seed_number,
    set_threads,
    show,
    show_json,
)
from gaugeconv.errors import DataError

if TYPE_CHECKING:
    from gaugeconv.data import DatasetFolder
    from gaugeconv.models import SegmenterConfig
    from gaugeconv.train import RunFolder, TrainConfig

WIDEST = 16


def register(commands: Commands) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "train",
        help="train a segmenter on a dataset",
        description="Trains on the split 'train', keeps the weights that are best on 'val', and "
        "never looks at 'test'. RUN gets config.json, metrics.jsonl (a line per epoch), "
        "last.safetensors (to resume from) and best.safetensors (to use).",
        epilog="Example: gaugeconv train bodies/ --out runs/a --epochs 40 --augment 1\n"
        "         gaugeconv train bodies/ --out runs/a --resume",
    )
    parser.add_argument("data", metavar="DIR", help="dataset folder")
    parser.add_argument(
        "--out", required=True, type=path_text, metavar="RUN", help="a new folder for the run"
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on with RUN, with the options it was started with"
    )
    _add_network(parser)
    _add_recipe(parser)
    add_threads(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def _add_network(parser: Parser) -> None:
    """Adds options of `SegmenterConfig`."""
    group = parser.add_argument_group("network")
    group.add_argument(
        "--width",
        type=width,
        metavar="W",
        help="channels, as a multiple of the default network's, at most 16 (default: 1)",
    )
    group.add_argument(
        "--xyz",
        action="store_true",
        help="plain coordinates as inputs too: neither invariant to motions nor gauge covariant",
    )


def width(text: str) -> float:
    """The value of --width."""
    value = positive_float(text)
    if value > WIDEST:
        raise argparse.ArgumentTypeError(f"{text} is more than {WIDEST}")
    return value


def _add_recipe(parser: Parser) -> None:
    """Adds the options of `TrainConfig`; one that is not given keeps that class's default."""
    group = parser.add_argument_group("recipe")
    length = group.add_mutually_exclusive_group()
    length.add_argument("--epochs", type=positive_int, metavar="N", help="default: 60")
    length.add_argument(
        "--minutes",
        type=positive_float,
        metavar="M",
        help="time for optimisation instead of epochs; geometry and validation come on top",
    )
    group.add_argument("--lr", type=float, help="peak learning rate (default: 3e-3)")
    group.add_argument("--weight-decay", type=float, help="of matrices (default: 1e-3)")
    group.add_argument("--warmup-steps", type=int, metavar="N", help="default: 30")
    group.add_argument("--label-smoothing", type=float, metavar="S", help="default: 0.05")
    group.add_argument("--clip-norm", type=float, metavar="C", help="of the gradient (default: 1)")
    group.add_argument("--batch", type=positive_int, metavar="N", help="meshes a step (default: 1)")
    group.add_argument(
        "--augment", type=int, metavar="N", help="deformed copies per training mesh (default: 0)"
    )
    group.add_argument(
        "--val-every",
        type=positive_int,
        metavar="N",
        help="epochs between validations (default: 5)",
    )
    group.add_argument("--seed", type=seed_number, help="of everything random (default: 0)")


def run(args: argparse.Namespace) -> int:
    """Trains, and prints where the weights are."""
    require_writable(Path(args.out))
    from gaugeconv.data import DatasetFolder
    from gaugeconv.train import RunFolder, train

    set_threads(args.threads)
    dataset = DatasetFolder(args.data)
    config, model_config = _configs(args, dataset, RunFolder(args.out))
    with Bars() as bars:
        result = train(dataset, args.out, config, model_config, args.resume, bars)
    if args.json:
        show_json({"seed": config.seed, **result.to_dict()})
        return 0
    progress = result.progress
    accuracy = (
        "no validation split, last weights taken"
        if progress.best_accuracy is None
        else f"validation accuracy {progress.best_accuracy:.4f} at epoch {progress.best_epoch}"
    )
    show(
        f"{progress.epoch} epochs, {progress.step} steps, {progress.seconds:.1f} s, "
        f"seed {config.seed}\n{accuracy}\nwrote {result.run.best}"
    )
    return 0


def _configs(
    args: argparse.Namespace, dataset: DatasetFolder, folder: RunFolder
) -> tuple[TrainConfig, SegmenterConfig]:
    """The recipe and the network: those asked for, or those of the run to resume.

    Raises:
        DataError: a resumed run was started with another value of an option that is given, or
            the data do not fit a segmenter.
    """
    from gaugeconv.models import SegmenterConfig
    from gaugeconv.train import TrainConfig

    recipe = {name: getattr(args, name) for name in TrainConfig.__dataclass_fields__}
    recipe = {name: value for name, value in recipe.items() if value is not None}
    network = _network(args, SegmenterConfig)
    if args.resume:
        stored = folder.read_config()
        _require_stored(folder, stored["train"], recipe)
        _require_stored(folder, stored["model"], network)
        model_config = SegmenterConfig.from_json(json.dumps(stored["model"]))
        return TrainConfig.from_dict(stored["train"]), model_config
    length = {"epochs": None} if "minutes" in recipe else {}
    model_config = SegmenterConfig(label_names=dataset.label_names, **network)
    return TrainConfig(**{**length, **recipe}), model_config


def _network(args: argparse.Namespace, config: type[SegmenterConfig]) -> dict[str, Any]:
    """The fields of the network's config that options ask for."""
    fields: dict[str, Any] = {"xyz": True} if args.xyz else {}
    if args.width is not None:
        fields["types"] = tuple(_scaled(text, args.width) for text in config.types)
        fields["vertex_type"] = _scaled(config.vertex_type, args.width)
    return fields


def _scaled(field_type: str, width: float) -> str:
    """A field type with `width` times as many channels of every order, at least one."""
    return re.sub(r"\d+(?=x)", lambda m: str(max(1, round(width * int(m[0])))), field_type)


def _require_stored(folder: RunFolder, stored: dict[str, Any], given: dict[str, Any]) -> None:
    """Checks that options given with --resume are those that the run was started with.

    Raises:
        DataError: one differs.
    """
    for name, value in given.items():
        plain = list(value) if isinstance(value, tuple) else value
        if stored.get(name) != plain:
            raise DataError(
                f"{folder.path} was started with {name} = {stored.get(name)}, which resuming "
                f"cannot change to {plain}; leave the option out or start a new run"
            )
