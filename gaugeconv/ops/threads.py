"""Runs compiled loops, which release the interpreter lock, on a few threads.

Plain threads rather than numba's parallel loops: waiting threads sleep instead of spinning, which
matters on a machine with other work; several Python threads may call at once; a forked process
gets threads of its own; and there is half as much to compile.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import torch

_PARTS_PER_THREAD = 4  # so that a thread that is held up does not hold up the rest
_MIN_ROWS = 16
_MAX_THREADS = 64

_lock = threading.Lock()
_pool: ThreadPoolExecutor | None = None


def for_rows(work: Callable[[int, int], None], first: int, last: int) -> None:
    """Calls work(a, z) for consecutive ranges that cover [first, last), on PyTorch's thread count.

    The calling thread works, too. Which thread takes which range varies, so ranges must be
    independent. An exception in any of them is raised here.
    """
    threads = min(torch.get_num_threads(), _MAX_THREADS)
    step = max(_MIN_ROWS, -(-(last - first) // (_PARTS_PER_THREAD * threads)))
    if threads == 1 or last - first <= step:
        work(first, last)
        return
    starts = iter(range(first, last, step))

    def take() -> None:
        for a in starts:  # a range iterator is shared safely: next() holds the interpreter lock
            work(a, min(a + step, last))

    helpers = [_workers().submit(take) for _ in range(threads - 1)]
    try:
        take()
    finally:
        # nothing is left for helpers that have not begun; wait for the others' last range
        running = [helper for helper in helpers if not helper.cancel()]
        errors = [helper.exception() for helper in running]
    for error in errors:
        if error is not None:
            raise error


def _workers() -> ThreadPoolExecutor:
    """The pool of this process, made when first needed."""
    global _pool
    with _lock:
        if _pool is None:
            _pool = ThreadPoolExecutor(_MAX_THREADS, thread_name_prefix="gaugeconv")
        return _pool


def _forget_pool() -> None:
    """After a fork: the parent's threads do not exist here."""
    global _pool, _lock
    _pool, _lock = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)
