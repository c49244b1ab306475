from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch

from gaugeconv.cli import main
from gaugeconv.cli.app import build_parser
from gaugeconv.data import DatasetFolder, LabelledMesh, deform
from gaugeconv.mesh import TriMesh
from gaugeconv.mesh.io import load_face_labels
from gaugeconv.mesh.shapes import torus
from gaugeconv.models import GaugeSegmenter, SegmenterConfig
from gaugeconv.train import TrainConfig

COMMANDS = (
    "segment",
    "train",
    "evaluate",
    "verify",
    "inspect",
    "repair",
    "view",
    "data",
    "sphere",
    "cache",
    "bench",
    "warmup",
    "doctor",
)
NAMES = ("inner", "outer")
ROOT = Path(__file__).parents[1]


class Outcome(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Outcome]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    """Runs one command in this process."""

    def call(*words: object) -> Outcome:
        capfd.readouterr()
        code = main([str(word) for word in words])
        return Outcome(code, *capfd.readouterr())

    return call


@pytest.fixture
def refused(run: Run, tmp_path: Path) -> Callable[..., str]:
    """Runs a command that must end with code 2 and one line, leaving no new file."""

    def call(*words: object) -> str:
        before = sorted(tmp_path.rglob("*"))
        outcome = run(*words)
        assert outcome.code == 2, outcome
        assert outcome.out == ""
        assert outcome.err.startswith("gaugeconv: error: ")
        assert outcome.err.count("\n") == 1
        assert "Traceback" not in outcome.err
        assert sorted(tmp_path.rglob("*")) == before
        return outcome.err

    return call


@pytest.fixture(scope="module")
def shape() -> LabelledMesh:
    mesh = deform(torus(10, 6), np.random.default_rng(0), noise=0.03)  # without symmetries
    middle = np.hypot(*mesh.vertices[mesh.faces].mean(axis=1)[:, :2].T)
    return LabelledMesh("ring", mesh, (middle > 1.0).astype(np.int64))


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory, shape: LabelledMesh) -> Path:
    root = tmp_path_factory.mktemp("data") / "rings"
    items = [LabelledMesh(name, shape.mesh, shape.face_labels) for name in "abc"]
    DatasetFolder.write(root, items, NAMES, {"train": ["a"], "val": ["b"], "test": ["c"]})
    return root


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    config = SegmenterConfig(
        label_names=NAMES,
        sizes=(36,),
        types=("6x0 + 3x1 + 2x2",),
        vertex_type="6x0 + 2x1",
        blocks=(1,),
    )
    torch.manual_seed(0)
    GaugeSegmenter(config).save(path)
    return path


@pytest.fixture
def ring(tmp_path: Path, shape: LabelledMesh) -> Path:
    path = tmp_path / "ring.ply"
    shape.mesh.save(path, face_labels=shape.face_labels)
    return path


BAD_MESHES = {
    "missing": (None, "ply"),
    "empty": ("", "obj"),
    "point-cloud": ("v 0 0 0\nv 1 0 0\nv 0 1 0\n", "obj"),
    "nan": ("v nan 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", "obj"),
    "index": ("OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 7\n", "off"),
    "non-manifold": (
        "v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\nv 0 -1 0\nf 1 2 3\nf 2 1 4\nf 1 2 5\n",
        "obj",
    ),
    "rubbish": ("\x00\x01\x02 not a mesh", "ply"),
}


