"""`gaugeconv evaluate`: accuracy on a split of a dataset."""

from __future__ import annotations

import argparse

from gaugeconv.cli.common import (
    Bars,
    Commands,
    add_json,
    add_threads,
    add_weights,
    load_model,
    set_threads,
    show,
    show_json,
)


def register(commands: Commands) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "evaluate",
        help="measure weights on a split of a dataset",
        description="Labels every mesh of a split and compares with the truth, weighted by area. "
        "Labels are matched by name.",
        epilog="Example: gaugeconv evaluate meshes/bodies --split test\n"
        "         gaugeconv evaluate bodies/ --weights runs/a/best.safetensors",
    )
    parser.add_argument("data", metavar="DIR", help="dataset folder")
    add_weights(parser)
    parser.add_argument(
        "--split",
        choices=("train", "val", "test"),
        help="which meshes (default: test or, where there is none, val)",
    )
    add_threads(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prints the metrics."""
    from gaugeconv.data import DatasetFolder
    from gaugeconv.train import evaluate

    set_threads(args.threads)
    dataset = DatasetFolder(args.data)
    with Bars() as bars:
        result = evaluate(load_model(args.weights), dataset, args.split, bars)
    if args.json:
        show_json({"data": args.data, "weights": args.weights, **result.to_dict()})
    else:
        show(str(result))
    return 0
