"""Images and labels in the idx format of the MNIST digits."""

from __future__ import annotations

import gzip
import io
import math
import os
import struct
import zlib
from pathlib import Path

import numpy as np
from jaxtyping import Int64, UInt8

from gaugeconv.errors import DataError, FileFormatError
from gaugeconv.files import unpacked_limit

_UNSIGNED_BYTE = 0x08
_MOST_AXES = 8
_PREFIX = {"train": "train", "test": "t10k"}


def read_idx(path: str | os.PathLike[str]) -> UInt8[np.ndarray, "*shape"]:
    """The array of unsigned bytes in an idx file, plain or gzipped.

    Raises:
        FileFormatError: not such a file, or truncated.
        OSError: the file cannot be read.
    """
    content = Path(path).read_bytes()
    if content[:2] == b"\x1f\x8b":
        content = _unzipped(content, path)
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != _UNSIGNED_BYTE:
        raise FileFormatError(f"{path} is not an idx file of unsigned bytes")
    start = 4 + 4 * content[3]
    if len(content) < start:
        raise FileFormatError(f"{path}: the idx header is cut short; fetch the file again")
    shape = struct.unpack(f">{content[3]}I", content[4:start])
    if len(shape) > _MOST_AXES:
        raise FileFormatError(f"{path}: {len(shape)} axes, digits have at most {_MOST_AXES}")
    if len(content) - start != math.prod(shape):
        raise FileFormatError(
            f"{path} should hold {math.prod(shape)} bytes for the shape {shape}, but holds "
            f"{len(content) - start}; fetch it again"
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def _unzipped(content: bytes, path: str | os.PathLike[str]) -> bytes:
    """The content of a gzip file.

    Raises:
        FileFormatError: it is broken, or unpacks to more than `unpacked_limit`.
    """
    most = unpacked_limit(len(content))
    try:
        with gzip.open(io.BytesIO(content)) as file:
            unpacked = file.read(most + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise FileFormatError(f"{path}: a broken gzip file ({error}); fetch it again") from error
    if len(unpacked) > most:
        raise FileFormatError(f"{path} unpacks to more than {most} bytes, far more than is packed")
    return unpacked


def load_digits(
    folder: str | os.PathLike[str], split: str
) -> tuple[UInt8[np.ndarray, "n rows columns"], Int64[np.ndarray, " n"]]:
    """Images and labels of a split, from the four files of MNIST (or any of their format and names).

    Args:
        folder: holds train-images-idx3-ubyte, train-labels-idx1-ubyte and t10k-… likewise, plain or
            with the suffix .gz.
        split: "train" or "test".

    Raises:
        DataError: a file is missing, the split unknown, or the two files do not belong together.
        FileFormatError: a file is corrupt.
    """
    if split not in _PREFIX:
        raise DataError(f"the splits are 'train' and 'test', not {split!r}")
    images = read_idx(_find(Path(folder), f"{_PREFIX[split]}-images-idx3-ubyte"))
    labels = read_idx(_find(Path(folder), f"{_PREFIX[split]}-labels-idx1-ubyte"))
    if images.ndim != 3 or labels.shape != images.shape[:1] or labels.max(initial=0) > 9:
        raise DataError(
            f"{folder}: images {images.shape} and labels {labels.shape} of split {split!r} must be "
            "(n, rows, columns) and (n,), with labels 0 … 9"
        )
    return images, labels.astype(np.int64)


def _find(folder: Path, name: str) -> Path:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    raise DataError(f"no file {name} or {name}.gz in {folder}; give the folder of the MNIST files")
