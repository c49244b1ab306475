"""The command line: `gaugeconv COMMAND …`, or `python -m gaugeconv COMMAND …`.

Nothing heavy is imported before a command runs, so that `--help` answers at once.
"""

from __future__ import annotations

from gaugeconv.cli.app import main

__all__ = ["main"]
