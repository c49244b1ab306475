"""`gaugeconv inspect`: what a mesh is made of and what is wrong with it."""

from __future__ import annotations

import argparse

from gaugeconv.cli.common import Commands, add_json, show


def register(commands: Commands) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "inspect",
        help="report counts, topology and defects of a mesh",
        description="Reports counts, topology, sizes, and every defect with its indices. "
        "Exit code 0 without defects, 1 with defects, 2 when the file cannot be read as a mesh.",
        epilog="Example: gaugeconv inspect meshes/torus.ply --json",
    )
    parser.add_argument("mesh", metavar="MESH", help=".ply, .obj, .off or .stl")
    add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prints the report; 1 when there are defects."""
    from gaugeconv.mesh import TriMesh

    report = TriMesh.load(args.mesh, validate=False).report()
    show(report.to_json() if args.json else str(report))
    return 0 if report.ok else 1
