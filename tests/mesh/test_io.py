from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh

from gaugeconv.errors import MeshError, NonOrientableError
from gaugeconv.mesh import TriMesh, io, shapes
from gaugeconv.mesh.io import load_face_labels

SQUARE_OBJ = "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\n"
PLY_XYZ = "property float x\nproperty float y\nproperty float z\n"
PLY_FACE = "property list uchar int vertex_indices\n"


def awkward_mesh() -> TriMesh:
    """Full mantissas, tiny and huge coordinates, an unreferenced vertex first and last."""
    ball = shapes.irregular_sphere(40, seed=3)
    stretched = ball.vertices * np.array([1e-9, 1.0, 1e12])
    vertices = np.concatenate([[[7, 7, 7]], stretched, [[1 / 3, -0.0, 1e-300]]])
    return TriMesh(vertices, ball.faces + 1)


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


@pytest.mark.parametrize("suffix", [".ply", ".obj", ".off", ".PLY", ".OBJ", ".Off"])
def test_a_saved_mesh_loads_as_the_same_bits(tmp_path: Path, suffix: str) -> None:
    mesh = awkward_mesh()
    path = tmp_path / f"mesh{suffix}"
    mesh.save(path)
    loaded = TriMesh.load(str(path))
    assert loaded.vertices.tobytes() == mesh.vertices.tobytes()
    assert loaded.faces.tobytes() == mesh.faces.tobytes()
    assert loaded.content_hash() == mesh.content_hash()
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", [".stl", ".STL"])
def test_stl_holds_single_precision_triangles(tmp_path: Path, suffix: str) -> None:
    mesh = shapes.icosphere(1)
    mesh.save(tmp_path / f"mesh{suffix}")
    loaded = TriMesh.load(tmp_path / f"mesh{suffix}")
    assert loaded.num_vertices == 3 * mesh.num_faces
    assert loaded.num_components == mesh.num_faces
    corners = mesh.vertices[mesh.faces].astype(np.float32).reshape(-1, 3)
    assert (loaded.vertices == corners).all()


@pytest.mark.parametrize("file_type", ["ply", "obj", "off", "stl"])
def test_files_of_trimesh_read_as_trimesh_reads_them(tmp_path: Path, file_type: str) -> None:
    mesh = shapes.torus(9, 7)
    path = tmp_path / f"mesh.{file_type}"
    trimesh.Trimesh(mesh.vertices, mesh.faces, process=False).export(path)
    loaded = TriMesh.load(path)
    oracle = trimesh.load(path, process=False, maintain_order=True)
    assert (loaded.vertices == oracle.vertices).all()
    assert (loaded.faces == oracle.faces).all()


@pytest.mark.parametrize("file_type", ["ply", "obj", "off", "stl"])
def test_trimesh_reads_our_files(tmp_path: Path, file_type: str) -> None:
    mesh = shapes.torus(9, 7)
    path = tmp_path / f"mesh.{file_type}"
    mesh.save(path)
    oracle = trimesh.load(path, process=False, maintain_order=True)
    np.testing.assert_allclose(oracle.triangles, mesh.vertices[mesh.faces], rtol=1e-6, atol=1e-7)


def test_face_labels_and_colours_are_kept(tmp_path: Path) -> None:
    mesh = shapes.icosphere(1)
    rng = np.random.default_rng(0)
    labels = rng.integers(-1, 2**31 - 1, mesh.num_faces)
    colors = rng.integers(0, 256, (mesh.num_faces, 3))
    path = tmp_path / "mesh.ply"
    mesh.save(path, face_labels=labels, face_colors=colors)
    assert TriMesh.load(path).content_hash() == mesh.content_hash()
    loaded = load_face_labels(path)
    assert loaded is not None and loaded.dtype == np.int64
    assert (loaded == labels).all()
    raw = trimesh.load(path, process=False)
    assert (raw.visual.face_colors[:, :3] == colors).all()
    header = path.read_bytes().split(b"end_header")[0].decode()
    assert "format binary_little_endian 1.0" in header
    assert "property list uchar int vertex_indices" in header
    assert "property int label" in header


