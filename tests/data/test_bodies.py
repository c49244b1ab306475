from __future__ import annotations

import hashlib
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from gaugeconv.data import DatasetFolder
from gaugeconv.data.bodies import PARTS, body_seed, generate_bodies, generate_body
from gaugeconv.data.body_contact import contact_groups, penetration
from gaugeconv.data.body_mesh import is_closed_sphere, roughen, simplify
from gaugeconv.data.body_model import RestBody, Skeleton, body_model
from gaugeconv.data.body_parts import merge_islands, template_parts, transfer_parts
from gaugeconv.data.body_pose import Arm, Leg, Pose, apply_pose
from gaugeconv.data.body_shape import sample_phenotypes
from gaugeconv.errors import DataError, GaugeConvError
from gaugeconv.mesh import TriMesh
from gaugeconv.mesh.shapes import icosphere

MESHES = Path(__file__).parents[2] / "meshes"
TABLE = re.findall(
    r"^\| `([^`]+\.ply)` .*\| (\d+) \| (\d+) \| `([0-9a-f]{64})` \|$",
    (MESHES / "README.md").read_text(),
    flags=re.MULTILINE,
)
BUNDLED = [f"body-{seed}" for seed in range(1, 9)]


def test_every_bundled_mesh_has_a_row_in_the_table_of_provenance():
    listed = {name for name, *_ in TABLE}
    assert listed == {str(p.relative_to(MESHES)) for p in MESHES.rglob("*.ply")}
    assert sum(p.stat().st_size for p in MESHES.rglob("*") if p.is_file()) < 2_000_000


@pytest.mark.parametrize(("name", "vertices", "faces", "digest"), TABLE)
def test_a_bundled_file_is_the_one_in_the_table(name, vertices, faces, digest):
    content = (MESHES / name).read_bytes()
    mesh = TriMesh.load(MESHES / name)
    assert hashlib.sha256(content).hexdigest() == digest
    assert (mesh.num_vertices, mesh.num_faces) == (int(vertices), int(faces))


def test_bundled_bodies_are_a_dataset_for_testing_only():
    folder = DatasetFolder(MESHES / "bodies")
    assert folder.label_names == PARTS
    assert folder.splits == {"test": tuple(BUNDLED)}


@pytest.mark.parametrize("name", BUNDLED)
def test_a_bundled_body_is_a_closed_sphere_with_eight_parts_in_few_pieces(name):
    item = DatasetFolder(MESHES / "bodies").load(name)
    labels, mesh = item.face_labels, item.mesh
    assert is_closed_sphere(mesh.vertices, mesh.faces)
    assert mesh.report().ok
    assert 2000 <= mesh.num_vertices <= 6000
    np.testing.assert_array_equal(np.unique(labels), np.arange(len(PARTS)))
    np.testing.assert_array_equal(merge_islands(labels, mesh.vertices, mesh.faces), labels)
    volume = np.einsum("fi,fi->", mesh.vertices[mesh.faces[:, 0]], _cross(mesh)) / 6
    assert volume > 0.01  # normals point outwards


def _cross(mesh: TriMesh) -> np.ndarray:
    a, b, c = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
    return np.cross(b - a, c - a)


def test_body_seeds_are_distinct_exact_in_json_and_apart_from_small_seeds():
    seeds = [body_seed(s, i) for s in range(3) for i in range(500)]
    assert len(set(seeds)) == len(seeds)
    assert all(2**52 <= seed < 2**53 for seed in seeds)
    assert json.loads(json.dumps(seeds)) == seeds


@pytest.mark.parametrize(
    ("seed", "low", "high"), [(-1, 2000, 3000), (0, 3000, 2000), (0, 10, 3000), (0, 2000, 10**6)]
)
def test_arguments_out_of_range_are_refused_before_anything_is_built(seed, low, high, tmp_path):
    with pytest.raises(DataError, match=r"seed|min_faces"):
        generate_body(seed, low, high)
    with pytest.raises(DataError, match=r"seed|min_faces"):
        generate_bodies(tmp_path / "out", 1, seed, low, high)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("options", [{"count": 0}, {"count": 3, "val_every": 1}])
def test_a_count_or_a_split_that_cannot_be_is_refused(options, tmp_path):
    with pytest.raises(DataError, match="count"):
        generate_bodies(tmp_path / "out", **options)


def test_a_missing_body_model_is_one_error_that_names_the_extra(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "anny", None)
    body_model.cache_clear()
    with pytest.raises(GaugeConvError, match=r'pip install "gaugeconv\[bodies\]"'):
        generate_bodies(tmp_path / "out", 1)
    assert not (tmp_path / "out").exists()


def test_a_missing_simplifier_is_one_error_that_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "fast_simplification", None)
    sphere = icosphere(3)
    with pytest.raises(GaugeConvError, match=r'pip install "gaugeconv\[bodies\]"'):
        simplify(sphere.vertices, sphere.faces, 400, 5.0)


