"""Reading and writing OBJ and OFF, the two line-based formats.

Only positions and faces matter here. Reading them directly keeps the file's vertex and face order
whatever texture coordinates, normals, groups and materials lie on top of them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float64, Int64

from gaugeconv.errors import MeshError
from gaugeconv.mesh.polygons import FileContent

_LARGEST_INDEX = 2**62


def read_obj(data: bytes) -> FileContent:
    """Positions and faces of a Wavefront OBJ file; everything else in it is passed over.

    Raises:
        MeshError: a line cannot be read; the message gives its number.
    """
    vertices: list[list[float]] = []
    corners: list[int] = []
    sizes: list[int] = []
    text = data.decode(errors="replace").replace("\\\r\n", " ").replace("\\\n", " ")
    for number, line in enumerate(text.split("\n"), start=1):
        words = line.partition("#")[0].split()
        if not words or words[0] not in ("v", "f"):
            continue
        try:
            if words[0] == "v":
                vertices.append(_position(words[1:]))
            else:
                corners += [_obj_index(word, len(vertices)) for word in words[1:]]
                sizes.append(len(words) - 1)
        except ValueError as error:
            raise MeshError(f"line {number} ({line.strip()[:60]!r}): {error}") from None
    return _content(vertices, corners, sizes)


def read_off(data: bytes) -> FileContent:
    """Positions and faces of an OFF file (also COFF, NOFF and the like); colours are passed over.

    Raises:
        MeshError: no OFF header, a binary file, or a line that cannot be read or is missing.
    """
    lines = [line.partition("#")[0].split() for line in data.decode(errors="replace").split("\n")]
    rows = [words for words in lines if words]
    header = rows[0][0] if rows else ""
    prefix, off, counts = header.partition("OFF")
    if not off or prefix.strip("STCN"):
        raise MeshError(f"an OFF file must begin with OFF, not {header[:20]!r}")
    # "OFF 8 6 12", "OFF8 6 12" and the counts on a line of their own all occur.
    first = ([counts] if counts else []) + rows[0][1:]
    rows = ([first] if first else []) + rows[1:]
    try:
        num_vertices, num_faces = (int(word) for word in rows[0][:2])
    except (IndexError, ValueError):
        raise MeshError("no counts of vertices and faces after OFF (binary is not read)") from None
    if min(num_vertices, num_faces) < 0 or len(rows) < 1 + num_vertices + num_faces:
        raise MeshError(
            f"the file says {num_vertices} vertices and {num_faces} faces but has "
            f"{len(rows) - 1} lines of them"
        )
    corners: list[int] = []
    sizes: list[int] = []
    words: list[str] = []
    try:
        vertices = [_position(words := row) for row in rows[1 : 1 + num_vertices]]
        for words in rows[1 + num_vertices : 1 + num_vertices + num_faces]:
            size = int(words[0])
            if not 0 <= size < len(words):
                raise ValueError(f"expected {size} corners")
            corners += [_index(word) for word in words[1 : 1 + size]]
            sizes.append(size)
    except ValueError as error:
        raise MeshError(f"line {' '.join(words)[:60]!r}: {error}") from None
    return _content(vertices, corners, sizes)


def write_obj(
    path: Path, vertices: Float64[np.ndarray, "V 3"], faces: Int64[np.ndarray, "F 3"]
) -> None:
    """Write an OBJ file whose decimals read back as the same doubles."""
    with path.open("w", encoding="ascii") as file:
        np.savetxt(file, vertices, fmt="v %.17g %.17g %.17g")
        np.savetxt(file, faces + 1, fmt="f %d %d %d")


def write_off(
    path: Path, vertices: Float64[np.ndarray, "V 3"], faces: Int64[np.ndarray, "F 3"]
) -> None:
    """Write an OFF file whose decimals read back as the same doubles."""
    with path.open("w", encoding="ascii") as file:
        file.write(f"OFF\n{len(vertices)} {len(faces)} 0\n")
        np.savetxt(file, vertices, fmt="%.17g")
        np.savetxt(file, faces, fmt="3 %d %d %d")


def _position(words: list[str]) -> list[float]:
    if len(words) < 3:
        raise ValueError("expected three coordinates")
    return [float(words[0]), float(words[1]), float(words[2])]


def _obj_index(word: str, num_vertices: int) -> int:
    """Zero-based index of ``7``, ``7/1``, ``7//2``; negative counts back from the last vertex."""
    index = _index(word.partition("/")[0])
    if index == 0 or index < -num_vertices:
        raise ValueError(f"vertex {index} does not exist (the first is 1)")
    return index - 1 if index > 0 else num_vertices + index


def _index(word: str) -> int:
    """A vertex index that an int64 can hold; whether there is such a vertex is checked later."""
    index = int(word)
    if abs(index) > _LARGEST_INDEX:
        raise ValueError(f"vertex {word[:30]} does not exist")
    return index


def _content(vertices: list[list[float]], corners: list[int], sizes: list[int]) -> FileContent:
    return FileContent(
        np.array(vertices, dtype=np.float64).reshape(-1, 3),
        np.array(corners, dtype=np.int64),
        np.array(sizes, dtype=np.int64),
    )
