"""Digits on a Möbius band: equivariant networks against a plain CNN."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.harness import data_folder
from examples.mobius_digits import Settings, experiment

OUT = Path(__file__).parents[2] / "runs" / "mobius"
"""What is there already is not trained again."""


def mobius_digits() -> dict[str, Any]:
    """Errors on digits in the middle of a Möbius band and anywhere on it (trains for 15 minutes)."""
    return experiment(data_folder("mnist"), OUT, Settings())


ROWS = (mobius_digits,)
