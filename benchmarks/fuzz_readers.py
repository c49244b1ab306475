"""Damaged files for every reader: each is read or refused with an error that is meant.

Readers run in a process with little memory to spare, so that a file which makes one allocate
without bound shows as a failure. `python -m benchmarks.fuzz_readers --minutes 10`
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from collections import Counter, defaultdict
from typing import Any

import numpy as np

from benchmarks.file_mutations import mutated
from benchmarks.file_readers import read_all, read_damaged, samples
from benchmarks.watchdog import Result, Watchdog
from gaugeconv import GaugeConvError

SECONDS = 10.0
MEMORY = 512 << 20
"""Bytes that a reader may take on top of what the process has after start."""

Job = tuple[str, int]
"""The name of a reader, and a seed."""


def damaged_file(job: Job) -> tuple[Any, bytes]:
    """The sample of a job and the content that its file has after damage."""
    name, seed = job
    rng = np.random.default_rng([sorted(samples()).index(name), seed])
    found = samples()[name]
    sample = found[rng.integers(len(found))]
    return sample, mutated(rng, sample.files[sample.damaged])


def try_reader(job: Job) -> Result:
    """How one reader fares with one damaged file."""
    sample, content = damaged_file(job)
    start = time.perf_counter()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            read_damaged(sample, content)
        result: Result = {"outcome": "read"}
    except GaugeConvError:
        result = {"outcome": "refused"}
    except BaseException as error:  # everything else is what this program looks for
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        at = "" if trace is None else f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}"
        text = f"{type(error).__name__} in {at}: {str(error)[:200]}"
        result = {"outcome": "failure", "error": text, "file": sample.damaged}
    return {**result, "seconds": time.perf_counter() - start}


def warm_up() -> None:
    """Reads every sound sample once."""
    for name, found in samples().items():
        for k in range(len(found)):
            read_all(name, k)


def fuzz(
    seconds: float, names: list[str], first: int = 0, count: int | None = None
) -> dict[str, Any]:
    """Tries seeds first, first + 1, … on each of the named readers in turn, until time or count is up.

    Returns:
        Inputs and outcomes of every reader, the slowest, and every failure with its seed.
    """
    outcomes: dict[str, Counter[str]] = defaultdict(Counter)
    slowest: dict[str, float] = defaultdict(float)
    failures = []
    end, seed = time.monotonic() + seconds, first
    with Watchdog(try_reader, SECONDS, prepare=warm_up, spare_memory=MEMORY) as guarded:
        while time.monotonic() < end and (count is None or seed < first + count):
            for name in names:
                result = guarded((name, seed))
                outcomes[name][result["outcome"]] += 1
                slowest[name] = max(slowest[name], result.get("seconds", SECONDS))
                if result["outcome"] not in ("read", "refused"):
                    failures.append({"reader": name, "seed": seed, **result})
            seed += 1
    return {
        "inputs": sum(sum(found.values()) for found in outcomes.values()),
        "failed": len(failures),
        "spare_memory_bytes": MEMORY,
        "first_seed": first,
        "readers": {name: dict(sorted(found.items())) for name, found in outcomes.items()},
        "slowest_seconds": {name: round(found, 3) for name, found in slowest.items()},
        "failures": failures,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0, help="the first one (default: 0)")
    parser.add_argument("--reader", choices=sorted(samples()), action="append", help="only these")
    arguments = parser.parse_args()
    figures = fuzz(60 * arguments.minutes, arguments.reader or list(samples()), arguments.seed)
    print(json.dumps(figures, indent=1))
    sys.exit(figures["failed"] > 0)


if __name__ == "__main__":
    main()
