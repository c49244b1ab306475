"""Rows about bad input: what other projects call awkward, and what chance makes of sound meshes."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from benchmarks.exercise import try_file, try_mutant, warm_up
from benchmarks.harness import data_folder
from benchmarks.watchdog import Result, Watchdog

SECONDS = 10.0
MUTANTS = 10_000
HOW = ("as it is", "repaired", "welded")


def awkward_meshes() -> dict[str, Any]:
    """Files from other projects' tests: each works at R = 2 edges or is refused by name; no failures."""
    paths = sorted(path for path in data_folder("awkward-meshes").iterdir() if path.is_file())
    results = []
    with Watchdog(try_file, SECONDS, prepare=warm_up) as guarded:
        for path in paths:
            plain, *others = (guarded((str(path), how)) for how in HOW)
            results.append({"file": path.name, **plain, **dict(zip(HOW[1:], others, strict=True))})
    return {**summary(results), "results": results}


def fuzz_meshes() -> dict[str, Any]:
    """10,000 damaged meshes and files: finite numbers or an error that is meant; no failures."""
    with Watchdog(try_mutant, SECONDS, prepare=warm_up) as guarded:
        results = [{"seed": seed, **guarded(seed)} for seed in range(MUTANTS)]
    return {**summary(results), "failures": [one for one in results if failed(one)]}


def outcomes(result: Result) -> dict[str, Result]:
    """How a mesh fared as it was, repaired, and whatever else was tried."""
    return {HOW[0]: result, **{k: one for k, one in result.items() if isinstance(one, dict)}}


def failed(result: Result) -> bool:
    """Whether anything happened that is neither a result nor a refusal."""
    return any(one["outcome"] not in ("works", "refused") for one in outcomes(result).values())


def summary(results: list[Result]) -> dict[str, Any]:
    """How many works, refusals and failures there are of each kind, and the slowest."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for result in results:
        for kind, one in outcomes(result).items():
            counts[kind][one["outcome"]] += 1
    slowest = max(
        one.get("seconds", 0.0) for result in results for one in outcomes(result).values()
    )
    return {
        "count": len(results),
        "failed": sum(map(failed, results)),
        **{kind: dict(sorted(count.items())) for kind, count in counts.items()},
        "slowest_seconds": slowest,
    }


ROWS = (awkward_meshes, fuzz_meshes)
