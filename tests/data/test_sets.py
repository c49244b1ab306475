from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gaugeconv.data import DatasetFolder, LabelledMesh, refine
from gaugeconv.data.sets import KINDS, Shape, convert_public_set, export_folder, open_public_set
from gaugeconv.data.sets.convert import labelled
from gaugeconv.data.sets.segmented import BODY_PARTS, first_seen_edges
from gaugeconv.errors import DataError, MeshError
from gaugeconv.mesh import TriMesh
from gaugeconv.mesh.shapes import icosphere, irregular_sphere, torus


def ball(seed: int) -> TriMesh:
    return irregular_sphere(30 + seed, seed=seed)


def parts(mesh: TriMesh, count: int) -> np.ndarray:
    """Slices along z, at least one face each."""
    rank = np.argsort(np.argsort(mesh.vertices[mesh.faces].mean(axis=1)[:, 2]))
    return rank * count // mesh.num_faces


def save(mesh: TriMesh, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    mesh.save(path)
    return path


def write(path: Path, lines: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def write_parts(path: Path, labels: np.ndarray, names: list[str]) -> None:
    lines = []
    for k, name in enumerate(names):
        lines += [name, " ".join(str(f + 1) for f in np.flatnonzero(labels == k)), ""]
    write(path, lines)


def check_faces(dataset: DatasetFolder, truth: dict[str, tuple[TriMesh, np.ndarray]]) -> None:
    assert set(dataset.items) == set(truth)
    for name, (mesh, labels) in truth.items():
        item = dataset.load(name)
        np.testing.assert_allclose(item.mesh.vertices, mesh.vertices, rtol=1e-6)
        np.testing.assert_array_equal(item.mesh.faces, mesh.faces)
        np.testing.assert_array_equal(item.face_labels, labels)


def test_psb_with_named_parts(tmp_path: Path) -> None:
    truth = {}
    for number in range(181, 191):
        mesh = ball(number - 180)
        labels = parts(mesh, 2)
        labels[:2] = -1  # no part names these faces
        save(mesh, tmp_path / "src" / "Hand" / f"{number}.off")
        write_parts(tmp_path / "src" / "Hand" / f"{number}_labels.txt", labels, ["palm", "thumb"])
        truth[f"Hand_{number}"] = mesh, labels
    dataset = convert_public_set("psb", tmp_path / "src", tmp_path / "out", "Hand", seed=1)
    assert dataset.label_names == ("palm", "thumb")
    assert [len(dataset.names(split)) for split in ("train", "test")] == [6, 4]
    check_faces(dataset, truth)
    again, other = (
        open_public_set("psb", tmp_path / "src", "Hand", seed=seed).splits for seed in (1, 2)
    )
    assert {k: tuple(v) for k, v in again.items()} == dataset.splits
    assert {k: tuple(v) for k, v in other.items()} != dataset.splits


@pytest.mark.parametrize("ending", [".seg", ".txt"])
def test_psb_with_a_number_per_face_takes_the_categorys_meshes(tmp_path: Path, ending: str) -> None:
    truth = {}
    for number in (20, 21, 22, 41):
        mesh = ball(number)
        labels = parts(mesh, 3)
        save(mesh, tmp_path / "src" / "off" / f"{number}.off")
        write(tmp_path / "src" / "seg" / f"{number}{ending}", 10 * labels + 3)
        if number in (21, 22):
            truth[f"Cup_{number}"] = mesh, labels
    dataset = convert_public_set("psb", tmp_path / "src", tmp_path / "out", "Cup")
    assert dataset.label_names == ("part 3", "part 13", "part 23")
    check_faces(dataset, truth)


def psb_archive(root: Path) -> dict[str, tuple[TriMesh, np.ndarray]]:
    (root / "npz").mkdir(parents=True)
    table = {"Cup": {"ids": [21, 22, 23], "labels": ["body", "handle"]}}
    (root / "categories.json").write_text(json.dumps(table))
    truth = {}
    for number in (21, 22, 23):
        mesh = ball(number)
        faces, labels = mesh.faces.astype(np.uint16), parts(mesh, 2)
        arrays = {"vertices": mesh.vertices.astype(np.float32), "faces": faces}
        np.savez(root / "npz" / f"{number}.npz", face_labels=labels.astype(np.uint8), **arrays)
        truth[f"Cup_{number:03d}"] = mesh, labels
    return truth


def test_psb_as_an_archive(tmp_path: Path) -> None:
    truth = psb_archive(tmp_path / "src")
    dataset = convert_public_set("psb", tmp_path / "src", tmp_path / "out", "Cup")
    assert dataset.label_names == ("body", "handle")
    check_faces(dataset, truth)
    for category in (None, "Pot"):
        with pytest.raises(DataError, match="has the categories Cup"):
            open_public_set("psb", tmp_path / "src", category)
    (tmp_path / "src" / "npz" / "22.npz").write_bytes(b"rubbish")
    with pytest.raises(DataError, match=r"22\.npz is not a mesh with labels"):
        convert_public_set("psb", tmp_path / "src", tmp_path / "two", "Cup")
    (tmp_path / "src" / "npz" / "22.npz").unlink()
    with pytest.raises(DataError, match=r"22\.npz is missing"):
        convert_public_set("psb", tmp_path / "src", tmp_path / "three", "Cup")
    assert not (tmp_path / "three" / "labels.json").exists(), "nothing passes for a whole dataset"


def test_coseg_as_its_authors_have_it(tmp_path: Path) -> None:
    truth = {}
    for number in range(1, 11):
        mesh = ball(number)
        labels = parts(mesh, 3)
        save(mesh, tmp_path / "src" / "Vases" / "shapes" / f"{number}.off")
        write(tmp_path / "src" / "Vases" / "gt" / f"{number}.seg", labels + 1)
        truth[str(number)] = mesh, labels
    dataset = convert_public_set("coseg", tmp_path / "src", tmp_path / "out", "Vases")
    assert dataset.label_names == ("part 1", "part 2", "part 3")
    assert [len(dataset.names(split)) for split in ("train", "test")] == [8, 2]
    check_faces(dataset, truth)


def edges_one_by_one(faces: np.ndarray) -> dict[tuple[int, int], int]:
    """Edges numbered by a walk over the sides of faces, in plain loops."""
    number: dict[tuple[int, int], int] = {}
    for a, b, c in faces.tolist():
        for one, two in ((a, b), (b, c), (c, a)):
            number.setdefault((min(one, two), max(one, two)), len(number))
    return number


def test_edges_are_numbered_as_a_walk_over_faces_meets_them() -> None:
    mesh = ball(9)
    number = edges_one_by_one(mesh.faces)
    side, count = first_seen_edges(mesh.faces)
    assert count == len(number)
    for face, edges in zip(mesh.faces.tolist(), side.tolist(), strict=True):
        for k in range(3):
            pair = sorted((face[k], face[(k + 1) % 3]))
            assert edges[k] == number[pair[0], pair[1]]


def meshcnn(root: Path, num_labels: int) -> dict[str, tuple[TriMesh, np.ndarray]]:
    """Edges of a refined face all have its label, but for the sides where two labels meet."""
    truth = {}
    for split, number in (("train", 1), ("train", 2), ("test", 3)):
        mesh, parent = refine(ball(number))
        labels = parts(ball(number), num_labels)[parent]
        number_of = edges_one_by_one(mesh.faces)
        edge_labels = np.zeros(len(number_of), dtype=np.int64)
        for (a, b, c), label in zip(mesh.faces.tolist(), labels, strict=True):
            for one, two in ((a, b), (b, c), (c, a)):
                edge_labels[number_of[min(one, two), max(one, two)]] = label
        name = f"{split}_{number}"
        save(mesh, root / split / f"{name}.obj")
        write(root / "seg" / f"{name}.eseg", (f"{label + 1:.6f}" for label in edge_labels))
        truth[name] = mesh, labels
    return truth


@pytest.mark.parametrize(("kind", "num_labels"), [("coseg", 3), ("humans", 8)])
def test_meshcnn_labels_of_edges_become_labels_of_faces(
    tmp_path: Path, kind: str, num_labels: int
) -> None:
    truth = meshcnn(tmp_path / "src", num_labels)
    dataset = convert_public_set(kind, tmp_path / "src", tmp_path / "out")
    assert dataset.splits == {"train": ("train_1", "train_2"), "test": ("test_3",)}
    assert dataset.label_names == (
        BODY_PARTS if kind == "humans" else ("part 1", "part 2", "part 3")
    )
    for name, (mesh, labels) in truth.items():
        item = dataset.load(name)
        np.testing.assert_array_equal(item.mesh.faces, mesh.faces)
        # faces with two sides on a border may go to the other label
        assert (item.face_labels == labels).mean() > 0.8
        np.testing.assert_array_equal(item.face_labels[3::4], labels[3::4])


def test_bodies_as_their_authors_have_them(tmp_path: Path) -> None:
    root, truth = tmp_path / "src", {}
    meshes, segs = root / "meshes", root / "segs"

    def add(name: str, mesh_file: Path, label_file: Path, seed: int) -> None:
        mesh = ball(seed)
        save(mesh, mesh_file)
        write(label_file, parts(mesh, 8) + 1)
        truth[name] = mesh, parts(mesh, 8)

    add("adobe_boy", meshes / "train/adobe/boy.off", segs / "train/adobe/boy.txt", 1)
    for k in (0, 1):
        file = meshes / f"train/faust/tr_reg_00{k}.ply"
        add(f"faust_tr_reg_00{k}", file, segs / "train/faust/faust_corrected.txt", 5)
    add("scape_a", meshes / "train/scape/a.ply", segs / "train/scape/scape_corrected.txt", 3)
    pose = meshes / "train/MIT_animation/meshes_crane/meshes/mesh_0000.obj"
    add("mit_crane_mesh_0000", pose, segs / "train/mit/mit_crane_corrected.txt", 4)
    add("shrec_1", meshes / "test/shrec/1.off", segs / "test/shrec/shrec_1_full.txt", 6)
    fixed = meshes / "test/shrec/12_fix_orientation.off"
    add("shrec_12", fixed, segs / "test/shrec/shrec_12_full.txt", 7)
    save(ball(8), meshes / "test/shrec/12.off")  # the one with the wrong winding
    save(ball(8), meshes / "test/shrec/16.off")  # has no labels
    dataset = convert_public_set("humans", root, tmp_path / "out")
    assert dataset.label_names == BODY_PARTS
    assert dataset.names("test") == ("shrec_1", "shrec_12")
    check_faces(dataset, truth)


@pytest.mark.parametrize("place", ["training/registrations", "registrations", "."])
def test_faust_registrations_are_labelled_by_vertex(tmp_path: Path, place: str) -> None:
    mesh = ball(3)
    for k in (0, 7, 80, 99):
        moved = TriMesh(mesh.vertices * (1 + 0.01 * k), mesh.faces)
        save(moved, tmp_path / "src" / place / f"tr_reg_{k:03d}.ply")
    dataset = convert_public_set("faust", tmp_path / "src", tmp_path / "out")
    assert len(dataset.label_names) == mesh.num_vertices
    assert dataset.names("train")[1] == "tr_reg_007"
    item = dataset.load("tr_reg_099")
    np.testing.assert_array_equal(item.vertex_labels, np.arange(mesh.num_vertices))
    assert all(label in face for label, face in zip(item.face_labels, mesh.faces, strict=True))
    save(ball(4), tmp_path / "src" / place / "tr_reg_008.ply")
    with pytest.raises(DataError, match="tr_reg_008"):
        convert_public_set("faust", tmp_path / "src", tmp_path / "two")


@pytest.mark.parametrize("places", [("shapes", "correspondences"), ("off", "vts")])
def test_remeshed_faust_has_points_of_the_template_at_some_vertices(
    tmp_path: Path, places: tuple[str, str]
) -> None:
    rng, vertices = np.random.default_rng(0), {}
    for k in range(3):
        mesh = ball(k)
        vertices[f"00{k}"] = rng.permutation(mesh.num_vertices)[:20]
        vertices[f"00{k}"][19] = vertices[f"00{k}"][4]
        save(mesh, tmp_path / "src" / places[0] / f"00{k}.off")
        write(tmp_path / "src" / places[1] / f"00{k}.vts", vertices[f"00{k}"] + 1)
    dataset = convert_public_set("faust", tmp_path / "src", tmp_path / "out")
    assert len(dataset.label_names) == 20
    for name, at in vertices.items():
        labels = dataset.load(name).vertex_labels
        np.testing.assert_array_equal(labels[at], [*range(19), 4])
        assert (labels >= 0).sum() == 19
    write(tmp_path / "src" / places[1] / "002.vts", [1, 2, 3])
    with pytest.raises(DataError, match=r"002\.vts must hold 20 vertices"):
        convert_public_set("faust", tmp_path / "src", tmp_path / "two")


@pytest.mark.parametrize("nested", [True, False])
def test_shrec11_in_folders_of_classes(tmp_path: Path, nested: bool) -> None:
    base = tmp_path / "src" / "shrec_16" if nested else tmp_path / "src"
    for k, name in enumerate(("ants", "hand")):
        save(ball(k), base / name / "train" / "T1.obj")
        save(ball(k + 5), base / name / "test" / "T2.obj")
    dataset = convert_public_set("shrec11", tmp_path / "src", tmp_path / "out")
    assert dataset.label_names == ("ants", "hand")
    assert dataset.splits == {"train": ("ants_T1", "hand_T1"), "test": ("ants_T2", "hand_T2")}
    assert dataset.classes == {"ants_T1": 0, "ants_T2": 0, "hand_T1": 1, "hand_T2": 1}
    item = dataset.load("hand_T2")
    assert item.class_label == 1 and (item.face_labels == 1).all()
    assert dataset.load("ants_T1").class_label == 0


def test_shrec11_with_a_list_of_classes(tmp_path: Path) -> None:
    lines = ["PSB 1", "2 24"]
    for k, name in enumerate(("alien", "man_test")):
        numbers = range(12 * k, 12 * k + 12)
        lines += ["", f"{name} 0 12", *numbers]
        for number in numbers:
            save(icosphere(0) if k else icosphere(1), tmp_path / "src" / f"T{number}.off")
    write(tmp_path / "src" / "categories.txt", lines)
    dataset = convert_public_set("shrec11", tmp_path / "src", tmp_path / "out")
    assert dataset.label_names == ("alien", "man")
    assert [len(dataset.names(split)) for split in ("train", "test")] == [20, 4]
    for name in dataset.items:
        item = dataset.load(name)
        assert item.class_label == (item.mesh.num_faces == 20) == name.startswith("man")
    (tmp_path / "src" / "T3.off").unlink()
    with pytest.raises(DataError, match=r"categories\.txt names mesh 3"):
        open_public_set("shrec11", tmp_path / "src")


def rna_files(root: Path, shapes: dict[str, tuple[TriMesh, np.ndarray]]) -> None:
    for name, (mesh, labels) in shapes.items():
        save(mesh, root / "off" / f"{name}.off")
        write(root / "labels" / f"{name}.txt", labels)


def rna_archive(root: Path, shapes: dict[str, tuple[TriMesh, np.ndarray]]) -> None:
    (root / "npz").mkdir(parents=True)
    for name, (mesh, labels) in shapes.items():
        arrays = {"vertices": mesh.vertices, "faces": mesh.faces, "labels": labels.astype("i2")}
        np.savez(root / "npz" / f"{name}.npz", **arrays)


@pytest.mark.parametrize("make", [rna_files, rna_archive])
def test_rna_keeps_every_vertex_and_its_label(tmp_path: Path, make: Callable) -> None:
    rng, shapes = np.random.default_rng(0), {}
    for k, name in enumerate(("1ABC_A", "2DEF_B")):
        mesh = ball(k)
        stray = TriMesh(np.concatenate([mesh.vertices, [[9.0, 9, 9]]]), mesh.faces)
        shapes[name] = stray, rng.integers(-1, 259, stray.num_vertices)
    make(tmp_path / "src", shapes)
    write(tmp_path / "src" / "train.txt", ["1ABC_A.off" if make is rna_files else "1ABC_A"])
    write(tmp_path / "src" / "test.txt", ["2DEF_B"])
    dataset = convert_public_set("rna", tmp_path / "src", tmp_path / "out")
    assert dataset.splits == {"train": ("1ABC_A",), "test": ("2DEF_B",)}
    assert len(dataset.label_names) == 259
    for name, (mesh, labels) in shapes.items():
        item = dataset.load(name)
        assert item.mesh.content_hash() == mesh.content_hash()
        np.testing.assert_array_equal(item.vertex_labels, labels)


def test_vertices_at_one_place_are_moved_apart_and_keep_their_labels() -> None:
    mesh = torus(8, 6)
    vertices = mesh.vertices.copy()
    vertices[mesh.faces[5, 1]] = vertices[mesh.faces[5, 0]]
    broken = TriMesh(vertices, mesh.faces, validate=False)
    assert not broken.report().ok
    labels = np.arange(mesh.num_vertices)
    item = labelled("ring", Shape(broken, vertex_labels=labels))
    assert item.mesh.report().ok
    np.testing.assert_array_equal(item.mesh.faces, mesh.faces)
    np.testing.assert_array_equal(item.vertex_labels, labels)
    moved = np.linalg.norm(item.mesh.vertices - vertices, axis=1)
    assert 0 < moved.max() < 1e-3 * mesh.mean_edge_length
    assert (moved > 0).sum() == 2


def test_other_defects_are_mended_and_labels_follow() -> None:
    mesh = icosphere(1)
    faces = np.concatenate([mesh.faces, mesh.faces[3:4]])  # a face twice
    labels = np.arange(81)
    item = labelled("ball", Shape(TriMesh(mesh.vertices, faces, validate=False), labels))
    assert item.mesh.report().ok
    np.testing.assert_array_equal(item.mesh.faces, faces[item.face_labels])
    assert item.mesh.num_faces == 80


def test_labels_must_fit_the_mesh() -> None:
    with pytest.raises(DataError, match="ball has 7 labels, but its mesh has 42 vertices"):
        labelled("ball", Shape(icosphere(1), vertex_labels=np.zeros(7, dtype=np.int64)))


@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_that_is_no_such_set_says_what_is_expected_and_where_it_is(
    tmp_path: Path, kind: str
) -> None:
    with pytest.raises(
        DataError, match=r"does not look like .* expected .* Get it from .*https://"
    ):
        open_public_set(kind, tmp_path)
    with pytest.raises(DataError, match=r"nowhere is not a folder with .* Get it from"):
        open_public_set(kind, tmp_path / "nowhere")


def test_an_unknown_kind_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="psb, coseg, humans, faust, shrec11, rna"):
        open_public_set("modelnet", tmp_path)


def test_incomplete_and_damaged_files_are_named(tmp_path: Path) -> None:
    for number in (1, 2):
        save(ball(number), tmp_path / "a" / "shapes" / f"{number}.off")
        write(tmp_path / "a" / "gt" / f"{number}.seg", parts(ball(number), 2))
    (tmp_path / "a" / "gt" / "2.seg").unlink()
    with pytest.raises(DataError, match=r"2\.seg is missing"):
        open_public_set("coseg", tmp_path / "a")
    write(tmp_path / "a" / "gt" / "2.seg", ["0", "1.5"])
    with pytest.raises(DataError, match=r"2\.seg, line 2: '1\.5' is not a whole number"):
        open_public_set("coseg", tmp_path / "a")
    write(tmp_path / "a" / "gt" / "2.seg", ["0", "1"])
    with pytest.raises(DataError, match=r"2\.seg has 2 labels, but its mesh has \d+ faces"):
        convert_public_set("coseg", tmp_path / "a", tmp_path / "out")
    write(tmp_path / "a" / "shapes" / "2.off", ["OFF", "3 1 0", "0 0 0"])
    with pytest.raises(MeshError, match=r"2\.off"):
        convert_public_set("coseg", tmp_path / "a", tmp_path / "two")
    for bad in (["1 2 3"], ["palm", "0"], ["palm", "9999"]):
        save(ball(1), tmp_path / "b" / "1.off")
        write(tmp_path / "b" / "1_labels.txt", bad)
        with pytest.raises(DataError, match=r"1_labels\.txt"):
            convert_public_set("psb", tmp_path / "b", tmp_path / "three")
    save(ball(2), tmp_path / "b" / "2.off")
    with pytest.raises(DataError, match=r"1 meshes have no labels, the first is 2\.off"):
        open_public_set("psb", tmp_path / "b")


@pytest.fixture
def dataset(tmp_path: Path) -> DatasetFolder:
    items = []
    for k in range(3):
        mesh, parent = refine(ball(k))
        items.append(LabelledMesh(f"ball {k}", mesh, parts(ball(k), 3)[parent]))
    splits = {"train": ["ball 0", "ball 1"], "test": ["ball 2"]}
    return DatasetFolder.write(tmp_path / "set", items, ("low", "mid dle", "high"), splits)


def test_what_is_exported_for_psb_converts_back(tmp_path: Path, dataset: DatasetFolder) -> None:
    done: list[tuple[int, int]] = []
    export_folder(dataset, tmp_path / "psb", "psb", lambda *count: done.append(count))
    assert done == [(1, 3), (2, 3), (3, 3)]
    back = convert_public_set("psb", tmp_path / "psb", tmp_path / "back")
    names = [back.label_names.index(name) for name in dataset.label_names]
    for name in dataset.items:
        one, two = dataset.load(name), back.load(name)
        assert one.mesh.content_hash() == two.mesh.content_hash()
        np.testing.assert_array_equal(np.array(names)[one.face_labels], two.face_labels)


def test_what_is_exported_for_meshcnn_converts_back(tmp_path: Path, dataset: DatasetFolder) -> None:
    out = export_folder(dataset, tmp_path / "meshcnn", "meshcnn")
    back = convert_public_set("coseg", out, tmp_path / "back")
    assert back.splits == dataset.splits
    for name in dataset.items:
        one, two = dataset.load(name), back.load(name)
        assert one.mesh.content_hash() == two.mesh.content_hash()
        assert (one.face_labels == two.face_labels).mean() > 0.9
        soft = np.loadtxt(out / "sseg" / f"{name}.seseg", dtype=int)
        hard = np.loadtxt(out / "seg" / f"{name}.eseg", dtype=int)
        assert soft[np.arange(len(hard)), hard].all()
        assert set(soft.sum(axis=1)) == {1, 2}


def test_exports_do_not_overwrite_or_garble(tmp_path: Path, dataset: DatasetFolder) -> None:
    with pytest.raises(DataError, match="is not empty"):
        export_folder(dataset, dataset.path, "psb")
    (dataset.path / "labels.json").write_text('{"labels": ["low", "7", "high"]}')
    with pytest.raises(DataError, match="'7' is a number"):
        export_folder(DatasetFolder(dataset.path), tmp_path / "psb", "psb")