def _stick_figure() -> RestBody:
    """One vertex per bone, at its joint; the faces only span some of them."""
    middle = {f"spine0{k}": (0, 0, 0.6 - 0.1 * k) for k in range(5, 0, -1)}
    middle |= {f"neck0{k}": (0, 0, 0.5 + 0.05 * k) for k in range(1, 4)} | {"head": (0, 0, 0.7)}
    limbs = {
        "clavicle": (0.05, 0, 0.5), "shoulder01": (0.1, 0, 0.5), "upperarm01": (0.15, 0, 0.45),
        "upperarm02": (0.2, 0, 0.4), "lowerarm01": (0.3, 0, 0.3), "lowerarm02": (0.35, -0.05, 0.25),
        "wrist": (0.45, -0.15, 0.15), "finger2-1": (0.5, -0.2, 0.1),
        "finger3-1": (0.51, -0.19, 0.09), "finger5-1": (0.5, -0.17, 0.08),
    }  # fmt: skip
    legs = {
        "upperleg01": (0.1, 0, 0.05), "upperleg02": (0.1, 0, -0.05), "lowerleg01": (0.13, 0, -0.4),
        "lowerleg02": (0.14, 0, -0.6), "foot": (0.15, 0, -0.8), "toe3-1": (0.16, -0.2, -0.85),
    }  # fmt: skip
    heads, parents = {"root": (0.0, 0.0, 0.05)}, {"root": -1}

    def chain(bones, start):
        last = start
        for name, head in bones.items():
            heads[name], parents[name], last = head, list(heads).index(last), name

    chain(middle, "root")
    for side, sign in (("L", 1), ("R", -1)):
        for bones, start in ((limbs, "spine01"), (legs, "root")):
            chain({f"{n}.{side}": (sign * x, y, z) for n, (x, y, z) in bones.items()}, start)
    chain({"eye.L": (0.03, -0.1, 0.75)}, "head")
    chain({"eye.R": (-0.03, -0.1, 0.75)}, "head")
    positions = np.array(list(heads.values()), dtype=np.float64)
    bones = Skeleton(tuple(heads), np.array(list(parents.values())), positions)
    faces = np.array([(i, i, i) for i in range(len(positions))])
    return RestBody(positions, faces, np.eye(len(positions)), bones)


def _angle(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.degrees(np.arctan2(np.linalg.norm(np.cross(a, b)), a @ b)))


