from __future__ import annotations

import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from gaugeconv.errors import FileFormatError, GaugeConvError
from gaugeconv.geometry import Frames, Neighborhoods, cache, connect, neighborhoods
from gaugeconv.geometry.cache import cache_folder, cache_key, cached
from gaugeconv.mesh import TriMesh, shapes
from tests.geometry.zoo import bumpy_sphere

TENSORS = ("ptr", "target", "source", "r", "theta", "transport", "weight", "target_vertex")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    place = tmp_path / "cache"
    monkeypatch.setenv("GAUGECONV_CACHE", str(place))
    monkeypatch.setattr(cache, "_reported", set())
    return place


@pytest.fixture
def computed(monkeypatch) -> list[int]:
    """Grows by one whenever neighbourhoods are computed and not read."""
    calls: list[int] = []
    compute = connect._connect

    def counting(*args) -> Neighborhoods:
        calls.append(1)
        return compute(*args)

    monkeypatch.setattr(connect, "_connect", counting)
    return calls


def files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file())


def assert_equal(a: Neighborhoods, b: Neighborhoods) -> None:
    assert all(torch.equal(getattr(a, name), getattr(b, name)) for name in TENSORS)
    assert (a.radius, a.num_sources) == (b.radius, b.num_sources)
    np.testing.assert_array_equal(a.frames.offset, b.frames.offset)


def test_the_second_time_nothing_is_computed(folder, computed):
    mesh = bumpy_sphere(80, 1)
    frames = Frames.canonical(mesh).rotated(0.3)
    first = neighborhoods(mesh, 0.6, frames, cache=True)
    again = TriMesh(mesh.vertices, mesh.faces)  # content counts, not the object
    second = neighborhoods(again, 0.6, Frames(again, frames.offset), cache=True)
    assert len(computed) == 1
    assert_equal(first, second)
    assert_equal(first, neighborhoods(mesh, 0.6, frames))
    assert second.frames.mesh is again
    assert len(files(folder)) == 1


def test_nothing_is_written_unless_asked(folder):
    neighborhoods(bumpy_sphere(60, 1), 0.5)
    assert not folder.exists()


def test_everything_that_matters_gives_an_entry_of_its_own(computed):
    mesh = bumpy_sphere(60, 2)
    nudged = TriMesh(mesh.vertices * (1 + 1e-15), mesh.faces)
    area = np.ones(2)
    calls = [
        lambda: neighborhoods(mesh, 0.6, cache=True),
        lambda: neighborhoods(mesh, np.nextafter(0.6, 1), cache=True),
        lambda: neighborhoods(nudged, 0.6, cache=True),
        lambda: neighborhoods(mesh, 0.6, Frames.canonical(mesh).rotated(1.0), cache=True),
        lambda: neighborhoods(mesh, 0.6, targets=[0, 1], cache=True),
        lambda: neighborhoods(mesh, 0.6, targets=[0, 2], cache=True),
        lambda: neighborhoods(mesh, 0.6, sources=[0, 1], source_area=area, cache=True),
        lambda: neighborhoods(mesh, 0.6, sources=[0, 1], source_area=2 * area, cache=True),
    ]
    for call in calls:
        call()
    assert len(computed) == len(calls)
    for call in calls:
        call()
    assert len(computed) == len(calls)


def test_canonical_frames_given_or_not_are_one_entry(computed):
    mesh = bumpy_sphere(60, 3)
    neighborhoods(mesh, 0.5, cache=True)
    neighborhoods(mesh, 0.5, Frames.canonical(mesh), cache=True)
    neighborhoods(mesh, 0.5, Frames.canonical(mesh).rotated(-0.0), cache=True)
    assert len(computed) == 1


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-1],
        lambda content: content[:0],
        lambda content: content[:900] + bytes([content[900] ^ 1]) + content[901:],
        lambda content: content[:-2000] + b"\0" * 2000,
    ],
    ids=["truncated", "empty", "one bit", "zeros at the end"],
)
def test_a_damaged_entry_is_reported_and_built_again(folder, computed, damage):
    mesh = bumpy_sphere(60, 4)
    first = neighborhoods(mesh, 0.5, cache=True)
    (entry,) = files(folder)
    entry.write_bytes(damage(entry.read_bytes()))
    with pytest.warns(UserWarning, match=rf"damaged cache entry, built again: .*{entry.name}"):
        second = neighborhoods(mesh, 0.5, cache=True)
    assert len(computed) == 2
    assert_equal(first, second)
    assert_equal(first, neighborhoods(mesh, 0.5, cache=True))  # and no warning any more
    assert len(computed) == 2 and len(files(folder)) == 1


def save(value: dict[str, torch.Tensor], path: Path) -> None:
    save_file(value, path)


def test_any_value_can_be_cached(folder):
    """As a network does with all that it prepares from a mesh: a dict of tensors."""
    mesh = shapes.icosphere(0)
    key = cache_key("prepared", mesh, sizes=(3, 2), radii=[0.1, 0.2], name="a", flag=True)
    value = {"x": torch.arange(3.0), "i": torch.arange(4)}
    first = cached(key, lambda: value, save, load_file)
    assert first is value

    def not_again() -> dict[str, torch.Tensor]:
        raise AssertionError("computed twice")

    second = cached(key, not_again, save, load_file)
    assert all(torch.equal(second[name], value[name]) for name in value)
    assert files(folder)[0].parent.name.startswith("prepared-")


