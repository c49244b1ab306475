from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from gaugeconv.cli import main
from gaugeconv.data import DatasetFolder, refine
from gaugeconv.mesh.shapes import icosphere


@pytest.fixture
def coseg(tmp_path: Path) -> Path:
    mesh = icosphere(1)
    labels = (mesh.vertices[mesh.faces].mean(axis=1)[:, 2] > 0.01).astype(np.int64)
    for name in ("shapes", "gt"):
        (tmp_path / "coseg" / name).mkdir(parents=True)
    for number in range(4):
        mesh.save(tmp_path / "coseg" / "shapes" / f"{number}.off")
        np.savetxt(tmp_path / "coseg" / "gt" / f"{number}.seg", labels, fmt="%d")
    return tmp_path / "coseg"


def test_convert_then_export(
    coseg: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "set")
    assert main(["data", "convert", "coseg", str(coseg), out, "--seed", "3", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report == {
        "data": out,
        "seed": 3,
        "splits": {"train": 3, "test": 1},
        "labels": ["part 0", "part 1"],
    }
    assert len(DatasetFolder(out).items) == 4
    other = str(tmp_path / "other")
    assert main(["data", "export", out, other, "--layout", "psb"]) == 0
    said = capsys.readouterr().out
    assert said == f"wrote 4 meshes (3 train, 1 test) with 2 labels to {other}\n"
    assert len(list(Path(other).glob("*_labels.txt"))) == 4


def test_convert_says_in_one_line_where_to_get_a_set(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "convert", "rna", str(tmp_path), str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "github.com/nmwsharp/RNA-Surface-Segmentation-Dataset" in said
    assert main(["data", "convert", "cubes", str(tmp_path), str(tmp_path / "out")]) == 2
    assert "there are psb, coseg" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_project_carries_labels_to_a_finer_mesh(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mesh = icosphere(1)
    fine, parent = refine(mesh)
    labels = np.arange(mesh.num_faces) % 3
    paths = {
        name: str(tmp_path / name) for name in ("a.ply", "bare.ply", "b.ply", "a.txt", "b.npy")
    }
    mesh.save(paths["a.ply"], face_labels=labels)
    mesh.save(paths["bare.ply"])
    fine.save(paths["b.ply"])
    np.savetxt(paths["a.txt"], labels, fmt="%d")
    command = ["data", "project", paths["a.ply"], paths["b.ply"]]
    for given in ([], ["--labels", paths["a.txt"]]):
        assert main([*command, *given, "--out", paths["b.npy"], "--json"]) == 0
        assert json.loads(capsys.readouterr().out) == {"labels": paths["b.npy"], "count": 320}
        np.testing.assert_array_equal(np.load(paths["b.npy"]), labels[parent])
    assert main([*command, "--to", "vertex", "--out", str(tmp_path / "v.txt")]) == 0
    assert len(np.loadtxt(tmp_path / "v.txt")) == fine.num_vertices
    capsys.readouterr()
    bare = ["data", "project", paths["bare.ply"], paths["b.ply"], "--out", paths["b.npy"]]
    assert main(bare) == 2
    assert "give --labels" in capsys.readouterr().err
    assert main([*command, "--out", str(tmp_path / "b.csv")]) == 2
    assert ".txt or .npy" in capsys.readouterr().err


@pytest.mark.parametrize("task", ["bodies", "convert", "export", "project"])
def test_every_task_has_help_with_an_example(task: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", task, "--help"]) == 0
    assert f"Example: gaugeconv data {task}" in capsys.readouterr().out
