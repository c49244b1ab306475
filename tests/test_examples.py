"""The examples run, at small settings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import gaugeconv
from examples import library_tour, segment, verify_frames

ROOT = Path(__file__).parents[1]


def test_segment_writes_a_page(tmp_path: Path) -> None:
    result = segment.main(page=tmp_path / "page.html")
    assert (tmp_path / "page.html").stat().st_size > 10_000
    assert len(set(result.face_labels.tolist())) == 8


def test_verifier_tells_the_lawful_layer_from_the_broken_one() -> None:
    lawful, broken = verify_frames.main(vertices=162)
    assert lawful < 1e-12
    assert broken > 1e-3


def test_library_tour_ends_with_a_gauge_error_of_rounding() -> None:
    assert library_tour.main(subdivisions=2) < 1e-5


@pytest.mark.parametrize("number", range(3))
def test_python_of_the_readme_runs(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)[number]
    (tmp_path / "meshes").symlink_to(ROOT / "meshes")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(compile(block, f"README block {number}", "exec"), names)
    assert names["gc"] is gaugeconv
