"""Runs cells, each of which leaves one file; what is there already is not run again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

from gaugeconv.errors import FileFormatError
from gaugeconv.files import atomic_path, read_json_object
from gaugeconv.sphere.experiment.plan import Cell, Plan
from gaugeconv.sphere.experiment.training import train_cell

OnCell = Callable[[int, int, Cell], None]
"""Called with cells done, cells in all and the cell just done."""


def finished(cell: Cell, plan: Plan, out: Path) -> dict[str, Any] | None:
    """The stored result of a cell, if it was trained with the same recipe."""
    path = out / cell.path
    if not path.is_file():
        return None
    try:
        stored = read_json_object(path)
    except FileFormatError:
        return None
    same = stored.get("recipe") == _plain(plan.recipe(cell))
    return stored["figures"] if same and "figures" in stored else None


def run_cells(
    todo: list[Cell],
    plan: Plan,
    folder: str,
    out: Path,
    *,
    jobs: int = 1,
    device: str = "cpu",
    on_cell: OnCell | None = None,
) -> None:
    """Trains all cells that have no result yet and writes one JSON file for each, whole or not at all.

    Args:
        todo: the cells.
        plan: their recipe.
        folder: of the MNIST files.
        out: the experiment's folder.
        jobs: processes that train side by side, with one thread each; 1 trains in this process.
        device: where to compute.
        on_cell: called after each cell.

    Raises:
        DataError: digits or packages are missing.
        OSError: a result cannot be written.
    """
    open_cells = [cell for cell in todo if finished(cell, plan, out) is None]
    done = len(todo) - len(open_cells)
    for cell in _each_done(open_cells, plan, folder, out, jobs, device):
        done += 1
        if on_cell is not None:
            on_cell(done, len(todo), cell)


def _each_done(
    todo: list[Cell], plan: Plan, folder: str, out: Path, jobs: int, device: str
) -> Iterator[Cell]:
    """Yields cells as they end; the first error stops all that have not begun."""
    if jobs == 1 or len(todo) < 2:
        for cell in todo:
            _run(cell, plan, folder, out, device)
            yield cell
        return
    with ProcessPoolExecutor(jobs, get_context("spawn"), initializer=_one_thread) as pool:
        running = {pool.submit(_run, cell, plan, folder, out, device): cell for cell in todo}
        try:
            while running:
                ended, _ = wait(running, return_when=FIRST_COMPLETED)
                for job in ended:
                    job.result()
                    yield running.pop(job)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _one_thread() -> None:
    """Side by side, more threads only get into each other's way."""
    import numba

    torch.set_num_threads(1)
    numba.set_num_threads(1)


def _run(cell: Cell, plan: Plan, folder: str, out: Path, device: str) -> None:
    figures = train_cell(cell, plan, folder, device)
    write_json(out / cell.path, {"recipe": plan.recipe(cell), "figures": figures})


def write_json(path: Path, content: Any) -> None:
    """Writes JSON, whole or not at all; folders are made as needed.

    Raises:
        OSError: the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as partial:
        partial.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def _plain(content: Any) -> Any:
    """As JSON gives it back: tuples become lists."""
    return json.loads(json.dumps(content))
