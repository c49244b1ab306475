"""Files from anywhere: read or refused by name, without more memory than their size calls for."""

from __future__ import annotations

import gzip
import json
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from benchmarks import file_mutations
from benchmarks.fuzz_readers import damaged_file, fuzz, read_all, samples, try_reader
from benchmarks.watchdog import Watchdog
from gaugeconv import Neighborhoods, TriMesh, files, neighborhoods, shapes
from gaugeconv.data.label_files import read_labels
from gaugeconv.data.manifest import check_name, read_label_names
from gaugeconv.errors import DataError, FieldTypeError, FileFormatError, MeshError
from gaugeconv.models import GaugeSegmenter, SegmenterConfig
from gaugeconv.models.weights import save_weights
from gaugeconv.reps import FieldType
from gaugeconv.sphere.mnist import read_idx
from gaugeconv.train.checkpoints import Progress, TrainState, restore_optimizer
from gaugeconv.train.run_folder import RunFolder

HUGE = 10**12


@pytest.mark.unchecked
@pytest.mark.parametrize("reader", samples())
def test_damaged_files_are_read_or_refused(reader: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first of the inputs of the row fuzz_readers, with smaller bombs."""
    monkeypatch.setattr(file_mutations, "_BOMB", 1 << 22)
    results = [{"seed": seed, **try_reader((reader, seed))} for seed in range(60)]
    outcomes = Counter(result["outcome"] for result in results)
    assert [result for result in results if result["outcome"] == "failure"] == []
    assert outcomes["refused"] > 20, outcomes


def test_sound_files_of_every_kind_are_read() -> None:
    for reader, found in samples().items():
        for k in range(len(found)):
            read_all(reader, k)
    assert len(samples()) == 14


def test_the_same_seed_gives_the_same_damage() -> None:
    for reader in samples():
        assert damaged_file((reader, 3))[1] == damaged_file((reader, 3))[1]
    assert len({damaged_file(("mesh .ply", seed))[1] for seed in range(20)}) > 15


def test_too_much_memory_is_a_failure() -> None:
    with Watchdog(eval, 20, prepare=dict, spare_memory=64 << 20) as guarded:
        assert guarded("{'outcome': len(bytes(8 << 20))}") == {"outcome": 8 << 20}
        assert guarded("{'outcome': len(bytes(1 << 30))}")["outcome"] == "crash"


def test_a_reader_that_fails_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    class Here:
        def __init__(self, function, *_args, **_options):
            self.function = function

        __enter__ = lambda self: self  # noqa: E731
        __exit__ = lambda *_: None  # noqa: E731
        __call__ = lambda self, job: self.function(job)  # noqa: E731

    def broken(_sample: object, _content: bytes) -> None:
        raise KeyError("lost")

    monkeypatch.setattr("benchmarks.fuzz_readers.Watchdog", Here)
    monkeypatch.setattr("benchmarks.fuzz_readers.read_damaged", broken)
    figures = fuzz(60, ["labels .txt"], count=3)
    assert (figures["inputs"], figures["failed"]) == (3, 3)
    assert "KeyError in broken" in figures["failures"][0]["error"]


# --- claims that nothing stands behind ----------------------------------------------------------

PLY = (
    "ply\nformat {} 1.0\nelement vertex {}\nproperty float x\nproperty float y\nproperty float z\n"
    "element face {}\nproperty list uchar int vertex_indices\nend_header\n"
)
CLAIMS = {
    "ascii.ply": PLY.format("ascii", 3, HUGE) + "0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n",
    "binary.ply": PLY.format("binary_little_endian", HUGE, 1),
    "vertices.ply": PLY.format("ascii", HUGE, 1),
    "faces.off": f"OFF\n3 {HUGE} 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n",
    "corners.off": f"OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n{HUGE} 0 1 2\n",
    "index.obj": f"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 {HUGE}\n",
    "count.stl": "\0" * 80 + "\u007f" * 4 + "\0" * 50,
}


@pytest.mark.parametrize("name", CLAIMS)
def test_counts_that_the_file_cannot_hold_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(CLAIMS[name], encoding="latin-1")
    with pytest.raises(MeshError, match=name):
        TriMesh.load(tmp_path / name)


def test_a_long_polygon_takes_memory_in_proportion(tmp_path: Path) -> None:
    """All fans of one of 20,000 corners at once would take 30 GB."""
    angle = np.linspace(0, 2 * np.pi, 20_000, endpoint=False)
    star = (1 + 0.5 * np.cos(3000 * angle))[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
    for name, corners in {
        "convex": np.stack([np.cos(angle), np.sin(angle)], 1),
        "star": star,
    }.items():
        lines = [f"v {x!r} {y!r} 0" for x, y in corners.tolist()]
        face = "f " + " ".join(map(str, range(1, len(lines) + 1)))
        (tmp_path / f"{name}.obj").write_text("\n".join([*lines, face]))
    assert TriMesh.load(tmp_path / "convex.obj", validate=False).num_faces == len(angle) - 2
    with pytest.raises(MeshError, match="too far from convex"):
        TriMesh.load(tmp_path / "star.obj")


def test_a_long_header_of_an_array_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "a.npy").write_bytes(b"\x93NUMPY\x02\x00\xff\xff\xff\xff{}")
    with pytest.raises(DataError, match=r"a\.npy is not a label array: version"):
        read_labels(tmp_path / "a.npy")


@pytest.mark.unchecked
def test_pairs_that_are_not_there_are_refused(tmp_path: Path) -> None:
    neighborhoods(shapes.icosphere(0), 1.2).save(tmp_path / "n.safetensors")
    tensors = load_file(tmp_path / "n.safetensors")
    metadata = {"format": "gaugeconv-neighborhoods-1", "radius": "1.2", "sources": "12"}
    changes = {
        "ptr": tensors["ptr"] * HUGE,
        "source": tensors["source"].double(),
        "flip": tensors["flip"].long(),
        "theta": tensors["theta"].float(),
        "target_vertex": tensors["target_vertex"].reshape(3, 4),
    }
    for name, tensor in changes.items():
        save_file({**tensors, name: tensor}, tmp_path / "bad.safetensors", metadata)
        with pytest.raises(FileFormatError, match="contradict each other"):
            Neighborhoods.load(tmp_path / "bad.safetensors")
    save_file(tensors, tmp_path / "bad.safetensors", metadata)
    assert Neighborhoods.load(tmp_path / "bad.safetensors").num_sources == 12


def test_weights_do_not_build_a_network_that_they_cannot_fill(tmp_path: Path) -> None:
    """One of this width takes gigabytes."""
    config = SegmenterConfig(
        label_names=("a", "b"), sizes=(16, 4), types=("8000x0", "8000x0"), vertex_type="2x0",
        blocks=(0, 0), scales=(1.0,),
    )  # fmt: skip
    save_weights(tmp_path / "w.safetensors", {"x": torch.zeros(1000)}, config)
    with pytest.raises(FileFormatError, match=r"w\.safetensors: the weights are far too few"):
        GaugeSegmenter.load(tmp_path / "w.safetensors")


# --- bombs ------------------------------------------------------------------------------------------


@pytest.fixture
def small_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_ROOM", 1 << 16)


def test_a_file_may_unpack_to_what_is_allowed() -> None:
    assert files.unpacked_limit(1000) == 256 << 20
    assert files.unpacked_limit(10 << 20) == 1000 << 20


@pytest.mark.usefixtures("small_room")
def test_archives_that_unpack_to_too_much_are_refused(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "bomb.npz", face_labels=np.zeros(100_000, np.int64))
    with pytest.raises(DataError, match=r"bomb\.npz .*far more than is packed"):
        read_labels(tmp_path / "bomb.npz")
    np.savez(tmp_path / "large.npz", face_labels=np.zeros(100_000, np.int64))
    assert len(read_labels(tmp_path / "large.npz")) == 100_000


@pytest.mark.usefixtures("small_room")
def test_digits_that_unpack_to_too_much_are_refused(tmp_path: Path) -> None:
    def idx(size: int) -> bytes:
        return bytes([0, 0, 8, 1]) + size.to_bytes(4, "big") + bytes(size)

    (tmp_path / "bomb.gz").write_bytes(gzip.compress(idx(1 << 17)))
    with pytest.raises(FileFormatError, match=r"bomb\.gz unpacks to more than 65536 bytes"):
        read_idx(tmp_path / "bomb.gz")
    (tmp_path / "small.gz").write_bytes(gzip.compress(idx(1 << 15)))
    assert read_idx(tmp_path / "small.gz").size == 1 << 15


def test_only_what_numpy_writes_is_unpacked(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", face_labels=np.arange(3))
    with (
        zipfile.ZipFile(tmp_path / "a.npz") as old,
        zipfile.ZipFile(tmp_path / "b.npz", "w", zipfile.ZIP_LZMA) as new,
    ):
        new.writestr("face_labels.npy", old.read("face_labels.npy"))
        new.writestr("../../outside.txt", "not unpacked")
    with pytest.raises(DataError, match="not write"):
        read_labels(tmp_path / "b.npz")
    assert not (tmp_path.parent.parent / "outside.txt").exists()


# --- JSON, names, states -----------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["[" * 100_000, "9" * 5000, '{"a"', "\xff", "nope"])
def test_any_bad_json_is_refused_in_one_way(tmp_path: Path, text: str) -> None:
    with pytest.raises(FileFormatError, match="not valid JSON"):
        files.parse_json(text)
    (tmp_path / "labels.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError, match=r"labels\.json: not valid JSON"):
        read_label_names(tmp_path / "labels.json")


def test_json_without_end_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_LARGEST_JSON", 1000)
    (tmp_path / "a.json").write_text(json.dumps({"labels": ["x" * 2000]}))
    with pytest.raises(FileFormatError, match="at most 1000"):
        files.read_json_object(tmp_path / "a.json")


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../a", "/a", "a\\b", "c:", "a\0", "n" * 300, "\ud800"]
)
def test_names_that_could_lead_elsewhere_are_refused(name: str) -> None:
    with pytest.raises(DataError, match="cannot name an item"):
        check_name(name)


@pytest.mark.parametrize("spec", [f"1x{HUGE}", f"{HUGE}x0", "9" * 5000])
def test_field_types_that_no_network_has_are_refused(spec: str) -> None:
    with pytest.raises(FieldTypeError, match="cannot read field type"):
        FieldType(spec)


@pytest.mark.unchecked
@pytest.mark.parametrize(
    "progress", [{"epoch": -1}, {"step": 1.5}, {"seconds": float("nan")}, {"best_accuracy": "high"}]
)
def test_a_state_that_no_run_can_have_is_refused(tmp_path: Path, progress: dict) -> None:
    header = {"progress": progress, "fingerprint": ""}
    metadata = {"format": "gaugeconv-train-state-1", "state": json.dumps(header)}
    save_file({"model.x": torch.zeros(1)}, tmp_path / "last.safetensors", metadata)
    with pytest.raises(FileFormatError, match="cannot have come so far"):
        TrainState.load(tmp_path / "last.safetensors")
    Progress(epoch=1, seconds=2.0, best_accuracy=0.5).check()


@pytest.mark.parametrize("key", ["x.step", "9.step", f"{'9' * 5000}.step", "²"])
def test_states_of_another_optimiser_are_refused(key: str) -> None:
    optimizer = torch.optim.AdamW(torch.nn.Linear(2, 2).parameters())
    with pytest.raises(FileFormatError, match="another network"):
        restore_optimizer(optimizer, {key: torch.zeros(())})
    with pytest.raises(FileFormatError, match="another network"):
        restore_optimizer(optimizer, {"0.exp_avg": torch.zeros(5)})


def test_damaged_lines_of_the_history_are_left_out(tmp_path: Path) -> None:
    lines = [
        '{"epoch": 1}',
        "7",
        "null",
        "[]",
        '{"step": 1}',
        '{"epoch": "2"}',
        "9" * 5000,
        '{"epoch"',
    ]
    (tmp_path / "metrics.jsonl").write_text("\n".join(lines))
    assert RunFolder(tmp_path).read_metrics() == [{"epoch": 1}]
