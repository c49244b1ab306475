"""Whole networks, their configurations and packaged weights."""

from gaugeconv.models.config import SegmenterConfig
from gaugeconv.models.inputs import SegmenterInput
from gaugeconv.models.result import Segmentation
from gaugeconv.models.segmenter import GaugeSegmenter
from gaugeconv.models.weights import packaged_weights

__all__ = [
    "GaugeSegmenter",
    "Segmentation",
    "SegmenterConfig",
    "SegmenterInput",
    "packaged_weights",
]
