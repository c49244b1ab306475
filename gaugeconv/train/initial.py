"""Fine-tuning: a network that starts from the weights of another."""

from __future__ import annotations

import dataclasses
from os import PathLike

import torch
from torch import Tensor

from gaugeconv.errors import DataError
from gaugeconv.models import GaugeSegmenter, SegmenterConfig
from gaugeconv.models.weights import fitting, load_weights

_LAST_LAYER = ("head.3.weight", "head.3.bias")


def config_like(weights: str | PathLike[str], label_names: tuple[str, ...]) -> SegmenterConfig:
    """The configuration of stored weights, for other labels.

    Args:
        weights: packaged weights by name, or a file.
        label_names: of the new network.

    Raises:
        FileFormatError: no such weights of a segmenter.
        DataError: the labels do not fit a segmenter.
        OSError: the file cannot be read.
    """
    config, _, _ = load_weights(weights, SegmenterConfig)
    return dataclasses.replace(config, label_names=label_names)


def start_from(model: GaugeSegmenter, weights: str | PathLike[str]) -> None:
    """Sets a network's weights to stored ones.

    The scores of a label come from the stored label of the same name; those of a label that is not among
    the stored ones keep their random weights. All other layers are taken as they are.

    Args:
        model: the network; it must be made like the stored one but for the labels.
        weights: packaged weights by name, or a file.

    Raises:
        DataError: it is made differently; the message names the fields.
        FileFormatError: no such weights of a segmenter, or a damaged file.
        OSError: the file cannot be read.
    """
    config, state, source = load_weights(weights, SegmenterConfig)
    same_labels = dataclasses.replace(config, label_names=model.config.label_names)
    if same_labels != model.config:
        wanted, stored = dataclasses.asdict(model.config), dataclasses.asdict(same_labels)
        fields = ", ".join(name for name in wanted if wanted[name] != stored[name])
        raise DataError(f"the network differs from that of {source} in: {fields}")
    state = fitting(state, GaugeSegmenter(config).state_dict(), source)
    model.load_state_dict({**state, **_last_layer(model, state, config.label_names)})


def _last_layer(
    model: GaugeSegmenter, state: dict[str, Tensor], names: tuple[str, ...]
) -> dict[str, Tensor]:
    """The layer that makes the scores, one row per label, with stored rows for stored labels."""
    known = [(i, names.index(n)) for i, n in enumerate(model.config.label_names) if n in names]
    rows = torch.tensor(known, dtype=torch.int64).reshape(-1, 2)
    layer = {}
    for name in _LAST_LAYER:
        layer[name] = model.state_dict()[name].clone()
        layer[name][rows[:, 0]] = state[name][rows[:, 1]].to(layer[name])
    return layer
