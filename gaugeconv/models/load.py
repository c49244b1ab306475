"""Networks from files of any kind."""

from __future__ import annotations

from os import PathLike

from safetensors import SafetensorError, safe_open

from gaugeconv.models.classifier import MeshClassifier
from gaugeconv.models.regressor import MeshRegressor
from gaugeconv.models.segmenter import GaugeSegmenter
from gaugeconv.models.trunk import MeshTrunk
from gaugeconv.models.weights import FORMAT, weights_path

NETWORKS: tuple[type[MeshTrunk], ...] = (GaugeSegmenter, MeshClassifier, MeshRegressor)


def load_network(name_or_path: str | PathLike[str]) -> MeshTrunk:
    """The segmenter, classifier or regressor that a file of weights, or a packaged name, is of.

    Raises:
        FileFormatError: see `MeshTrunk.load`.
        OSError: the file cannot be read.
    """
    path = weights_path(name_or_path)
    try:
        with safe_open(path, framework="pt") as file:
            form = (file.metadata() or {}).get("format", "")
    except (SafetensorError, OSError):
        form = ""  # loading says what is wrong
    kinds = {FORMAT.format(network.config_class.kind): network for network in NETWORKS}
    return kinds.get(form, GaugeSegmenter).load(path)
