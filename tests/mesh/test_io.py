from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh

from gaugeconv.errors import MeshError
from gaugeconv.mesh import TriMesh, io, shapes
from gaugeconv.mesh.io import load_face_labels, load_polygons

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
    assert load_polygons(path).tolist() == [0, 0, 1]
    with pytest.raises(MeshError, match=r"gone\.ply"):
        load_polygons(tmp_path / "gone.ply")


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
    with pytest.raises(MeshError, match=r"nowhere.*cannot be written: no such folder"):
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
