"""Records a training run as a result: `python -m benchmarks.trained RUN ROW`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from benchmarks.harness import record


def main(run: Path, row: str) -> None:
    epochs = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    measured = [e for e in epochs if e["val_accuracy"] is not None]
    best = max(measured, key=lambda e: e["val_accuracy"])
    figures = {
        "config": json.loads((run / "config.json").read_text()),
        "epochs": epochs[-1]["epoch"],
        "steps": epochs[-1]["step"],
        "training_seconds": epochs[-1]["seconds"],
        "best_epoch": best["epoch"],
        "validation_accuracy": best["val_accuracy"],
    }
    record(row, figures)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
