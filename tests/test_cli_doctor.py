from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path

import pytest
import torch

from gaugeconv.cli import doctor, main


def report(capfd: pytest.CaptureFixture[str], code: int) -> dict:
    assert main(["doctor", "--json"]) == code
    found: dict = json.loads(capfd.readouterr().out)
    assert found["ok"] is (code == 0)
    assert bool(found["problems"]) is (code == 1)
    return found


def test_a_working_installation_is_described(capfd: pytest.CaptureFixture[str]) -> None:
    found = report(capfd, 0)
    assert found["versions"]["torch"] == torch.__version__
    assert set(doctor.requirements()) < set(found["versions"])
    assert found["threads"]["torch"] == torch.get_num_threads()
    assert found["gpu"]["devices"] == [
        torch.cuda.get_device_name(k) for k in range(torch.cuda.device_count())
    ]
    declared = metadata.metadata("gaugeconv").get_all("Provides-Extra") or []
    assert set(found["extras"]) == set(doctor.EXTRAS) == set(declared) - {"dev", "docs"}
    assert main(["doctor"]) == 0
    text = capfd.readouterr().out
    assert "everything that is needed works" in text
    assert all(f"gaugeconv[{extra}]" in text for extra in doctor.EXTRAS)


def test_what_is_missing_or_too_old_is_a_problem(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    needed = {"numpy": "99.1", "no-such-package": "1.0"}
    monkeypatch.setattr(doctor, "requirements", lambda: needed)
    old, missing = report(capfd, 1)["problems"]
    assert old.endswith("is too old: pip install 'numpy>=99.1'")
    assert missing == "no-such-package cannot be imported: pip install 'no-such-package>=1.0'"


@pytest.mark.parametrize(
    ("variable", "part"),
    [("NUMBA_CACHE_DIR", "kernels cannot be kept"), ("GAUGECONV_CACHE", "geometry cannot be kept")],
)
def test_a_cache_that_cannot_be_written_is_a_problem(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, variable: str, part: str
) -> None:
    if not Path("/proc/self").exists():
        pytest.skip("no /proc here")
    monkeypatch.setenv(variable, "/proc/none")
    (problem,) = report(capfd, 1)["problems"]
    assert problem.startswith(part)
    assert f"set {variable} to" in problem


def test_a_limit_that_is_no_size_is_a_problem(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GAUGECONV_CACHE_SIZE", "much")
    (problem,) = report(capfd, 1)["problems"]
    assert "GAUGECONV_CACHE_SIZE is 'much'; give a number" in problem
