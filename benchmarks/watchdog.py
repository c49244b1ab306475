"""Runs a function in a process of its own, so that a crash or a hang is a result like any other."""

from __future__ import annotations

import multiprocessing
import resource
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

Result = dict[str, Any]
_MEMORY = 6 << 30  # bytes that the process may take; more is a MemoryError


class Watchdog:
    """Calls a function of one argument in another process, which is replaced if it does not answer.

    The function must be one that its module can be imported for, and return a dict. A context manager.
    """

    def __init__(
        self,
        function: Callable[[Any], Result],
        seconds: float,
        prepare: Callable[[], object],
        spare_memory: int | None = None,
    ) -> None:
        """Allows so many seconds for each call; every new process takes its time to prepare first.

        With `spare_memory`, calls have that many bytes of address space beyond what preparing took.
        """
        self._function, self._seconds, self._prepare = function, seconds, prepare
        self._spare = spare_memory
        self._process: Any = None
        self._pipe: Any = None

    def __call__(self, job: Any) -> Result:
        """What the function returns, or {"outcome": "crash" or "hang"}."""
        if self._process is None:
            self._start()
        try:
            self._pipe.send(job)
            if not self._pipe.poll(self._seconds):
                self._stop()
                return {"outcome": "hang", "error": f"no answer within {self._seconds:g} s"}
            return self._pipe.recv()
        except (EOFError, ConnectionError):
            self._process.join()
            code = self._process.exitcode
            self._stop()
            return {"outcome": "crash", "error": f"the process ended with {code}"}

    def __enter__(self) -> Watchdog:
        return self

    def __exit__(self, *error: object) -> None:
        if self._process is not None:
            self._stop()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs, self._function, self._prepare, self._spare), daemon=True
        )
        self._process.start()
        theirs.close()
        self._pipe.recv()  # it is ready

    def _stop(self) -> None:
        self._process.kill()
        self._process.join()
        self._pipe.close()
        self._process = self._pipe = None


def _serve(
    pipe: Connection,
    function: Callable[[Any], Result],
    prepare: Callable[[], object],
    spare: int | None,
) -> None:
    """Answers calls until the other end is closed."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, hard))
    prepare()
    if spare is not None:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + spare
        resource.setrlimit(resource.RLIMIT_AS, (limit, resource.getrlimit(resource.RLIMIT_AS)[1]))
    pipe.send("ready")
    while True:
        try:
            job = pipe.recv()
        except EOFError:
            return
        pipe.send(function(job))
