from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from gaugeconv.data import DatasetFolder, LabelledMesh
from gaugeconv.data.label_files import faces_from_vertices, read_labels, read_result_names
from gaugeconv.errors import DataError, MeshError
from gaugeconv.mesh import TriMesh
from gaugeconv.mesh.shapes import icosphere

NAMES = ("north", "south")


def hemispheres(mesh: TriMesh) -> np.ndarray:
    return (mesh.vertices[mesh.faces].mean(axis=1)[:, 2] < 0).astype(np.int64)


@pytest.fixture
def sphere() -> TriMesh:
    return icosphere(1)


@pytest.fixture
def root(tmp_path: Path, sphere: TriMesh) -> Path:
    """A dataset with items a (train) and b (val), labels inside the PLY files."""
    items = [LabelledMesh(name, sphere, hemispheres(sphere)) for name in "ab"]
    DatasetFolder.write(tmp_path / "set", items, NAMES, {"train": ["a"], "val": ["b"]})
    return tmp_path / "set"


def write_labels(root: Path, file: str, values: np.ndarray) -> Path:
    path = root / "labels" / file
    path.parent.mkdir(exist_ok=True)
    if path.suffix == ".npy":
        np.save(path, values)
    else:
        np.savetxt(path, values, fmt="%d")
    return path


def test_what_is_written_is_what_is_read(tmp_path: Path, sphere: TriMesh) -> None:
    labels = hemispheres(sphere)
    labels[::7] = -1
    items = [LabelledMesh("one", sphere, labels)]
    dataset = DatasetFolder.write(tmp_path / "new" / "set", items, NAMES, {"test": ["one"]})
    loaded = DatasetFolder(dataset.path).load("one")
    assert loaded.mesh.content_hash() == sphere.content_hash()
    np.testing.assert_array_equal(loaded.face_labels, labels)
    assert loaded.face_labels.dtype == np.int64
    assert dataset.label_names == NAMES
    assert dataset.names("test") == ("one",)
    assert dataset.items == {"one": tmp_path / "new" / "set" / "meshes" / "one.ply"}


def test_a_dataset_is_not_written_over(root: Path) -> None:
    with pytest.raises(DataError, match="already holds a dataset"):
        DatasetFolder.write(root, [], NAMES, {})


def test_labels_out_of_range_are_not_written(tmp_path: Path, sphere: TriMesh) -> None:
    item = LabelledMesh("one", sphere, np.full(sphere.num_faces, 2))
    with pytest.raises(DataError, match=r"label 2 of face 0 .* outside -1 … 1"):
        DatasetFolder.write(tmp_path / "set", [item], NAMES, {"train": ["one"]})
    assert not (tmp_path / "set" / "labels.json").exists()


@pytest.mark.parametrize("file", ["a.npy", "a.txt"])
def test_a_label_file_goes_before_the_labels_in_the_ply(
    root: Path, sphere: TriMesh, file: str
) -> None:
    flipped = 1 - hemispheres(sphere)
    write_labels(root, file, flipped)
    np.testing.assert_array_equal(DatasetFolder(root).load("a").face_labels, flipped)


def test_vertex_labels_become_face_labels_by_majority() -> None:
    corners = [[0, 0, 1], [0, 1, 0], [1, 0, 0], [2, 1, 1], [2, 1, 0], [0, -1, -1], [3, 3, 3]]
    labels = np.array(corners).reshape(-1)
    faces = np.arange(labels.size).reshape(-1, 3)
    expected = [0, 0, 0, 1, 2, -1, 3]
    np.testing.assert_array_equal(faces_from_vertices(labels, faces), expected)


def test_labels_per_vertex_are_told_apart_by_their_count(root: Path, sphere: TriMesh) -> None:
    per_vertex = (sphere.vertices[:, 2] < 0).astype(np.int64)
    write_labels(root, "a.npy", per_vertex)
    expected = faces_from_vertices(per_vertex, sphere.faces)
    np.testing.assert_array_equal(DatasetFolder(root).load("a").face_labels, expected)


def test_as_many_faces_as_vertices_cannot_be_told_apart(root: Path) -> None:
    tetrahedron = TriMesh(np.eye(4)[:, :3], [[0, 1, 2], [0, 3, 1], [1, 3, 2], [2, 3, 0]])
    tetrahedron.save(root / "meshes" / "a.ply")
    write_labels(root, "a.npy", np.zeros(4, dtype=np.int64))
    with pytest.raises(DataError, match=r"a\.npy: the mesh has as many faces as vertices \(4\)"):
        DatasetFolder(root).load("a")


