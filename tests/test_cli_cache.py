"""`gaugeconv cache` and `gaugeconv repair`, run as a user runs them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from gaugeconv import neighborhoods
from gaugeconv.cli import main
from gaugeconv.mesh import TriMesh, shapes
from gaugeconv.mesh.io import load_face_labels


class Outcome(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Outcome]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    def call(*words: object) -> Outcome:
        capfd.readouterr()
        code = main([str(word) for word in words])
        return Outcome(code, *capfd.readouterr())

    return call


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "cache"
    monkeypatch.setenv("GAUGECONV_CACHE", str(place))
    return place


@pytest.mark.parametrize("action", ["info", "clear"])
def test_every_action_has_help_with_an_example(run: Run, action: str) -> None:
    outcome = run("cache", action, "--help")
    assert outcome.code == 0 and f"Example: gaugeconv cache {action}" in outcome.out


def test_info_and_clear_tell_what_is_there(run: Run, folder: Path) -> None:
    empty = run("cache", "info")
    assert (empty.code, empty.err) == (0, "")
    assert "entries         0\n" in empty.out and str(folder) in empty.out
    for subdivisions in (0, 1):
        neighborhoods(shapes.icosphere(subdivisions), 1.2, cache=True)
    outcome = run("cache", "info", "--json")
    figures = json.loads(outcome.out)
    size = sum(path.stat().st_size for path in folder.rglob("*.safetensors"))
    assert figures == {
        "folder": str(folder),
        "entries": 2,
        "bytes": size,
        "limit_bytes": 10**10,
        "kinds": {"neighborhoods": 2},
    }
    assert "neighborhoods   2" in run("cache", "info").out
    assert run("cache", "clear").out.startswith("removed 2 entries, ")
    assert run("cache", "clear").out == "removed 0 entries, 0 B\n"
    assert not list(folder.rglob("*.safetensors"))


def test_a_size_that_is_none_is_bad_input(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAUGECONV_CACHE_SIZE", "plenty")
    outcome = run("cache", "info")
    assert (outcome.code, outcome.out) == (2, "")
    assert "GAUGECONV_CACHE_SIZE is 'plenty'" in outcome.err and outcome.err.count("\n") == 1


# --- repair ------------------------------------------------------------------------------------


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A sphere with a face twice, one turned over, an unused vertex, and a label for each face."""
    ball = shapes.icosphere(1)
    rows = np.concatenate([ball.faces, ball.faces[:1]])
    rows[7] = rows[7, ::-1]
    vertices = np.concatenate([ball.vertices, [[3, 3, 3]]])
    path = tmp_path / "broken.ply"
    TriMesh(vertices, rows, validate=False).save(path, face_labels=np.arange(81))
    return path


def test_repair_writes_a_mesh_that_is_accepted_with_its_labels(
    run: Run, tmp_path: Path, broken: Path
) -> None:
    assert run("inspect", broken).code == 1
    out, maps = tmp_path / "new" / "mended.ply", tmp_path / "maps.npz"
    outcome = run("repair", broken, "--out", out, "--maps", maps, "--compact", "--json")
    assert (outcome.code, outcome.err) == (0, "")
    figures = json.loads(outcome.out)
    kinds = [step["kind"] for step in figures["steps"]]
    assert kinds == ["duplicate-face", "inconsistent-winding", "unreferenced-vertex"]
    assert (figures["num_vertices"], figures["num_faces"]) == (42, 80)
    assert run("inspect", out).code == 0
    np.testing.assert_array_equal(load_face_labels(out), np.arange(80))
    mended = TriMesh.load(out)
    with np.load(maps, allow_pickle=False) as arrays:
        assert arrays["vertex_map"].tolist() == list(range(42))
        assert arrays["vertex_image"].tolist() == [*range(42), -1]
        assert arrays["face_image"].tolist() == [*range(80), 0]
        assert len(arrays["face_map"]) == mended.num_faces


def test_repair_says_in_words_what_it_did(run: Run, tmp_path: Path, broken: Path) -> None:
    out = tmp_path / "mended.ply"
    lines = run("repair", broken, "--out", out).out.splitlines()
    assert lines[0] == "1 face (80): dropped, copies of others"
    assert lines[1].startswith("1 face (7): turned over")
    assert lines[2] == f"wrote {out}"
    again = run("repair", out, "--out", tmp_path / "again.ply")
    assert again.out.startswith("nothing to repair\nwrote ")


def test_soup_is_welded_on_request(run: Run, tmp_path: Path) -> None:
    soup, out = tmp_path / "soup.stl", tmp_path / "ball.ply"
    shapes.icosphere(1).save(soup)
    assert run("repair", soup, "--out", out, "--weld", "0").code == 0
    assert TriMesh.load(out).num_vertices == 42
    assert run("repair", soup, "--out", out).code == 0
    assert TriMesh.load(out).num_vertices == 240


def test_what_cannot_be_repaired_is_bad_input(run: Run, tmp_path: Path, broken: Path) -> None:
    point = tmp_path / "point.obj"
    point.write_text("v 0 0 0\nv 0 0 0\nv 0 0 0\nf 1 2 3\n")
    out = tmp_path / "out.ply"
    for words, reason in (
        ((point,), "point.obj: nothing would be left"),
        ((tmp_path / "none.ply",), "none.ply"),
        ((broken, "--weld", "7"), "weld is 7.0"),
        ((broken, "--weld", "nan"), "weld is nan"),
        ((broken, "--maps", tmp_path / "maps.txt"), "ends in .npz"),
    ):
        outcome = run("repair", *words, "--out", out)
        assert (outcome.code, outcome.out) == (2, "")
        assert reason in outcome.err and outcome.err.count("\n") == 1
    assert "would overwrite the input" in run("repair", broken, "--out", broken).err
    labels_lost = run("repair", broken, "--out", tmp_path / "out.obj")
    assert labels_lost.code == 2 and "only .ply files hold face labels" in labels_lost.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.ply", "point.obj"]
