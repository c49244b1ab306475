"""Results as data: figures with the facts of the machine beside them."""

from __future__ import annotations

import json
import os
import platform
import re
import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numba
import numpy as np
import torch

import gaugeconv
from gaugeconv.errors import DataError

RESULTS = Path(__file__).parent / "results"


def machine() -> dict[str, Any]:
    """What the figures depend on besides the code."""
    info = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.+)", info.read_text()) if info.exists() else []
    return {
        "cpu": names[0] if names else platform.processor(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "numba": numba.__version__,
        "gaugeconv": gaugeconv.__version__,
    }


def peak_memory_gb(children: bool = False) -> float:
    """Peak resident memory of this process so far, or of the largest that it has started, in GB."""
    unit = 1 if sys.platform == "darwin" else 1024
    whose = resource.RUSAGE_CHILDREN if children else resource.RUSAGE_SELF
    return resource.getrusage(whose).ru_maxrss * unit / 1e9


def record(row: str, figures: dict[str, Any]) -> None:
    """Writes `results/ROW.json` and prints it."""
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps({"row": row, "machine": machine(), "figures": figures}, indent=2)
    (RESULTS / f"{row}.json").write_text(text + "\n")
    print(text)


def median_seconds(run: Callable[[], Any], repeats: int = 5) -> float:
    """Median wall time, after one run that compiles and warms up."""
    run()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def alternating_medians(
    sides: Mapping[str, Callable[[], Any]], repeats: int = 7
) -> dict[str, float]:
    """Median wall time of each side in seconds, measured in turns, after one run of each."""
    times: dict[str, list[float]] = {name: [] for name in sides}
    for round_number in range(repeats + 1):
        for name, run in sides.items():
            start = time.perf_counter()
            run()
            if round_number > 0:
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(found) for name, found in times.items()}


def data_folder(name: str) -> Path:
    """`$GAUGECONV_DATA/name` (by default below ../shared/data): data that are not part of this project.

    Raises:
        DataError: the variable is not set, or there is no such folder.
    """
    beside = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("GAUGECONV_DATA", beside)) / name
    if not folder.is_dir():
        raise DataError(f"no folder {folder}: set GAUGECONV_DATA to the folder that holds {name!r}")
    return folder
