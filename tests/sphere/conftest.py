from __future__ import annotations

import gzip
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch


@pytest.fixture
def double() -> Iterator[None]:
    """Tables and weights in float64."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def drawn_digits(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Images of ten kinds: bars and blocks, moved about a little."""
    rng = np.random.default_rng(3)
    labels = np.arange(count) % 10
    images = np.zeros((count, 28, 28), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        i, j = rng.integers(0, 3, 2)
        image[6 + i : 10 + i + label, 8 + j : 12 + j + (7 * label) % 10] = 230
    return images, labels


def idx_bytes(array: np.ndarray) -> bytes:
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return header + array.astype(np.uint8).tobytes()


@pytest.fixture(scope="session")
def digits_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like that of MNIST, two of its files gzipped."""
    folder = tmp_path_factory.mktemp("digits")
    for prefix, count in (("train", 80), ("t10k", 30)):
        images, labels = drawn_digits(count)
        (folder / f"{prefix}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx_bytes(images)))
        (folder / f"{prefix}-labels-idx1-ubyte").write_bytes(idx_bytes(labels))
    return folder
