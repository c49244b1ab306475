"""`gaugeconv doctor`: what this installation is made of, and what is missing or broken."""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import re
import sys
import tempfile
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

from gaugeconv._version import __version__
from gaugeconv.cli.common import Commands, add_json, show, show_json
from gaugeconv.errors import GaugeConvError

Section = dict[str, Any]
Problems = list[str]

OLDEST_PYTHON = (3, 11)
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
EXTRAS = {
    "bodies": ("anny", "fast-simplification", "generated human bodies"),
    "sphere": ("e3nn", "astropy-healpix", "matplotlib", "spherical images"),
    "viz": ("matplotlib", "pictures as PNG"),
    "scatter": ("torch-scatter", "another reference for segment sums"),
    "tensorboard": ("tensorboard", "metrics of training as events"),
    "pyg": ("torch-geometric", "models of PyTorch Geometric"),
    "interop": ("meshio", "pyvista", "meshes of these libraries"),
}
"""Packages of every extra, and last what it is for."""


def register(commands: Commands) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "doctor",
        help="report versions, threads, GPU, caches and optional parts",
        description="Reports what this installation is made of: versions, threads, GPU and Triton, the "
        "cache of compiled kernels, the geometry cache, optional parts. Exit code 1 when something "
        "that is needed is missing, too old or broken; it says what to do.",
        epilog="Example: gaugeconv doctor --json",
    )
    add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prints the report; 1 when something needed does not work."""
    problems: Problems = []
    parts: dict[str, Callable[[Problems], Section]] = {
        "versions": versions,
        "threads": threads,
        "gpu": gpu,
        "kernel_cache": kernel_cache,
        "geometry_cache": geometry_cache,
        "extras": extras,
    }
    report = {name: part(problems) for name, part in parts.items()}
    if args.json:
        show_json({"ok": not problems, "problems": problems, **report})
    else:
        show(as_text(report, problems))
    return 1 if problems else 0


def versions(problems: Problems) -> Section:
    """Versions of Python, gaugeconv and everything that it needs, each imported."""
    found: Section = {"gaugeconv": __version__, "python": platform.python_version()}
    if sys.version_info < OLDEST_PYTHON:
        wanted = ".".join(map(str, OLDEST_PYTHON))
        problems.append(f"Python {found['python']} is too old: install {wanted} or newer")
    for name, oldest in requirements().items():
        version = importable(name)
        found[name] = version
        if version is None:
            problems.append(f"{name} cannot be imported: pip install '{name}>={oldest}'")
        elif numbers(version) < numbers(oldest):
            problems.append(f"{name} {version} is too old: pip install '{name}>={oldest}'")
    return found


def requirements() -> dict[str, str]:
    """The oldest version of every package that is needed, as the package's metadata say."""
    lines = metadata.requires("gaugeconv") or []
    pairs = (re.match(r"([\w-]+)\s*>=\s*([\d.]+)\s*$", line) for line in lines)
    return {pair[1]: pair[2] for pair in pairs if pair}


def importable(package: str) -> str | None:
    """The version of a package that can be imported; None of one that cannot."""
    try:
        importlib.import_module(package)
        return metadata.version(package)
    except Exception:  # whatever a broken installation raises
        return None


def numbers(version: str) -> tuple[int, ...]:
    """The leading numbers of a version, to compare."""
    return tuple(int(part) for part in re.findall(r"\d+", version.split("+")[0])[:3])


def threads(_: Problems) -> Section:
    """Cores and threads, and the variables that limit them."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    found: Section = {"cores": cores}
    try:
        import numba
        import torch
    except Exception:  # reported among the versions
        return found
    # numba.get_num_threads() would start numba's threads, which changes what PyTorch uses
    most = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
    found |= {"torch": torch.get_num_threads(), "numba": most}
    return found | {name: os.environ.get(name) for name in THREAD_VARIABLES}


def gpu(problems: Problems) -> Section:
    """GPUs that PyTorch sees, and the version of Triton, which computes on them."""
    try:
        import torch
    except Exception:  # reported among the versions
        return {}
    names = [torch.cuda.get_device_name(k) for k in range(torch.cuda.device_count())]
    triton = importable("triton")
    if names and triton is None:
        problems.append("there is a GPU, but Triton is missing: pip install triton")
    return {"devices": names, "cuda": torch.version.cuda, "triton": triton}


def kernel_cache(problems: Problems) -> Section:
    """Where numba keeps compiled kernels: where it was told to, beside the package, or at the user's."""
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    folder = Path(chosen) if chosen else Path(__file__).parents[1]
    if not chosen and not os.access(folder, os.W_OK):
        folder = Path.home() / ".cache" / "numba"
    files = [path for kind in ("*.nbc", "*.nbi") for path in folder.rglob(kind)]
    found = folder_facts(folder, [path.stat().st_size for path in files])
    if not found["writable"]:
        problems.append(
            f"kernels cannot be kept in {folder}, so every process compiles them again: set "
            "NUMBA_CACHE_DIR to a folder that can be written"
        )
    return found


def geometry_cache(problems: Problems) -> Section:
    """Where geometry is kept, and how much of it there is."""
    from gaugeconv.geometry.cache_store import cache_entries, cache_folder, cache_limit

    try:
        folder, limit = cache_folder(), cache_limit()
        found = folder_facts(folder, [entry.size for entry in cache_entries()])
    except (GaugeConvError, OSError) as error:
        problems.append(f"the geometry cache cannot be used: {error}")
        return {}
    if not found["writable"]:
        problems.append(
            f"geometry cannot be kept in {folder}: set GAUGECONV_CACHE to a folder that can be written"
        )
    return found | {"limit_bytes": limit}


def folder_facts(folder: Path, sizes: list[int]) -> Section:
    """A folder, the files in it, and whether files can be created in it or where it would be."""
    existing = folder.absolute()
    while not existing.exists():
        existing = existing.parent
    try:
        with tempfile.TemporaryFile(dir=existing):
            writable = True
    except OSError:
        writable = False
    facts = {"folder": str(folder), "files": len(sizes), "bytes": sum(sizes)}
    return facts | {"writable": writable}


def extras(_: Problems) -> Section:
    """What every extra is for, and the versions of its packages, None where one is missing."""
    found = {}
    for name, (*packages, purpose) in EXTRAS.items():
        have = {package: installed(package) for package in packages}
        found[name] = {"for": purpose, "complete": None not in have.values(), "packages": have}
    return found


def installed(package: str) -> str | None:
    """The version of an optional package, which is not imported; None where it is missing."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def as_text(report: dict[str, Section], problems: Problems) -> str:
    """The report for people."""
    from gaugeconv.geometry.cache_store import size_text

    lines = []
    for title, section in report.items():
        lines.append(title.replace("_", " "))
        for name, value in section.items():
            if title == "extras":
                missing = [p for p, version in value["packages"].items() if version is None]
                state = "installed" if not missing else f"no {', '.join(missing)}"
                value = f"{state} ({value['for']}: gaugeconv[{name}])"
            elif name.endswith("bytes"):
                value = size_text(value)
            elif isinstance(value, bool):
                value = "yes" if value else "NO"
            elif isinstance(value, list):
                value = ", ".join(value) or "none"
            label = name.removesuffix("_bytes").replace("bytes", "size")
            lines.append(f"  {label:<18}{'not set or missing' if value is None else value}")
    verdict = [f"PROBLEM: {problem}" for problem in problems]
    return "\n".join([*lines, "", *(verdict or ["everything that is needed works"])])
