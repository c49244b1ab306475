"""`gaugeconv sphere`: spherical images, equivariance against augmentation."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from gaugeconv.cli.common import (
    Bars,
    Commands,
    add_json,
    path_text,
    positive_int,
    require_writable,
    seed_number,
    show,
    show_json,
    whole_number,
)

_DIGITS = "the MNIST idx files (plain or .gz), or others of their names and format"


def register(commands: Commands) -> None:
    """Adds the command and its parts."""
    parser = commands.add_parser(
        "sphere",
        help="compare networks on spherical images",
        description="Digits projected onto the sphere: S2CNNs, gauge networks and ordinary CNNs, with "
        "and without augmentation. Needs the extra gaugeconv[sphere].",
        epilog="Example: gaugeconv sphere experiment --quick --data mnist/ --out out/sphere",
    )
    parts = parser.add_subparsers(title="parts", metavar="PART", required=True)
    _register_experiment(parts)
    _register_report(parts)
    _register_show(parts)
    _register_truth(parts)


def _register_experiment(parts: Commands) -> None:
    parser = parts.add_parser(
        "experiment",
        help="train, score and time all networks",
        description="Trains every cell of training-set size, augmentation, network, task and seed, and "
        "writes tables and figures. Stopped and started again, it goes on where it was.",
        epilog="Example: gaugeconv sphere experiment --small --data mnist/ --out out/sphere --jobs 2",
    )
    size = parser.add_mutually_exclusive_group(required=True)
    for name, text in (
        ("quick", "tiny networks, one seed, to see that everything runs"),
        ("small", "three seeds, for two CPU cores and three hours"),
        ("full", "the networks and sizes of the paper; wants a GPU"),
    ):
        size.add_argument(f"--{name}", dest="plan", action="store_const", const=name, help=text)
    parser.add_argument("--data", required=True, type=path_text, metavar="DIR", help=_DIGITS)
    parser.add_argument("--out", required=True, type=path_text, metavar="DIR", help="results")
    parser.add_argument("--jobs", type=positive_int, default=1, metavar="N", help="processes")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="(default: cpu)")
    parser.add_argument(
        "--digits",
        type=lambda text: whole_number(text, 1, 9),
        default=1,
        metavar="N",
        help="digits on every image to be segmented (default: 1)",
    )
    parser.add_argument(
        "--search",
        type=lambda text: whole_number(text, 0, 1000),
        default=0,
        metavar="N",
        help="try N random layouts for each ordinary CNN first (the paper: 20)",
    )
    add_json(parser)
    parser.set_defaults(run=run_experiment)


def _register_report(parts: Commands) -> None:
    parser = parts.add_parser(
        "report",
        help="print the tables of a finished experiment, or renew them in a document",
        description="Prints the tables as Markdown; --into renews those between <!-- table: NAME --> and "
        "<!-- end --> in a document.",
        epilog="Example: gaugeconv sphere report out/sphere --into docs/sphere.md",
    )
    parser.add_argument("results", metavar="DIR", help="what an experiment wrote")
    parser.add_argument("--into", type=path_text, metavar="FILE.md", help="a document to renew")
    add_json(parser)
    parser.set_defaults(run=run_report)


def _register_show(parts: Commands) -> None:
    parser = parts.add_parser(
        "show",
        help="draw a projected digit",
        description="Draws a digit on the sphere and its mask: Mollweide's projection and a ball.",
        epilog="Example: gaugeconv sphere show --data mnist/ --grid healpix --size 32 --rotated "
        "--out digit.png",
    )
    parser.add_argument("--data", required=True, type=path_text, metavar="DIR", help=_DIGITS)
    parser.add_argument("--out", required=True, type=path_text, metavar="FILE.png", help="picture")
    parser.add_argument("--index", type=seed_number, default=0, help="which digit (default: 0)")
    parser.add_argument("--seed", type=seed_number, default=0, help="of rotation and arrangement")
    parser.add_argument("--rotated", action="store_true", help="turn it at random")
    parser.add_argument("--digits", type=positive_int, default=1, metavar="N", help="on one sphere")
    parser.add_argument("--grid", default="icosphere", metavar="KIND", help="(default: icosphere)")
    parser.add_argument(
        "--size", type=positive_int, default=5, metavar="N", help="of the grid (default: 5)"
    )
    parser.set_defaults(run=run_show)


def _register_truth(parts: Commands) -> None:
    parser = parts.add_parser(
        "truth",
        help="measure eigenvalues of kernels beside the analytic ones",
        description="Convolves spin-weighted harmonics on an icosphere and compares with the integrals "
        "2π ∫ k(r) d(r) r dr.",
        epilog="Example: gaugeconv sphere truth --subdivisions 4 --out eigenvalues.png",
    )
    parser.add_argument("--out", required=True, type=path_text, metavar="FILE.png", help="figure")
    parser.add_argument(
        "--subdivisions",
        type=lambda text: whole_number(text, 1, 7),
        default=4,
        metavar="N",
        help="of the icosphere (default: 4)",
    )
    add_json(parser)
    parser.set_defaults(run=run_truth)


def run_experiment(args: argparse.Namespace) -> int:
    """Runs what is missing and prints the tables."""
    from gaugeconv.sphere import experiment
    from gaugeconv.sphere.plots import require_figure
    from gaugeconv.sphere.wigner import require_e3nn

    require_e3nn()  # at once, not after an hour
    require_figure()
    require_writable(Path(args.out))
    settings = experiment.Settings(args.data, Path(args.out), args.jobs, args.device, args.search)
    plan = replace(experiment.plan_named(args.plan), digits=args.digits)
    with Bars() as bars:
        summary = experiment.run_experiment(plan, settings, bars)
    _print(summary, args.json)
    return 0


def run_report(args: argparse.Namespace) -> int:
    """Prints the tables, or renews a document."""
    from gaugeconv.sphere import experiment

    summary = experiment.load_summary(Path(args.results))
    if args.into is None:
        _print(summary, args.json)
    else:
        names = experiment.fill(Path(args.into), summary)
        show(f"renewed {', '.join(names)} in {args.into}")
    return 0


def _print(summary: dict[str, Any], as_json: bool) -> None:
    from gaugeconv.sphere import experiment

    if as_json:
        show_json(summary)
        return
    for name, table in experiment.tables(summary).items():
        show(f"\n{name}\n\n{table}")


def run_show(args: argparse.Namespace) -> int:
    """Draws one digit."""
    from gaugeconv.sphere import ProjectedDigits, load_digits
    from gaugeconv.sphere.experiment.contenders import GridSpec
    from gaugeconv.sphere.experiment.figures import digit_figure

    grid = GridSpec(args.grid, args.size).make()
    images, labels = load_digits(args.data, "train")
    digits = ProjectedDigits(
        images,
        labels,
        grid.points,
        rotated=args.rotated,
        seed=args.seed,
        digits_per_image=args.digits,
    )
    require_writable(Path(args.out).parent)
    show(f"wrote {digit_figure(digits, grid, args.index, Path(args.out))}")
    return 0


def run_truth(args: argparse.Namespace) -> int:
    """Measures eigenvalues and draws them."""
    from gaugeconv.sphere import icosphere
    from gaugeconv.sphere.experiment.figures import eigenvalue_figure
    from gaugeconv.sphere.truth import as_json, measured_eigenvalues

    require_writable(Path(args.out).parent)
    found = measured_eigenvalues(icosphere(args.subdivisions))
    path = eigenvalue_figure(found, Path(args.out))
    if args.json:
        show_json(as_json(found))
        return 0
    worst = max(abs(value.measured - value.analytic) for value in found)
    scale = max(abs(value.analytic) for value in found)
    show(f"wrote {path}; the largest error is {worst / scale:.1%} of the largest eigenvalue")
    return 0
