"""Arrays from .npy and .npz files that may come from anywhere: no pickle, and bounded memory."""

from __future__ import annotations

import sys
import tokenize
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path
from typing import IO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile

import numpy as np

from gaugeconv.errors import DataError
from gaugeconv.files import unpacked_limit


def read_array(path: Path, what: str) -> np.ndarray:
    """The array of an .npy file; `what` it should be, for the message.

    Raises:
        DataError: the file is damaged, holds objects, or is shorter than its header says.
        OSError: it cannot be opened.
    """
    with _errors_named(path, what), path.open("rb") as file:
        return _read(file, path.stat().st_size)


def read_arrays(path: Path, what: str, *names: str) -> dict[str, np.ndarray]:
    """Those arrays of an .npz file that are asked for and there.

    Raises:
        DataError: the file is damaged, an array holds objects or is not as large as its header says, or
            the arrays unpack to more than `unpacked_limit` of the file's size.
        OSError: it cannot be opened.
    """
    with _errors_named(path, what), path.open("rb") as file, ZipFile(file) as archive:
        room = unpacked_limit(path.stat().st_size)
        members = {info.filename: info for info in archive.infolist()}
        found = {}
        for name in names:
            info = members.get(f"{name}.npy")
            if info is None:
                continue
            if info.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
                raise ValueError(f"{name} is compressed in a way that numpy does not write")
            room -= info.file_size
            if room < 0:
                raise ValueError(
                    f"{name} unpacks to {info.file_size} bytes, far more than is packed"
                )
            with archive.open(info) as member:  # reads no more than file_size
                found[name] = _read(member, info.file_size)
        return found


def _read(file: BufferedIOBase | IO[bytes], size: int) -> np.ndarray:
    """The array in the format of .npy that fills the rest of a file of at most `size` bytes."""
    version = np.lib.format.read_magic(file)
    if version != (1, 0):  # others are for headers that arrays of numbers never have
        raise ValueError(f"version {version} of the format of arrays is not read")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a header that Python 2 wrote
        shape, columns_first, dtype = np.lib.format.read_array_header_1_0(file)
    if dtype.kind not in "biufU":
        raise ValueError(f"arrays of {dtype} are not read")
    data = file.read(size)
    if dtype.kind == "U":  # numpy takes any number for a character, and fails later
        codes = np.frombuffer(data, np.dtype(np.uint32).newbyteorder(dtype.byteorder))
        if codes.max(initial=0) > sys.maxunicode:
            raise ValueError("it has characters that there are not")
    array = np.frombuffer(data, dtype)  # raises if there is part of a number
    return array.reshape(shape, order="F" if columns_first else "C")


@contextmanager
def _errors_named(path: Path, what: str) -> Iterator[None]:
    """All that numpy, zipfile and zlib raise on a file's content becomes a DataError."""
    try:
        yield
    except FileNotFoundError:
        raise
    except (
        ValueError, TypeError, LookupError, SyntaxError, ArithmeticError, EOFError, BadZipFile,
        zlib.error, tokenize.TokenError,
        RuntimeError,  # also NotImplementedError: encrypted, or of an unknown compression
        OSError,  # a place outside the file
    ) as error:  # fmt: skip
        raise DataError(f"{path} is not {what}: {error}") from error
