"""`verify_isometry`: rigid motions, and mirrors with the sign that theory predicts."""

from __future__ import annotations

import json
from functools import lru_cache

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gaugeconv.errors import MeshError
from gaugeconv.geometry import Frames, neighborhoods
from gaugeconv.mesh import TriMesh
from gaugeconv.models import GaugeSegmenter, SegmenterConfig
from gaugeconv.nn import GaugeConv
from gaugeconv.reps import FieldType
from gaugeconv.verification import verify, verify_isometry
from gaugeconv.verification.rebuilt import moved
from tests.verification.test_groups import HandedConv, Shift
from tests.verification.zoo import TYPES, bumpy, layer, moebius

ROUNDING = 1e-11
REFLECTING = [group for group in TYPES if group[0] in "DO"]


@lru_cache(maxsize=1)
def mesh() -> TriMesh:
    return bumpy()


def segmenter(xyz: bool = False) -> GaugeSegmenter:
    torch.manual_seed(11)
    config = SegmenterConfig(
        label_names=("a", "b"),
        sizes=(60, 20),
        types=("4x0 + 2x1 + 1x2", "4x0 + 2x1 + 1x2"),
        vertex_type="3x0 + 1x1",
        blocks=(1, 1),
        xyz=xyz,
    )
    return GaugeSegmenter(config).double()


@pytest.mark.parametrize("group", TYPES)
def test_rigid_motions_change_nothing(group: str) -> None:
    report = verify_isometry(layer("conv", group), mesh(), samples=2)
    assert (report.claim, report.passed, report.symmetry) == ("rigid motion", True, True)
    assert report.max_relative_error <= ROUNDING
    assert (report.controls, report.gradients, report.same_arrays) == ((), None, None)


def test_the_segmenter_does_not_see_where_it_is_unless_it_is_shown() -> None:
    assert verify_isometry(segmenter(), mesh(), samples=2).max_relative_error <= 1e-10
    seen = verify_isometry(segmenter(xyz=True), mesh(), samples=2)
    assert not seen.passed
    assert seen.max_relative_error > 1e-2


@pytest.mark.parametrize("group", REFLECTING)
def test_mirrors_change_features_by_the_reflection_where_the_group_has_it(group: str) -> None:
    report = verify_isometry(layer("conv", group), mesh(), samples=2, mirrored=True)
    assert (report.claim, report.passed, report.symmetry) == ("mirror", True, True)
    assert report.max_relative_error <= ROUNDING
    assert str(report).startswith("mirror: passed")


@pytest.mark.parametrize("group", [group for group in TYPES if group not in REFLECTING])
def test_without_reflections_a_mirror_moves_the_output_and_is_no_failure(group: str) -> None:
    report = verify_isometry(layer("conv", group), mesh(), samples=2, mirrored=True)
    assert (report.passed, report.symmetry) == (True, False)
    assert report.max_relative_error > 0.1
    page = str(report)
    assert page.startswith("mirror: no symmetry: GaugeConv")
    assert f"by up\n  to {100 * report.max_relative_error:.3g} % of its RMS" in page
    assert "FAILED" not in page
    content = json.loads(report.to_json())
    assert (content["symmetry"], content["passed"]) == (False, True)


def test_how_far_a_mirror_moves_the_segmenter_is_measured() -> None:
    report = verify_isometry(segmenter(), mesh(), samples=1, mirrored=True)
    assert (report.symmetry, report.passed) == (False, True)
    assert report.max_relative_error > 1e-3


def test_scalars_see_radial_kernels_and_so_no_mirror_even_without_reflections() -> None:
    report = verify_isometry(GaugeConv("3x0", "2x0").double(), mesh(), 1, mirrored=True)
    assert not report.symmetry
    assert report.max_relative_error <= ROUNDING


def test_mirrors_catch_what_tells_left_from_right() -> None:
    bias = Shift(FieldType("0+ + 0-", "O2"), 1)
    for module in (HandedConv(), bias):
        assert verify_isometry(module, mesh(), samples=1).max_relative_error <= ROUNDING
        report = verify_isometry(module, mesh(), samples=2, mirrored=True)
        assert not report.passed
        assert report.max_relative_error > 1e-2


