"""`python -m benchmarks [ROW …]`: runs rows, all of them by default, and records the figures."""

from __future__ import annotations

import argparse
import sys

from benchmarks.harness import record
from benchmarks.rows import ROWS
from gaugeconv.errors import DataError


def main() -> None:
    listing = "\n".join(f"  {name}: {(row.__doc__ or '').strip()}" for name, row in ROWS.items())
    parser = argparse.ArgumentParser(
        description="Runs measurements and writes benchmarks/results/ROW.json.",
        epilog=listing,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("rows", nargs="*", metavar="ROW", help="which rows (default: all)")
    names = parser.parse_args().rows or list(ROWS)
    for unknown in [name for name in names if name not in ROWS]:
        known = ", ".join(ROWS)
        parser.exit(2, f"gaugeconv: error: no row is called {unknown!r}; there are: {known}\n")
    for name in names:
        try:
            record(name, ROWS[name]())
        except DataError as error:
            print(f"{name}: skipped, {error}", file=sys.stderr)


if __name__ == "__main__":
    main()
