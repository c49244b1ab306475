"""`gaugeconv data`: making datasets."""

from __future__ import annotations

import argparse
from pathlib import Path

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
)


def register(commands: Commands) -> None:
    """Adds the command and its kinds of data."""
    parser = commands.add_parser(
        "data",
        help="make a labelled dataset",
        description="Makes a labelled dataset.",
        epilog="Example: gaugeconv data bodies --count 100 --out bodies/ --seed 1",
    )
    kinds = parser.add_subparsers(title="kinds of data", metavar="KIND", required=True)
    bodies = kinds.add_parser(
        "bodies",
        help="generated human bodies with 8 labelled parts",
        description="Generates human bodies of varied age, build and pose with 8 labelled parts. "
        "Needs the extra gaugeconv[bodies].",
        epilog="Example: gaugeconv data bodies --count 100 --out bodies/ --seed 1",
    )
    bodies.add_argument("--count", type=positive_int, required=True, metavar="N", help="bodies")
    bodies.add_argument(
        "--out", required=True, type=path_text, metavar="DIR", help="a new dataset folder"
    )
    bodies.add_argument(
        "--seed", type=seed_number, default=0, help="of everything random (default: 0)"
    )
    bodies.add_argument("--min-faces", type=positive_int, metavar="N", help="fewest faces, about")
    bodies.add_argument("--max-faces", type=positive_int, metavar="N", help="most faces, about")
    add_json(bodies)
    bodies.set_defaults(run=run_bodies)


def run_bodies(args: argparse.Namespace) -> int:
    """Generates bodies and prints where they are."""
    require_writable(Path(args.out))
    from gaugeconv.data.bodies import generate_bodies

    limits = {"min_faces": args.min_faces, "max_faces": args.max_faces}
    given = {name: value for name, value in limits.items() if value is not None}
    with Bars() as bars:
        dataset = generate_bodies(
            args.out,
            args.count,
            args.seed,
            progress=lambda done, total: bars("bodies", done, total),
            **given,
        )
    sizes = {split: len(names) for split, names in dataset.splits.items()}
    if args.json:
        show_json({"data": args.out, "seed": args.seed, "splits": sizes})
    else:
        counts = ", ".join(f"{count} {split}" for split, count in sizes.items())
        show(f"wrote {args.count} bodies ({counts}) to {args.out}")
    return 0