class Height(nn.Module):
    """How far a tangent plane is from the origin, on the side of the winding's normal or the frame's."""

    def __init__(self, normal: str) -> None:
        super().__init__()
        self.normal = normal
        self.out_type = FieldType("0+" if normal == "outward" else "0-", "O2")

    def prepare(self, surface: TriMesh, frames: Frames) -> Tensor:
        relative = surface.vertices - surface.vertices.mean(axis=0)
        normal = surface.vertex_normals if self.normal == "outward" else frames.normal
        return torch.from_numpy((relative * normal).sum(axis=1, keepdims=True))

    def forward(self, x: Tensor) -> Tensor:
        return x


def test_a_normal_made_of_the_frame_is_lawful_in_every_gauge_but_changes_sign_in_a_mirror() -> None:
    for normal in ("outward", "frame's"):
        assert verify(Height(normal), mesh(), samples=2).max_relative_error <= ROUNDING
        assert verify_isometry(Height(normal), mesh(), 2).max_relative_error <= ROUNDING
    mirror = verify_isometry(Height("outward"), mesh(), samples=2, mirrored=True)
    assert mirror.max_relative_error <= ROUNDING
    assert not verify_isometry(Height("frame's"), mesh(), samples=1, mirrored=True).passed


@pytest.mark.parametrize("group", ["O2", "D4"])
def test_one_sided_surfaces_have_mirrors_too(group: str) -> None:
    surface = moebius()
    gamma = np.random.default_rng(1).uniform(-3, 3, surface.num_vertices)
    frames = Frames.canonical(surface).rotated(gamma)
    for mirrored in (False, True):
        report = verify_isometry(layer("conv", group), surface, 2, mirrored=mirrored, frames=frames)
        assert report.max_relative_error <= ROUNDING


def test_an_intrinsic_mesh_can_only_be_wound_the_other_way_round() -> None:
    bare = TriMesh.from_edge_lengths(mesh().faces, mesh().edge_lengths)
    conv = layer("conv", "O2")
    report = verify_isometry(conv, bare, samples=2, mirrored=True)
    assert report.max_relative_error <= ROUNDING
    assert report.checked[0].startswith("mesh wound the other way round, canonical")
    with pytest.raises(MeshError, match="no position that could move: give mirrored=True"):
        verify_isometry(conv, bare)


@pytest.mark.parametrize("group", ["SO2", "O2", "C4"])
def test_vertices_without_faces_are_no_obstacle(group: str) -> None:
    points = np.concatenate([[[0.0, 0, 0]], mesh().vertices, [[9.0, 9, 9]]])
    more = TriMesh(points, mesh().faces + 1)
    for mirrored in (False, True):
        report = verify_isometry(layer("conv", group), more, 2, mirrored=mirrored)
        assert (report.max_relative_error <= ROUNDING) is (report.symmetry)


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_moved_mesh_is_isometric_and_keeps_its_outside(mirrored: bool) -> None:
    rng = np.random.default_rng(0)
    other = moved(mesh(), rng, mirrored)
    q = other.motion
    assert np.abs(q @ q.T - np.eye(3)).max() < 1e-14
    assert np.linalg.det(q) == pytest.approx(-1 if mirrored else 1)
    lengths = mesh().edge_lengths[:, ::-1] if mirrored else mesh().edge_lengths
    assert np.abs(other.mesh.edge_lengths - lengths).max() < 1e-13
    assert np.abs(other.mesh.face_normals - mesh().face_normals @ q.T).max() < 1e-12
    assert np.linalg.norm(other.mesh.vertices.mean(0) - mesh().vertices.mean(0)) > 0.1


def test_random_rotations_are_spread_evenly() -> None:
    rng = np.random.default_rng(5)
    tri = TriMesh(np.eye(3), [[0, 1, 2]])
    mean = np.mean([moved(tri, rng, False).motion for _ in range(2000)], axis=0)
    assert np.abs(mean).max() < 0.06
    assert neighborhoods(tri, 3.0).r.numel() == 9
