from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import numpy as np
import pytest

from gaugeconv.errors import DataError, FileFormatError
from gaugeconv.sphere.mnist import load_digits, read_idx
from tests.sphere.conftest import drawn_digits, idx_bytes


def test_images_and_labels_come_back(digits_folder):
    images, labels = load_digits(digits_folder, "train")
    expected = drawn_digits(80)
    assert np.array_equal(images, expected[0])
    assert np.array_equal(labels, expected[1])
    assert len(load_digits(digits_folder, "test")[1]) == 30


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"no idx file", "not an idx"),
        (b"\0\0\x0d\x01\0\0\0\0", "not an idx"),
        (b"\0\0\x08\x03\0\0", "cut short"),
        (idx_bytes(np.zeros((2, 3), np.uint8))[:-1], "should hold 6"),
        (b"", "not an idx"),
        (gzip.compress(idx_bytes(np.zeros((2, 3), np.uint8)), mtime=0)[:-6], "gzip"),
        (b"\x1f\x8bxx", "gzip"),
    ],
)
def test_broken_files_are_named(tmp_path: Path, content: bytes, word: str):
    path = tmp_path / "broken"
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=word) as caught:
        read_idx(path)
    assert "broken" in str(caught.value)


def test_missing_and_mismatched_files_are_refused(digits_folder, tmp_path):
    with pytest.raises(DataError, match="train-images"):
        load_digits(tmp_path, "train")
    with pytest.raises(DataError, match="validation"):
        load_digits(digits_folder, "validation")
    for name in ("t10k-images-idx3-ubyte.gz",):
        shutil.copy(digits_folder / name, tmp_path / "train-images-idx3-ubyte.gz")
    shutil.copy(digits_folder / "train-labels-idx1-ubyte", tmp_path)
    with pytest.raises(DataError, match="must be"):
        load_digits(tmp_path, "train")
