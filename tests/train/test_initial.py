from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from gaugeconv.data import DatasetFolder
from gaugeconv.errors import DataError, FileFormatError
from gaugeconv.mesh import shapes
from gaugeconv.models import GaugeSegmenter, SegmenterConfig
from gaugeconv.train import TrainConfig, train
from gaugeconv.train.initial import config_like, start_from


@pytest.fixture
def stored(tmp_path: Path, tiny: SegmenterConfig) -> tuple[GaugeSegmenter, str]:
    torch.manual_seed(0)
    model = GaugeSegmenter(dataclasses.replace(tiny, label_names=("a", "b", "c"))).eval()
    path = tmp_path / "stored.safetensors"
    model.save(path)
    return model, str(path)


def test_labels_of_the_same_name_keep_their_scores(stored: tuple[GaugeSegmenter, str]) -> None:
    old, path = stored
    new = GaugeSegmenter(config_like(path, ("c", "x", "a"))).eval()
    fresh = new.head[3].weight[1].clone()
    start_from(new, path)
    inputs = old.prepare(shapes.torus(12, 8)).to(dtype=torch.float32)
    with torch.no_grad():
        before, after = old(inputs), new(inputs)
    assert torch.allclose(after[:, [0, 2]], before[:, [2, 0]], atol=1e-6)
    assert torch.equal(new.head[3].weight[1], fresh)
    assert (after[:, 1] - before[:, 1]).abs().max() > 1e-3


def test_a_network_of_another_make_is_refused_by_field(stored: tuple[GaugeSegmenter, str]) -> None:
    config = dataclasses.replace(stored[0].config, hks=4, dropout=0.5)
    with pytest.raises(DataError, match="in: dropout, hks"):
        start_from(GaugeSegmenter(config), stored[1])


def test_weights_that_are_not_there_are_refused() -> None:
    with pytest.raises(FileFormatError, match="no packaged weights"):
        config_like("nothing", ("a", "b"))


@pytest.mark.unchecked
def test_weights_are_named_by_text() -> None:
    with pytest.raises(DataError, match="init"):
        TrainConfig(init=3)  # type: ignore[arg-type]


def test_training_starts_from_the_weights_and_resumes_to_the_bit(
    rings: DatasetFolder, tiny: SegmenterConfig, tmp_path: Path
) -> None:
    first = train(rings, tmp_path / "first", TrainConfig(epochs=2), tiny).run
    still = TrainConfig(epochs=1, lr=1e-12, weight_decay=0.0, init=str(first.best))
    second = train(rings, tmp_path / "second", still, tiny).run
    one, two = (GaugeSegmenter.load(run.best).state_dict() for run in (first, second))
    assert all(torch.allclose(one[name], two[name], atol=1e-9) for name in one)
    moved = dataclasses.replace(still, epochs=2, lr=1e-2)
    whole = train(rings, tmp_path / "whole", moved, tiny).run
    (tmp_path / "whole" / "last.safetensors").unlink()
    again = train(rings, tmp_path / "whole", moved, tiny, resume=True).run
    one, two = (GaugeSegmenter.load(run.best).state_dict() for run in (whole, again))
    assert all(torch.equal(one[name], two[name]) for name in one)
    first.best.unlink()  # a run that has begun no longer needs the weights it started from
    assert train(rings, tmp_path / "whole", moved, tiny, resume=True).progress.epoch == 2
