"""Reading one extra property of the faces of a PLY, which mesh loaders drop."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from gaugeconv.errors import DataError

_TYPES = {
    name: code
    for names, code in (
        ("char int8", "i1"), ("uchar uint8", "u1"), ("short int16", "i2"), ("ushort uint16", "u2"),
        ("int int32", "i4"), ("uint uint32", "u4"), ("float float32", "f4"),
        ("double float64", "f8"), ("int64", "i8"), ("uint64", "u8"),
    )
    for name in names.split()
}  # fmt: skip
_ORDERS = {"binary_little_endian": "<", "binary_big_endian": ">"}


@dataclass
class _Element:
    """One `element` of the header: its name, its rows, and (name, type, list count type)."""

    name: str
    count: int
    properties: list[tuple[str, str, str | None]] = field(default_factory=list)


@dataclass(frozen=True)
class _Header:
    """The encoding ("ascii" or numpy's byte order), the elements, where the data begin."""

    encoding: str
    elements: list[_Element]
    start: int


def read_face_property(path: Path, name: str) -> np.ndarray | None:
    """The scalar property `name` of every face, in its own type.

    Args:
        path: a PLY file whose faces are triangles.
        name: the property.

    Returns:
        (F,) values, or None when the faces have no such scalar property.

    Raises:
        DataError: the header or the data are malformed, or the faces are not all triangles.
        OSError: the file cannot be read.
    """
    content = path.read_bytes()
    try:
        header = _parse_header(content)
        face = next((e for e in header.elements if e.name == "face"), None)
        if face is None or not any(p[0] == name and p[2] is None for p in face.properties):
            return None
        if header.encoding == "ascii":
            return _read_ascii(content, header, face, name)
        return _read_binary(content, header, face, name)
    except (ValueError, IndexError, KeyError, StopIteration, OverflowError) as error:
        raise DataError(f"{path}: cannot read the face property {name!r}: {error}") from error


def _parse_header(content: bytes) -> _Header:
    """Splits the header into elements and properties; ValueError when it is none."""
    end = content.find(b"end_header")
    start = content.find(b"\n", end) + 1
    if not content.startswith(b"ply") or end < 0 or start == 0:
        raise ValueError("the file has no PLY header")
    elements: list[_Element] = []
    encoding = ""
    for line in content[:end].decode("ascii", errors="replace").splitlines():
        match line.split():
            case ["format", word, *_]:
                encoding = "ascii" if word == "ascii" else _ORDERS[word]
            case ["element", word, count]:
                elements.append(_Element(word, int(count)))
            case ["property", "list", count_type, item_type, word]:
                elements[-1].properties.append((word, _TYPES[item_type], _TYPES[count_type]))
            case ["property", item_type, word]:
                elements[-1].properties.append((word, _TYPES[item_type], None))
    return _Header(encoding, elements, start)


def _row_type(element: _Element, content: bytes, offset: int, order: str) -> np.dtype:
    """The type of one row; lists are taken to be as long as those of the first row."""
    fields: list[tuple[str, str] | tuple[str, str, tuple[int]]] = []
    for name, item, count_type in element.properties:
        if count_type is None:
            fields.append((name, order + item))
            continue
        at = offset + np.dtype(fields).itemsize if fields else offset
        length = int(np.frombuffer(content, order + count_type, 1, at)[0]) if element.count else 0
        fields += [(f"{name} count", order + count_type), (name, order + item, (length,))]
    return np.dtype(fields)


def _read_binary(content: bytes, header: _Header, face: _Element, name: str) -> np.ndarray:
    """Reads a binary body; ValueError when a list changes its length from row to row."""
    offset = header.start
    for element in header.elements:
        row = _row_type(element, content, offset, header.encoding)
        if element is face:
            break
        _uniform(np.frombuffer(content, row, element.count, offset))
        offset += row.itemsize * element.count
    table = np.frombuffer(content, row, face.count, offset)
    _uniform(table)
    return table[name].astype(table.dtype[name].newbyteorder("="))


def _uniform(table: np.ndarray) -> None:
    """Checks that all rows have lists of equal length (all faces have as many corners)."""
    for column in table.dtype.names or ():
        if column.endswith(" count") and table.size:
            odd = np.flatnonzero(table[column] != table[column][0])
            if odd.size:
                raise ValueError(
                    f"row {odd[0]} has {table[column][odd[0]]} entries, row 0 has "
                    f"{table[column][0]}; triangulate the mesh"
                )


def _read_ascii(content: bytes, header: _Header, face: _Element, name: str) -> np.ndarray:
    """Reads a text body, one row per line."""
    lines = iter(content[header.start :].decode("ascii").splitlines())
    for element in header.elements:
        rows = [next(lines).split() for _ in range(element.count)]
        if element is face:
            break
    item = next(item for word, item, _ in face.properties if word == name)
    parse = float if item.startswith("f") else int
    return np.array([parse(_pick(face, row, name)) for row in rows]).astype(item)


def _pick(face: _Element, row: list[str], name: str) -> str:
    """The word of a text row that belongs to a scalar property."""
    words: Iterator[str] = iter(row)
    for word, _, count_type in face.properties:
        if word == name and count_type is None:
            return next(words)
        if count_type is None:
            next(words)
            continue
        for _ in range(int(next(words))):
            next(words)
    raise KeyError(name)