def test_a_loader_may_refuse_an_entry():
    def refuse(path: Path) -> dict[str, torch.Tensor]:
        raise FileFormatError(f"{path}: of another version")

    key = cache_key("refused", shapes.icosphere(0))
    cached(key, lambda: {"x": torch.ones(2)}, save, refuse)
    with pytest.warns(UserWarning, match="of another version"):
        value = cached(key, lambda: {"x": torch.zeros(2)}, save, refuse)
    assert value["x"].sum() == 0


def test_a_failure_leaves_nothing_behind(folder):
    key = cache_key("failing", shapes.icosphere(0))

    def fail(*_args) -> None:
        raise FloatingPointError("no")

    for make, store in ((fail, save), (dict, fail)):
        with pytest.raises(FloatingPointError):
            cached(key, make, store, load_file)
    assert files(folder) == []
    assert not any(p.name.startswith(".") for p in folder.rglob("*"))


def test_an_unusable_folder_is_reported_once_and_does_no_harm(folder, computed):
    folder.write_text("a file where the folder should be")
    mesh = bumpy_sphere(60, 5)
    with pytest.warns(UserWarning, match="cache cannot be used.*GAUGECONV_CACHE"):
        first = neighborhoods(mesh, 0.5, cache=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        second = neighborhoods(mesh, 0.5, cache=True)
    assert len(computed) == 2
    assert_equal(first, second)


def test_the_folder_comes_from_the_environment(monkeypatch, tmp_path):
    assert cache_folder() == tmp_path / "cache"
    monkeypatch.delenv("GAUGECONV_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "gaugeconv"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache_folder() == tmp_path / "home" / ".cache" / "gaugeconv"


def test_a_user_without_a_home_computes_every_time(monkeypatch, computed):
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("GAUGECONV_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", no_home)
    with pytest.warns(UserWarning, match="no home folder"):
        neighborhoods(bumpy_sphere(60, 5), 0.5, cache=True)
    assert len(computed) == 1


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats(allow_nan=False)
    | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=2)
    ),
    max_leaves=6,
)


def same(a: object, b: object) -> bool:
    """Equal and of equal types all the way down."""
    if type(a) is not type(b):
        return False
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    return repr(a) == repr(b)


@settings(max_examples=100, deadline=None)
@given(a=VALUES, b=VALUES)
def test_keys_are_equal_exactly_when_options_are(a, b):
    mesh = shapes.cone(4.0, 1, 3)
    assert (cache_key("k", mesh, option=a) == cache_key("k", mesh, option=b)) == same(a, b)


def test_keys_tell_arrays_apart():
    mesh = shapes.icosphere(0)
    values = [
        np.zeros(1000),
        np.zeros((10, 100)),
        np.zeros(1000, np.float32),
        np.where(np.arange(1000) == 500, 1e-300, 0.0),  # repr would not show it
        np.zeros(1000, np.int64),
    ]
    assert len({cache_key("k", mesh, option=v) for v in values}) == len(values)
    assert cache_key("k", mesh, o=torch.ones(3)) == cache_key("k", mesh, o=np.ones(3, np.float32))
    assert cache_key("k", mesh, o=np.float64(0.5)) == cache_key("k", mesh, o=0.5)
    assert cache_key("k", mesh, a=1, b=2) == cache_key("k", mesh, b=2, a=1)
    assert cache_key("k", mesh) != cache_key("l", mesh)


@pytest.mark.parametrize("value", [object(), len, {1, 2}, np.array(["a"]), [object()]])
def test_keys_refuse_what_has_no_lasting_bytes(value):
    with pytest.raises(GaugeConvError, match="cache key cannot be made of"):
        cache_key("k", shapes.icosphere(0), option=value)


PROCESS = """
import torch
from pathlib import Path
from safetensors.torch import load_file, save_file
from gaugeconv.geometry.cache import cache_key, cached
from gaugeconv.mesh import shapes

save = lambda value, path: save_file(value, path, {"a": "1", "b": "2", "c": "3"})
for step in range(20):
    key = cache_key("shared", shapes.icosphere(0), step=step, options={"x": 1, "y": (2, "z")})
    value = cached(key, lambda: {"x": torch.full((1000,), float(step))}, save, load_file)
    assert (value["x"] == step).all()
print(key)
"""


def test_processes_share_a_folder_and_agree_on_keys(folder):
    environment = os.environ | {"PYTHONWARNINGS": "error", "OMP_NUM_THREADS": "1"}
    running = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS],
            env=environment | {"PYTHONHASHSEED": str(seed)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for seed in range(2)
    ]
    results = [process.communicate(timeout=120) for process in running]
    assert all(error == "" for _, error in results), results
    assert len({output for output, _ in results}) == 1
    entries = files(folder)
    assert all(cache._checksum(entry) == entry.stem for entry in entries)
    assert len({entry.parent for entry in entries}) == 20
