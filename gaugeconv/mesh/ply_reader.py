"""Reading PLY: ascii and both binary byte orders, polygons of any and of mixed size."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Int64

from gaugeconv.errors import MeshError
from gaugeconv.mesh.polygons import FileContent

_TYPES = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1",
    "short": "i2", "int16": "i2", "ushort": "u2", "uint16": "u2",
    "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4",
    "float": "f4", "float32": "f4", "double": "f8", "float64": "f8",
}  # fmt: skip
_ORDERS = {"binary_little_endian": "<", "binary_big_endian": ">"}
_INDEX_NAMES = ("vertex_indices", "vertex_index")


@dataclass(frozen=True)
class _Property:
    name: str
    type: str
    count_type: str | None = None


@dataclass
class _Element:
    name: str
    count: int
    properties: list[_Property] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class _Column:
    """All values of one property: one for each row, or ``sizes[i]`` of them for row i."""

    values: np.ndarray
    sizes: Int64[np.ndarray, " N"] | None


class _Cursor(ABC):
    """A place in the body of the file."""

    position: int = 0

    @abstractmethod
    def take(self, columns: list[tuple[str, int]], rows: int) -> list[np.ndarray]:
        """Read ``rows`` rows of (type, how many) columns as arrays (rows, how many)."""


class _TextCursor(_Cursor):
    def __init__(self, body: bytes) -> None:
        self.values = np.array(body.split(), dtype=np.float64)

    def take(self, columns: list[tuple[str, int]], rows: int) -> list[np.ndarray]:
        width = sum(many for _, many in columns)
        end = self.position + rows * width
        if end > len(self.values):
            raise MeshError("the file ends early; it is truncated")
        block = self.values[self.position : end].reshape(rows, width)
        self.position = end
        return np.split(block, np.cumsum([many for _, many in columns])[:-1], axis=1)


class _BinaryCursor(_Cursor):
    def __init__(self, body: bytes, order: str) -> None:
        self.body, self.order = body, order

    def take(self, columns: list[tuple[str, int]], rows: int) -> list[np.ndarray]:
        width = sum(np.dtype(kind).itemsize * many for kind, many in columns)
        if self.position + rows * width > len(self.body):
            raise MeshError("the file ends early; it is truncated")
        fields = [(f"c{i}", self.order + kind, (n,)) for i, (kind, n) in enumerate(columns)]
        row = np.dtype(fields)
        block = np.frombuffer(self.body, dtype=row, count=rows, offset=self.position)
        self.position += rows * row.itemsize
        return [block[name] for name, *_ in fields]


def read_ply(data: bytes) -> FileContent:
    """Positions, faces and the face property ``label`` of a PLY file.

    Raises:
        MeshError: not a PLY file, truncated, or without x, y, z.
    """
    elements, cursor = _open(data)
    table = {element.name: _read_element(element, cursor) for element in elements}
    vertex, face = table.get("vertex", {}), table.get("face", {})
    if not all(axis in vertex and vertex[axis].sizes is None for axis in "xyz"):
        raise MeshError("the PLY file has no vertex properties x, y, z")
    positions = np.stack([vertex[axis].values.astype(np.float64) for axis in "xyz"], axis=-1)
    indices = next((face[name] for name in _INDEX_NAMES if name in face), None)
    if indices is None or indices.sizes is None:
        return FileContent(positions, np.zeros(0, np.int64), np.zeros(0, np.int64))
    label = face.get("label")
    labels = None
    if label is not None and label.sizes is None:
        labels = _integers(label, "face labels")
    return FileContent(positions, _integers(indices, "face indices"), indices.sizes, labels)


def _open(data: bytes) -> tuple[list[_Element], _Cursor]:
    """The elements that the header announces and a cursor at the start of the body."""
    head, found, body = data.partition(b"end_header")
    lines = [line.split() for line in head.decode("ascii", errors="replace").splitlines()]
    if not found or not lines or lines[0] != ["ply"]:
        raise MeshError("not a PLY file: it must begin with ply and have an end_header line")
    # The body begins after exactly one line end, of whichever kind.
    body = body[2:] if body.startswith(b"\r\n") else body[1:]
    encoding = ""
    elements: list[_Element] = []
    try:
        for words in lines[1:]:
            if words[:1] == ["format"]:
                encoding = words[1]
            elif words[:1] == ["element"]:
                elements.append(_Element(words[1], int(words[2])))
                if elements[-1].count < 0:
                    raise ValueError(words[2])
            elif words[:1] == ["property"]:
                elements[-1].properties.append(_property(words[1:]))
    except (IndexError, KeyError, ValueError) as error:
        raise MeshError(f"the PLY header cannot be read: {' '.join(words)!r}") from error
    if encoding == "ascii":
        try:
            return elements, _TextCursor(body)
        except ValueError as error:
            raise MeshError(f"the PLY file has a value that is no number: {error}") from error
    if encoding not in _ORDERS:
        raise MeshError(f"unknown PLY format {encoding!r}")
    return elements, _BinaryCursor(body, _ORDERS[encoding])


def _property(words: list[str]) -> _Property:
    if words[0] == "list":
        return _Property(words[3], _TYPES[words[2]], _TYPES[words[1]])
    return _Property(words[1], _TYPES[words[0]])


def _read_element(element: _Element, cursor: _Cursor) -> dict[str, _Column]:
    """All properties of one element by name; empty if the file holds none of them."""
    if element.count == 0 or not element.properties:
        return {}
    columns = _read_equal_rows(element, cursor) or _read_rows(element, cursor)
    return {prop.name: column for prop, column in zip(element.properties, columns, strict=True)}


def _read_equal_rows(element: _Element, cursor: _Cursor) -> list[_Column] | None:
    """The usual case in one piece: lists as long as those of the first row; None if they vary."""
    start = cursor.position
    sizes = [len(values) for values in _read_row(element, cursor)]
    cursor.position = start
    layout: list[tuple[str, int]] = []
    for prop, size in zip(element.properties, sizes, strict=True):
        layout += [(prop.count_type, 1)] if prop.count_type else []
        layout.append((prop.type, size))
    try:
        blocks = iter(cursor.take(layout, element.count))
    except MeshError:  # rows that get shorter look like a truncated file here
        return None
    columns = []
    for prop, size in zip(element.properties, sizes, strict=True):
        if prop.count_type and (next(blocks) != size).any():
            cursor.position = start
            return None
        many = np.full(element.count, size) if prop.count_type else None
        columns.append(_Column(next(blocks).ravel(), many))
    return columns


def _read_rows(element: _Element, cursor: _Cursor) -> list[_Column]:
    """Row by row, for lists of different lengths."""
    rows = [_read_row(element, cursor) for _ in range(element.count)]
    columns = []
    for prop, cells in zip(element.properties, zip(*rows, strict=True), strict=True):
        many = np.array([len(cell) for cell in cells]) if prop.count_type else None
        columns.append(_Column(np.concatenate(cells), many))
    return columns


def _read_row(element: _Element, cursor: _Cursor) -> list[np.ndarray]:
    """The values of each property in the next row."""
    cells = []
    for prop in element.properties:
        size = 1
        if prop.count_type:
            length = float(cursor.take([(prop.count_type, 1)], 1)[0][0, 0])
            if not (0 <= length < math.inf and length.is_integer()):
                raise MeshError(f"a list of {prop.name} has length {length:g}; the file is corrupt")
            size = int(length)
        cells.append(cursor.take([(prop.type, size)], 1)[0][0])
    return cells


def _integers(column: _Column, what: str) -> Int64[np.ndarray, " N"]:
    values = column.values
    if values.dtype.kind == "f" and not (np.abs(values) < 2.0**53).all():
        raise MeshError(f"{what} are not integers; the file is corrupt")
    out = values.astype(np.int64)
    if (out != values).any():
        raise MeshError(f"{what} are not integers; the file is corrupt")
    return out