def quad_torus(columns: int, rows: int) -> tuple[str, str]:
    """A PLY of quads, as many as vertices, and the same as an OBJ."""
    place = np.arange(columns * rows).reshape(columns, rows)
    right, up = np.roll(place, -1, axis=0), np.roll(place, -1, axis=1)
    both = np.roll(right, -1, axis=1)
    quads = np.stack([place, right, both, up], axis=-1).reshape(-1, 4)
    angles = 2 * np.pi * np.indices((columns, rows)).reshape(2, -1).T / [columns, rows]
    around = (1 + 0.4 * np.cos(angles[:, 1]))[:, None] * np.stack(
        [np.cos(angles[:, 0]), np.sin(angles[:, 0])], axis=1
    )
    vertices = np.column_stack([around, 0.4 * np.sin(angles[:, 1])])
    assert len(vertices) == len(quads)
    points = "".join(f"{x!r} {y!r} {z!r}\n" for x, y, z in vertices.tolist())
    ply = (
        f"ply\nformat ascii 1.0\nelement vertex {len(vertices)}\nproperty double x\n"
        f"property double y\nproperty double z\nelement face {len(quads)}\n"
        "property list uchar int vertex_indices\nproperty int label\nend_header\n" + points
    )
    ply += "".join(f"4 {a} {b} {c} {d} {k % 2}\n" for k, (a, b, c, d) in enumerate(quads.tolist()))
    obj = "".join(f"v {line}\n" for line in points.splitlines())
    obj += "".join("f " + " ".join(str(i + 1) for i in quad) + "\n" for quad in quads.tolist())
    return ply, obj


def test_labels_of_the_polygons_of_a_ply_are_never_taken_for_vertex_labels(root: Path) -> None:
    (root / "meshes" / "a.ply").write_text(quad_torus(6, 5)[0])
    loaded = DatasetFolder(root).load("a")
    assert (loaded.mesh.num_vertices, loaded.mesh.num_faces) == (30, 60)
    np.testing.assert_array_equal(loaded.face_labels, np.repeat(np.arange(30) % 2, 2))


def test_a_label_file_may_count_polygons_but_not_where_vertices_are_as_many(root: Path) -> None:
    _, obj = quad_torus(6, 5)
    (root / "meshes" / "a.ply").unlink()
    (root / "meshes" / "a.obj").write_text(obj)
    write_labels(root, "a.npy", np.arange(30) % 2)
    with pytest.raises(DataError, match=r"a\.npy: the mesh has as many faces as vertices \(30\)"):
        DatasetFolder(root).load("a")
    (root / "meshes" / "a.obj").write_text(obj[: obj[:-1].rindex("\n") + 1])  # one quad fewer
    write_labels(root, "a.npy", np.arange(29) % 2)
    labels = DatasetFolder(root).load("a").face_labels
    np.testing.assert_array_equal(labels, np.repeat(np.arange(29) % 2, 2))
    write_labels(root, "a.npy", np.arange(30) % 2)
    assert len(DatasetFolder(root).load("a").face_labels) == 58
    write_labels(root, "a.npy", np.zeros(7, dtype=np.int64))
    with pytest.raises(DataError, match="58 faces cut from 29 polygons and 30 vertices"):
        DatasetFolder(root).load("a")


def test_a_wrong_count_names_the_file_and_all_counts(root: Path) -> None:
    write_labels(root, "a.txt", np.zeros(41))
    with pytest.raises(DataError, match=r"a\.txt has 41 labels, .* 80 faces and 42 vertices"):
        DatasetFolder(root).load("a")


def test_a_label_out_of_range_names_the_file_and_the_face(root: Path) -> None:
    values = np.zeros(80, dtype=np.int64)
    values[[5, 9]] = 2
    write_labels(root, "a.npy", values)
    with pytest.raises(DataError, match=r"a\.npy: label 2 of face 5 \(and 1 more\)"):
        DatasetFolder(root).load("a")


