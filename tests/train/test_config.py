from __future__ import annotations

import dataclasses
from itertools import pairwise

import pytest

from gaugeconv.errors import DataError
from gaugeconv.train import TrainConfig
from gaugeconv.train.checkpoints import Progress
from gaugeconv.train.schedule import FINAL_RATE, Schedule


def test_a_config_survives_json() -> None:
    config = TrainConfig(epochs=None, minutes=1.5, augment=2, seed=7)
    assert TrainConfig.from_dict(config.to_dict()) == config


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"minutes": 1.0}, "either epochs or minutes"),
        ({"epochs": None}, "either epochs or minutes"),
        ({"epochs": 0}, "epochs = 0"),
        ({"epochs": None, "minutes": 0.0}, "minutes must be positive"),
        ({"lr": 0.0}, "lr must be positive"),
        ({"epochs": 1.5}, "epochs = 1.5 must be a number of type int"),
        ({"epochs": 10**30}, "epochs = 10+ must be at least 1 and at most"),
        ({"warmup_steps": 10**30}, "warmup_steps = 10+ must be"),
        ({"batch": True}, "batch = True"),
        ({"lr": "high"}, "lr = 'high'"),
        ({"lr": None}, "lr = None"),
        ({"seed": 2**63}, "seed = 9.* must be at least 0 and at most"),
        ({"lr": float("nan")}, "lr = nan"),
        ({"lr": float("inf")}, "lr = inf"),
        ({"label_smoothing": 1.0}, "label_smoothing = 1.0 must be below 1"),
        ({"batch": 0}, "batch = 0"),
        ({"augment": -1}, "augment = -1"),
        ({"seed": -1}, "seed = -1"),
        ({"mirror": 0.5}, "mirror is about deformed copies: give augment"),
        ({"noise": 0.1}, "noise is about deformed copies: give augment"),
    ],
)
@pytest.mark.unchecked
def test_a_bad_recipe_is_refused_by_name(fields: dict[str, float], message: str) -> None:
    with pytest.raises(DataError, match=message):
        TrainConfig(**fields)


def test_unknown_fields_are_refused() -> None:
    with pytest.raises(DataError, match="momentum"):
        TrainConfig.from_dict({"momentum": 0.9})


def test_the_rate_warms_up_peaks_and_falls_to_its_floor() -> None:
    config = TrainConfig(epochs=10, lr=0.1, warmup_steps=4, batch=2)
    schedule = Schedule(config, num_meshes=5)
    assert schedule.steps_per_epoch == 3
    rates = [schedule.learning_rate(Progress(step=step)) for step in range(31)]
    assert rates[0] == pytest.approx(0.1 / 4)
    assert max(rates) == rates[3]
    assert all(a > b for a, b in pairwise(rates[3:]))
    assert rates[-1] == pytest.approx(0.1 * FINAL_RATE)
    assert not schedule.over(Progress(step=29))
    assert schedule.over(Progress(step=30))


def test_a_time_budget_follows_the_seconds_and_not_the_steps() -> None:
    config = TrainConfig(epochs=None, minutes=2.0, lr=0.1, warmup_steps=0)
    schedule = Schedule(config, num_meshes=5)
    assert schedule.amount(Progress(step=999, seconds=30.0)) == (30.0, 120.0)
    half = schedule.learning_rate(Progress(step=999, seconds=60.0))
    assert half == pytest.approx(0.1 * (1 + FINAL_RATE) / 2)
    late = Progress(seconds=125.0)
    assert schedule.over(late)
    assert schedule.learning_rate(late) == pytest.approx(0.1 * FINAL_RATE)
    assert not schedule.over(dataclasses.replace(late, seconds=119.9))
