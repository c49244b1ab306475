"""The rows of `python -m benchmarks`: one function each, returning its figures as plain data.

A row whose data are not at hand raises `DataError` before it measures anything.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.rows import geometry, operator, segmenter

ROWS: dict[str, Callable[[], dict[str, Any]]] = {
    row.__name__: row for module in (geometry, operator, segmenter) for row in module.ROWS
}
