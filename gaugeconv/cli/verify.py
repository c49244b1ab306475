"""`gaugeconv verify`: a number for how much the output depends on the frames."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from gaugeconv.cli.common import (
    Bars,
    Commands,
    add_json,
    add_threads,
    add_weights,
    naming,
    positive_float,
    positive_int,
    seed_number,
    set_threads,
    show,
    show_json,
)

if TYPE_CHECKING:
    from gaugeconv.mesh import TriMesh
    from gaugeconv.verification import VerifyReport

    Reports = dict[str, dict[str, VerifyReport]]

DTYPES = ("float32", "float64")
BOTH = "both"


def register(commands: Commands) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "verify",
        help="prove that a network does not depend on the choice of frames",
        description="Draws random tangent frames, recomputes geometry and inputs from them, runs "
        "the network and compares, with controls that must show; then numbers the vertices and "
        "faces anew and compares again. With --isometry also after rigid motions and in a mirror; "
        "a network of rotations may tell left from right, so there the mirror shows how far it "
        "moves and fails nothing. Exit code 1 past the tolerance.",
        epilog="Example: gaugeconv verify meshes/bodies/meshes/*.ply --dtype float64",
    )
    parser.add_argument("mesh", nargs="+", metavar="MESH", help=".ply, .obj, .off or .stl")
    add_weights(parser)
    parser.add_argument(
        "--samples", type=positive_int, default=8, help="of either kind per mesh (default: 8)"
    )
    parser.add_argument(
        "--isometry", action="store_true", help="also move the meshes rigidly, and mirror them"
    )
    parser.add_argument(
        "--dtype",
        choices=(*DTYPES, BOTH),
        default="float32",
        help="precision, or one after the other (default: float32)",
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
    """Prints one report per mesh and precision; 1 when an error is past the tolerance."""
    from gaugeconv.mesh import TriMesh

    set_threads(args.threads)
    dtypes = DTYPES if args.dtype == BOTH else (args.dtype,)
    meshes = {path: TriMesh.load(path) for path in args.mesh}
    with Bars() as bars:
        runs = {dtype: _reports(args, dtype, meshes, bars) for dtype in dtypes}
    passed = all(_passed(reports) for reports in runs.values())
    if args.json:
        contents = [_content(args.weights, dtype, reports) for dtype, reports in runs.items()]
        teeth = all(content["teeth"] for content in contents)
        both = {"weights": args.weights, "dtype": BOTH, "passed": passed, "teeth": teeth}
        show_json({**both, "runs": contents} if args.dtype == BOTH else contents[0])
    else:
        for reports in runs.values():
            for path, found in reports.items():
                show("\n".join([path, *map(str, found.values()), ""]))
        show("\n".join(_verdict(dtype, reports) for dtype, reports in runs.items()))
    return 0 if passed else 1


def _reports(
    args: argparse.Namespace, dtype: str, meshes: dict[str, TriMesh], bars: Bars
) -> Reports:
    """All checks of every mesh in one precision, by what they claim."""
    import torch

    from gaugeconv.models import load_network
    from gaugeconv.verification import verify, verify_isometry, verify_relabelling

    # loaded anew for every precision, since rounding to float32 cannot be undone
    model = load_network(args.weights).to(getattr(torch, dtype))
    checks: list[Callable[..., VerifyReport]] = [verify, verify_relabelling]
    if args.isometry:
        checks += [verify_isometry, partial(verify_isometry, mirrored=True)]
    reports: Reports = {}
    for done, (path, mesh) in enumerate(meshes.items()):
        reports[path] = {}
        for part, check in enumerate(checks):
            bars(f"verify {dtype}", done + part / len(checks), len(meshes), path)
            with naming(path):
                given = (args.samples, args.seed, args.tolerance)
                report = check(model, mesh, *given, output=model.rows)
            reports[path][report.claim] = report
    return reports


def _every(reports: Reports) -> list[VerifyReport]:
    return [report for found in reports.values() for report in found.values()]


def _passed(reports: Reports) -> bool:
    return all(report.passed for report in _every(reports))


def _toothless(reports: Reports) -> list[str]:
    """Meshes on which some control did not change the output."""
    return [path for path, found in reports.items() if not found["gauge"].has_teeth]


def _content(weights: str, dtype: str, reports: Reports) -> dict[str, Any]:
    """The reports as data, the others inside that of the gauge, by what they claim."""
    return {
        "weights": weights,
        "dtype": dtype,
        "passed": _passed(reports),
        "teeth": not _toothless(reports),
        "meshes": {
            path: json.loads(found["gauge"].to_json())
            | {
                claim.replace(" ", "_"): json.loads(report.to_json())
                for claim, report in found.items()
                if claim != "gauge"
            }
            for path, found in reports.items()
        },
    }


def _verdict(dtype: str, reports: Reports) -> str:
    """One line; what passed without teeth has proved nothing, and this says so."""
    every = [report for report in _every(reports) if report.symmetry]
    verdict = "passed" if _passed(reports) else "FAILED"
    worst = max(report.max_relative_error for report in every)
    line = f"{verdict}: largest relative error {worst:.2e} in {dtype}"
    line = f"{line}, tolerance {every[0].tolerance:.0e}"
    toothless = _toothless(reports)
    if not toothless:
        return line
    more = f" and {len(toothless) - 1} more" if len(toothless) > 1 else ""
    return (
        f"{line}; NO TEETH on {toothless[0]}{more}: a control left the output as it was, "
        "so the check could hardly fail there"
    )
