"""What the recipe may add: averaged weights, early stopping, balanced labels."""

from __future__ import annotations

import dataclasses
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from gaugeconv.data import DatasetFolder, LabelledMesh
from gaugeconv.errors import DataError, GaugeConvError
from gaugeconv.mesh import TriMesh
from gaugeconv.models import GaugeSegmenter, SegmenterConfig
from gaugeconv.train import Ranks, TrainConfig, train
from gaugeconv.train.averaging import WeightAverage
from gaugeconv.train.checkpoints import Progress, TrainState
from gaugeconv.train.objective import label_weights
from gaugeconv.train.prepare import prepare_mesh
from gaugeconv.train.sampling import Slots, mesh_seed
from gaugeconv.train.schedule import Schedule


def test_the_average_is_the_recursion_it_says_it_is() -> None:
    torch.manual_seed(0)
    model = torch.nn.Linear(3, 2).double()
    average = WeightAverage(model, 0.6)
    expected = model.weight.detach().clone()
    for step in range(8):
        with torch.no_grad():
            model.weight.add_(torch.randn(2, 3, dtype=torch.float64))
        average.update(step)
        decay = min(0.6, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * model.weight.detach()
    torch.testing.assert_close(average.tensors["weight"], expected)
    own = model.weight.detach().clone()
    with average.applied():
        assert torch.equal(model.weight, average.tensors["weight"])
    assert torch.equal(model.weight, own)


def test_averaged_weights_are_what_is_kept(
    tmp_path: Path, rings: DatasetFolder, tiny: SegmenterConfig
) -> None:
    config = TrainConfig(epochs=2, val_every=1, ema=0.9, lr=0.02, warmup_steps=0)
    plain = train(rings, tmp_path / "plain", dataclasses.replace(config, ema=0.0), tiny).run
    folder = train(rings, tmp_path / "run", config, tiny).run
    state = TrainState.load(folder.last)
    assert not TrainState.load(plain.last).average
    # the average watches, and changes nothing in the steps
    for name, tensor in TrainState.load(plain.last).model.items():
        assert torch.equal(state.model[name], tensor)
    assert any(not torch.equal(state.average[name], state.model[name]) for name in state.model)
    assert state.progress.best_epoch in (1, 2)
    best = dict(GaugeSegmenter.load(folder.best).state_dict())
    assert all(torch.equal(best[name], state.best[name]) for name in best)
    if state.progress.best_epoch == 2:
        assert all(torch.equal(best[name], state.average[name]) for name in best)


def test_a_run_stops_when_nothing_has_improved_for_long_enough() -> None:
    schedule = Schedule(TrainConfig(epochs=100, patience=5), num_meshes=1)
    assert not schedule.over(Progress(epoch=11, step=11, improved_epoch=7))
    assert schedule.over(Progress(epoch=12, step=12, improved_epoch=7))
    never = Schedule(TrainConfig(epochs=100), num_meshes=1)
    assert not never.over(Progress(epoch=99, step=99, improved_epoch=1))


def test_an_early_stop_keeps_the_best_and_is_not_undone_by_resuming(
    tmp_path: Path, rings: DatasetFolder, tiny: SegmenterConfig
) -> None:
    config = TrainConfig(epochs=40, val_every=1, patience=3, lr=1e-7, weight_decay=0.0)
    result = train(rings, tmp_path / "run", config, tiny)
    progress = result.progress
    assert progress.epoch == progress.improved_epoch + 3 < 40
    accuracies = [record["val_accuracy"] for record in result.run.read_metrics()]
    assert accuracies[progress.improved_epoch - 1] == max(accuracies) == progress.best_accuracy
    again = train(rings, tmp_path / "run", config, tiny, resume=True)
    assert again.progress == progress


def test_early_stopping_without_validation_is_refused_and_never_takes_the_test_split(
    tmp_path: Path, rings: DatasetFolder, tiny: SegmenterConfig
) -> None:
    shutil.copytree(rings.path, tmp_path / "set")
    (tmp_path / "set" / "split.json").write_text('{"train": ["a"], "test": ["d"]}')
    with pytest.raises(DataError, match="needs a split 'val'"):
        train(DatasetFolder(tmp_path / "set"), tmp_path / "run", TrainConfig(patience=2), tiny)
    assert not (tmp_path / "run").exists()


def test_balanced_labels_count_alike_over_the_whole_training_area(
    mesh: TriMesh, tiny: SegmenterConfig
) -> None:
    few = np.zeros(mesh.num_faces, int)
    few[:5] = 1
    some = np.zeros(mesh.num_faces, int)
    some[:50] = 1
    some[60:70] = -1
    items = [LabelledMesh("few", mesh, few), LabelledMesh("some", mesh, some)]
    identity, model = np.arange(2), GaugeSegmenter(tiny)
    for exponent in (0.0, 0.5, 1.0):
        weights = label_weights(items, identity, 2, exponent)
        total = np.zeros(2)
        for item in items:
            prepared = prepare_mesh(model, item, identity).balanced(weights)
            labelled = prepared.labels >= 0
            assert bool((prepared.weights[~labelled] == 0).all())
            total += np.bincount(prepared.labels[labelled], prepared.weights[labelled], 2)
        assert total.sum() == pytest.approx(2.0)  # the mean over the area is 1
        if exponent == 0:
            np.testing.assert_allclose(weights, 1.0, rtol=1e-14)
        if exponent == 1:
            assert total[0] == pytest.approx(total[1])


def test_a_label_that_does_not_occur_weighs_one(mesh: TriMesh) -> None:
    item = LabelledMesh("x", mesh, np.arange(mesh.num_faces) % 2)
    weights = label_weights([item], np.array([2, 0]), 3, 1.0)
    assert weights[1] == 1.0
    assert np.isfinite(weights).all()


def test_slots_share_out_number_and_size_and_a_pass_takes_every_mesh_once() -> None:
    rng = np.random.default_rng(1)
    sizes = rng.integers(100, 1000, 41).tolist()
    slots = Slots(sizes, 4)
    loads = [sum(sizes[mesh] for mesh in members) for members in slots.members]
    assert max(loads) - min(loads) < 1000
    steps = slots.epoch(np.random.default_rng(2))
    assert [len(step) for step in steps] == [4] * 10 + [1]
    assert sorted(mesh for step in steps for mesh in step) == list(range(41))
    shares = [slots.owned(Ranks(rank, 2)) for rank in (0, 1)]
    assert shares[0] | shares[1] == set(range(41))
    assert not shares[0] & shares[1]


def test_one_slot_gives_the_order_that_a_permutation_gives() -> None:
    steps = Slots([5, 9, 7, 1, 3], 1).epoch(np.random.default_rng(4))
    assert [step[0] for step in steps] == np.random.default_rng(4).permutation(5).tolist()


def test_the_seed_of_a_mesh_changes_with_seed_epoch_and_mesh() -> None:
    config = TrainConfig(seed=1)
    seeds = [mesh_seed(config, 0, 0), mesh_seed(config, 1, 0), mesh_seed(config, 0, 1)]
    seeds.append(mesh_seed(TrainConfig(seed=2), 0, 0))
    assert len(set(seeds)) == 4
    assert mesh_seed(config, 1, 0) == seeds[1]


def test_copies_are_changed_as_the_recipe_says(
    tmp_path: Path, rings: DatasetFolder, tiny: SegmenterConfig
) -> None:
    config = TrainConfig(epochs=1, augment=2, mirror=0.5, decimate=0.25, crop=1.0, noise=0.1)
    made = config.augmentation
    assert (made.mirror, made.decimate, made.crop, made.noise) == (0.5, 0.25, 1.0, 0.1)
    recipe = dataclasses.replace(config, decimate=0.0)
    run = train(rings, tmp_path / "cropped", recipe, tiny).run
    whole = train(rings, tmp_path / "whole", dataclasses.replace(recipe, crop=0.0), tiny).run
    losses = [folder.read_metrics()[0]["loss"] for folder in (run, whole)]
    assert losses[0] != losses[1]


def test_a_missing_package_ends_a_run_before_it_begins(
    tmp_path: Path, rings: DatasetFolder, tiny: SegmenterConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "fast_simplification", None)
    config = TrainConfig(epochs=1, augment=1, decimate=0.5)
    with pytest.raises(GaugeConvError, match="pip install fast-simplification"):
        train(rings, tmp_path / "run", config, tiny)
    assert not (tmp_path / "run").exists()
