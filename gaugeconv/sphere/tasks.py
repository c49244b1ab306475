"""The two tasks on projected digits."""

from __future__ import annotations

from typing import Literal

Task = Literal["classification", "segmentation"]

NUM_DIGITS = 10
BACKGROUND = 10
"""Label of the points that belong to no digit; the digits are their own labels."""


def num_outputs(task: Task) -> int:
    """Scores per image or point: one per digit, and one for the background in segmentation."""
    return NUM_DIGITS if task == "classification" else NUM_DIGITS + 1
