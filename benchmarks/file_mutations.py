"""Files damaged at random, some of it knowing the format; the same seed gives the same damage."""

from __future__ import annotations

import gzip
import io
import json
import re
import struct
import zipfile
from collections.abc import Callable
from functools import cache

from numpy.random import Generator

NUMBERS = (
    b"-1", b"0", b"1", b"3", b"255", b"65536", b"4294967295", b"1000000000000", b"9" * 23, b"9" * 5000,
    b"1e400", b"nan", b"-inf", b"0.5", b"-0", b"1_0", "²".encode(),
)  # fmt: skip
VALUES = (
    b"null", b"true", b"[]", b"{}", b'""', b'".."', b'"../a"', b'"/etc/passwd"', b'"\\ud800"',
    b'"a\\u0000"', b'"' + b"n" * 300 + b'"', b"[" * 100_000, b'{"a":' * 50_000, b"[1, [2]]", *NUMBERS,
)  # fmt: skip
_EXTREMES = (
    ("I", 2**32 - 1), ("I", 2**31), ("I", 2**28), ("Q", 2**63), ("Q", 10**12), ("Q", 2**40),
    ("i", -1), ("H", 65535), ("f", float("nan")), ("d", float("inf")), ("d", 1e308),
)  # fmt: skip
WIDE = tuple(struct.pack(order + kind, value) for order in "<>" for kind, value in _EXTREMES)
_BOMB = 1 << 30
_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
_VALUE = re.compile(rb'"[^"\\]*"|-?\d+(?:\.\d+)?|\[[^][{}]*\]|\{[^][{}]*\}|true|false|null')


def mutated(rng: Generator, data: bytes) -> bytes:
    """A file with one to four kinds of damage; those that unpack a container apply it within."""
    for _ in range(rng.integers(1, 5)):
        data = MUTATIONS[rng.integers(len(MUTATIONS))](rng, data)
    return data


def flipped(rng: Generator, data: bytes) -> bytes:
    """One bit turned over."""
    at, out = _place(rng, data), bytearray(data)
    if out:
        out[at] ^= 1 << int(rng.integers(8))
    return bytes(out)


def cut(rng: Generator, data: bytes) -> bytes:
    """The end missing."""
    return data[: _place(rng, data)]


def removed(rng: Generator, data: bytes) -> bytes:
    """Some bytes missing."""
    at = _place(rng, data)
    return data[:at] + data[at + int(rng.integers(1, 40)) :]


def repeated(rng: Generator, data: bytes) -> bytes:
    """A stretch that occurs again, up to 20,000 times."""
    at, size = _place(rng, data), int(rng.integers(1, 60))
    times = int(rng.choice([2, 2, 5, 1000, 20_000]))
    return data[:at] + data[at : at + size] * times + data[at + size :]


def inserted(rng: Generator, data: bytes) -> bytes:
    """Random bytes between others."""
    at = _place(rng, data)
    return data[:at] + rng.bytes(int(rng.integers(1, 40))) + data[at:]


def overwritten(rng: Generator, data: bytes) -> bytes:
    """An extreme binary number in place of what was there."""
    at, word = _place(rng, data), WIDE[rng.integers(len(WIDE))]
    return data[:at] + word + data[at + len(word) :]


def other_number(rng: Generator, data: bytes) -> bytes:
    """An extreme decimal number in place of one."""
    return _replaced(rng, data, _NUMBER, NUMBERS)


def other_value(rng: Generator, data: bytes) -> bytes:
    """Another JSON value in place of one."""
    return _replaced(rng, data, _VALUE, VALUES)


def moved_line(rng: Generator, data: bytes) -> bytes:
    """A line somewhere else, or twice."""
    lines = data.split(b"\n")
    line = lines[rng.integers(len(lines))]
    if rng.random() < 0.5:
        lines.remove(line)
    lines.insert(int(rng.integers(len(lines) + 1)), line)
    return b"\n".join(lines)


def in_container(rng: Generator, data: bytes) -> bytes:
    """Damage inside a gzip file, a member of a zip or the header of safetensors, packed again."""
    if data[:2] == b"\x1f\x8b":
        return _unpacked(
            data, lambda: gzip.compress(_damaged(rng, gzip.decompress(data)), 1, mtime=0)
        )
    if data[:2] == b"PK":
        return _unpacked(data, lambda: _in_zip(rng, data))
    if b'{"' in data[8:24]:
        return _in_header(rng, data)
    return _damaged(rng, data)


