"""The cache stays within its size, drops what was not used for longest, and survives company."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from gaugeconv.errors import GaugeConvError
from gaugeconv.geometry import cache, cache_store
from gaugeconv.geometry.cache import cache_key, cached
from gaugeconv.geometry.cache_store import cache_entries, cache_limit, clear_cache, size_text
from gaugeconv.mesh import shapes

MESH = shapes.icosphere(0)
ENTRY = 4000 + 96  # bytes of an entry of 1000 numbers


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    place = tmp_path / "cache"
    monkeypatch.setenv("GAUGECONV_CACHE", str(place))
    monkeypatch.setattr(cache, "_reported", set())
    return place


@pytest.fixture
def limit(monkeypatch):
    return lambda size: monkeypatch.setenv("GAUGECONV_CACHE_SIZE", str(size))


def get(name: str, numbers: int = 1000) -> bool:
    """Asks for an entry; whether it had to be computed."""
    computed = []

    def make() -> dict[str, torch.Tensor]:
        computed.append(True)
        return {"x": torch.zeros(numbers)}

    def save(value: dict[str, torch.Tensor], path: Path) -> None:
        save_file(value, path)

    value = cached(cache_key("test", MESH, name=name), make, save, load_file)
    assert value["x"].shape == (numbers,)
    time.sleep(0.002)  # file times may tick that slowly
    return bool(computed)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("123", 123),
        ("0", 0),
        ("5 B", 5),
        ("1.5kB", 1500),
        (" 20 MB ", 20 * 10**6),
        ("3gb", 3 * 10**9),
        ("1TB", 10**12),
        ("", 10**10),
    ],
)
def test_sizes_are_numbers_with_or_without_a_unit(limit, text, size):
    limit(text)
    assert cache_limit() == size


@pytest.mark.parametrize("text", ["much", "-1", "10 G", "nan", "1e9", "10 GiB", "٣", "9" * 400])
def test_other_sizes_are_refused_before_anything_is_computed(limit, text):
    limit(text)
    with pytest.raises(GaugeConvError, match=r"GAUGECONV_CACHE_SIZE is .*; give a number of bytes"):
        cached("key", lambda: pytest.fail("computed"), save_file, load_file)


def test_the_default_is_ten_gigabytes(monkeypatch):
    monkeypatch.delenv("GAUGECONV_CACHE_SIZE", raising=False)
    assert cache_limit() == 10**10


def test_what_was_not_used_for_longest_goes_first(limit, folder):
    limit(3 * ENTRY + 10)
    assert all(get(name) for name in "abc")
    assert not get("a")  # reading counts as use
    assert get("d")
    assert [get(name) for name in "acd"] == [False, False, False]
    assert get("b")
    assert len(cache_entries()) == 3
    assert len(list(folder.iterdir())) == 3  # no empty folders stay behind


def test_use_is_noted_only_where_it_can_be(limit, monkeypatch):
    limit(2 * ENTRY + 10)

    def read_only(*_: object) -> None:
        raise PermissionError

    get("a")
    monkeypatch.setattr(cache_store.os, "utime", read_only)
    assert not get("a")


def test_a_smaller_limit_holds_from_the_next_entry_on(limit):
    for name in "abcd":
        get(name)
    limit(2 * ENTRY + 10)
    get("e")
    assert [get(name) for name in "de"] == [False, False]
    assert len(cache_entries()) == 2


def test_a_result_that_does_not_fit_is_not_stored_and_drives_nothing_out(limit):
    limit(2 * ENTRY + 10)
    get("a")
    with pytest.warns(UserWarning, match=r"12.1 kB does not fit the geometry cache \(8.2 kB\)"):
        assert get("large", 3000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # said once
        assert get("large", 3000)
    assert not get("a")
    assert len(cache_entries()) == 1


def test_zero_turns_the_cache_off_without_a_word(limit, folder):
    limit(0)
    assert get("a") and get("a")
    assert not folder.exists()


def test_only_entries_are_listed_and_cleared(folder):
    get("a")
    get("b")
    (entry,) = {entry.path.parent for entry in cache_entries()[:1]}
    others = [
        folder / "letter.txt",
        folder / "thesis.safetensors",
        folder / "other" / ("0" * 64 + ".safetensors"),
        folder / ("x-" + "0" * 64) / "weights.safetensors",
        entry / "note.txt",
    ]
    for path in others:
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
    found = cache_entries()
    assert [one.kind for one in found] == ["test", "test"]
    assert clear_cache() == (2, sum(one.size for one in found))
    assert all(path.read_text() == "mine" for path in others)
    assert cache_entries() == []
    assert get("a")


def test_there_may_be_no_folder_yet():
    assert cache_entries() == []
    assert clear_cache() == (0, 0)


def test_what_a_killed_process_left_is_removed_after_an_hour(folder):
    for name, age in (("old", 3700), ("new", 60)):
        private = folder / f"{cache_store.PRIVATE}{name}"
        private.mkdir(parents=True)
        (private / "entry.safetensors").write_bytes(b"half")
        os.utime(private, (time.time() - age,) * 2)
    get("a")
    left = [path.name for path in folder.iterdir() if path.name.startswith(".")]
    assert left == [f"{cache_store.PRIVATE}new"]


def test_a_folder_that_another_process_removes_is_made_again(monkeypatch):
    """As eviction elsewhere does between the moment it is made and the moment it is filled."""
    replace, failures = Path.replace, []

    def late(written: Path, target: Path) -> Path:
        if not failures:
            failures.append(True)
            target.parent.rmdir()
        return replace(written, target)

    monkeypatch.setattr(Path, "replace", late)
    assert get("a")
    assert failures and not get("a")


def test_sizes_for_people():
    texts = [size_text(size) for size in (0, 999, 1000, 12345, 10**7, 10**10, 2 * 10**15)]
    assert texts == ["0 B", "999 B", "1 kB", "12.3 kB", "10 MB", "10 GB", "2e+03 TB"]


PROCESS = """
import random, sys, torch
from safetensors.torch import load_file, save_file
from gaugeconv.geometry.cache import cache_key, cached
from gaugeconv.geometry.cache_store import clear_cache
from gaugeconv.mesh import shapes

mesh, chance = shapes.icosphere(0), random.Random(int(sys.argv[1]))
for turn in range(150):
    step = chance.randrange(12)
    key = cache_key("shared", mesh, step=step)
    make = lambda: {"x": torch.full((1000,), float(step))}
    value = cached(key, make, lambda value, path: save_file(value, path), load_file)
    assert (value["x"] == step).all()
    if sys.argv[1] == "0" and turn % 50 == 30:
        clear_cache()
"""


def test_processes_that_evict_what_others_read_do_no_harm(limit):
    """Three processes want 12 entries where 4 fit; one of them clears the cache now and then."""
    limit(4 * ENTRY + 10)
    environment = os.environ | {"PYTHONWARNINGS": "error", "OMP_NUM_THREADS": "1"}
    running = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, str(seed)],
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        for seed in range(3)
    ]
    errors = [process.communicate(timeout=120)[1] for process in running]
    assert errors == ["", "", ""]
    entries = cache_entries()
    assert 1 <= len(entries) <= 4
    assert all(cache._checksum(entry.path) == entry.path.stem for entry in entries)
