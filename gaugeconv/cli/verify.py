"""`gaugeconv verify`: a number for how much the output depends on the frames."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from gaugeconv.cli.common import (
    Bars,
    Commands,
    add_json,
    add_threads,
    add_weights,
    load_model,
    positive_float,
    positive_int,
    seed_number,
    set_threads,
    show,
    show_json,
)

if TYPE_CHECKING:
    from gaugeconv.verification import VerifyReport

TOLERANCE = {"float32": 1e-5, "float64": 1e-10}


def register(commands: Commands) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "verify",
        help="prove that a network does not depend on the choice of frames",
        description="Draws random tangent frames, recomputes geometry and inputs from them, runs "
        "the network and compares, with controls that must show; then numbers the vertices and "
        "faces anew and compares again. Exit code 1 past the tolerance.",
        epilog="Example: gaugeconv verify meshes/bodies/*.ply --dtype float64",
    )
    parser.add_argument("mesh", nargs="+", metavar="MESH", help=".ply, .obj, .off or .stl")
    add_weights(parser)
    parser.add_argument(
        "--samples", type=positive_int, default=8, help="of either kind per mesh (default: 8)"
    )
    parser.add_argument(
        "--dtype", choices=tuple(TOLERANCE), default="float32", help="precision (default: float32)"
    )
    parser.add_argument(
        "--tolerance",
        type=positive_float,
        metavar="ERROR",
        help="largest relative error (default: 1e-5 in float32, 1e-10 in float64)",
    )
    parser.add_argument(
        "--seed", type=seed_number, default=0, help="of the random gauges (default: 0)"
    )
    add_threads(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prints one report per mesh; 1 when an error is past the tolerance."""
    import torch

    from gaugeconv.mesh import TriMesh
    from gaugeconv.verification import verify, verify_relabelling

    set_threads(args.threads)
    tolerance = TOLERANCE[args.dtype] if args.tolerance is None else args.tolerance
    model = load_model(args.weights).to(getattr(torch, args.dtype))
    meshes = {path: TriMesh.load(path) for path in args.mesh}
    reports: dict[str, list[VerifyReport]] = {}
    with Bars() as bars:
        for done, (path, mesh) in enumerate(meshes.items()):
            reports[path] = []
            for half, check in enumerate((verify, verify_relabelling)):
                bars("verify", done + half / 2, len(meshes), path)
                reports[path].append(
                    check(model, mesh, args.samples, args.seed, tolerance, output="faces")
                )
    passed = all(report.passed for pair in reports.values() for report in pair)
    if args.json:
        content = {"weights": args.weights, "dtype": args.dtype, "passed": passed}
        show_json({**content, "meshes": {path: _figures(*pair) for path, pair in reports.items()}})
    else:
        for path, pair in reports.items():
            show("\n".join([path, *map(str, pair), ""]))
        worst = max(report.max_relative_error for pair in reports.values() for report in pair)
        verdict = "passed" if passed else "FAILED"
        show(f"{verdict}: largest relative error {worst:.2e}, tolerance {tolerance:.0e}")
    return 0 if passed else 1


def _figures(gauge: VerifyReport, relabelling: VerifyReport) -> dict[str, Any]:
    """The gauge report, with that of the relabelling inside."""
    return {**json.loads(gauge.to_json()), "relabelling": json.loads(relabelling.to_json())}