def test_a_file_without_labels_has_none(tmp_path: Path) -> None:
    mesh = shapes.icosphere(0)
    for suffix in (".ply", ".obj", ".stl"):
        mesh.save(tmp_path / f"mesh{suffix}")
        assert load_face_labels(tmp_path / f"mesh{suffix}") is None


def test_labels_of_polygons_are_repeated_for_their_triangles(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "mixed.ply",
        f"ply\nformat ascii 1.0\nelement vertex 5\n{PLY_XYZ}element face 2\n{PLY_FACE}"
        "property int label\nend_header\n0 0 0\n1 0 0\n1 1 0\n0 1 0\n2 0 0\n"
        "4 0 1 2 3 8\n3 1 4 2 -1\n",
    )
    assert TriMesh.load(path).faces.tolist() == [[0, 1, 2], [0, 2, 3], [1, 4, 2]]
    assert load_face_labels(path).tolist() == [8, 8, -1]


@pytest.mark.parametrize(
    ("labels", "colors", "message"),
    [
        (np.zeros(3, int), None, r"face_labels must be integers of shape \(20,\)"),
        (np.zeros(20), None, "face_labels must be integers"),
        (np.full(20, 2**40), None, "face_labels must lie in"),
        (None, np.zeros((20, 4), int), r"face_colors must be integers of shape \(20, 3\)"),
        (None, np.full((20, 3), 256), r"face_colors must lie in \[0, 255\]"),
    ],
)
def test_labels_and_colours_that_do_not_fit_are_refused(
    tmp_path: Path, labels: np.ndarray | None, colors: np.ndarray | None, message: str
) -> None:
    with pytest.raises(MeshError, match=message):
        shapes.icosphere(0).save(tmp_path / "a.ply", face_labels=labels, face_colors=colors)
    assert list(tmp_path.iterdir()) == []


def test_only_ply_holds_labels(tmp_path: Path) -> None:
    with pytest.raises(MeshError, match=r"a\.obj: only \.ply"):
        shapes.icosphere(0).save(tmp_path / "a.obj", face_labels=np.zeros(20, int))


def test_saving_fails_clearly(tmp_path: Path) -> None:
    mesh = shapes.icosphere(0)
    with pytest.raises(MeshError, match=r"unsupported file type '\.xyz'"):
        mesh.save(tmp_path / "mesh.xyz")
    with pytest.raises(MeshError, match=r"nowhere.*cannot be written"):
        mesh.save(tmp_path / "nowhere" / "mesh.ply")
    with pytest.raises(MeshError, match="no vertex positions"):
        shapes.cone(8.0).save(tmp_path / "mesh.ply")
    with pytest.raises(MeshError, match="single precision"):
        TriMesh(1e40 * mesh.vertices, mesh.faces).save(tmp_path / "mesh.stl")
    assert list(tmp_path.iterdir()) == []


def test_a_failed_save_leaves_the_old_file_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mesh.ply"
    shapes.icosphere(0).save(path)
    before = path.read_bytes()

    def disk_full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(io, "write_ply", disk_full)
    with pytest.raises(MeshError, match="No space left"):
        shapes.icosphere(1).save(path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["mesh.ply"]


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
    (tmp_path / "folder.obj").mkdir()
    with pytest.raises(MeshError, match=r"folder\.obj: cannot be read"):
        TriMesh.load(tmp_path / "folder.obj")


def test_defects_of_a_file_name_the_file_and_keep_their_class(tmp_path: Path) -> None:
    path = write(tmp_path, "a.obj", SQUARE_OBJ + "f 1 2 3\nf 2 3 1\n")
    with pytest.raises(MeshError, match=r"a\.obj: .*earlier one: 1 face \(1\)"):
        TriMesh.load(path)
    assert len(TriMesh.load(path, validate=False).report().defects) == 2
    band = "v 0 0 0\nv 0 0 1\nv 1 0 0\nv 1 0 1\nv 0 1 0\nv 0 1 1\n"
    strip = "f 1 2 4\nf 1 4 3\nf 3 4 6\nf 3 6 5\nf 5 6 1\nf 5 1 2\n"
    with pytest.raises(NonOrientableError, match=r"band\.obj: "):
        TriMesh.load(write(tmp_path, "band.obj", band + strip))
