"""Vertex positions of mesh files in the files' own order, read by a few lines for each format.

They know no more than the files that are measured need, and share nothing with gaugeconv's readers.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

_PLY_TYPES = {
    "float": "f4",
    "float32": "f4",
    "double": "f8",
    "uchar": "u1",
    "uint8": "u1",
    "int": "i4",
}
_STL_ROW = np.dtype([("normal", "<f4", 3), ("corners", "<f4", 9), ("attribute", "<u2")])


def positions_in_file(path: Path) -> np.ndarray:
    """(V, 3) positions; three for each triangle of an STL file."""
    readers = {".obj": _obj, ".off": _off, ".ply": _ply, ".stl": _stl}
    return readers[path.suffix.lower()](path.read_bytes()).astype(np.float64)


def _obj(data: bytes) -> np.ndarray:
    rows = [line.split() for line in data.splitlines()]
    return np.array([row[1:4] for row in rows if row[:1] == [b"v"]], dtype=np.float64)


def _off(data: bytes) -> np.ndarray:
    words = re.sub(rb"#[^\n]*", b"", data).replace(b"OFF", b" ", 1).split()
    return np.array(words[3 : 3 + 3 * int(words[0])], dtype=np.float64).reshape(-1, 3)


def _ply(data: bytes) -> np.ndarray:
    head, body = re.split(rb"end_header\r?\n", data, maxsplit=1)
    element = re.split(rb"element ", head)[1].decode()  # vertices come first
    count = int(element.split()[1])
    properties = re.findall(r"property (\w+) (\w+)", element)
    if b"format ascii" in head:
        rows = np.array([line.split() for line in body.splitlines()[:count]], dtype=np.float64)
        return rows[:, [[name for _, name in properties].index(axis) for axis in "xyz"]]
    order = "<" if b"little" in head else ">"
    row = np.dtype([(name, order + _PLY_TYPES[kind]) for kind, name in properties])
    table = np.frombuffer(body, row, count)
    return np.stack([table[axis] for axis in "xyz"], axis=1)


def _stl(data: bytes) -> np.ndarray:
    if data.lstrip().startswith(b"solid") and b"facet" in data[:2000]:
        return np.array(re.findall(rb"vertex\s+(\S+)\s+(\S+)\s+(\S+)", data), dtype=np.float64)
    return np.frombuffer(data[84:], _STL_ROW)["corners"].reshape(-1, 3)
