"""Rows about files from strangers."""

from __future__ import annotations

import math
from typing import Any

from benchmarks.file_readers import samples
from benchmarks.fuzz_readers import fuzz

INPUTS = 1000
"""Damaged files for each reader."""


def fuzz_readers() -> dict[str, Any]:
    """1,000 damaged files for every reader, 512 MiB to spare: read or refused by name; no failures."""
    return fuzz(math.inf, list(samples()), count=INPUTS)


ROWS = (fuzz_readers,)
