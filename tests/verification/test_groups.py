"""`verify` for every structure group: what is lawful passes, what is not is caught and named."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gaugeconv.errors import FieldTypeError, NonOrientableError, StructureGroupError
from gaugeconv.geometry import Frames, Neighborhoods, neighborhoods
from gaugeconv.mesh import TriMesh
from gaugeconv.nn import (
    FieldModule,
    GaugeConv,
    GaugeLinear,
    PointwiseNonlinearity,
)
from gaugeconv.reps import FieldType, StructureGroup
from gaugeconv.verification import VerifyReport, verify, verify_relabelling
from gaugeconv.verification.gauges import (
    common_group,
    draw_elements,
    frames_changed_by,
    gauge_change,
    with_reflections,
)
from gaugeconv.verification.rebuilt import moved, rebuilt
from tests.verification.zoo import (
    LAYERS,
    TYPES,
    bumpy,
    layer,
    moebius,
    sheet,
    without_flips,
    wrong_sign,
)

ROUNDING = 1e-11
FAULT = 1e-2


@lru_cache(maxsize=1)
def mesh() -> TriMesh:
    return bumpy()


@lru_cache(maxsize=1)
def one_sided() -> TriMesh:
    return moebius()


def caught(report: VerifyReport) -> bool:
    return not report.passed and report.max_relative_error >= FAULT


# --- lawful modules ----------------------------------------------------------------------------


@pytest.mark.parametrize("group", TYPES)
@pytest.mark.parametrize("kind", LAYERS)
def test_every_layer_of_every_group_passes_to_rounding(group: str, kind: str) -> None:
    report = verify(layer(kind, group), mesh(), samples=1)
    assert report.passed
    assert report.group == group
    assert max(found.error for found in report.layers) <= ROUNDING
    assert report.gradients is None or report.gradients.error <= ROUNDING


@pytest.mark.parametrize("group", [group for group in TYPES if group != "C1"])
def test_controls_have_teeth_for_every_group(group: str) -> None:
    report = verify(layer("conv", group), mesh(), samples=1)
    names = {control.name: control.change for control in report.controls}
    expected = {"transports zeroed", "non-trivial irreps zeroed"}
    if StructureGroup.of(group).reflections:
        expected.add("reflections dropped")
    assert set(names) == expected
    assert min(names.values()) > 0.05
    assert report.has_teeth


def test_the_trivial_group_has_nothing_to_bite_on_and_the_report_says_so() -> None:
    report = verify(layer("conv", "C1"), mesh(), samples=1)
    assert report.passed
    assert [control.change for control in report.controls] == [0.0, 0.0]
    assert not report.has_teeth


@pytest.mark.parametrize("group", TYPES)
def test_convolutions_pass_relabelling(group: str) -> None:
    assert verify_relabelling(layer("conv", group), mesh(), 1).max_relative_error <= ROUNDING


@pytest.mark.parametrize("group", ["O2", "D1", "D3", "D4"])
@pytest.mark.parametrize("kind", ["conv", "attention"])
def test_one_sided_surfaces_pass_for_groups_with_reflections(group: str, kind: str) -> None:
    # canonical frames lie along the boundary, and snapping what lies just half-way is arbitrary
    gamma = np.random.default_rng(4).uniform(-3, 3, one_sided().num_vertices)
    frames = Frames.canonical(one_sided()).rotated(gamma)
    for check in (verify, verify_relabelling):
        report = check(layer(kind, group), one_sided(), 2, frames=frames)
        assert report.passed
        assert report.has_teeth
        assert report.max_relative_error <= ROUNDING


@pytest.mark.parametrize("group", ["SO2", "C4"])
def test_one_sided_surfaces_need_reflections(group: str) -> None:
    with pytest.raises(NonOrientableError):
        verify(layer("conv", group), one_sided())


@pytest.mark.parametrize("group", ["SO2", "O2", "C4", "D3"])
def test_stored_neighbourhoods_are_changed_by_the_group(group: str) -> None:
    nb = neighborhoods(mesh(), 0.7)
    for kind in ("conv", "linear"):
        report = verify(layer(kind, group), nb, samples=2)
        assert report.max_relative_error <= ROUNDING
        assert "geometry" in report.not_checked[0]


def test_flat_sheets_with_aligned_frames_need_no_connection() -> None:
    flat, frames = sheet()
    field = FieldType(TYPES["D4"], "D4")
    conv = GaugeConv(field, field, 2).double()
    report = verify(conv, flat, samples=2, frames=frames)
    assert report.max_relative_error <= ROUNDING
    assert report.has_teeth  # though all transports of the aligned frames are trivial
    assert "the frames given" in report.checked[0]
    with pytest.raises(StructureGroupError, match="not in D4"):
        verify(conv, flat)


def test_intrinsic_and_one_sided_meshes_are_verified_by_the_directions_of_corners() -> None:
    for surface, group in ((mesh(), "O2"), (one_sided(), "D4")):
        lengths = surface.edge_lengths
        bare = TriMesh.from_edge_lengths(surface.faces, lengths, validate=False)
        for check in (verify, verify_relabelling):
            report = check(layer("conv", group), bare, 2)
            assert report.max_relative_error <= ROUNDING
            assert "does not lie in space" in report.not_checked[0]


# --- planted faults ----------------------------------------------------------------------------


class Shift(FieldModule):
    """Adds a number to one component."""

    def __init__(self, field_type: FieldType, component: int) -> None:
        super().__init__(field_type)
        self.shift = torch.zeros(field_type.dim, dtype=torch.float64)
        self.shift[component] = 0.3

    def forward(self, x: Tensor) -> Tensor:
        return x + self.shift


@pytest.mark.parametrize(
    ("group", "spec", "component", "name"),
    [("O2", "0+ + 0-", 1, "0-"), ("D3", "0+ + reg", 3, "reg"), ("D1", "0+ + vec", 2, "vec"),
     ("C4", "0 + 2", 1, "2"), ("C3", "0 + reg", 2, "reg")],
)  # fmt: skip
def test_a_bias_on_what_the_group_moves_is_caught(
    group: str, spec: str, component: int, name: str
) -> None:
    report = verify(Shift(FieldType(spec, group), component), mesh(), samples=2)
    assert caught(report)
    assert report.first_failure is not None
    assert report.first_failure.worst.name == name
    assert f"block 1x{name}" in str(report)
    assert verify(Shift(FieldType(spec, group), 0), mesh(), samples=2).passed


@pytest.mark.parametrize(("group", "spec"), [("C4", "1"), ("D4", "2-"), ("D3", "0-"), ("O2", "1")])
def test_a_relu_is_caught_where_components_are_not_permuted(group: str, spec: str) -> None:
    field = FieldType(spec, group)
    assert caught(verify(nn.ReLU(), mesh(), samples=2, in_type=field, out_type=field))


@pytest.mark.parametrize(("group", "spec"), [("C4", "2xreg"), ("D3", "reg + quoD1 + 0+")])
def test_a_relu_passes_where_they_are(group: str, spec: str) -> None:
    field = FieldType(spec, group)
    report = verify(PointwiseNonlinearity(field, "relu"), mesh(), samples=2)
    assert report.max_relative_error <= 1e-14


class HandedConv(FieldModule):
    """A kernel of SO(2), which may tell left from right, on features said to be of O(2)."""

    def __init__(self) -> None:
        super().__init__(FieldType("2x0+ + 2x1", "O2"))
        torch.manual_seed(0)
        self.conv = GaugeConv("2x0 + 2x1", "2x0 + 2x1", 2).double()

    def forward(self, x: Tensor, nb: Neighborhoods) -> Tensor:
        # reflected transports are none of a plain convolution's business
        return self.conv(x, replace(nb, flip=torch.zeros_like(nb.flip), _memo={}))


def test_a_kernel_that_tells_left_from_right_is_caught_by_reflections_alone() -> None:
    assert caught(verify(HandedConv(), mesh(), samples=2))
    turned = verify(HandedConv(), mesh(), samples=2, group="SO2")
    assert turned.max_relative_error <= ROUNDING
    assert turned.checked[-2] == "SO2 alone, though types inside are of O2"


@pytest.mark.parametrize("group", ["O2", "D1", "D4"])
def test_lost_reflections_are_caught_when_geometry_is_recomputed(group: str) -> None:
    surface = one_sided()
    assert caught(verify(layer("conv", group), surface, 2, neighborhoods=without_flips))
    # what is stored without them is lawful on its own terms
    stored = without_flips(surface, 0.6, Frames.canonical(surface))
    assert verify(layer("conv", group), stored, 2).max_relative_error <= ROUNDING


@pytest.mark.parametrize("group", ["O2", "C4", "D3"])
def test_transports_of_the_wrong_sign_are_caught(group: str) -> None:
    assert caught(verify(layer("conv", group), mesh(), 2, neighborhoods=wrong_sign))


def test_features_that_are_not_of_the_type_they_claim_are_caught() -> None:
    """Regular features of C4 read as four scalars: the values change places."""

    class Reads(FieldModule):
        def __init__(self) -> None:
            super().__init__(FieldType("reg", "C4"), FieldType("4x0", "C4"))

        def forward(self, x: Tensor) -> Tensor:
            return x

    assert caught(verify(Reads(), mesh(), samples=2))


# --- which elements are drawn ------------------------------------------------------------------


def test_a_network_is_verified_by_what_its_types_have_in_common() -> None:
    types = {FieldType("0+", "D4"), FieldType("1", "O2")}
    assert common_group(types).name == "D4"
    assert common_group({*types, FieldType("1")}).name == "C4"
    assert common_group({*types, FieldType("reg", "C6")}).name == "C2"
    assert common_group(set()).name == "SO2"


def test_a_subgroup_may_be_asked_for_and_no_more_than_input_and_output_have() -> None:
    assert verify(layer("conv", "O2"), mesh(), 1, group="C5").group == "C5"
    for group, asked in (("C4", "SO2"), ("SO2", "O2"), ("D3", "D6")):
        with pytest.raises(StructureGroupError, match=f"it is not known how {asked} acts"):
            verify(layer("conv", group), mesh(), group=asked)


def test_types_given_as_strings_are_of_the_group() -> None:
    relu = nn.ReLU()
    assert verify(relu, mesh(), 1, in_type="reg", out_type="reg", group="D3").passed
    assert caught(verify(relu, mesh(), 2, in_type="0-", out_type="0-", group="O2"))
    inside = nn.Sequential(nn.Identity(), GaugeLinear(*2 * [FieldType("reg", "C4")]).double())
    assert verify(inside, mesh(), 1, in_type="reg").group == "C4"


class Sampled(nn.Module):
    """Regular features of C_N with pointwise functions: invariant under C_N, nearly so under SO(2)."""

    def __init__(self, order: int) -> None:
        super().__init__()
        torch.manual_seed(1)
        group = f"C{order}"
        scalar, field = FieldType("0", group), FieldType("3xreg", group)
        self.conv = GaugeConv(scalar, field, 2, connection="fourier").double()
        self.gate = PointwiseNonlinearity(field)
        self.back = GaugeConv(field, scalar, 2, connection="fourier").double()

    def prepare(self, surface: TriMesh, frames: Frames) -> tuple[Tensor, Neighborhoods]:
        heights = torch.from_numpy(surface.vertices @ [1.0, 2.0, 3.0])
        return 4 * heights[:, None], neighborhoods(surface, 0.8, frames)

    def forward(self, inputs: tuple[Tensor, Neighborhoods]) -> Tensor:
        x, nb = inputs
        return self.back(self.gate(self.conv(x, nb)), nb)


def test_what_a_discrete_network_lacks_of_all_rotations_is_measured() -> None:
    lawful = verify(Sampled(5), mesh(), 1)
    assert lawful.group == "C5"
    assert lawful.max_relative_error <= ROUNDING
    assert [found.name for found in lawful.layers] == ["conv", "gate", "back"]
    report = verify(Sampled(5), mesh(), 2, group="SO2")
    assert caught(report)
    assert report.layers == ()  # SO(2) does not act on features of C5
    assert report.not_checked[-1] == "back, conv, gate: SO2 does not act on their features"


@pytest.mark.parametrize("group", ["SO2", "O2", "C4", "D3", "C1"])
def test_elements_are_drawn_from_the_whole_group_and_no_further(group: str) -> None:
    whole = StructureGroup.of(group)
    k = draw_elements(whole, 400, np.random.default_rng(0))
    assert whole.contains(k).all()
    assert k.reflect.double().mean() == pytest.approx(0.5 * whole.reflections, abs=0.1)
    if whole.is_finite:
        assert len(set(whole.index(k).tolist())) == whole.size
    else:
        assert len(np.unique(k.gamma.numpy())) == 400


SURFACES = {
    "closed": mesh,
    "one-sided": one_sided,
    "intrinsic": lambda: TriMesh.from_edge_lengths(mesh().faces, mesh().edge_lengths),
    "one-sided intrinsic": lambda: TriMesh.from_edge_lengths(
        one_sided().faces, one_sided().edge_lengths, validate=False
    ),
}


@pytest.mark.parametrize("name", SURFACES)
@pytest.mark.parametrize("guise", ["rebuilt", "relabelled", "moved", "mirrored"])
def test_frames_are_put_where_they_were_asked_to_be(name: str, guise: str) -> None:
    surface, rng = SURFACES[name](), np.random.default_rng(3)
    size = surface.num_vertices
    start = Frames.canonical(surface).reflected(rng.random(size) < 0.5)
    start = start.rotated(rng.uniform(-9, 9, size))
    if guise in ("rebuilt", "relabelled"):
        other = rebuilt(surface, rng, relabel=guise == "relabelled")
    else:
        other = moved(surface, rng, mirrored=guise == "mirrored")
    k = draw_elements(StructureGroup.of("O2"), size, rng)
    frames = frames_changed_by(k, start, other)
    found = gauge_change(start, frames, other)
    assert torch.equal(found.reflect, k.reflect)
    assert (1 - (found.gamma - k.gamma).cos()).abs().max() < 1e-12


@pytest.mark.parametrize("name", ["closed", "one-sided"])
@pytest.mark.parametrize("mirrored", [False, True])
def test_gauges_differ_alike_in_space_and_by_the_directions_of_corners(
    name: str, mirrored: bool
) -> None:
    surface, rng = SURFACES[name](), np.random.default_rng(8)
    bare = SURFACES["intrinsic" if name == "closed" else "one-sided intrinsic"]()
    other, size = moved(surface, rng, mirrored), surface.num_vertices
    frames = Frames.canonical(other.mesh).reflected(rng.random(size) < 0.5)
    frames = frames.rotated(rng.uniform(-3, 3, size))
    in_space = gauge_change(Frames.canonical(surface), frames, other)
    by_corners = gauge_change(Frames.canonical(bare), frames, other)
    assert torch.equal(in_space.reflect, by_corners.reflect)
    assert (1 - (in_space.gamma - by_corners.gamma).cos()).abs().max() < 1e-12


@pytest.mark.parametrize(
    ("group", "spec", "larger"),
    [("SO2", "2x0 + 1x3", "2x0+ + 1x3"), ("C4", "reg + 1x2 + 1x1", "1xquoD1 + 1x2+ + 1x1"),
     ("C6", "quoC2 + 0", "1xquoD2 + 1x0+"), ("C1", "2x0", "2x0+")],
)  # fmt: skip
def test_types_extend_to_mirrors_without_changing_for_rotations(
    group: str, spec: str, larger: str
) -> None:
    field = FieldType(spec, group)
    mirrored = with_reflections(field)
    assert str(mirrored) == larger
    k = draw_elements(field.group, 20, np.random.default_rng(0))
    x = torch.randn(20, field.dim, generator=torch.Generator().manual_seed(0)).double()
    assert (mirrored.transform(x, *k) - field.transform(x, *k)).abs().max() < 1e-12


# --- what the report says ----------------------------------------------------------------------


def test_blocks_are_reported_by_the_names_of_their_representations() -> None:
    report = verify(layer("conv", "D3"), mesh(), samples=1)
    blocks = report.layers[-1].blocks
    assert [(b.kind, b.order) for b in blocks] == [("1xreg", None), ("1xquoD1", None), ("1x0-", 0)]
    content = json.loads(report.to_json())
    assert content["group"] == "D3"
    assert [b["name"] for b in content["layers"][-1]["blocks"]] == ["reg", "quoD1", "0-"]
    page = str(report)
    assert "1 random frames (D3, seed 0)" in page
    assert "1xreg" in page
    assert max(map(len, page.splitlines())) <= 140


def test_signs_on_faces_are_refused_since_faces_have_no_frames() -> None:
    class OnFaces(nn.Module):
        def __init__(self, spec: str) -> None:
            super().__init__()
            self.out_type = FieldType(spec, "O2")

        def prepare(self, surface: TriMesh, frames: Frames) -> Tensor:
            assert frames.mesh is surface
            return torch.tensor(surface.face_areas[:, None])

        def forward(self, x: Tensor) -> Tensor:
            return x

    assert verify(OnFaces("0+"), mesh(), samples=1).output.rows == "faces"
    with pytest.raises(FieldTypeError, match=r"expected rows: .*120 \(vertices\)"):
        verify(OnFaces("0-"), mesh())


def test_arguments_that_would_do_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="frames= would do nothing: the neighbourhoods are given"):
        verify(layer("conv", "O2"), neighborhoods(mesh(), 0.5), frames=Frames.canonical(mesh()))


def test_frames_that_oppose_the_winding_need_reflections() -> None:
    frames = Frames.canonical(mesh()).reflected()
    assert verify(layer("conv", "O2"), mesh(), 1, frames=frames).max_relative_error <= ROUNDING
    with pytest.raises(StructureGroupError, match="oppose the winding"):
        verify(layer("conv", "SO2"), mesh(), 1, frames=frames)