def bloated(rng: Generator, data: bytes) -> bytes:
    """A container that unpacks to far more than it is long: a bomb."""
    if rng.random() < 0.9:  # a large one takes a second to make
        return data
    if data[:2] == b"\x1f\x8b":
        return data + _gzip_bomb()
    if data[:2] == b"PK":
        return _unpacked(data, lambda: _zip_bomb(rng, data))
    return data


@cache
def _gzip_bomb() -> bytes:
    """Nothing but zeros, 1 GB of them, packed piece by piece."""
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=9, mtime=0) as file:
        for _ in range(_BOMB >> 20):
            file.write(bytes(1 << 20))
    return out.getvalue()


def _zip_bomb(rng: Generator, data: bytes) -> bytes:
    """One member of a zip goes on with zeros; the header of its array says so or not."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", 8) as new:
        chosen = int(rng.integers(len(old.namelist())))
        for k, name in enumerate(old.namelist()):
            with new.open(name, "w") as member:
                content = old.read(name)
                if k == chosen and rng.random() < 0.5:
                    content = content.replace(b"(40,)", b"(%d,)" % (_BOMB >> 3))
                member.write(content)
                for _ in range(_BOMB >> 20 if k == chosen else 0):
                    member.write(bytes(1 << 20))
    return out.getvalue()


MUTATIONS: tuple[Callable[[Generator, bytes], bytes], ...] = (
    flipped, cut, removed, repeated, inserted, overwritten, other_number, other_number, other_value,
    moved_line, in_container, in_container, bloated,
)  # fmt: skip
_INNER = (flipped, cut, removed, repeated, inserted, overwritten, other_number, other_value)


def _damaged(rng: Generator, data: bytes) -> bytes:
    return _INNER[rng.integers(len(_INNER))](rng, data)


def _place(rng: Generator, data: bytes) -> int:
    """A place in the file; half of the time in its first hundred bytes, where headers are."""
    end = min(len(data), 100) if rng.random() < 0.5 else len(data)
    return int(rng.integers(end)) if end else 0


def _replaced(
    rng: Generator, data: bytes, pattern: re.Pattern[bytes], by: tuple[bytes, ...]
) -> bytes:
    """One match of a pattern replaced."""
    found = list(pattern.finditer(data))
    if not found:
        return data
    match = found[rng.integers(min(len(found), int(rng.choice([8, len(found)]))))]
    return data[: match.start()] + by[rng.integers(len(by))] + data[match.end() :]


def _unpacked(data: bytes, make: Callable[[], bytes]) -> bytes:
    """What `make` gives, or the data where earlier damage keeps it from being unpacked."""
    try:
        return make()
    except Exception:  # whatever the unpackers raise
        return data


def _in_zip(rng: Generator, data: bytes) -> bytes:
    """One member of a zip damaged, or renamed."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as old,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        chosen = int(rng.integers(len(old.namelist())))
        for k, name in enumerate(old.namelist()):
            member = old.read(name)
            if k == chosen:
                member = _damaged(rng, member)
                name = "../" + name if rng.random() < 0.1 else name
            new.writestr(name, member, compresslevel=1)
    return out.getvalue()


def _in_header(rng: Generator, data: bytes) -> bytes:
    """The JSON header of safetensors damaged, its length set right again."""
    length = int.from_bytes(data[:8], "little")
    header, body = data[8 : 8 + length], data[8 + length :]
    if rng.random() < 0.5:
        header = _inside_metadata(rng, header)
    else:
        header = _damaged(rng, header)
    return len(header).to_bytes(8, "little") + header + body


def _inside_metadata(rng: Generator, header: bytes) -> bytes:
    """One of the strings among the metadata damaged; most of them are JSON or numbers."""
    try:
        content = json.loads(header)
        metadata = content["__metadata__"]
        name = sorted(metadata)[rng.integers(len(metadata))]
        inner = _damaged(rng, metadata[name].encode())
        metadata[name] = inner.decode("utf-8", errors="replace")
        return json.dumps(content).encode()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return header
