"""What new users get wrong: every message is one line that says what, where and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from gaugeconv.cli import main

ROOT = Path(__file__).parents[1]
BODY = "meshes/bodies/meshes/body-1.ply"
DATA = "meshes/bodies"

READERS = ("segment {}", "verify {}", "inspect {}", "repair {} --out r.ply", "view {} --out v.html")
BAD_MESHES = {
    "none.ply": "none.ply: cannot be read: No such file or directory; check the path",
    ".": ".: it is a folder; give the path of a mesh file",
    "mesh.xyz": "mesh.xyz: unsupported file type '.xyz'; use one of .ply, .obj, .off, .stl",
    "empty.ply": "empty.ply: the file is empty; write or fetch it again",
    "nan.obj": "nan.obj: vertices need positions (mend or drop them), but there are NaN or infinite",
}
NOT_A_DATASET = "is not a folder; a dataset is a folder with labels.json"
OTHER_VERSION = "old.safetensors: the format is 'gaugeconv-segmenter-0', expected"
NO_WEIGHTS = "no packaged weights are called 'bodees' (there are: bodies); give one of these"
UNWRITABLE = "cannot be a folder: "
MISTAKES = {
    **{reader.format(mesh): message for reader in READERS for mesh, message in BAD_MESHES.items()},
    # names, weights, options
    "segmnt a.ply": "invalid choice: 'segmnt' (choose from 'segment', ",
    f"segment {BODY} --weights bodees": NO_WEIGHTS,
    f"segment {BODY} --weights old.safetensors": OTHER_VERSION,
    f"segment {BODY} --weights none.safetensors": "none.safetensors: No such file or directory; check",
    f"segment {BODY} --weights .": ".: Is a directory; give the name of a file",
    f"segment {BODY} --weights nan.obj": "nan.obj: corrupt or truncated, not a safetensors file",
    f"segment {BODY} --wieghts bodies": "did you mean --weights? (see gaugeconv segment --help)",
    f"verify {BODY} --weights old.safetensors": OTHER_VERSION,
    f"verify {BODY} --dtpye float64": "did you mean --dtype?",
    f"verify {BODY} --dtype half": "'half' (choose from 'float32', 'float64', 'both')",
    f"inspect {BODY} --jsn": "did you mean --json? (see gaugeconv inspect --help)",
    "doctor --jsn": "did you mean --json? (see gaugeconv doctor --help)",
    "warmup --jsn": "did you mean --json?",
    "cache inf": "invalid choice: 'inf' (choose from 'info', 'clear')",
    # training
    "train none --out r": f"none {NOT_A_DATASET}",
    f"train {BODY} --out r": f"body-1.ply {NOT_A_DATASET}",
    f"train {DATA}": "required: --out (see gaugeconv train --help)",
    f"train {DATA} --out r --epochs zero": "--epochs: 'zero' is not a whole number",
    f"train {DATA} --out r --epochz 3": "did you mean --epochs?",
    f"train {DATA} --out empty.ply/r": UNWRITABLE,
    "evaluate none": f"none {NOT_A_DATASET}",
    f"evaluate {BODY}": NOT_A_DATASET,
    f"evaluate {DATA} --weights bodees": NO_WEIGHTS,
    f"evaluate {DATA} --weights old.safetensors": OTHER_VERSION,
    f"evaluate {DATA} --split tests": "'tests' (choose from 'train', 'val', 'test')",
    # labels and outputs
    f"segment {BODY} --out empty.ply/x": UNWRITABLE,
    f"repair {BODY} --out r.xyz": "r.xyz: unsupported file type '.xyz'; use one of",
    f"repair {BODY} --out empty.ply/r.ply": UNWRITABLE,
    f"repair {BODY} --out r.ply --weld -1": "weld is -1.0; give 0 … 0.5 mean edge lengths",
    f"view {BODY} --out empty.ply/v.html": UNWRITABLE,
    f"view {BODY} --labels short.txt --out v.html": "short.txt has 2 labels, but its mesh has 4762",
    f"view {BODY} --labels words.txt --out v.html": "words.txt, line 1: 'hello' is not an integer",
    f"view {BODY} --labels none.txt --out v.html": "none.txt: No such file or directory; check",
    f"view {BODY} --labels nan.obj --out v.html": "nan.obj: labels are read from .txt, .npy or",
    f"view {BODY} --names none.json --out v.html": "none.json is missing",
    # datasets
    "data convert psbb . out": "'psbb'; there are psb, coseg, humans, faust, shrec11, rna",
    "data convert psb none out": "none is not a folder with Labelled Princeton Segmentation",
    f"data convert psb {DATA} out --category Humann": f"{DATA} does not look like Labelled",
    "data export none out --layout psb": f"none {NOT_A_DATASET}",
    f"data export {DATA} out --layout off": "'off' (choose from 'psb', 'meshcnn')",
    f"data export {DATA} empty.ply/o --layout psb": UNWRITABLE,
    f"data project none.ply {BODY} --out o.txt": "none.ply: cannot be read",
    f"data project {BODY} meshes/torus.ply --labels short.txt --out o.txt": "short.txt: 2 labels fit",
    f"data project meshes/torus.ply {BODY} --out o.txt": "no face property `label`; give --labels",
    f"data project {BODY} meshes/torus.ply --out o.csv": "o.csv: labels are written to .txt or .npy",
    "data bodies --count 0 --out o": "--count: 0 is not in 1 … 1000000000",
    "data bodies --count 2 --out empty.ply/o": UNWRITABLE,
    "sphere experiment --quick --data none --out s": "give the folder of the MNIST files",
    "sphere experiment --quick --data . --out empty.ply/s": UNWRITABLE,
    "sphere report none": "no none/summary.json; run the experiment to its end first",
    "bench rows": "run this at the top of a checkout",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("mistakes")
    (root / "meshes").symlink_to(ROOT / "meshes")
    (root / "mesh.xyz").write_text("0 0 0\n")
    (root / "empty.ply").write_text("")
    (root / "nan.obj").write_text("v nan 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    (root / "short.txt").write_text("0\n0\n")
    (root / "words.txt").write_text("hello\n")
    tensors = {"a": torch.zeros(2)}
    save_file(tensors, root / "old.safetensors", {"format": "gaugeconv-segmenter-0"})
    return root


@pytest.mark.parametrize("words", MISTAKES)
def test_a_mistake_is_answered_by_one_helpful_line(
    words: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(folder)
    before = sorted(folder.rglob("*"))
    code = main(words.split())
    out, err = capfd.readouterr()
    assert (code, out) == (2, "")
    assert err.startswith("gaugeconv: error: ")
    assert err.count("\n") == 1
    assert MISTAKES[words] in err
    assert sorted(folder.rglob("*")) == before
