"""The two tasks on projected digits."""

from __future__ import annotations

from typing import Literal, get_args

from gaugeconv.errors import DataError

Task = Literal["classification", "segmentation"]

NUM_DIGITS = 10
BACKGROUND = 10
"""Label of the points that belong to no digit; the digits are their own labels."""


def num_outputs(task: Task) -> int:
    """Scores per image or point: one per digit, and one for the background in segmentation.

    Raises:
        DataError: no such task.
    """
    if task not in get_args(Task):
        raise DataError(f"the tasks are {', '.join(get_args(Task))}, not {task!r}")
    return NUM_DIGITS if task == "classification" else NUM_DIGITS + 1
