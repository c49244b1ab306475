"""The options of `gaugeconv train` that describe the network and the recipe."""

from __future__ import annotations

import argparse

from gaugeconv.cli.common import Parser, positive_float, positive_int, seed_number

WIDEST = 16


def add_network(parser: Parser) -> None:
    """Adds options of `SegmenterConfig`."""
    group = parser.add_argument_group("network")
    group.add_argument(
        "--size",
        choices=("small", "base", "large"),
        help="the network's size, see docs/models.md (default: base)",
    )
    group.add_argument(
        "--block",
        choices=("conv", "attention"),
        help="what its levels are made of (default: conv)",
    )
    group.add_argument(
        "--width",
        type=width,
        metavar="W",
        help="channels, as a multiple of the size's own, at most 16 (default: 1)",
    )
    group.add_argument(
        "--xyz",
        action="store_true",
        help="plain coordinates as inputs too: neither invariant to motions nor gauge covariant",
    )
    group.add_argument(
        "--hks", type=int, metavar="N", help="heat-kernel signatures as inputs too (default: 0)"
    )


def width(text: str) -> float:
    """The value of --width."""
    value = positive_float(text)
    if value > WIDEST:
        raise argparse.ArgumentTypeError(f"{text} is more than {WIDEST}")
    return value


def add_recipe(parser: Parser) -> None:
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
    group.add_argument(
        "--init",
        metavar="WEIGHTS",
        help="fine-tune packaged weights or a .safetensors file, whose network it then is; "
        "default: random weights",
    )
    _add_steps(group)
    _add_copies(group)
    _add_validation(group)
    group.add_argument("--seed", type=seed_number, help="of everything random (default: 0)")


def _add_steps(group: argparse._ArgumentGroup) -> None:
    """Options of an optimiser's step."""
    group.add_argument("--lr", type=float, help="peak learning rate (default: 3e-3)")
    group.add_argument("--weight-decay", type=float, help="of matrices (default: 1e-3)")
    group.add_argument("--warmup-steps", type=int, metavar="N", help="default: 30")
    group.add_argument("--label-smoothing", type=float, metavar="S", help="default: 0.05")
    group.add_argument("--clip-norm", type=float, metavar="C", help="of the gradient (default: 1)")
    group.add_argument("--batch", type=positive_int, metavar="N", help="meshes a step (default: 1)")
    group.add_argument(
        "--class-balance",
        type=float,
        metavar="B",
        help="0 counts all area alike in the loss, 1 all labels alike (default: 0)",
    )


def _add_copies(group: argparse._ArgumentGroup) -> None:
    """Options of the deformed copies of meshes."""
    group.add_argument(
        "--augment", type=int, metavar="N", help="deformed copies per training mesh (default: 0)"
    )
    group.add_argument(
        "--mirror",
        type=float,
        metavar="P",
        help="share of the copies that are mirrored (default: 0)",
    )
    group.add_argument(
        "--decimate",
        type=float,
        metavar="P",
        help="share of the copies with other, fewer triangles (default: 0)",
    )
    group.add_argument(
        "--crop",
        type=float,
        metavar="P",
        help="share of the copies that lack a part (default: 0)",
    )
    group.add_argument(
        "--noise",
        type=float,
        metavar="S",
        help="of the copies' vertices, in mean edge lengths (default: 0)",
    )


def _add_validation(group: argparse._ArgumentGroup) -> None:
    """Options of what is measured and kept between epochs."""
    group.add_argument(
        "--val-every",
        type=positive_int,
        metavar="N",
        help="epochs between validations (default: 5)",
    )
    group.add_argument(
        "--ema",
        type=float,
        metavar="D",
        help="validate and keep a moving average of the weights with this decay a step (default: 0)",
    )
    group.add_argument(
        "--patience",
        type=int,
        metavar="N",
        help="stop after N epochs without a better validation; 0 for never (default: 0)",
    )