@pytest.mark.parametrize(
    ("elevation", "azimuth"), [(10.0, 0.0), (90.0, 0.0), (90.0, 90.0), (150.0, 40.0)]
)
def test_arms_point_where_the_pose_says_and_joints_bend_by_its_angles(elevation, azimuth):
    body = _stick_figure()
    arm = Arm(elevation, azimuth, twist=35.0, elbow=70.0, pronation=20.0, wrist=10.0, curl=30.0)
    leg = Leg(flexion=80.0, abduction=10.0, turn=5.0, knee=65.0, ankle=0.0)
    pose = Pose("test", (arm, arm), (leg, leg), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
    placed = dict(zip(body.skeleton.names, apply_pose(body, pose), strict=True))
    up, out = np.radians([elevation, azimuth])
    for side, sign in (("L", 1.0), ("R", -1.0)):
        upper = placed[f"lowerarm01.{side}"] - placed[f"upperarm01.{side}"]
        fore = placed[f"wrist.{side}"] - placed[f"lowerarm01.{side}"]
        asked = [sign * np.sin(up) * np.cos(out), -np.sin(up) * np.sin(out), -np.cos(up)]
        np.testing.assert_allclose(upper / np.linalg.norm(upper), asked, atol=1e-12)
        assert _angle(upper, fore) == pytest.approx(70.0, abs=1e-9)
    left, right = placed["wrist.L"], placed["wrist.R"]
    np.testing.assert_allclose(left * [-1, 1, 1], right, atol=1e-12)


def test_posing_keeps_the_length_of_every_bone():
    body = _stick_figure()
    rng = np.random.default_rng(3)
    arms = (Arm(*rng.uniform(0, 60, 7)), Arm(*rng.uniform(0, 60, 7)))
    legs = (Leg(*rng.uniform(0, 60, 5)), Leg(*rng.uniform(0, 60, 5)))
    pose = Pose("test", arms, legs, (20.0, 10.0, -15.0), (5.0, -5.0, 30.0))
    posed, rest = apply_pose(body, pose), body.vertices
    child = np.flatnonzero(body.skeleton.parents >= 0)
    parent = body.skeleton.parents[child]
    np.testing.assert_allclose(
        np.linalg.norm(posed[child] - posed[parent], axis=1),
        np.linalg.norm(rest[child] - rest[parent], axis=1),
        atol=1e-12,
    )


def test_parts_are_cut_in_order_along_each_limb():
    body = _stick_figure()
    found = dict(zip(body.skeleton.names, template_parts(body), strict=True))
    expected = {
        "spine03": "torso", "head": "head", "eye.R": "head", "clavicle.L": "torso",
        "upperarm02.R": "upperarm", "lowerarm02.L": "lowerarm", "finger2-1.R": "hand",
        "upperleg02.L": "upperleg", "lowerleg02.R": "lowerleg", "toe3-1.L": "foot",
    }  # fmt: skip
    assert {name: PARTS[found[name]] for name in expected} == expected


def test_labels_survive_a_change_of_triangulation_and_islands_are_swallowed():
    coarse, fine = icosphere(3), icosphere(4)

    def halves(mesh: TriMesh) -> np.ndarray:
        height = mesh.vertices[mesh.faces].mean(axis=1)[:, 2]
        return np.where(height > 0, PARTS.index("head"), PARTS.index("torso"))

    labels = halves(fine)
    labels[np.argmax(fine.vertices[fine.faces].mean(axis=1)[:, 2])] = PARTS.index("torso")
    moved = transfer_parts(fine.vertices, fine.faces, labels, coarse.vertices, coarse.faces)
    assert (moved == halves(coarse)).mean() > 0.95
    np.testing.assert_array_equal(merge_islands(labels, fine.vertices, fine.faces), halves(fine))


def test_a_forearm_inside_the_trunk_is_noticed_and_one_beside_it_is_not():
    sphere = icosphere(3)
    count = sphere.num_vertices
    vertices = np.vstack([sphere.vertices, 0.1 * sphere.vertices + [0.7, 0.0, 0.0]])
    faces = np.vstack([sphere.faces, sphere.faces + count])
    groups = np.repeat([0, 1], count)
    everyone = np.concatenate([vertices, vertices[:3] + 9.0])
    groups = np.concatenate([groups, [2, 3, 4]])
    assert penetration(everyone, faces, groups) > 0.9
    everyone[count : 2 * count] += [1.0, 0.0, 0.0]
    assert penetration(everyone, faces, groups) == 0.0


def test_contact_groups_follow_the_heaviest_bone():
    body = _stick_figure()
    found = dict(zip(body.skeleton.names, contact_groups(body), strict=True))
    asked = {"head": 0, "upperleg02.R": 0, "wrist.L": 1, "finger2-1.R": 2, "foot.L": 3, "foot.R": 4}
    assert {name: found[name] for name in asked} == asked
    assert found["upperarm01.L"] == -1


def test_noise_never_breaks_a_mesh():
    sphere = icosphere(3)
    rough = roughen(sphere.vertices, sphere.faces, 2.0, np.random.default_rng(0))
    assert is_closed_sphere(rough, sphere.faces)
    assert np.abs(rough - sphere.vertices).max() > 0


def test_phenotypes_lie_in_the_unit_interval():
    rng = np.random.default_rng(11)
    drawn = [sample_phenotypes(rng, ("age", "gender", "weight", "height")) for _ in range(200)]
    values = np.array([list(d.values()) for d in drawn])
    assert values.min() >= 0
    assert values.max() <= 1
    assert 0.05 < (values[:, 0] < 0.5).mean() < 0.25


@pytest.mark.parametrize("num_faces", [200, 801, 5120])
def test_a_simplified_sphere_is_still_a_closed_sphere(num_faces):
    pytest.importorskip("fast_simplification", reason='needs the extra "gaugeconv[bodies]"')
    sphere = icosphere(4)
    vertices, faces = simplify(sphere.vertices, sphere.faces, num_faces, 5.0)
    assert is_closed_sphere(vertices, faces)
    assert abs(len(faces) - num_faces) <= 0.05 * num_faces


def test_a_body_depends_on_its_seed_alone_and_a_set_on_its_own(tmp_path):
    pytest.importorskip("anny", reason='needs the extra "gaugeconv[bodies]"')
    pytest.importorskip("fast_simplification", reason='needs the extra "gaugeconv[bodies]"')
    seen = []
    folder = generate_bodies(
        tmp_path / "set", 2, 5, 2000, 3000, val_every=2, progress=lambda *x: seen.append(x)
    )
    body = generate_body(body_seed(5, 1), 2000, 3000)
    item = folder.load("body-00001")
    np.testing.assert_array_equal(item.mesh.vertices, body.mesh.vertices)
    np.testing.assert_array_equal(item.mesh.faces, body.mesh.faces)
    np.testing.assert_array_equal(item.face_labels, body.face_labels)
    assert folder.splits == {"train": ("body-00000",), "val": ("body-00001",)}
    assert seen == [(1, 2), (2, 2)]
    about = json.loads((tmp_path / "set" / "bodies.json").read_text())
    recorded = json.loads(json.dumps({"seed": body.seed, **body.parameters}))
    assert about["bodies"]["body-00001"] == recorded