def test_missing_labels_name_both_places_they_could_be(root: Path, sphere: TriMesh) -> None:
    sphere.save(root / "meshes" / "a.ply")
    with pytest.raises(DataError, match=r"a has no labels: .*a\.ply .*a\.npy nor \.txt"):
        DatasetFolder(root).load("a")


def test_other_mesh_formats_take_labels_from_a_file(root: Path, sphere: TriMesh) -> None:
    (root / "meshes" / "a.ply").unlink()
    sphere.save(root / "meshes" / "a.obj")
    write_labels(root, "a.txt", hemispheres(sphere))
    loaded = DatasetFolder(root).load("a")
    np.testing.assert_array_equal(loaded.face_labels, hemispheres(sphere))


@pytest.mark.parametrize("name", ["../a", "x/a", "x\\a", "..", ".a", "", "/a", "c:a", "a\n"])
def test_a_name_cannot_leave_the_folder(root: Path, name: str) -> None:
    (root / "split.json").write_text(json.dumps({"train": [name]}))
    with pytest.raises(DataError, match="cannot name an item"):
        DatasetFolder(root)


def test_a_link_cannot_leave_the_folder(root: Path, sphere: TriMesh) -> None:
    outside = root.parent / "outside.ply"
    sphere.save(outside)
    (root / "meshes" / "a.ply").unlink()
    (root / "meshes" / "a.ply").symlink_to(outside)
    with pytest.raises(DataError, match="link out of the dataset"):
        DatasetFolder(root)


def test_a_link_within_the_folder_is_followed(root: Path) -> None:
    (root / "meshes" / "a.ply").unlink()
    (root / "meshes" / "a.ply").symlink_to(root / "meshes" / "b.ply")
    assert DatasetFolder(root).load("a").mesh.num_faces == 80


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ({"train": ["a"], "test": ["a"]}, "'a' is in train and again in test"),
        ({"train": ["a", "a"]}, "'a' is in train and again in train"),
        ({"train": ["a", "zzz"]}, "split.json names zzz, but .* does not exist"),
        ({"training": ["a"]}, r"unknown split \['training'\]"),
        ({"train": "a"}, "must be a list of names"),
        ({"train": [1]}, "must be a list of names"),
        (["a"], "must hold a JSON object"),
    ],
)
def test_a_bad_split_is_refused(root: Path, split: object, message: str) -> None:
    (root / "split.json").write_text(json.dumps(split))
    with pytest.raises(DataError, match=message):
        DatasetFolder(root)


@pytest.mark.parametrize(
    "content",
    ['{"labels": []}', '{"labels": ["a", "a"]}', '{"labels": [1]}', "{}", "{", "[" * 9999],
)
def test_bad_label_names_are_refused(root: Path, content: str) -> None:
    (root / "labels.json").write_text(content)
    with pytest.raises(DataError, match=r"labels\.json"):
        DatasetFolder(root)


@pytest.mark.parametrize("file", ["labels.json", "split.json"])
def test_a_missing_json_file_is_named(root: Path, file: str) -> None:
    (root / file).unlink()
    with pytest.raises(DataError, match=f"{file} is missing"):
        DatasetFolder(root)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere is not a folder"):
        DatasetFolder(tmp_path / "nowhere")


def test_two_files_for_one_item_are_refused(root: Path, sphere: TriMesh) -> None:
    sphere.save(root / "meshes" / "a.off")
    with pytest.raises(DataError, match="two files for one item"):
        DatasetFolder(root)


def test_an_empty_split_says_which_there_are(root: Path) -> None:
    with pytest.raises(DataError, match="no meshes for the split 'test'; it has train, val"):
        DatasetFolder(root).names("test")
    with pytest.raises(DataError, match="'c' is in no split"):
        DatasetFolder(root).load("c")


def test_a_broken_mesh_is_named(root: Path) -> None:
    (root / "meshes" / "a.ply").write_bytes((root / "meshes" / "a.ply").read_bytes()[:200])
    with pytest.raises(MeshError, match=r"a\.ply"):
        DatasetFolder(root).load("a")


def test_objects_are_never_unpickled(tmp_path: Path) -> None:
    path = tmp_path / "labels.npy"
    np.save(path, np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match=r"labels\.npy is not a label array"):
        read_labels(path)


