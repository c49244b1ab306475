"""Training, evaluation and their files."""

from __future__ import annotations

from gaugeconv.train.config import TrainConfig
from gaugeconv.train.evaluate import Evaluation, evaluate
from gaugeconv.train.loop import Trainer, TrainResult, train
from gaugeconv.train.metrics import SegmentationMetrics
from gaugeconv.train.objective import segmentation_loss
from gaugeconv.train.run_folder import RunFolder

__all__ = [
    "Evaluation",
    "RunFolder",
    "SegmentationMetrics",
    "TrainConfig",
    "TrainResult",
    "Trainer",
    "evaluate",
    "segmentation_loss",
    "train",
]
