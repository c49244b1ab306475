"""`gaugeconv bench`: the measurements of a checkout."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from gaugeconv.cli.common import Commands
from gaugeconv.errors import DataError


def register(commands: Commands) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "bench",
        help="measure speed and accuracy, in a checkout of the repository",
        description="Runs rows of the benchmarks and records their figures in benchmarks/results. "
        "The benchmarks are part of the repository, not of the installed package.",
        epilog="Example: gaugeconv bench operator_speed",
    )
    parser.add_argument("rows", nargs="*", metavar="ROW", help="which rows (default: all)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Runs `python -m benchmarks` in the current folder; its exit code."""
    if not Path("benchmarks", "__main__.py").is_file():
        raise DataError("benchmarks live in the repository: run this at the top of a checkout")
    return subprocess.run([sys.executable, "-m", "benchmarks", *args.rows], check=False).returncode
