"""The lines of metrics.jsonl as curves in TensorBoard."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from gaugeconv.errors import GaugeConvError


class EventLog:
    """Scalars against the epoch in an event file of a folder.

    A resumed run writes all its epochs anew and tells TensorBoard to forget what older files in the
    folder say; so the curves are always those of metrics.jsonl.
    """

    def __init__(self, folder: Path, records: Iterable[Mapping[str, Any]] = ()) -> None:
        """Opens a new file and writes the epochs that are over.

        Raises:
            GaugeConvError: TensorBoard is not installed.
            OSError: the folder cannot be written.
        """
        require_tensorboard()
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(folder), purge_step=0)
        for record in records:
            self.add(record)

    def add(self, record: Mapping[str, Any]) -> None:
        """Writes the figures of one epoch."""
        for name, value in record.items():
            if name != "epoch" and value is not None:
                self._writer.add_scalar(name, value, record["epoch"])
        self._writer.flush()

    def close(self) -> None:
        """Closes the file."""
        self._writer.close()


def require_tensorboard() -> None:
    """Checks that events can be written.

    Raises:
        GaugeConvError: TensorBoard is not installed.
    """
    try:
        import tensorboard  # noqa: F401
    except ImportError as error:
        raise GaugeConvError(
            "writing events needs TensorBoard: install gaugeconv[tensorboard], or train without it"
        ) from error
