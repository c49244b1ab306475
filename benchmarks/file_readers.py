"""Every reader of the package with sound files for it: what `fuzz_readers` damages."""

from __future__ import annotations

import gzip
import io
import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.mutants import files as mesh_files
from gaugeconv import Neighborhoods, TriMesh, neighborhoods, shapes
from gaugeconv.data import DatasetFolder
from gaugeconv.data.label_files import read_labels, read_result_names
from gaugeconv.data.sets import open_public_set
from gaugeconv.mesh.io import load_face_labels, load_polygons
from gaugeconv.models import GaugeSegmenter, SegmenterConfig
from gaugeconv.sphere.experiment import load_summary
from gaugeconv.sphere.mnist import load_digits
from gaugeconv.train.checkpoints import TrainState, optimizer_tensors, restore_optimizer
from gaugeconv.train.config import TrainConfig
from gaugeconv.train.run_folder import RunFolder


@dataclass(frozen=True)
class Sample:
    """A sound folder, the file in it that is damaged, and the call that reads it."""

    files: Mapping[str, bytes]
    damaged: str
    read: Callable[[Path], Any]


@cache
def samples() -> dict[str, tuple[Sample, ...]]:
    """The samples of every reader, by its name."""
    return {
        **_meshes(),
        **_labels(),
        "weights": (
            _one("w.safetensors", _written(_model().save, "w.safetensors"), GaugeSegmenter.load),
        ),
        "training state": (_one("last.safetensors", _state(), _restore),),
        "neighbourhoods": (_one("n.safetensors", _pairs(), _use_pairs),),
        "dataset folder": _dataset(),
        "public sets": _public_sets(),
        "digits": _digits(),
        "run folder": _run(),
    }


def read_all(name: str, k: int) -> None:
    """Reads a sound sample, which loads everything that reading needs."""
    sample = samples()[name][k]
    read_damaged(sample, sample.files[sample.damaged])


def read_damaged(sample: Sample, content: bytes) -> None:
    """Reads the sample's folder with other content in its damaged file."""
    with tempfile.TemporaryDirectory() as folder:
        for name, data in {**sample.files, sample.damaged: content}.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        sample.read(Path(folder))


def _one(name: str, content: bytes, read: Callable[[Path], Any]) -> Sample:
    """A reader of a single file."""
    return Sample({name: content}, name, lambda folder: read(folder / name))


