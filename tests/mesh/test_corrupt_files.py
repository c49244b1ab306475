"""Files that are no meshes, each refused by name with the reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from gaugeconv.errors import MeshError, NonOrientableError
from gaugeconv.mesh import TriMesh
from gaugeconv.mesh.io import load_face_labels

SQUARE_OBJ = "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\n"
PLY_XYZ = "property float x\nproperty float y\nproperty float z\n"
PLY_FACE = "property list uchar int vertex_indices\n"


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


CORRUPT = {
    "empty.obj": ("", "the file is empty"),
    "blank.off": (" \n\n", "the file is empty"),
    "points.obj": (SQUARE_OBJ, "4 vertices and no faces"),
    "curve.obj": (SQUARE_OBJ + "l 1 2 3\n", "no faces"),
    "word.obj": ("v 0 x 0\nf 1 2 3\n", "line 1.*could not convert"),
    "short.obj": ("v 0 0\n", "line 1.*three coordinates"),
    "zero.obj": (SQUARE_OBJ + "f 0 1 2\n", r"line 5.*vertex 0 does not exist"),
    "back.obj": (SQUARE_OBJ + "f -5 1 2\n", r"line 5.*vertex -5 does not exist"),
    "beyond.obj": (SQUARE_OBJ + "f 1 2 5\n", r"\[0, 4\)"),
    "beyond_quad.obj": (SQUARE_OBJ + "f 1 2 3 9\n", r"\[0, 4\).*1 face \(0\)"),
    "two_corners.obj": (SQUARE_OBJ + "f 1 2 3\nf 1 2\n", r"three corners: 1 face \(1\)"),
    "long.obj": (SQUARE_OBJ + f"f 1 2 {'9' * 23}\n", "line 5.*vertex 9+ does not exist"),
    "minus.obj": (SQUARE_OBJ + f"f 1 2 -{'9' * 23}\n", "line 5.*vertex -9+ does not exist"),
    "nan.obj": ("v nan 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", "NaN"),
    "spiral.obj": (
        "v 0 0 0\nv 3 0 0\nv 3 3 0\nv 1 3 0\nv 1 2 0\nv 2 2 0\nv 2 1 0\nv 0 1 0\nf 1 2 3 4 5 6 7 8\n",
        r"too far from convex.*1 face \(0\)",
    ),
    "header.off": ("PLY\n3 1 0\n", "must begin with OFF"),
    "counts.off": ("OFF\nBINARY\n", "no counts"),
    "lines.off": ("OFF\n3 2 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n", "3 vertices and 2 faces but has 4"),
    "negative.off": ("OFF\n-1 0 0\n", "-1 vertices"),
    "corners.off": ("OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1\n", "'3 0 1'.*3 corners"),
    "vertex.off": ("OFF\n3 1 0\n0 0 0\n1 0\n0 1 0\n3 0 1 2\n", "'1 0'"),
    "long.off": (
        f"OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 {'9' * 23}\n",
        "vertex 9+ does not exist",
    ),
    "sizes.off": (f"OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n{'9' * 23} 0 1 2\n", "expected 9+ corners"),
    "counts_long.off": (f"OFF\n{'9' * 23} 1 0\n", "9+ vertices and 1 faces but has 0"),
    "magic.ply": ("plu\nend_header\n", "not a PLY file"),
    "endless.ply": ("ply\nformat ascii 1.0\nelement vertex 3\n", "not a PLY file"),
    "format.ply": ("ply\nformat binary_middle_endian 1.0\nend_header\n", "binary_middle_endian"),
    "type.ply": (
        "ply\nformat ascii 1.0\nelement vertex 1\nproperty half x\nend_header\n",
        "half x",
    ),
    "count.ply": ("ply\nformat ascii 1.0\nelement vertex -3\nend_header\n", "vertex -3"),
    "huge.ply": (
        f"ply\nformat binary_little_endian 1.0\nelement vertex 99999999999999\n{PLY_XYZ}end_header\n",
        "truncated",
    ),
    "axis.ply": (
        "ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nend_header\n1\n",
        "x, y, z",
    ),
    "word.ply": (
        f"ply\nformat ascii 1.0\nelement vertex 1\n{PLY_XYZ}end_header\n0 zero 0\n",
        "no number",
    ),
    "list.ply": (
        f"ply\nformat ascii 1.0\nelement vertex 1\n{PLY_XYZ}element face 1\n{PLY_FACE}end_header\n"
        "0 0 0\n-3 0 0 0\n",
        "length -3",
    ),
    **{
        f"list_{length}.ply": (
            f"ply\nformat ascii 1.0\nelement vertex 3\n{PLY_XYZ}element face 1\n{PLY_FACE}"
            f"end_header\n0 0 0\n1 0 0\n0 1 0\n{length} 0 1 2\n",
            rf"a list of vertex_indices has length {length}",
        )
        for length in ("nan", "inf", "3.5", "-inf")
    },
    "list_long.ply": (
        f"ply\nformat ascii 1.0\nelement vertex 1\n{PLY_XYZ}element face 1\n{PLY_FACE}end_header\n"
        f"0 0 0\n{'9' * 23} 0 0 0\n",
        "truncated",
    ),
    "fraction.ply": (
        f"ply\nformat ascii 1.0\nelement vertex 1\n{PLY_XYZ}element face 1\n{PLY_FACE}end_header\n"
        "0 0 0\n3 0 0.5 0\n",
        "not integers",
    ),
    "nan_index.ply": (
        f"ply\nformat ascii 1.0\nelement vertex 1\n{PLY_XYZ}element face 1\n{PLY_FACE}end_header\n"
        "0 0 0\n3 0 nan 0\n",
        "not integers",
    ),
    "points.ply": (
        f"ply\nformat ascii 1.0\nelement vertex 1\n{PLY_XYZ}end_header\n0 0 0\n",
        "1 vertices and no faces",
    ),
    "noise.stl": ("this is no stl file", "no faces"),
    "empty.stl": ("solid a\nendsolid a\n", "no faces"),
    "word.stl": (
        "solid a\nfacet normal 0 0 1\nouter loop\nvertex 0 0 0\nvertex 1 zero 0\nvertex 0 1 0\n"
        "endloop\nendfacet\nendsolid a\n",
        "STL file is corrupt",
    ),
    "mesh.xyz": ("0 0 0\n", r"unsupported file type '\.xyz'; use one of \.ply, \.obj"),
    "mesh": ("0 0 0\n", "unsupported file type ''"),
}


def test_a_binary_list_longer_than_any_row_is_refused(tmp_path: Path) -> None:
    header = (
        f"ply\nformat binary_little_endian 1.0\nelement vertex 1\n{PLY_XYZ}element face 1\n"
        "property list uint double vertex_indices\nend_header\n"
    )
    path = tmp_path / "a.ply"
    path.write_bytes(header.encode() + bytes(12) + b"\xff" * 4 + bytes(24))
    with pytest.raises(MeshError, match="truncated"):
        TriMesh.load(path)


@pytest.mark.parametrize("name", CORRUPT)
def test_corrupt_files_are_refused_by_name(tmp_path: Path, name: str) -> None:
    text, message = CORRUPT[name]
    path = write(tmp_path, name, text)
    with pytest.raises(MeshError, match=message) as caught:
        TriMesh.load(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_stl_with_unreadable_normals_is_read_in_silence(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    text = (
        "solid a\nfacet normal 0 zero 1\nouter loop\nvertex 0 0 0\nvertex 1 0 0\nvertex 0 1 0\n"
        "endloop\nendfacet\nendsolid a\n"
    )
    assert TriMesh.load(write(tmp_path, "a.stl", text)).num_faces == 1
    assert capfd.readouterr() == ("", "")


def test_missing_files_and_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MeshError, match=r"gone\.ply: cannot be read: No such file"):
        TriMesh.load(tmp_path / "gone.ply")
    with pytest.raises(MeshError, match=r"gone\.ply"):
        load_face_labels(tmp_path / "gone.ply")
    for name in ("folder.obj", "folder"):
        (tmp_path / name).mkdir()
        with pytest.raises(MeshError, match=rf"{name}: it is a folder; give the path of a mesh"):
            TriMesh.load(tmp_path / name)


def test_defects_of_a_file_name_the_file_and_keep_their_class(tmp_path: Path) -> None:
    path = write(tmp_path, "a.obj", SQUARE_OBJ + "f 1 2 3\nf 2 3 1\n")
    with pytest.raises(MeshError, match=r"a\.obj: .*earlier one: 1 face \(1\)"):
        TriMesh.load(path)
    assert len(TriMesh.load(path, validate=False).report().defects) == 2
    band = "v 0 0 0\nv 0 0 1\nv 1 0 0\nv 1 0 1\nv 0 1 0\nv 0 1 1\n"
    strip = "f 1 2 4\nf 1 4 3\nf 3 4 6\nf 3 6 5\nf 5 6 1\nf 5 1 2\n"
    with pytest.raises(NonOrientableError, match=r"band\.obj: "):
        TriMesh.load(write(tmp_path, "band.obj", band + strip))
