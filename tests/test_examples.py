"""The examples run, at small settings."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import numpy as np
import pytest

import gaugeconv
from examples import direction_field, library_tour, mobius_digits, segment, verify_frames

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


def test_singularities_of_direction_fields_sum_to_the_euler_characteristic(tmp_path: Path) -> None:
    mesh = gaugeconv.shapes.irregular_sphere(100, seed=1)
    mesh.save(tmp_path / "sphere.ply")
    totals = direction_field.main(tmp_path / "sphere.ply", tmp_path / "page.html")
    assert totals == {1: 2.0, 2: 2.0, 4: 2.0}
    assert (tmp_path / "page.html").stat().st_size > 10_000


def test_digits_on_a_moebius_band_are_trained_once(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name, count in (("train", 70), ("t10k", 30)):
        for what, shape in (("images", (count, 28, 28)), ("labels", (count,))):
            values = rng.integers(256 if what == "images" else 10, size=shape, dtype=np.uint8)
            header = struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape)
            path = tmp_path / f"{name}-{what}-idx{len(shape)}-ubyte"
            path.write_bytes(header + values.tobytes())
    words = [str(tmp_path), "--out", str(tmp_path / "out"), "--quick"]
    result = mobius_digits.main(words)["networks"]
    for name, figures in result.items():
        assert (figures["scores_move_by"] < 1e-4) is (name != "CNN")
        assert (figures["error_centred"] == figures["error_shifted"]) or name == "CNN"
    (tmp_path / "train-images-idx3-ubyte").unlink()  # nothing is read again
    assert mobius_digits.main(words)["networks"] == result


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
