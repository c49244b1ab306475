"""A content-addressed cache on disk for geometry that is slow to compute.

An entry's name is a hash of everything that the result depends on, so entries never go stale and need
no invalidation; the folder may be deleted at any time. Entries are written to a temporary name and
renamed, so processes can share the folder. Each carries the checksum of its content in its name:
a damaged entry is reported by a warning and built again. `cache_store` keeps the folder small.
"""

from __future__ import annotations

import hashlib
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from safetensors import SafetensorError

from gaugeconv._version import __version__
from gaugeconv.errors import FileFormatError, GaugeConvError
from gaugeconv.geometry.cache_store import (
    PRIVATE,
    SIZE_VARIABLE,
    cache_folder,
    cache_limit,
    evict,
    mark_used,
    size_text,
)
from gaugeconv.geometry.frames import Frames
from gaugeconv.mesh import TriMesh

T = TypeVar("T")
FORMAT = 1  # raise it when the same key must give another result
_reported: set[str] = set()  # warnings that were given, each once


def cache_key(kind: str, mesh: TriMesh, frames: Frames | None = None, **options: object) -> str:
    """A name for the result that `kind` of computation gives on this mesh, in this gauge.

    Args:
        kind: what is computed; becomes part of the name.
        mesh: hashed by content.
        frames: the gauge, hashed by its offsets; None stands for canonical frames.
        options: everything else that the result depends on: numbers, strings, None, arrays, tensors, and
            lists, tuples or dicts of these.

    Raises:
        GaugeConvError: an option of another kind, which may not print the same in another process.
    """
    offset = np.zeros(mesh.num_vertices) if frames is None else frames.offset
    parts = (FORMAT, __version__, kind, mesh.content_hash(), offset + 0.0, options)  # −0 is 0
    digest = hashlib.sha256()
    for piece in _encoded(parts):
        digest.update(piece)
    return f"{kind}-{digest.hexdigest()}"


def cached(
    key: str, make: Callable[[], T], save: Callable[[T, Path], None], load: Callable[[Path], T]
) -> T:
    """The entry under `key`, or else the result of `make`, which is saved for the next time.

    Args:
        key: from `cache_key`, of everything that `make` reads.
        make: computes the value.
        save: writes it to a path, whose suffix is .safetensors.
        load: reads it back; a FileFormatError or RuntimeError means that the file cannot be used.

    Raises:
        GaugeConvError: $GAUGECONV_CACHE_SIZE is not a size.

    Warns:
        UserWarning: an entry is damaged (it is removed and built again); the folder cannot be used
            (said once, and the value computed every time); or the value does not fit (likewise).
    """
    limit = cache_limit()
    try:
        folder = cache_folder() / key
        for entry in sorted(folder.glob("*.safetensors")):
            try:
                _check(entry)
                value = load(entry)
                mark_used(entry)
                return value
            except FileNotFoundError:  # another process has just removed it
                continue
            except (FileFormatError, RuntimeError) as error:
                if not entry.exists():  # removed while it was read, which PyTorch reports so
                    continue
                warnings.warn(f"damaged cache entry, built again: {error}", stacklevel=2)
                entry.unlink(missing_ok=True)
    except OSError as error:
        _report_unusable(error)
        return make()
    value = make()
    try:
        _store(folder, value, save, limit)
    except (OSError, SafetensorError) as error:
        _report_unusable(error)
    return value


def _check(entry: Path) -> None:
    """Raises FileFormatError unless the content has the checksum that the name promises."""
    if _checksum(entry) != entry.stem:
        raise FileFormatError(f"{entry}: the content does not have the checksum in the name")


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _store(folder: Path, value: T, save: Callable[[T, Path], None], limit: int) -> None:
    """Writes to a private place beside the entries, then renames it to its own checksum."""
    if limit == 0:
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=PRIVATE, dir=folder.parent) as private:
        written = Path(private) / "entry.safetensors"
        save(value, written)
        size = written.stat().st_size
        if size > limit:
            _report(
                f"a result of {size_text(size)} does not fit the geometry cache "
                f"({size_text(limit)}); set {SIZE_VARIABLE} to a larger size"
            )
            return
        _move(written, folder / f"{_checksum(written)}.safetensors")
    evict(folder.parent, limit)


def _move(written: Path, entry: Path) -> None:
    """Renames, and makes the folder again if another process has just found it empty."""
    while True:
        entry.parent.mkdir(exist_ok=True)
        try:
            written.replace(entry)
            return
        except FileNotFoundError:
            written.stat()  # raises if it is the source that is gone


def _report_unusable(error: Exception) -> None:
    _report(
        f"the geometry cache cannot be used ({error}); set GAUGECONV_CACHE to a writable folder"
    )


def _report(message: str) -> None:
    """Warns, once for each message."""
    if message not in _reported:
        _reported.add(message)
        warnings.warn(message, stacklevel=4)


def _encoded(value: object) -> Iterator[bytes]:
    """Bytes that tell any two values apart, the same in every process."""
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().numpy()
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        yield f"{type(value).__name__} {value!r};".encode()
    elif isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        yield f"array {value.dtype.str} {value.shape};".encode()
        yield np.ascontiguousarray(value).tobytes()
    elif isinstance(value, list | tuple):
        yield f"list {len(value)};".encode()
        for item in value:
            yield from _encoded(item)
    elif isinstance(value, dict):
        yield f"dict {len(value)};".encode()
        for name in sorted(value):
            yield from _encoded(name)
            yield from _encoded(value[name])
    else:
        raise GaugeConvError(
            f"a cache key cannot be made of {type(value).__name__}: give numbers, strings, None, "
            "arrays, or lists and dicts of these"
        )
