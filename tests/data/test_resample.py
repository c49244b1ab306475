from __future__ import annotations

import sys

import numpy as np
import pytest

from gaugeconv.data import Augmentation, LabelledMesh, crop, decimate, deform, refine
from gaugeconv.errors import DataError, GaugeConvError
from gaugeconv.mesh import TriMesh
from gaugeconv.mesh.shapes import icosphere, plane, torus


def north(mesh: TriMesh) -> np.ndarray:
    return (mesh.vertices[mesh.faces].mean(axis=1)[:, 2] > 0.0123).astype(np.int64)


def test_refining_keeps_the_surface_and_says_where_faces_come_from() -> None:
    mesh = torus(12, 8)
    fine, parent = refine(mesh)
    assert (fine.num_faces, fine.euler_characteristic) == (4 * mesh.num_faces, 0)
    assert not fine.boundary_vertices.any()
    np.testing.assert_array_equal(fine.vertices[: mesh.num_vertices], mesh.vertices)
    np.testing.assert_allclose(fine.face_areas, mesh.face_areas[parent] / 4, rtol=1e-12)
    np.testing.assert_allclose(fine.face_normals, mesh.face_normals[parent], atol=1e-12)


@pytest.mark.parametrize("mesh", [icosphere(3), torus(20, 12), plane(15, 15)], ids=["s", "t", "p"])
def test_a_cropped_mesh_is_valid_and_smaller_by_the_share(mesh: TriMesh) -> None:
    for seed in range(30):
        part, kept = crop(mesh, np.random.default_rng(seed), 0.3)
        assert part.report().ok
        assert len(np.unique(part.faces)) == part.num_vertices, "no vertex is left unused"
        np.testing.assert_array_equal(
            part.vertices[part.faces], mesh.vertices[mesh.faces][kept], "faces keep their order"
        )
        assert 0.55 * mesh.area < part.area < 0.75 * mesh.area
        assert (np.diff(kept) > 0).all()


def test_crops_are_planes_and_balls_and_the_seed_decides() -> None:
    mesh = icosphere(4)
    loops = set()
    for seed in range(12):
        first, second = (crop(mesh, np.random.default_rng(seed), 0.3)[0] for _ in range(2))
        assert first.content_hash() == second.content_hash()
        loops.add(first.content_hash())
    assert len(loops) == 12


def test_a_share_of_nothing_is_no_change_and_a_bad_one_is_refused() -> None:
    mesh = icosphere(1)
    part, kept = crop(mesh, np.random.default_rng(0), 0.0)
    np.testing.assert_array_equal(part.vertices, mesh.vertices)
    np.testing.assert_array_equal(kept, np.arange(mesh.num_faces))
    for share in (-0.1, 1.0, np.nan):
        with pytest.raises(DataError, match="share of the area"):
            crop(mesh, np.random.default_rng(0), share)


def test_a_few_faces_survive_any_crop() -> None:
    mesh = TriMesh(np.eye(3), [[0, 1, 2]])
    for seed in range(10):
        assert crop(mesh, np.random.default_rng(seed), 0.9)[0].num_faces == 1


def test_decimation_without_its_package_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "fast_simplification", None)
    with pytest.raises(GaugeConvError, match="pip install fast-simplification"):
        decimate(icosphere(2), 100)
    assert decimate(icosphere(0), 100).num_faces == 20, "nothing to do, nothing to install"
    with pytest.raises(DataError, match="at least 4"):
        decimate(icosphere(2), 3)


@pytest.mark.parametrize("mesh", [icosphere(4), torus(40, 20), plane(30, 30)], ids=["s", "t", "p"])
def test_a_decimated_mesh_is_valid_has_about_the_faces_and_the_area(mesh: TriMesh) -> None:
    pytest.importorskip("fast_simplification", reason="decimation needs it")
    coarse = decimate(mesh, 400)
    assert coarse.report().ok
    assert 380 <= coarse.num_faces <= 460
    np.testing.assert_allclose(coarse.area, mesh.area, rtol=0.05)
    same, other = (decimate(mesh, 400, np.random.default_rng(s)) for s in (0, 1))
    assert same.content_hash() == decimate(mesh, 400, np.random.default_rng(0)).content_hash()
    assert same.content_hash() != other.content_hash()


def item(mesh: TriMesh) -> LabelledMesh:
    return LabelledMesh("ball", mesh, north(mesh), np.arange(mesh.num_vertices))


def test_the_default_augmentation_is_deform() -> None:
    mesh = icosphere(2)
    changed = Augmentation()(item(mesh), np.random.default_rng([1, 2, 3]))
    expected = deform(mesh, np.random.default_rng([1, 2, 3]))
    assert changed.mesh.content_hash() == expected.content_hash()
    np.testing.assert_array_equal(changed.face_labels, north(mesh))
    np.testing.assert_array_equal(changed.vertex_labels, np.arange(mesh.num_vertices))


def test_labels_follow_a_cropped_and_mirrored_mesh() -> None:
    mesh = icosphere(3)
    change = Augmentation(stretch=0, bend=0, mirror=1, crop=1, crop_share=0.5)
    for seed in range(10):
        changed = change(item(mesh), np.random.default_rng(seed))
        assert changed.mesh.num_faces < mesh.num_faces
        np.testing.assert_array_equal(changed.face_labels, north(changed.mesh))
        mirrored = changed.mesh.vertices * [-1, 1, 1]
        np.testing.assert_allclose(mirrored, mesh.vertices[changed.vertex_labels], atol=1e-12)


def test_defects_that_every_decimation_leaves_are_cut_open(monkeypatch) -> None:
    fast_simplification = pytest.importorskip("fast_simplification")
    corner = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1.0]])
    tetrahedron = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]])
    second = np.where(tetrahedron == 0, 0, tetrahedron + 3)
    two = np.concatenate([corner, -corner[1:]]), np.concatenate([tetrahedron, second[:, ::-1]])
    monkeypatch.setattr(fast_simplification, "simplify", lambda *_, **__: two)
    mesh = decimate(icosphere(2), 8)
    assert (mesh.num_vertices, mesh.num_faces) == (8, 8)
    assert mesh.report().defects == ()


def test_labels_follow_a_decimated_mesh() -> None:
    pytest.importorskip("fast_simplification", reason="decimation needs it")
    mesh = icosphere(4)
    change = Augmentation(stretch=0, bend=0, decimate=1, decimate_keep=0.3)
    changed = change(item(mesh), np.random.default_rng(0))
    assert changed.mesh.num_faces < mesh.num_faces
    assert (changed.face_labels == north(changed.mesh)).mean() > 0.97
    at = mesh.vertices[changed.vertex_labels]
    assert np.linalg.norm(at - changed.mesh.vertices, axis=1).max() < 2 * mesh.mean_edge_length


@pytest.mark.parametrize(
    "fields",
    [{"mirror": 1.5}, {"crop": -0.1}, {"bend": 1.0}, {"stretch": 1}, {"noise": np.nan},
     {"crop_share": 0.95}, {"decimate": True}, {"decimate_keep": None}],
    ids=str,
)  # fmt: skip
@pytest.mark.unchecked
def test_an_impossible_augmentation_is_refused(fields: dict) -> None:
    with pytest.raises(DataError, match=next(iter(fields))):
        Augmentation(**fields)
