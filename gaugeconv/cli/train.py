"""`gaugeconv train`: a segmenter from a labelled dataset."""

from __future__ import annotations

import argparse
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gaugeconv.cli.common import (
    Bars,
    Commands,
    add_json,
    add_threads,
    path_text,
    require_writable,
    set_threads,
    show,
    show_json,
)
from gaugeconv.cli.train_options import add_network, add_recipe
from gaugeconv.errors import DataError

if TYPE_CHECKING:
    from gaugeconv.data import DatasetFolder
    from gaugeconv.models import SegmenterConfig
    from gaugeconv.train import RunFolder, TrainConfig, TrainResult


def register(commands: Commands) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "train",
        help="train a segmenter on a dataset",
        description="Trains on the split 'train', keeps the weights that are best on 'val', and "
        "never looks at 'test'. RUN gets config.json, metrics.jsonl (a line per epoch), "
        "last.safetensors (to resume from) and best.safetensors (to use).",
        epilog="Example: gaugeconv train bodies/ --out runs/a --epochs 40 --augment 1\n"
        "         gaugeconv train bodies/ --out runs/a --resume\n"
        "         torchrun --nproc-per-node 2 -m gaugeconv train bodies/ --out runs/b --batch 4",
    )
    parser.add_argument("data", metavar="DIR", help="dataset folder")
    parser.add_argument(
        "--out", required=True, type=path_text, metavar="RUN", help="a new folder for the run"
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on with RUN, with the options it was started with"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="tell time and memory ahead, and write nothing"
    )
    parser.add_argument(
        "--tensorboard", action="store_true", help="also write the metrics as TensorBoard events"
    )
    parser.add_argument(
        "--device",
        choices=("cpu", "cuda"),
        default="cpu",
        help="where to compute; with torchrun one process for each GPU (default: cpu)",
    )
    add_network(parser)
    add_recipe(parser)
    add_threads(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Trains, and prints where the weights are; of several ranks, the first alone prints."""
    if args.dry_run:
        return _dry_run(args)
    from gaugeconv.data import DatasetFolder
    from gaugeconv.train import RunFolder, joined, train
    from gaugeconv.train.prepare import no_progress

    set_threads(args.threads)
    with joined(args.device) as ranks, Bars() as bars:
        if ranks.first:
            require_writable(Path(args.out))
        dataset = DatasetFolder(args.data)
        config, model_config = _configs(args, dataset, RunFolder(args.out))
        result = train(
            *(dataset, args.out, config, model_config, args.resume),
            bars if ranks.first else no_progress,
            ranks=ranks,
            tensorboard=args.tensorboard,
        )
    if ranks.first:
        _report(args, config, result)
    return 0


def _report(args: argparse.Namespace, config: TrainConfig, result: TrainResult) -> None:
    """Prints how the run ended."""
    if args.json:
        show_json({"seed": config.seed, **result.to_dict()})
        return
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


def _dry_run(args: argparse.Namespace) -> int:
    """Prints what the run would take on one process; of several ranks, the first alone does."""
    from gaugeconv.data import DatasetFolder
    from gaugeconv.train import RunFolder, estimate

    if int(os.environ.get("RANK", "0")):
        return 0
    set_threads(args.threads)
    dataset = DatasetFolder(args.data)
    config, model_config = _configs(args, dataset, RunFolder(args.out))
    found = estimate(dataset, config, model_config, args.device)
    if args.json:
        show_json(found.to_dict())
    else:
        show(str(found))
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
    from gaugeconv.train.initial import config_like

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
    if args.init is not None:
        if network:
            raise DataError(
                f"{', '.join(network)}: --init takes the network of the weights as it is"
            )
        model_config = config_like(args.init, dataset.label_names)
    else:
        model_config = SegmenterConfig(label_names=dataset.label_names, **network)
    return TrainConfig(**{**length, **recipe}), model_config


def _network(args: argparse.Namespace, config: type[SegmenterConfig]) -> dict[str, Any]:
    """The fields of the network's config that options ask for."""
    from gaugeconv.models import PRESETS

    named: dict[str, Any] = {"xyz": args.xyz or None, "hks": args.hks, "block": args.block}
    fields = {name: value for name, value in named.items() if value is not None}
    preset = PRESETS[args.size or "base"]
    size = {name: preset.get(name, getattr(config, name)) for name in PRESETS["small"]}
    if args.size is not None:
        fields |= size
    if args.width is not None:
        fields["types"] = tuple(_scaled(text, args.width) for text in size["types"])
        fields["vertex_type"] = _scaled(size["vertex_type"], args.width)
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
