"""Runs independent tasks on a few threads, each of which computes on its own.

PyTorch's thread pool synchronises at every operation and spins while it waits; a chain of small
operations on a machine with other work then takes tens of times longer. Here a task is a whole
chain of operations: worker threads tell PyTorch to use one thread in each of them, and sleep while
they wait. A forked process gets workers of its own.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import torch

_MAX_THREADS = 64

_lock = threading.Lock()
_pool: ThreadPoolExecutor | None = None
_pool_size = 0


def run_tasks(work: Callable[[int], None], count: int) -> None:
    """Calls work(0) … work(count − 1) on as many threads as PyTorch is set to use.

    Without gradients; in inference mode when the caller is. Which thread takes which task varies,
    so tasks must be independent. An exception in any of them is raised here.
    """
    threads = min(torch.get_num_threads(), _MAX_THREADS)
    numbers = iter(range(count))
    inference = torch.is_inference_mode_enabled()

    def take() -> None:
        with torch.inference_mode(inference), torch.no_grad():
            for i in numbers:  # threads may share it: next() holds the interpreter lock
                work(i)

    if threads == 1 or count == 0:
        take()
        return
    workers = _workers(threads)
    running = [workers.submit(take) for _ in range(min(threads, count))]
    errors = [job.exception() for job in running]
    for error in errors:
        if error is not None:
            raise error


def _workers(threads: int) -> ThreadPoolExecutor:
    """The pool of this process, with at least so many threads that have been told to work alone.

    A pool that is too small is not shut down, since others may be submitting to it; it ends with its
    last user.
    """
    global _pool, _pool_size
    with _lock:
        if _pool is None or _pool_size < threads:
            started = threading.Barrier(threads + 1)
            _pool = ThreadPoolExecutor(
                threads, "gaugeconv", initializer=_work_alone, initargs=(started,)
            )
            _pool_size = threads
            for _ in range(threads):
                _pool.submit(int)
            started.wait()
            # PyTorch took the workers' setting for the default of threads to come, too
            torch.set_num_threads(torch.get_num_threads())
        return _pool


def _work_alone(started: threading.Barrier) -> None:
    """Makes PyTorch use one thread for operations called from this one."""
    torch.get_num_threads()  # sets this thread up with the default, which would else happen later
    torch.set_num_threads(1)
    started.wait()


def _forget_pool() -> None:
    """After a fork: the parent's threads do not exist here."""
    global _pool, _pool_size, _lock
    _pool, _pool_size, _lock = None, 0, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)
