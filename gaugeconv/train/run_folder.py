"""The folder of one training run: config.json, metrics.jsonl, last and best weights."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gaugeconv._version import __version__
from gaugeconv.errors import DataError, FileFormatError
from gaugeconv.files import atomic_path, parse_json, read_json_object


class RunFolder:
    """Paths and small files of a run.

    Attributes:
        config: how the run was started, and the machine's facts.
        metrics: one JSON object per finished epoch.
        last: the `TrainState` after the last finished epoch.
        best: the weights to use, as written by the network's `save`.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.config = self.path / "config.json"
        self.metrics = self.path / "metrics.jsonl"
        self.last = self.path / "last.safetensors"
        self.best = self.path / "best.safetensors"

    def require_new(self) -> None:
        """Checks that a run can be started here.

        Raises:
            DataError: the folder holds a run.
        """
        if self.config.exists():
            raise DataError(
                f"{self.path} already holds a run: resume it (--resume) or choose another folder"
            )

    def start(self, record: Mapping[str, Any]) -> None:
        """Writes config.json: the record, the package's version and the machine's facts."""
        facts = {
            "gaugeconv": __version__,
            "torch": str(torch.__version__),
            "numpy": np.__version__,
            "python": platform.python_version(),
            "machine": platform.machine(),
            "threads": torch.get_num_threads(),
        }
        self.path.mkdir(parents=True, exist_ok=True)
        with atomic_path(self.config) as temporary:
            temporary.write_text(json.dumps({**record, "facts": facts}, indent=1) + "\n")

    def read_config(self) -> dict[str, Any]:
        """What `start` wrote.

        Raises:
            DataError: there is no run here.
            FileFormatError: config.json is damaged.
        """
        if not self.config.is_file():
            raise DataError(f"{self.path} holds no run to resume: {self.config} is missing")
        try:
            record = read_json_object(self.config)
        except FileFormatError as error:
            raise FileFormatError(f"{self.config} is damaged: {error}") from error
        if not all(isinstance(record.get(part), dict) for part in ("train", "model")):
            raise FileFormatError(f"{self.config} is not the config of a run")
        return record

    def require_same(self, record: Mapping[str, Any]) -> None:
        """Checks that the run to resume was started with the same record.

        Raises:
            DataError: it was not; the message names what differs. Or there is no run.
            FileFormatError: config.json is damaged.
        """
        stored = self.read_config()
        for part, fields in record.items():
            if stored.get(part) == fields:
                continue
            raise DataError(
                f"{self.config} was started with other options ({part}: "
                f"{_difference(stored.get(part), fields)}); resume with the same, or start anew"
            )

    def append_metrics(self, record: Mapping[str, Any]) -> None:
        """Adds one line to metrics.jsonl."""
        with self.metrics.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")

    def read_metrics(self) -> list[dict[str, Any]]:
        """The epochs in metrics.jsonl; lines cut off or damaged by a crash are left out."""
        if not self.metrics.exists():
            return []
        records = []
        for line in self.metrics.read_text(encoding="utf-8", errors="replace").splitlines():
            with suppress(FileFormatError):
                records.append(parse_json(line))
        return [
            record
            for record in records
            if isinstance(record, dict) and isinstance(record.get("epoch"), int)
        ]

    @contextmanager
    def writing(self, remedy: str) -> Iterator[None]:
        """Errors of writing inside the block name the folder and say what to do after making room.

        Raises:
            OSError: writing failed.
        """
        try:
            yield
        except OSError as error:
            reason = error.strerror or str(error)
            raise OSError(
                f"cannot write into {self.path} ({reason}): make room, then {remedy}"
            ) from error

    def sweep(self) -> None:
        """Removes the temporary files of a process that was killed while it wrote."""
        for path in (self.config, self.metrics, self.last, self.best):
            for left in self.path.glob(f".{path.stem}.*{path.suffix}"):
                left.unlink(missing_ok=True)

    def forget_after(self, epoch: int) -> None:
        """Drops the lines of epochs that the stored state does not contain."""
        kept = [record for record in self.read_metrics() if record["epoch"] <= epoch]
        with atomic_path(self.metrics) as temporary:
            temporary.write_text("".join(json.dumps(record) + "\n" for record in kept))


def _difference(stored: Any, given: Any) -> str:
    """What differs between two records, in words."""
    if not (isinstance(stored, dict) and isinstance(given, dict)):
        return f"{stored} then, {given} now"
    keys = [key for key in {**stored, **given} if stored.get(key) != given.get(key)]
    return ", ".join(f"{key} {stored.get(key)} then, {given.get(key)} now" for key in keys)