@pytest.fixture(params=BAD_MESHES, ids=list(BAD_MESHES))
def bad_mesh(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    content, suffix = BAD_MESHES[request.param]
    path = tmp_path / f"{request.param}.{suffix}"
    if content is not None:
        path.write_text(content)
    return path


# --- the frame ---------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS), ("data", "bodies")])
def test_every_command_has_help_with_an_example(run: Run, command: tuple[str, ...]) -> None:
    outcome = run(*command, "--help")
    assert outcome.code == 0
    assert "Example: gaugeconv" in outcome.out
    assert outcome.err == ""


def epilogs(parser: argparse.ArgumentParser) -> Iterator[str]:
    """The examples of a parser and of all its commands."""
    yield parser.epilog or ""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from epilogs(command)


def test_every_mesh_that_an_example_names_is_in_the_repository() -> None:
    words = {word for text in epilogs(build_parser()) for word in text.split()}
    named = {word for word in words if word.startswith("meshes/")}
    assert len(named) >= 3
    missing = [word for word in named if not list(ROOT.glob(word))]
    assert not missing


def test_help_answers_without_importing_torch() -> None:
    script = (
        "import sys; from gaugeconv.cli import main; code = main(['train', '--help']);"
        "heavy = {'torch', 'numba', 'scipy', 'trimesh'} & set(sys.modules);"
        "sys.exit(f'imported {heavy}' if heavy else code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_module_runs_as_a_program(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "gaugeconv", "inspect", str(tmp_path / "none.ply")]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("gaugeconv: error: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("carve",),
        ("segment",),
        ("inspect", "a.ply", "--colour"),
        ("verify", "a.ply", "--samples", "0"),
        ("verify", "a.ply", "--seed", "-1"),
        ("verify", "a.ply", "--tolerance", "nan"),
        ("verify", "a.ply", "--dtype", "float16"),
        ("train", "d", "--out", "r", "--epochs", "2", "--minutes", "1"),
        ("verify", "a.ply", "--seed", "9" * 23),
        ("verify", "a.ply", "--seed", str(2**63)),
        ("verify", "a.ply", "--samples", "9" * 23),
        ("verify", "a.ply", "--threads", "99999999999"),
        ("train", "d", "--out", "r", "--seed", "9" * 23),
        ("train", "d", "--out", "r", "--width", "1e300"),
        ("train", "d", "--out", "r", "--epochs", "9" * 5000),
        ("train", "d", "--out", ""),
        ("segment", "a.ply", "--out", ""),
        ("view", "a.ply", "--out", ""),
        ("data", "bodies", "--count", "1", "--out", ""),
        ("segment", "--view", "mesh.ply"),
        ("data", "bodies", "--count", "many", "--out", "d"),
    ],
    ids=lambda words: " ".join(words)[:60],
)
def test_a_bad_command_line_is_one_line(refused: Callable[..., str], words: tuple[str]) -> None:
    assert "--help)" in refused(*words)


def test_an_interrupt_is_quiet(run: Run, monkeypatch: pytest.MonkeyPatch, ring: Path) -> None:
    def interrupt(_: argparse.Namespace) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("gaugeconv.cli.inspect.run", interrupt)
    assert run("inspect", ring) == Outcome(130, "", "")


