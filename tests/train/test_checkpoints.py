from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from gaugeconv.errors import FileFormatError
from gaugeconv.train.checkpoints import (
    Progress,
    TrainState,
    optimizer_tensors,
    restore_optimizer,
)


def trained() -> tuple[torch.nn.Linear, torch.optim.AdamW]:
    torch.manual_seed(0)
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(model.parameters())
    for _ in range(3):
        model(torch.ones(3)).square().sum().backward()
        optimizer.step()
    return model, optimizer


def state() -> TrainState:
    model, optimizer = trained()
    tensors = dict(model.state_dict())
    shared = {"weight": tensors["weight"], "bias": tensors["bias"]}
    progress = Progress(3, 9, 1.25, 2, 1 / 3)
    return TrainState(tensors, shared, optimizer_tensors(optimizer), progress, "abc")


def test_a_state_is_read_back_bit_for_bit(tmp_path: Path) -> None:
    before = state()
    before.save(tmp_path / "last.safetensors")
    after = TrainState.load(tmp_path / "last.safetensors")
    assert (after.progress, after.fingerprint) == (before.progress, "abc")
    for group in ("model", "best", "optimizer"):
        old, new = getattr(before, group), getattr(after, group)
        assert set(old) == set(new)
        assert all(torch.equal(old[name], new[name]) for name in old)
    assert [path.name for path in tmp_path.iterdir()] == ["last.safetensors"]


def test_an_optimiser_goes_on_where_it_was() -> None:
    (one, first), (two, _) = trained(), trained()
    second = torch.optim.AdamW(two.parameters())
    restore_optimizer(second, optimizer_tensors(first))
    for model, optimizer in ((one, first), (two, second)):
        optimizer.zero_grad()
        model(torch.ones(3)).square().sum().backward()
        optimizer.step()
    assert torch.equal(one.weight, two.weight)


def test_the_tensors_of_a_larger_optimiser_are_refused() -> None:
    _, optimizer = trained()
    other = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))])
    with pytest.raises(FileFormatError, match="another network"):
        restore_optimizer(other, optimizer_tensors(optimizer))


def test_a_state_cut_off_anywhere_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "last.safetensors"
    state().save(path)
    content = path.read_bytes()
    for cut in (0, 4, 8, 50, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:cut])
        with pytest.raises(FileFormatError, match=r"last\.safetensors"):
            TrainState.load(path)


def test_another_file_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"weight": torch.zeros(2)}, path)
    with pytest.raises(FileFormatError, match=r"other\.safetensors"):
        TrainState.load(path)


def test_a_failed_write_leaves_the_old_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "last.safetensors"
    state().save(path)
    content = path.read_bytes()

    def fail(_: object, target: Path, **__: object) -> None:
        target.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr("gaugeconv.train.checkpoints.save_file", fail)
    with pytest.raises(OSError, match="disk full"):
        state().save(path)
    assert path.read_bytes() == content
    assert [found.name for found in tmp_path.iterdir()] == ["last.safetensors"]
