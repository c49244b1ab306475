"""Whole networks, their configurations and packaged weights."""

from gaugeconv.models.classifier import MeshClassifier
from gaugeconv.models.config import ClassifierConfig, RegressorConfig, SegmenterConfig, TrunkConfig
from gaugeconv.models.inputs import SegmenterInput
from gaugeconv.models.load import load_network
from gaugeconv.models.presets import PRESETS
from gaugeconv.models.regressor import MeshRegressor
from gaugeconv.models.result import Classification, Segmentation, VertexField
from gaugeconv.models.segmenter import GaugeSegmenter
from gaugeconv.models.trunk import MeshTrunk
from gaugeconv.models.weights import packaged_weights

__all__ = [
    "PRESETS",
    "Classification",
    "ClassifierConfig",
    "GaugeSegmenter",
    "MeshClassifier",
    "MeshRegressor",
    "MeshTrunk",
    "RegressorConfig",
    "Segmentation",
    "SegmenterConfig",
    "SegmenterInput",
    "TrunkConfig",
    "VertexField",
    "load_network",
    "packaged_weights",
]