def test_a_reader_that_leaves_is_no_error() -> None:
    read, write = os.pipe()
    os.close(read)
    words = [sys.executable, "-m", "gaugeconv", "train", "--help"]
    done = subprocess.run(
        words, stdout=write, stderr=subprocess.PIPE, text=True, timeout=60, check=False
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_defaults_in_the_help_of_train_are_those_of_the_config(run: Run) -> None:
    config, text = TrainConfig(), " ".join(run("train", "--help").out.split())
    lr = "3e-3" if config.lr == 3e-3 else "?"
    decay = "1e-3" if config.weight_decay == 1e-3 else "?"
    for words in (
        f"--epochs N default: {config.epochs}",
        f"peak learning rate (default: {lr})",
        f"of matrices (default: {decay})",
        f"--warmup-steps N default: {config.warmup_steps}",
        f"--label-smoothing S default: {config.label_smoothing}",
        f"of the gradient (default: {config.clip_norm:g})",
        f"meshes a step (default: {config.batch})",
        f"deformed copies per training mesh (default: {config.augment})",
        f"epochs between validations (default: {config.val_every})",
        f"of everything random (default: {config.seed})",
    ):
        assert words in text
    given = vars(build_parser().parse_args(["train", "d", "--out", "r"]))
    assert all(given[name] is None for name in TrainConfig.__dataclass_fields__)


# --- inspect -----------------------------------------------------------------------------------


def test_inspect_reports_a_clean_mesh(run: Run, ring: Path) -> None:
    assert run("inspect", ring).code == 0
    outcome = run("inspect", ring, "--json")
    report = json.loads(outcome.out)
    assert outcome.code == 0
    assert (report["num_faces"], report["euler_characteristic"], report["defects"]) == (120, 0, [])


def test_inspect_lists_defects_with_code_1(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "fan.obj"
    path.write_text(str(BAD_MESHES["non-manifold"][0]))
    outcome = run("inspect", path, "--json")
    assert outcome.code == 1
    assert json.loads(outcome.out)["defects"]
    assert "defect" in run("inspect", path).out


# --- bench -------------------------------------------------------------------------------------


def test_bench_runs_the_rows_of_a_checkout(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "__main__.py").write_text(
        "import sys; print('rows', sys.argv[1:]); sys.exit(3)"
    )
    monkeypatch.chdir(tmp_path)
    assert run("bench", "one", "two") == Outcome(3, "rows ['one', 'two']\n", "")


def test_bench_says_where_the_benchmarks_are(
    refused: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "benchmarks live in the repository" in refused("bench", "one")


# --- bad meshes and weights --------------------------------------------------------------------


def test_a_bad_mesh_is_refused_by_name(
    refused: Callable[..., str], tmp_path: Path, weights: Path, bad_mesh: Path
) -> None:
    line = refused("segment", bad_mesh, "--weights", weights, "--out", tmp_path / "out" / "x")
    assert bad_mesh.name in line


def test_view_and_verify_refuse_a_bad_mesh(
    refused: Callable[..., str], tmp_path: Path, weights: Path, bad_mesh: Path
) -> None:
    assert bad_mesh.name in refused("view", bad_mesh, "--out", tmp_path / "page.html")
    assert bad_mesh.name in refused("verify", bad_mesh, "--weights", weights)


def test_a_mesh_without_area_is_refused_by_name(
    refused: Callable[..., str], tmp_path: Path, weights: Path
) -> None:
    path = tmp_path / "flat.obj"
    path.write_text("v 0 0 0\nv 1 0 0\nv 2 0 0\nf 1 2 3\n")
    expected = "flat.obj: the mesh's total area is zero"
    assert expected in refused("segment", path, "--weights", weights, "--out", tmp_path / "x")
    assert expected in refused("verify", path, "--weights", weights)


def test_a_folder_is_no_mesh(refused: Callable[..., str], tmp_path: Path) -> None:
    assert "it is a folder; give the path of a mesh file" in refused("inspect", tmp_path)


@pytest.mark.parametrize("cut", [0, 5, 100, -1])
def test_truncated_weights_are_refused_by_name(
    refused: Callable[..., str], tmp_path: Path, weights: Path, ring: Path, dataset: Path, cut: int
) -> None:
    bad = tmp_path / "cut.safetensors"
    bad.write_bytes(weights.read_bytes()[:cut])
    out = tmp_path / "out" / "x"
    assert "cut.safetensors" in refused("segment", ring, "--weights", bad, "--out", out)
    assert "cut.safetensors" in refused("evaluate", dataset, "--weights", bad)
    assert "cut.safetensors" in refused("verify", ring, "--weights", bad)


def test_weights_that_are_something_else_or_missing_are_refused_by_name(
    refused: Callable[..., str], tmp_path: Path, ring: Path
) -> None:
    assert "ring.ply" in refused("segment", ring, "--weights", ring, "--out", tmp_path / "x")
    none = tmp_path / "none.safetensors"
    assert "none.safetensors" in refused("segment", ring, "--weights", none, "--out", "x")
    assert "no-such-name" in refused("segment", ring, "--weights", "no-such-name", "--out", "x")


# --- outputs -----------------------------------------------------------------------------------


def test_segment_writes_all_it_promises(
    run: Run, tmp_path: Path, weights: Path, ring: Path, shape: LabelledMesh
) -> None:
    out = tmp_path / "new" / "folder"
    outcome = run("segment", ring, "--weights", weights, "--out", f"{out}/", "--view", "--json")
    assert (outcome.code, outcome.err) == (0, "")
    names = [f"ring-segmented.{suffix}" for suffix in ("html", "json", "npz", "ply", "txt")]
    assert sorted(path.name for path in out.iterdir()) == names
    summary = json.loads(outcome.out)
    assert summary == json.loads((out / "ring-segmented.json").read_text())
    assert sum(part["area_share"] for part in summary["parts"]) == pytest.approx(1)
    assert sum(part["faces"] for part in summary["parts"]) == 120
    expected = np.asarray(GaugeSegmenter.load(weights).segment(shape.mesh).face_labels)
    with np.load(out / "ring-segmented.npz", allow_pickle=False) as result:
        np.testing.assert_array_equal(result["face_labels"], expected)
        assert result["probabilities"].shape == (120, 2)
        assert result["vertex_labels"].shape == (60,)
        assert [str(name) for name in result["label_names"]] == list(NAMES)
    np.testing.assert_array_equal(np.loadtxt(out / "ring-segmented.txt", dtype=int), expected)
    np.testing.assert_array_equal(load_face_labels(out / "ring-segmented.ply"), expected)
    again = TriMesh.load(out / "ring-segmented.ply")
    assert again.content_hash() == shape.mesh.content_hash()
    assert b"property uchar red" in (out / "ring-segmented.ply").read_bytes()[:600]


def test_segment_takes_a_prefix_and_names_the_page(
    run: Run, tmp_path: Path, weights: Path, ring: Path
) -> None:
    page = tmp_path / "pages" / "p.html"
    prefix = tmp_path / "v1.2"
    words = ("segment", ring, "--weights", weights, "--out", prefix, "--view", page)
    outcome = run(*words)
    assert outcome.code == 0
    assert page.is_file()
    assert all((tmp_path / f"v1.2.{kind}").is_file() for kind in ("ply", "txt", "npz", "json"))
    assert f"wrote {page}" in outcome.out
    assert not list(tmp_path.rglob(".*"))


def test_no_output_can_replace_the_input(
    refused: Callable[..., str], tmp_path: Path, weights: Path, ring: Path
) -> None:
    content = ring.read_bytes()
    line = refused("segment", ring, "--weights", weights, "--out", tmp_path / "ring")
    assert "would overwrite the input" in line
    assert "would overwrite the input" in refused("view", ring, "--out", ring)
    assert ring.read_bytes() == content
    assert "ends in .html" in refused("view", ring, "--out", tmp_path / "v.txt")


@pytest.mark.parametrize("place", ["file", "/proc"])
def test_an_unwritable_place_is_refused_before_the_work(
    refused: Callable[..., str], tmp_path: Path, dataset: Path, ring: Path, place: str
) -> None:
    if place == "/proc" and not Path("/proc/self").exists():
        pytest.skip("no /proc here")
    file = tmp_path / "file"
    file.write_text("in the way")
    out = (file if place == "file" else Path("/proc")) / "sub" / "x"
    for words in (
        ("segment", ring, "--weights", "unread", "--out", out),
        ("segment", ring, "--weights", "unread", "--view", out / "p.html", "--out", tmp_path / "y"),
        ("train", dataset, "--out", out),
        ("view", ring, "--out", out / "page.html"),
        ("data", "bodies", "--count", "1", "--out", out),
    ):
        assert place in refused(*words)


def test_nothing_is_half_written_when_writing_fails(
    refused: Callable[..., str],
    tmp_path: Path,
    weights: Path,
    ring: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("gaugeconv.viz.write_html", fail)
    line = refused("segment", ring, "--weights", weights, "--out", tmp_path / "x", "--view")
    assert "disk full" in line


# --- view --------------------------------------------------------------------------------------


def test_view_takes_labels_from_the_mesh_a_file_or_a_result(
    run: Run, tmp_path: Path, weights: Path, ring: Path, shape: LabelledMesh, dataset: Path
) -> None:
    page = tmp_path / "page.html"
    assert run("view", ring, "--out", page).code == 0
    assert "part 1" in page.read_text()
    assert run("view", ring, "--out", page, "--names", dataset / "labels.json").code == 0
    assert "outer" in page.read_text()
    np.save(tmp_path / "corner.npy", (shape.mesh.vertices[:, 2] > 0).astype(int))
    assert run("view", ring, "--out", page, "--labels", tmp_path / "corner.npy").code == 0
    run("segment", ring, "--weights", weights, "--out", tmp_path / "s")
    assert run("view", ring, "--out", page, "--labels", tmp_path / "s.npz").code == 0
    assert "inner" in page.read_text()
    shape.mesh.save(tmp_path / "bare.obj")
    assert run("view", tmp_path / "bare.obj", "--out", page, "--up", "x").code == 0


def test_view_refuses_labels_that_do_not_fit(
    refused: Callable[..., str], tmp_path: Path, ring: Path, dataset: Path
) -> None:
    labels, page = tmp_path / "labels.txt", tmp_path / "page.html"
    labels.write_text("0\n" * 7)
    assert "labels.txt has 7 labels" in refused("view", ring, "--labels", labels, "--out", page)
    labels.write_text("5\n" * 120)
    names = dataset / "labels.json"
    words = ("view", ring, "--labels", labels, "--names", names, "--out", page)
    assert "5" in refused(*words)


# --- train and evaluate ------------------------------------------------------------------------


def test_train_resume_and_evaluate_go_together(run: Run, tmp_path: Path, dataset: Path) -> None:
    out = tmp_path / "runs" / "a"
    outcome = run(
        "train", dataset, "--out", out, "--epochs", 2, "--seed", 5, "--width", 0.1, "--json"
    )
    assert (outcome.code, outcome.err) == (0, "")
    result = json.loads(outcome.out)
    assert (result["epoch"], result["seed"]) == (2, 5)
    assert Path(result["weights"]) == out / "best.safetensors"
    resumed = run("train", dataset, "--out", out, "--resume")
    assert resumed.code == 0
    assert "2 epochs, 2 steps" in resumed.out
    outcome = run("evaluate", dataset, "--weights", out / "best.safetensors", "--json")
    assert (outcome.code, outcome.err) == (0, "")
    figures = json.loads(outcome.out)
    assert figures["split"] == "test"
    assert 0 <= figures["overall"]["accuracy"] <= 1
    assert list(figures["meshes"]) == ["c"]
    text = run("evaluate", dataset, "--weights", out / "best.safetensors", "--split", "val").out
    assert "accuracy per mesh" in text


def test_train_fine_tunes_stored_weights(
    run: Run, refused: Callable[..., str], tmp_path: Path, dataset: Path, weights: Path
) -> None:
    words = ("train", dataset, "--init", weights, "--epochs", 1)
    assert run(*words, "--out", tmp_path / "run").code == 0
    tuned = GaugeSegmenter.load(tmp_path / "run" / "best.safetensors")
    assert tuned.config == GaugeSegmenter.load(weights).config
    other = refused(*words, "--out", tmp_path / "other", "--size", "small", "--hks", 3)
    assert "--init takes the network of the weights as it is" in other
    assert "no packaged weights" in refused(
        "train", dataset, "--init", "nothing", "--out", tmp_path / "other"
    )


def test_train_refuses_what_cannot_be_resumed(
    run: Run, refused: Callable[..., str], tmp_path: Path, dataset: Path
) -> None:
    out = tmp_path / "run"
    assert "holds no run to resume" in refused("train", dataset, "--out", out, "--resume")
    assert run("train", dataset, "--out", out, "--epochs", 1, "--width", 0.1).code == 0
    assert "already holds a run" in refused("train", dataset, "--out", out)
    words = ("train", dataset, "--out", out, "--resume", "--lr", "0.5")
    assert "was started with lr = 0.003" in refused(*words)


def test_train_refuses_bad_data_and_bad_recipes(
    refused: Callable[..., str], tmp_path: Path, dataset: Path
) -> None:
    out = tmp_path / "run"
    assert "nowhere is not a folder" in refused("train", tmp_path / "nowhere", "--out", out)
    assert "lr" in refused("train", dataset, "--out", out, "--lr", "-1")
    copy = tmp_path / "copy"
    shutil.copytree(dataset, copy)
    (copy / "labels").mkdir()
    (copy / "labels" / "a.txt").write_text("0\n" * 9)
    assert "a.txt has 9 labels" in refused("train", copy, "--out", out)
    (copy / "labels.json").write_text('{"labels": ["all"]}')
    assert "at least two labels, all different, got ('all',)" in refused(
        "train", copy, "--out", out
    )


def test_evaluate_refuses_a_split_without_meshes(
    refused: Callable[..., str], tmp_path: Path, dataset: Path, weights: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(dataset, copy)
    (copy / "split.json").write_text('{"train": ["a"]}')
    words = ("evaluate", copy, "--weights", weights)
    assert "no meshes for the split 'test'" in refused(*words, "--split", "test")
    assert "neither for 'test' nor for 'val'; it has train" in refused(*words)


def test_evaluate_takes_val_where_there_is_no_test_and_says_so(
    run: Run, tmp_path: Path, dataset: Path, weights: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(dataset, copy)
    (copy / "split.json").write_text('{"train": ["a"], "val": ["b"]}')
    outcome = run("evaluate", copy, "--weights", weights)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith("val: ")


# --- verify ------------------------------------------------------------------------------------


def test_verify_passes_or_fails_by_the_tolerance(run: Run, weights: Path, ring: Path) -> None:
    words = ("verify", ring, "--weights", weights, "--samples", 1)
    outcome = run(*words, "--dtype", "float64", "--json")
    content = json.loads(outcome.out)
    assert (outcome.code, outcome.err, content["passed"]) == (0, "", True)
    assert content["meshes"][str(ring)]["max_relative_error"] < 1e-10
    strict = run(*words, "--tolerance", "1e-30")
    assert strict.code == 1
    assert "FAILED: largest relative error" in strict.out


def test_verify_in_both_precisions(run: Run, weights: Path, ring: Path) -> None:
    words = ("verify", ring, "--weights", weights, "--samples", 1, "--dtype", "both")
    outcome = run(*words, "--json")
    content = json.loads(outcome.out)
    assert (outcome.code, content["dtype"], content["passed"]) == (0, "both", True)
    assert [found["dtype"] for found in content["runs"]] == ["float32", "float64"]
    errors = [found["meshes"][str(ring)]["max_relative_error"] for found in content["runs"]]
    tolerances = [found["meshes"][str(ring)]["tolerance"] for found in content["runs"]]
    assert tolerances == [1e-5, 1e-10]
    assert 1e-10 < errors[0] <= 1e-5
    assert errors[1] <= 1e-10
    text = run(*words).out.splitlines()
    assert [line.split(",")[0].rsplit(" ", 1)[1] for line in text[-2:]] == ["float32", "float64"]
    assert run(*words, "--tolerance", "1e-9").code == 1


def test_verify_says_at_the_end_when_its_controls_have_no_teeth(
    run: Run, tmp_path: Path, weights: Path, ring: Path
) -> None:
    words = ("verify", ring, "--samples", 1, "--weights")
    content = json.loads(run(*words, weights, "--json").out)
    assert content["teeth"] is True
    assert "TEETH" not in run(*words, weights).out
    model = GaugeSegmenter.load(weights)
    torch.nn.init.zeros_(model.head[0].weight)  # so nothing but a bias arrives at the faces
    model.save(tmp_path / "numb.safetensors")
    outcome = run(*words, tmp_path / "numb.safetensors", "--json")
    content = json.loads(outcome.out)
    assert (outcome.code, content["passed"], content["teeth"]) == (0, True, False)
    last = run(*words, tmp_path / "numb.safetensors").out.splitlines()[-1]
    assert last.startswith("passed: ")
    assert f"NO TEETH on {ring}: " in last