def test_an_array_larger_than_its_file_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "labels.npy"
    header = b"{'descr': '<i8', 'fortran_order': False, 'shape': (99999999999999,), }"
    padded = header.ljust(117) + b"\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(padded).to_bytes(2, "little") + padded)
    with pytest.raises(DataError, match=r"labels\.npy is not a label array"):
        read_labels(path)


@pytest.mark.parametrize(
    "values", [np.zeros(3), np.zeros((3, 1), int), np.array(["a"]), np.int64(3)]
)
def test_arrays_that_are_no_label_lists_are_refused(tmp_path: Path, values: np.ndarray) -> None:
    np.save(tmp_path / "labels.npy", values)
    with pytest.raises(DataError, match="one-dimensional array of integers"):
        read_labels(tmp_path / "labels.npy")


@pytest.mark.parametrize(
    "content", ["0\nx\n", "0\n1.5\n", "0\n\n1\n", "0 1\n0 1\n", f"0\n{2**70}\n"]
)
def test_a_line_that_is_no_integer_is_quoted_with_its_number(tmp_path: Path, content: str) -> None:
    (tmp_path / "labels.txt").write_text(content)
    with pytest.raises(DataError, match=r"labels\.txt, line [12]: "):
        read_labels(tmp_path / "labels.txt")


def test_a_damaged_archive_is_refused_wherever_the_damage_is(tmp_path: Path) -> None:
    path, names = tmp_path / "labels.npz", np.array(["a", "b"])
    np.savez_compressed(path, face_labels=np.arange(40) % 3, label_names=names)
    whole = path.read_bytes()
    read_labels(path)
    refused = 0
    for place in range(len(whole)):
        for value in (0, 0xFF, whole[place] ^ 1):
            path.write_bytes(whole[:place] + bytes([value]) + whole[place + 1 :])
            for read in (read_labels, read_result_names):
                try:
                    read(path)
                except DataError as error:
                    refused += 1
                    assert "labels.npz" in str(error)
    assert refused > len(whole)


@pytest.mark.parametrize("file", ["labels.txt", "labels.npy", "labels.npz"])
def test_binary_rubbish_is_refused(tmp_path: Path, file: str) -> None:
    (tmp_path / file).write_bytes(b"\xff\xfe\x00rubbish")
    with pytest.raises(DataError, match="labels"):
        read_labels(tmp_path / file)


def test_labels_of_vertices_and_whole_meshes_are_written_and_read(
    tmp_path: Path, sphere: TriMesh
) -> None:
    at_vertices = np.arange(sphere.num_vertices) % 3 - 1
    faces = faces_from_vertices(at_vertices, sphere.faces)
    items = [
        LabelledMesh("a", sphere, faces, at_vertices),
        LabelledMesh("b", sphere, np.full(80, 1), class_label=1),
    ]
    dataset = DatasetFolder.write(tmp_path / "set", items, NAMES, {"train": ["a", "b"]})
    one, two = (dataset.load(name) for name in "ab")
    np.testing.assert_array_equal(one.vertex_labels, at_vertices)
    np.testing.assert_array_equal(one.face_labels, faces)
    assert (one.class_label, two.class_label, two.vertex_labels) == (None, 1, None)
    assert dataset.classes == {"b": 1}


def test_a_class_stands_in_for_labels_that_a_mesh_lacks(root: Path, sphere: TriMesh) -> None:
    sphere.save(root / "meshes" / "a.ply")  # without labels
    (root / "classes.json").write_text('{"a": "south", "b": "south"}')
    dataset = DatasetFolder(root)
    np.testing.assert_array_equal(dataset.load("a").face_labels, np.ones(80))
    np.testing.assert_array_equal(dataset.load("b").face_labels, hemispheres(sphere))
    assert dataset.load("b").class_label == 1


@pytest.mark.parametrize("content", ['{"a": "west"}', '{"a": 1}', '{"a": ["south"]}', "[]", "{"])
def test_bad_classes_are_refused(root: Path, content: str) -> None:
    (root / "classes.json").write_text(content)
    with pytest.raises(DataError, match=r"classes\.json"):
        DatasetFolder(root)


def test_vertex_labels_out_of_range_name_the_vertex(root: Path, sphere: TriMesh) -> None:
    values = np.zeros(sphere.num_vertices, dtype=np.int64)
    values[7] = 2
    write_labels(root, "a.npy", values)
    with pytest.raises(DataError, match=r"label 2 of vertex 7"):
        DatasetFolder(root).load("a")
