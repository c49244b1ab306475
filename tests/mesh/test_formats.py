"""What each file format may contain and how it is read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gaugeconv.errors import MeshError
from gaugeconv.mesh import TriMesh
from gaugeconv.mesh.io import load_face_labels

SQUARE_OBJ = "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\n"
PLY_XYZ = "property float x\nproperty float y\nproperty float z\n"


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


OBJ_FACES = {
    "texture seams and normals": (
        "vt 0 0\nvt 1 1\nvn 0 0 1\nf 1/1/1 2/2/1 3/1/1\nf 1/2 3/1 4/2\nv 9 9 9\n",
        [[0, 1, 2], [0, 2, 3]],
        5,
    ),
    "normals without texture": ("vn 0 0 1\nf 1//1 2//1 3//1\n", [[0, 1, 2]], 4),
    "materials and groups in turn": (
        "o one\nusemtl a\nf 1 2 3\ng left\nusemtl b\nf 1 3 4\nv 2 0 0\nusemtl a\nf 2 5 3\n",
        [[0, 1, 2], [0, 2, 3], [1, 4, 2]],
        5,
    ),
    "relative indices": ("f -4 -3 -2\nv 2 0 0\nf -4 -1 -3\n", [[0, 1, 2], [1, 4, 2]], 5),
    "comments, tabs, continuation": (
        "# f 1 1 1\nf\t1 2 3 # first\n  f 1 \\\n3 4\n",
        [[0, 1, 2], [0, 2, 3]],
        4,
    ),
    "a quad": ("f 1 2 3 4\n", [[0, 1, 2], [0, 2, 3]], 4),
    "a dart, cut inside": ("v .2 .2 0\nf 2 5 4 1\n", [[4, 3, 0], [4, 0, 1]], 5),
    "quads and triangles keep their order": (
        "v 2 0 0\nv 2 1 0\nf 2 5 3\nf 1 2 3 4\nf 5 6 3\n",
        [[1, 4, 2], [0, 1, 2], [0, 2, 3], [4, 5, 2]],
        6,
    ),
    "no line end": ("f 1 2 3", [[0, 1, 2]], 4),
}


@pytest.mark.parametrize("line_end", ["\n", "\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("name", OBJ_FACES)
def test_obj_keeps_vertices_and_faces_in_order(tmp_path: Path, name: str, line_end: str) -> None:
    text, faces, num_vertices = OBJ_FACES[name]
    path = tmp_path / "mesh.obj"
    path.write_bytes((SQUARE_OBJ + text).replace("\n", line_end).encode())
    mesh = TriMesh.load(path)
    assert mesh.faces.tolist() == faces
    assert mesh.num_vertices == num_vertices
    assert mesh.vertices[:4].tolist() == [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]


def test_obj_passes_over_vertex_colours_and_weights(tmp_path: Path) -> None:
    path = write(tmp_path, "a.obj", "v 0 0 0 1 0 0\nv 1 0 0 1\nv 0 1 0\nf 1 2 3\n")
    assert TriMesh.load(path).vertices.tolist() == [[0, 0, 0], [1, 0, 0], [0, 1, 0]]


@pytest.mark.parametrize(
    "header",
    ["OFF\n# counts\n4 2 0\n", "OFF 4 2 0\n", "\n  OFF4 2 # edges left out\n", "COFF\n4 2 5\n"],
)
def test_off_headers_and_comments(tmp_path: Path, header: str) -> None:
    body = "0 0 0 255 0 0 255\n\n1 0 0\n1 1 0 # corner\n0 1 0\n3 0 1 2 1.0 0.5\n3 0 2 3\n"
    mesh = TriMesh.load(write(tmp_path, "a.off", header + body))
    assert mesh.faces.tolist() == [[0, 1, 2], [0, 2, 3]]
    assert mesh.vertices.tolist() == [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]


def ply_bytes(order: str) -> bytes:
    """Extra elements and properties, a second list, triangles and quads mixed."""
    words = {"<": "little", ">": "big"}
    header = (
        f"ply\nformat binary_{words[order]}_endian 1.0\ncomment x\n"
        "element camera 1\nproperty list uchar float pose\nproperty int id\n"
        f"element vertex 5\nproperty uchar red\n{PLY_XYZ.replace('float', 'double')}"
        "element face 2\nproperty list uchar float texcoord\n"
        "property list int ushort vertex_index\nproperty short label\nend_header\n"
    )

    def pack(kind: str, *values: float) -> bytes:
        return np.array(values, dtype=order + kind).tobytes()

    body = pack("u1", 2) + pack("f4", 1, 2) + pack("i4", 9)
    for x, y in ((0, 0), (1, 0), (1, 1), (0, 1), (2, 0)):
        body += pack("u1", 200) + pack("f8", x, y, 0)
    body += pack("u1", 0) + pack("i4", 4) + pack("u2", 0, 1, 2, 3) + pack("i2", 5)
    body += pack("u1", 1) + pack("f4", 0.5) + pack("i4", 3) + pack("u2", 1, 4, 2) + pack("i2", -1)
    return header.encode() + body


@pytest.mark.parametrize("order", ["<", ">"], ids=["little", "big"])
def test_binary_ply_with_extras_and_mixed_polygons(tmp_path: Path, order: str) -> None:
    path = tmp_path / "a.ply"
    path.write_bytes(ply_bytes(order))
    mesh = TriMesh.load(path)
    assert mesh.faces.tolist() == [[0, 1, 2], [0, 2, 3], [1, 4, 2]]
    assert mesh.vertices[4].tolist() == [2, 0, 0]
    assert load_face_labels(path).tolist() == [5, 5, -1]


@pytest.mark.parametrize("order", ["<", ">"], ids=["little", "big"])
def test_truncated_binary_ply_is_refused_at_every_length(tmp_path: Path, order: str) -> None:
    data = ply_bytes(order)
    path = tmp_path / "a.ply"
    for length in range(1, len(data)):
        path.write_bytes(data[:length])
        with pytest.raises(MeshError, match=r"a\.ply: "):
            TriMesh.load(path)


def test_solids_of_an_stl_file_are_concatenated_in_order(tmp_path: Path) -> None:
    def solid(name: str, z: int) -> str:
        corners = [f"vertex {x} {y} {z}" for x, y in ((0, 0), (1, 0), (0, 1))]
        loop = "\n".join(corners)
        return (
            f"solid {name}\nfacet normal 0 0 1\nouter loop\n{loop}\nendloop\nendfacet\n"
            f"endsolid {name}\n"
        )

    path = write(tmp_path, "a.stl", solid("second", 5) + solid("first", 1) + solid("first", 3))
    mesh = TriMesh.load(path)
    assert mesh.vertices[:, 2].tolist() == [5, 5, 5, 1, 1, 1, 3, 3, 3]
    assert mesh.num_components == 3