def _written(save: Callable[[Path], Any], name: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        save(Path(folder, name))
        return Path(folder, name).read_bytes()


def _read_mesh(path: Path) -> None:
    labels, polygons = load_face_labels(path), load_polygons(path)
    mesh = TriMesh.load(path, validate=False)
    if len(polygons) != mesh.num_faces or (labels is not None and len(labels) != mesh.num_faces):
        raise AssertionError("faces, polygons and labels differ in number")
    TriMesh.load(path)


def _meshes() -> dict[str, tuple[Sample, ...]]:
    found: dict[str, tuple[Sample, ...]] = {}
    for suffix, content in mesh_files():
        sample = _one(f"mesh{suffix}", content, _read_mesh)
        found[f"mesh {suffix}"] = (*found.get(f"mesh {suffix}", ()), sample)
    return found


def _npz(**arrays: Any) -> bytes:
    out = io.BytesIO()
    np.savez_compressed(out, **arrays)
    return out.getvalue()


def _labels() -> dict[str, tuple[Sample, ...]]:
    labels = np.arange(40) % 3
    npy = io.BytesIO()
    np.save(npy, labels)
    result = _npz(face_labels=labels, label_names=np.array(["a", "b"]))
    text = "".join(f"{label}\n" for label in labels).encode()
    return {
        "labels .txt": (_one("a.txt", text, read_labels),),
        "labels .npy": (_one("a.npy", npy.getvalue(), read_labels),),
        "labels .npz": (
            _one("a.npz", result, read_labels),
            _one("a.npz", result, read_result_names),
        ),
    }


@cache
def _model() -> GaugeSegmenter:
    torch.manual_seed(0)
    config = SegmenterConfig(
        label_names=("a", "b"), sizes=(16,), types=("2x0 + 1x1",), vertex_type="2x0 + 1x1",
        blocks=(1,), radial=1, scales=(1.0,),
    )  # fmt: skip
    return GaugeSegmenter(config)


def _state() -> bytes:
    module = torch.nn.Linear(2, 2)
    optimizer = torch.optim.AdamW(module.parameters())
    module(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    state = TrainState(module.state_dict(), {}, optimizer_tensors(optimizer))
    return _written(state.save, "last.safetensors")


def _restore(path: Path) -> None:
    optimizer = torch.optim.AdamW(torch.nn.Linear(2, 2).parameters())
    restore_optimizer(optimizer, TrainState.load(path).optimizer)


def _pairs() -> bytes:
    mesh = shapes.icosphere(0)
    return _written(neighborhoods(mesh, 1.2 * mesh.mean_edge_length).save, "n.safetensors")


def _use_pairs(path: Path) -> None:
    """Whatever is accepted must be safe for compiled code to walk over."""
    nb = Neighborhoods.load(path)
    nb.transposed()
    nb.within(nb.radius / 2)
    nb.to(dtype=torch.float32).change_gauge(0.3, 0.3)


def _dataset() -> tuple[Sample, ...]:
    mesh = shapes.icosphere(0)
    ply = _written(lambda path: mesh.save(path, face_labels=np.arange(20) % 2), "a.ply")
    files = {
        "labels.json": b'{"labels": ["left", "right"]}',
        "split.json": b'{"train": ["a"], "val": [], "test": ["b"]}',
        "classes.json": b'{"b": "right"}',
        "meshes/a.ply": ply,
        "meshes/b.ply": _written(mesh.save, "b.ply"),
        "labels/a.txt": b"0\n" * 20,
    }

    def read(folder: Path) -> None:
        dataset = DatasetFolder(folder)
        for name in dataset.items:
            dataset.load(name)

    return tuple(Sample(files, name, read) for name in files)


def _open_set(kind: str, category: str | None = None) -> Callable[[Path], None]:
    def read(folder: Path) -> None:
        found = open_public_set(kind, folder, category)
        for names in found.splits.values():
            for name in dict.fromkeys(names):
                found.load(name)

    return read


def _public_sets() -> tuple[Sample, ...]:
    mesh = shapes.icosphere(0)
    off = _written(mesh.save, "a.off")
    faces, edges, vertices = (b"1\n" * n for n in (20, 30, 12))
    archive = _npz(vertices=mesh.vertices, faces=mesh.faces, face_labels=np.zeros(20, int))
    table = b'{"Human": {"ids": [1], "labels": ["a", "b"]}}'
    parts = b"head\n1 2 3\n\nbody\n4 5 6\n"
    listing = b"PSB 1\n2 3\nhand 0 2\n0\n1\nman 0 1\n2\n"
    psb, archives = (
        {"1.off": off, "1_labels.txt": parts},
        {"categories.json": table, "npz/1.npz": archive},
    )
    rna = {"off/a.off": off, "labels/a.txt": vertices, "train.txt": b"a\n", "test.txt": b"a.off\n"}
    shrec = {"categories.txt": listing, **{f"T{k}.off": off for k in range(3)}}
    numbers = {"shapes/1.off": off, "gt/1.seg": faces}
    meshcnn = {"train/1.off": off, "test/2.off": off, "seg/1.eseg": edges, "seg/2.eseg": edges}
    return (
        *(Sample(psb, name, _open_set("psb")) for name in psb),
        *(Sample(archives, name, _open_set("psb", "Human")) for name in archives),
        *(Sample(rna, name, _open_set("rna")) for name in ("labels/a.txt", "train.txt")),
        Sample(shrec, "categories.txt", _open_set("shrec11")),
        Sample(numbers, "gt/1.seg", _open_set("coseg")),
        Sample(meshcnn, "seg/1.eseg", _open_set("humans")),
    )


def _idx(array: np.ndarray) -> bytes:
    head = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    return head + array.astype(np.uint8).tobytes()


def _digits() -> tuple[Sample, ...]:
    images, labels = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
    plain = {images: _idx(np.zeros((4, 3, 3))), labels: _idx(np.arange(4))}
    packed = {f"{name}.gz": gzip.compress(data, mtime=0) for name, data in plain.items()}
    return tuple(
        Sample(files, name, lambda folder: load_digits(folder, "train"))
        for files in (plain, packed)
        for name in files
    )


def _run() -> tuple[Sample, ...]:
    record = {
        "train": TrainConfig(epochs=2).to_dict(),
        "model": json.loads(_model().config.to_json()),
    }
    metrics = b'{"epoch": 1, "step": 5, "seconds": 1.0}\n{"epoch": 2, "step": 9, "seconds": 2.0}\n'

    def config(folder: Path) -> None:
        stored = RunFolder(folder).read_config()
        TrainConfig.from_dict(stored["train"])
        SegmenterConfig.from_json(json.dumps(stored["model"]))

    def history(folder: Path) -> None:
        RunFolder(folder).forget_after(1)

    return (
        Sample({"config.json": json.dumps(record).encode()}, "config.json", config),
        Sample({"metrics.jsonl": metrics}, "metrics.jsonl", history),
        Sample(
            {"summary.json": b'{"plan": "tiny", "cells": [1, 2.5]}'}, "summary.json", load_summary
        ),
    )
