"""Results as data: figures with the facts of the machine beside them."""

from __future__ import annotations

import json
import platform
import re
import resource
import sys
from pathlib import Path
from typing import Any

import numba
import numpy as np
import torch

import gaugeconv

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


def peak_memory_gb() -> float:
    """Peak resident memory of this process so far, in GB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9


def record(row: str, figures: dict[str, Any]) -> None:
    """Writes `results/ROW.json` and prints it."""
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps({"row": row, "machine": machine(), "figures": figures}, indent=2)
    (RESULTS / f"{row}.json").write_text(text + "\n")
    print(text)
