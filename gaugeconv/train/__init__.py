"""Training, evaluation and their files."""

from __future__ import annotations

from gaugeconv.train.config import TrainConfig
from gaugeconv.train.estimate import Estimate, estimate
from gaugeconv.train.estimator import SegmentationEstimator
from gaugeconv.train.evaluate import Evaluation, evaluate
from gaugeconv.train.initial import start_from
from gaugeconv.train.loop import train
from gaugeconv.train.metrics import SegmentationMetrics
from gaugeconv.train.objective import segmentation_loss
from gaugeconv.train.ranks import Ranks, joined
from gaugeconv.train.run_folder import RunFolder
from gaugeconv.train.trainer import Trainer, TrainResult

__all__ = [
    "Estimate",
    "Evaluation",
    "Ranks",
    "RunFolder",
    "SegmentationEstimator",
    "SegmentationMetrics",
    "TrainConfig",
    "TrainResult",
    "Trainer",
    "estimate",
    "evaluate",
    "joined",
    "segmentation_loss",
    "start_from",
    "train",
]
