"""The folder of the geometry cache: where it is, what is in it, and how large it may grow.

The least recently used entries go first. Processes may share the folder: entries are only ever added
whole and removed, so a process that finds one gone takes it for one that was never there.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gaugeconv.errors import GaugeConvError

SIZE_VARIABLE = "GAUGECONV_CACHE_SIZE"
DEFAULT_SIZE = "10 GB"
PRIVATE = ".gaugeconv-"  # begins the names of folders in which entries are written
_ABANDONED = 3600.0  # seconds after which such a folder belongs to a process that was killed
_PREFIXES = ("", "K", "M", "G", "T")
_SIZE = re.compile(r"(\d{1,15}(?:\.\d+)?)\s*(?:([KMGT]?)B)?", re.ASCII | re.IGNORECASE)
_FOLDER = re.compile(r"(.+)-[0-9a-f]{64}")
_FILE = re.compile(r"[0-9a-f]{64}\.safetensors")


@dataclass(frozen=True)
class CacheEntry:
    """One file of the cache.

    Attributes:
        path: where it is.
        kind: what was computed.
        size: in bytes.
        used: when it was last written or read, in nanoseconds since 1970.
    """

    path: Path
    kind: str
    size: int
    used: int


def cache_folder() -> Path:
    """Where entries live: $GAUGECONV_CACHE, else gaugeconv in $XDG_CACHE_HOME or ~/.cache.

    Raises:
        OSError: no variable is set and the user has no home folder.
    """
    chosen = os.environ.get("GAUGECONV_CACHE")
    if chosen:
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME")
    try:
        return (Path(base) if base else Path.home() / ".cache") / "gaugeconv"
    except RuntimeError as error:
        raise FileNotFoundError(f"no home folder: {error}") from error


def cache_limit() -> int:
    """How many bytes the entries may take together: $GAUGECONV_CACHE_SIZE, by default 10 GB.

    A number of bytes, or one with a unit: B, kB, MB, GB or TB, of 1000 each. With 0 nothing new
    is kept.

    Raises:
        GaugeConvError: the variable holds anything else.
    """
    text = os.environ.get(SIZE_VARIABLE) or DEFAULT_SIZE
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise GaugeConvError(
            f"{SIZE_VARIABLE} is {text[:40]!r}; give a number of bytes, or one with a unit, "
            "such as 500 MB or 20 GB"
        )
    return int(float(match[1]) * 1000 ** _PREFIXES.index((match[2] or "").upper()))


def cache_entries(folder: Path | None = None) -> list[CacheEntry]:
    """Everything in the cache, the least recently used first; other files there do not count.

    Args:
        folder: the folder of a cache; `cache_folder()` when None.

    Raises:
        OSError: the folder is there but cannot be read.
    """
    root = cache_folder() if folder is None else folder
    found = []
    for place in _listed(root):
        name = _FOLDER.fullmatch(place.name)
        if name is None:
            continue
        for path in filter(lambda path: _FILE.fullmatch(path.name), _listed(place)):
            with suppress(FileNotFoundError):  # removed since
                stat = path.stat()
                found.append(CacheEntry(path, name[1], stat.st_size, stat.st_mtime_ns))
    return sorted(found, key=lambda entry: (entry.used, entry.path))


def clear_cache() -> tuple[int, int]:
    """Removes every entry; other files in the folder stay.

    Returns:
        How many entries were removed and how many bytes they took.

    Raises:
        OSError: an entry cannot be removed.
    """
    root = cache_folder()
    entries = cache_entries(root)
    for entry in entries:
        _remove(entry)
    _remove_abandoned(root)
    return len(entries), sum(entry.size for entry in entries)


def evict(folder: Path, limit: int) -> None:
    """Removes the least recently used entries until the rest takes at most `limit` bytes."""
    entries = cache_entries(folder)
    excess = sum(entry.size for entry in entries) - limit
    for entry in entries:
        if excess <= 0:
            break
        _remove(entry)
        excess -= entry.size
    _remove_abandoned(folder)


def mark_used(path: Path) -> None:
    """Makes an entry the most recently used one, if that can be written down."""
    with suppress(OSError):  # a cache that is only readable is still useful
        os.utime(path)


def size_text(size: int) -> str:
    """A number of bytes for people."""
    for power in (4, 3, 2, 1):
        if size >= 1000**power:
            prefix = "k" if power == 1 else _PREFIXES[power]
            return f"{size / 1000**power:.3g} {prefix}B"
    return f"{size} B"


def _listed(folder: Path) -> list[Path]:
    """What is in a folder; nothing if there is no such folder."""
    try:
        return list(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def _remove(entry: CacheEntry) -> None:
    entry.path.unlink(missing_ok=True)
    with suppress(OSError):  # not empty, or gone
        entry.path.parent.rmdir()


def _remove_abandoned(folder: Path) -> None:
    """Removes what processes that were killed while they wrote have left behind."""
    for place in _listed(folder):
        if place.name.startswith(PRIVATE):
            with suppress(OSError):
                if time.time() - place.stat().st_mtime > _ABANDONED:
                    shutil.rmtree(place, ignore_errors=True)
