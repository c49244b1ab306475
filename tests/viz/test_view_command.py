"""`gaugeconv view`: fields, kernels, pictures, and one clear line for what is wrong."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from gaugeconv import shapes
from gaugeconv.cli import main

ROOT = Path(__file__).parents[2]


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    mesh = shapes.icosphere(1)
    monkeypatch.chdir(tmp_path)
    mesh.save("m.ply")
    np.save("s.npy", mesh.vertices[:, 0])
    np.save("v.npy", mesh.vertices[:, :2])
    np.save("bad.npy", np.full(mesh.num_vertices, np.nan))
    Path("labels.txt").write_text("0\n1\n" * (mesh.num_faces // 2))
    return tmp_path


@pytest.mark.usefixtures("files")
def test_everything_can_be_asked_for_at_once(capsys):
    words = "view m.ply --labels labels.txt --scalar x=s.npy --scalar <b>=s.npy --log-map 3"
    words += (
        " --transport 3 --frames --vector v=v.npy --vector w:4=v.npy --out d/p.html --png p.png"
    )
    assert main(words.split()) == 0
    assert capsys.readouterr().out == "wrote d/p.html\nwrote p.png\n"
    meta = json.loads(re.search(r'id="meta">(.*?)</script>', Path("d/p.html").read_text())[1])
    assert [s["name"] for s in meta["surfaces"]] == ["Parts", "x", "<b>", "log map of vertex 3"]
    assert [layer["name"] for layer in meta["layers"]] == [
        "transport from vertex 3", "frames", "v", "w (order 4)"]  # fmt: skip
    assert Path("p.png").stat().st_size > 5000


@pytest.mark.usefixtures("files")
def test_kernels_need_no_mesh():
    words = ["view", "--kernels", "reg", "1", "--group", "C4", "--out", "k.html", "--png", "k.png"]
    assert main(words) == 0
    assert "<svg" in Path("k.html").read_text()
    assert Path("k.png").stat().st_size > 1000


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("m.ply", "say what to write"),
        ("--out p.html", "give a MESH"),
        ("m.ply --kernels 0 1 --out p.html", "give a MESH"),
        ("m.ply --out p.html --png p.jpg", "ends in .png"),
        ("m.ply --png s.npy --scalar x=s.npy", "overwrite the input"),
        ("m.ply --out p.html --scalar s.npy", "not NAME=FILE"),
        ("m.ply --out p.html --scalar x=v.npy", "v.npy: field 'x' has shape"),
        ("m.ply --out p.html --scalar x=bad.npy", "bad.npy: field 'x' is not finite at vertex 0"),
        ("m.ply --out p.html --scalar x=no.npy", "no.npy"),
        ("m.ply --out p.html --scalar x=labels.txt", "labels.txt"),
        ("m.ply --out p.html --vector x:two=v.npy", "the order is 'two'"),
        ("m.ply --out p.html --log-map 99", "m.ply: center 99 is not a vertex"),
        ("m.ply --out p.html --log-map 0 --radius -1", "not a positive number"),
        (
            "--kernels 0 1 --labels l.txt --radius 1 --out k.html",
            "--labels, --radius would do nothing",
        ),
        ("m.ply --group C4 --out p.html", "--group would do nothing"),
        ("m.ply --frames --radius 1 --out p.html", "--radius would do nothing"),
        ("--kernels 0 potato --out k.html", "potato"),
        ("--kernels 0 1 --group X9 --out k.html", "X9"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(files, capsys, words, message):
    before = sorted(files.iterdir())
    assert main(["view", *words.split()]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert sorted(files.iterdir()) == before


def test_python_of_the_documentation_runs(tmp_path, monkeypatch):
    text = (ROOT / "docs" / "pictures.md").read_text(encoding="utf-8")
    (tmp_path / "meshes").symlink_to(ROOT / "meshes")
    monkeypatch.chdir(tmp_path)
    exec(re.search(r"```python\n(.*?)```", text, re.DOTALL)[1], {})
    assert Path("torus.html").stat().st_size > 100_000
    assert Path("torus.png").stat().st_size > 10_000
    for name in re.findall(r"images/([\w.]+)", text):
        assert (ROOT / "docs" / "images" / name).stat().st_size < 150_000
