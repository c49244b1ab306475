from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gaugeconv.data.ply_faces import read_face_property
from gaugeconv.errors import DataError

HEADER = """ply
format {format} 1.0
comment faces come after vertices and an element nobody knows
element vertex 4
property float x
property float y
property float z
element extra 2
property uchar flag
property list uchar short items
element face 2
property uchar red
property list uchar int vertex_indices
property list uchar float texcoord
property int label
end_header
"""
LABELS = [7, -1]


def binary(order: str, corners: tuple[int, int] = (3, 3)) -> bytes:
    name = {"<": "binary_little_endian", ">": "binary_big_endian"}[order]
    parts = [HEADER.format(format=name).encode(), np.arange(12, dtype=order + "f4").tobytes()]
    for flag in (1, 2):
        parts += [bytes([flag, 2]), np.array([5, 6], order + "i2").tobytes()]
    for count, label in zip(corners, LABELS, strict=True):
        parts += [bytes([200, count]), np.arange(count, dtype=order + "i4").tobytes()]
        parts += [bytes([6]), np.zeros(6, order + "f4").tobytes()]
        parts += [np.array(label, order + "i4").tobytes()]
    return b"".join(parts)


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_scalar_is_found_among_lists_in_either_byte_order(tmp_path: Path, order: str) -> None:
    path = tmp_path / "mesh.ply"
    path.write_bytes(binary(order))
    values = read_face_property(path, "label")
    assert values is not None
    assert values.dtype == np.dtype("=i4")
    np.testing.assert_array_equal(values, LABELS)


def test_a_scalar_is_found_among_lists_in_text(tmp_path: Path) -> None:
    path = tmp_path / "mesh.ply"
    rows = "0 0 0\n1 0 0\n0 1 0\n1 1 0\n1 2 5 6\n2 1 5\n"
    rows += "200 3 0 1 2 2 0.5 0.5 7\n200 4 0 1 3 2 0 -1\n"
    path.write_text(HEADER.format(format="ascii") + rows)
    np.testing.assert_array_equal(read_face_property(path, "label"), LABELS)


@pytest.mark.parametrize("name", ["quality", "vertex_indices", "x"])
def test_what_is_no_scalar_of_the_faces_is_none(tmp_path: Path, name: str) -> None:
    path = tmp_path / "mesh.ply"
    path.write_bytes(binary("<"))
    assert read_face_property(path, name) is None


def test_mixed_polygons_are_refused_by_row(tmp_path: Path) -> None:
    path = tmp_path / "mesh.ply"
    path.write_bytes(binary("<", (3, 4)))
    with pytest.raises(DataError, match=r"mesh\.ply"):
        read_face_property(path, "label")


@pytest.mark.parametrize("cut", [0, 3, 60, 200, 400, 480])
def test_a_truncated_file_is_refused(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "mesh.ply"
    path.write_bytes(binary("<")[:cut])
    with pytest.raises(DataError, match=r"mesh\.ply"):
        read_face_property(path, "label")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("element face 2", "element face -1"),
        ("element face 2", "element face many"),
        ("element vertex 4\n", ""),
        ("property int label", "property complex label"),
        ("format ascii", "format odd"),
        ("format ascii 1.0\n", ""),
        ("end_header", "end"),
    ],
)
def test_a_nonsense_header_is_refused(tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "mesh.ply"
    header = HEADER.format(format="ascii")
    assert old in header
    path.write_text(header.replace(old, new))
    with pytest.raises(DataError, match=r"mesh\.ply"):
        read_face_property(path, "label")
