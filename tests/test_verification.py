"""The verifier passes what is lawful, to rounding, and catches every planted fault."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import gaugeconv as gc
from gaugeconv.cli import main
from gaugeconv.errors import FieldTypeError, MeshError
from gaugeconv.geometry import Frames, Neighborhoods, neighborhoods
from gaugeconv.mesh import TriMesh
from gaugeconv.mesh.shapes import cone, irregular_sphere, plane
from gaugeconv.models import GaugeSegmenter, SegmenterConfig
from gaugeconv.models.inputs import SegmenterInput
from gaugeconv.nn import (
    FieldDropout,
    FieldModule,
    FieldNorm,
    GatedNonlinearity,
    GaugeConv,
    GaugeLinear,
    InvariantMix,
    NormPool,
    ResidualBlock,
)
from gaugeconv.reps import FieldType
from gaugeconv.verification import VerifyReport, verify, verify_relabelling
from gaugeconv.verification.choose import choose_subject
from gaugeconv.verification.gauges import gauge_change
from gaugeconv.verification.rebuilt import rebuilt

TYPE, OTHER = "8x0 + 3x1 + 2x2", "2x1 + 6x0 + 1x3"
FAULT = 1e-3
"""Every planted fault moves the output by more than this."""

LAYERS = {
    "conv": lambda: GaugeConv(TYPE, OTHER),
    "linear": lambda: GaugeLinear(TYPE, OTHER),
    "norm": lambda: FieldNorm(TYPE),
    "gate": lambda: GatedNonlinearity(TYPE),
    "mix": lambda: InvariantMix(TYPE),
    "dropout": lambda: FieldDropout(TYPE, 0.5),
    "pool": lambda: NormPool(TYPE),
    "block": lambda: ResidualBlock(TYPE, dropout=0.5),
    "sequence": lambda: nn.Sequential(GaugeLinear(TYPE, OTHER), FieldNorm(OTHER)),
}


def bumpy(mesh: TriMesh) -> TriMesh:
    """An ellipsoid with bumps and without any symmetry."""
    stretched = mesh.vertices * [1.0, 0.7, 1.4]
    x, y, _ = stretched.T
    return TriMesh(stretched * (1 + 0.15 * np.sin(3 * x) * np.cos(2 * y + 1))[:, None], mesh.faces)


@pytest.fixture(scope="module")
def mesh() -> TriMesh:
    return bumpy(irregular_sphere(120, seed=3))


def config() -> SegmenterConfig:
    return SegmenterConfig(
        label_names=("a", "b", "c"),
        sizes=(48, 16),
        types=("4x0 + 3x1 + 2x2", "6x0 + 3x1 + 2x2"),
        vertex_type="4x0 + 2x1",
        blocks=(1, 1),
    )


def segmenter(kind: type[GaugeSegmenter] = GaugeSegmenter) -> GaugeSegmenter:
    torch.manual_seed(11)
    return kind(config()).double()


def layer(name: str) -> nn.Module:
    torch.manual_seed(5)
    return LAYERS[name]().double()


def caught(report: VerifyReport) -> bool:
    return not report.passed and report.max_relative_error >= FAULT


# --- lawful modules ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", LAYERS)
def test_every_lawful_layer_passes_to_rounding(mesh: TriMesh, name: str) -> None:
    report = verify(layer(name), mesh, samples=3)
    assert report.passed
    assert report.max_relative_error <= 1e-12
    assert max(found.error for found in report.layers) <= 1e-12
    if report.gradients is not None:
        assert max(report.gradients.error, report.gradients.step) <= 1e-12


@pytest.mark.parametrize("name", [name for name in LAYERS if name not in ("dropout", "pool")])
def test_every_lawful_layer_passes_in_single_precision(mesh: TriMesh, name: str) -> None:
    report = verify(layer(name).float(), mesh, samples=2)
    assert (report.passed, report.dtype, report.tolerance) == (True, "float32", 1e-5)


def test_a_segmenter_passes_in_all_respects(mesh: TriMesh) -> None:
    report = verify(segmenter(), mesh, samples=4)
    assert report.passed
    assert report.has_teeth
    assert report.max_relative_error <= 1e-10
    assert report.gradients is not None
    assert max(report.gradients.error, report.gradients.step) <= 1e-10
    assert {found.error <= 1e-10 for found in report.layers} == {True}
    assert all(control.change > 0.01 for control in report.controls)
    assert report.not_checked == ()
    names = [found.name for found in report.layers]
    assert names[0] == "enter.0"
    assert names[-1] == "leave.gate"
    assert {"encode.1.blocks.0.conv2", "down.0.conv", "up.0.own", "decode.0.mix"} <= set(names)


def test_a_segmenter_passes_in_single_precision(mesh: TriMesh) -> None:
    report = verify(segmenter().float(), mesh, samples=3)
    assert report.passed
    assert report.max_relative_error <= 1e-5


def test_a_segmenter_passes_relabelling(mesh: TriMesh) -> None:
    double = verify_relabelling(segmenter(), mesh, samples=3)
    assert double.passed
    assert double.max_relative_error <= 1e-10
    assert (double.gradients, double.controls, double.not_checked) == (None, (), ())
    assert verify_relabelling(segmenter().float(), mesh, samples=2).passed


@pytest.mark.parametrize("name", ["conv", "linear"])
def test_layers_pass_relabelling(mesh: TriMesh, name: str) -> None:
    assert verify_relabelling(layer(name), mesh, samples=3).max_relative_error <= 1e-12


def test_a_boundary_is_no_obstacle() -> None:
    flat = plane(9, 7, jitter=0.2, seed=1)
    assert verify(layer("conv"), flat, samples=3).max_relative_error <= 1e-12


def test_an_intrinsic_mesh_is_verified_by_the_directions_of_its_edges() -> None:
    bent = cone(4.0)
    intrinsic = TriMesh.from_edge_lengths(bent.faces, bent.edge_lengths)
    for check in (verify, verify_relabelling):
        report = check(layer("conv"), intrinsic, samples=3)
        assert report.max_relative_error <= 1e-12
        assert "does not lie in space" in report.not_checked[0]


def test_unreferenced_vertices_are_no_obstacle(mesh: TriMesh) -> None:
    more = TriMesh(np.concatenate([[[0.0, 0, 0]], mesh.vertices, [[9.0, 9, 9]]]), mesh.faces + 1)
    for check in (verify, verify_relabelling):
        assert check(layer("conv"), more, samples=2).max_relative_error <= 1e-12


# --- planted faults ----------------------------------------------------------------------------


class BiasOnVectors(FieldModule):
    """Adds a learned number to every component, as some published networks do."""

    def __init__(self) -> None:
        super().__init__(TYPE)
        self.inner = GaugeLinear(TYPE, TYPE, bias=False)
        self.bias = nn.Parameter(torch.zeros(self.out_type.dim))
        nn.init.constant_(self.bias[8:10], 0.1)

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x) + self.bias


class ReluOnVectors(FieldModule):
    """Rectifies every component."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x)


def wrong_sign(nb: Neighborhoods) -> Neighborhoods:
    return replace(nb, transport=-nb.transport, _memo={})


def wrong_neighborhoods(mesh: TriMesh, radius: float, frames: Frames) -> Neighborhoods:
    return wrong_sign(neighborhoods(mesh, radius, frames))


class WrongSigns(GaugeSegmenter):
    """Negates all transports before anything else sees them."""

    def prepare(self, mesh: TriMesh, frames: Frames | None = None) -> SegmenterInput:
        inputs = super().prepare(mesh, frames)
        levels = tuple(
            level._replace(
                within=wrong_sign(level.within),
                down=None if level.down is None else wrong_sign(level.down),
                up=wrong_sign(level.up),
            )
            for level in inputs.levels
        )
        return replace(inputs, levels=levels)


@pytest.fixture
def first_edge_frames(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The direction of intrinsic angle 0 is taken to be that of the first edge, projected."""

    def link(mesh: TriMesh, basis1: np.ndarray, basis2: np.ndarray) -> np.ndarray:
        first = mesh.halfedges.wheel[mesh.halfedges.wheel_ptr[:-1]]
        edge = mesh.vertices[mesh.halfedges.head[first]] - mesh.vertices
        return np.arctan2((edge * basis2).sum(1), (edge * basis1).sum(1))

    monkeypatch.setattr("gaugeconv.geometry.frames._link", link)
    yield


def test_a_bias_on_an_order_one_block_is_caught(mesh: TriMesh) -> None:
    torch.manual_seed(5)
    report = verify(BiasOnVectors().double(), mesh, samples=3)
    assert caught(report)
    culprit = report.first_failure
    assert culprit is not None
    assert [(block.order, block.error >= FAULT) for block in culprit.blocks] == [
        (0, False),
        (1, True),
        (2, False),
    ]
    assert report.gradients is not None
    assert report.gradients.error >= FAULT
    assert report.gradients.parameter == "bias"
    assert report.gradients.step >= FAULT


def test_a_bias_on_an_order_one_block_inside_a_segmenter_is_caught_and_named(
    mesh: TriMesh,
) -> None:
    class Biased(GaugeConv):
        def forward(self, x: Tensor, nb: Neighborhoods) -> Tensor:
            shift = torch.zeros(self.out_type.dim, dtype=x.dtype)
            shift[6:8] = 0.1
            return super().forward(x, nb) + shift

    model = segmenter()
    model.encode[1].blocks[0].conv1 = Biased("6x0 + 3x1 + 2x2", "6x0 + 3x1 + 2x2").double()
    report = verify(model, mesh, samples=2)
    assert caught(report)
    assert report.first_failure is not None
    assert report.first_failure.name == "encode.1.blocks.0.conv1"
    assert report.first_failure.worst.order == 1
    assert report.gradients is not None
    assert report.gradients.error >= FAULT


def test_a_relu_on_vector_components_is_caught(mesh: TriMesh) -> None:
    assert caught(verify(ReluOnVectors(TYPE), mesh, samples=2))
    assert caught(verify(nn.ReLU(), mesh, samples=2, in_type="1x1", out_type="1x1"))
    assert verify(nn.ReLU(), mesh, samples=2, in_type="3x0", out_type="3x0").passed
    model = segmenter()
    model.decode[0].blocks[0].gate1 = ReluOnVectors("4x0 + 3x1 + 2x2")
    report = verify(model, mesh, samples=2)
    assert caught(report)
    assert report.first_failure is not None
    assert report.first_failure.name == "decode.0.blocks.0.gate1"


def test_transports_of_the_wrong_sign_are_caught_when_geometry_is_recomputed(
    mesh: TriMesh,
) -> None:
    report = verify(layer("conv"), mesh, samples=2, neighborhoods=wrong_neighborhoods)
    assert caught(report)
    assert report.same_arrays is not None
    assert report.same_arrays >= FAULT
    assert caught(verify(segmenter(WrongSigns), mesh, samples=2))
    assert caught(verify_relabelling(segmenter(WrongSigns), mesh, samples=2))


def test_stored_neighbourhoods_cannot_show_a_wrong_sign_and_the_report_says_so(
    mesh: TriMesh,
) -> None:
    stored = wrong_neighborhoods(mesh, 0.5, Frames.canonical(mesh))
    report = verify(layer("conv"), stored, samples=3)
    assert report.passed
    assert report.max_relative_error <= 1e-12
    assert "geometry" in report.not_checked[0]
    assert "NOT checked  geometry" in str(report)
    assert not any("geometry" in text for text in verify(layer("conv"), mesh, 1).not_checked)


@pytest.mark.usefixtures("first_edge_frames")
def test_frames_tied_to_the_first_edge_are_caught(mesh: TriMesh) -> None:
    for report in (verify(layer("conv"), mesh, 2), verify(segmenter(), mesh, 2)):
        assert caught(report)
        # turning the frames on the arrays as they are cannot show it
        assert report.same_arrays is not None
        assert report.same_arrays <= 1e-10
        assert "frames to the first edge" in str(report)
    assert caught(verify_relabelling(segmenter(), mesh, samples=2))


def test_frames_tied_to_the_first_edge_by_the_model_are_caught(mesh: TriMesh) -> None:
    class TiedFrames(Frames):
        @property
        def e1(self) -> np.ndarray:
            first = self.mesh.halfedges.wheel[self.mesh.halfedges.wheel_ptr[:-1]]
            edge = self.mesh.vertices[self.mesh.halfedges.head[first]] - self.mesh.vertices
            return Frames.from_directions(self.mesh, edge).rotated(self.offset).e1

    class Tied(GaugeSegmenter):
        def prepare(self, mesh: TriMesh, frames: Frames | None = None) -> SegmenterInput:
            given = frames or Frames.canonical(mesh)
            return super().prepare(mesh, TiedFrames(mesh, given.offset))

    report = verify(segmenter(Tied), mesh, samples=2)
    assert caught(report)
    assert report.same_arrays is not None
    assert report.same_arrays <= 1e-10


def test_a_gradient_that_depends_on_the_gauge_is_caught_behind_a_lawful_output(
    mesh: TriMesh,
) -> None:
    class Sly(FieldModule):
        def __init__(self) -> None:
            super().__init__("1x0 + 1x1")
            self.weight = nn.Parameter(torch.ones(1, dtype=torch.float64))

        def forward(self, x: Tensor) -> Tensor:
            nothing = self.weight - self.weight.detach()
            return x * self.weight + nothing * x[..., 1:2] * torch.tensor([1.0, 0.0, 0.0])

    report = verify(Sly(), mesh, samples=2)
    assert report.max_relative_error <= 1e-12
    assert report.gradients is not None
    assert report.gradients.error >= FAULT
    assert not report.passed


def test_an_output_that_is_not_finite_fails(mesh: TriMesh) -> None:
    class Broken(FieldModule):
        def forward(self, x: Tensor) -> Tensor:
            return x / 0

    report = verify(Broken("1x0"), mesh, samples=1)
    assert not report.passed
    assert json.loads(report.to_json())["max_relative_error"] is None


# --- what the report says ----------------------------------------------------------------------


class Spot(FieldModule):
    """Adds a fixed vector to one row of the output."""

    def __init__(self, row: int) -> None:
        super().__init__("1x0 + 1x1")
        self.conv = GaugeConv(self.in_type, self.out_type)
        self.row = row

    def forward(self, x: Tensor, nb: Neighborhoods) -> Tensor:
        y = self.conv(x, nb)
        shift = torch.zeros_like(y)
        shift[self.row, 1] = 10.0
        return y + shift


def test_the_worst_vertex_is_a_vertex_of_the_mesh(mesh: TriMesh) -> None:
    report = verify(Spot(17).double(), mesh, samples=2)
    assert (report.worst_vertex, report.output.rows) == (17, "vertices")
    targets = np.arange(5, 120, 7)

    def coarse(mesh: TriMesh, radius: float, frames: Frames) -> Neighborhoods:
        return neighborhoods(mesh, radius, frames, targets=targets)

    report = verify(Spot(4).double(), mesh, samples=2, neighborhoods=coarse)
    assert report.worst_vertex == targets[4]
    assert report.layers[-1].worst.vertex == targets[4]
    assert report.layers[0].error <= 1e-12


def test_rows_of_coarse_levels_are_named_by_their_mesh_vertices(mesh: TriMesh) -> None:
    model = segmenter()
    own, row = model.down[0].own, 9

    def plant(_: nn.Module, __: tuple[Tensor], output: Tensor) -> Tensor:
        shift = torch.zeros_like(output)
        shift[row, 6] = 10.0
        return output + shift

    handle = own.register_forward_hook(plant)
    report = verify(model, mesh, samples=1)
    handle.remove()
    expected = model.prepare(mesh).levels[1].within.target_vertex[row]
    culprit = report.first_failure
    assert culprit is not None
    assert (culprit.name, culprit.worst.vertex) == ("down.0.own", int(expected))


def test_controls_without_teeth_are_reported_and_do_not_fail(mesh: TriMesh) -> None:
    report = verify(GaugeConv("4x0", "4x0").double(), mesh, samples=1)
    assert report.passed
    assert not report.has_teeth
    assert [control.has_teeth for control in report.controls] == [False, False]
    assert str(report).count("no teeth") == 2
    assert "not every control has teeth" in str(report).splitlines()[0]


def test_controls_do_not_count_zeros_in_the_output_itself(mesh: TriMesh) -> None:
    transports, orders = verify(GaugeConv("4x0", "4x1").double(), mesh, samples=1).controls
    assert (transports.change, orders.change) == (0.0, 0.0)
    _, orders = verify(GaugeConv("4x1", "4x0").double(), mesh, samples=1).controls
    assert orders.change > 0.5


def test_the_page_starts_with_the_verdict_and_holds_every_figure(mesh: TriMesh) -> None:
    page = str(verify(segmenter(), mesh, samples=1)).splitlines()
    assert page[0] == "gauge: passed: GaugeSegmenter on TriMesh(120 vertices, 236 faces)"
    assert page[1] == "  1 random frames (seed 0), float64, tolerance 1e-10"
    text = "\n".join(page)
    for word in ("output ", "face ", "gradients ", "one SGD step", "control ", "checked ", "4x0 "):
        assert word in text
    assert "more layers with smaller errors" in text
    assert "  * or over 0.0001 of the whole layer's RMS, where the block's is smaller" in page
    assert max(map(len, page)) <= 120
    relabelled = str(verify_relabelling(segmenter(), mesh, samples=1))
    assert relabelled.startswith("relabelling: passed")
    assert "SGD" not in relabelled


def test_json_holds_the_verdict_and_the_figures(mesh: TriMesh) -> None:
    report = verify(layer("conv"), mesh, samples=2, seed=4)
    content = json.loads(report.to_json())
    assert content["passed"] is True
    assert content["max_relative_error"] == report.max_relative_error
    assert content["layers"][0]["blocks"][1]["order"] == 0
    assert (content["samples"], content["seed"], content["tolerance"]) == (2, 4, 1e-10)
    assert [control["has_teeth"] for control in content["controls"]] == [True, True]


def test_layers_whose_rows_are_not_certain_are_listed_as_not_checked(mesh: TriMesh) -> None:
    class Pooled(FieldModule):
        def __init__(self) -> None:
            super().__init__("1x0")
            self.part = GaugeLinear("1x0", "1x0")

        def forward(self, x: Tensor) -> Tensor:
            return x + self.part(x[:7]).mean()

    report = verify(Pooled().double(), mesh, samples=1)
    assert report.not_checked[-1].startswith("part: unclear which vertices")


# --- what is left behind -----------------------------------------------------------------------


def test_the_module_and_all_random_states_are_left_as_they_were(mesh: TriMesh) -> None:
    model = segmenter()
    model.train()
    model.encode[0].eval()
    modes = [part.training for part in model.modules()]
    state = {name: value.clone() for name, value in model.state_dict().items()}
    parameter = next(model.parameters())
    parameter.grad = torch.ones_like(parameter)
    random, legacy = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    with torch.no_grad():
        report = verify(model, mesh, samples=1)
        assert not torch.is_grad_enabled()
    assert report.passed  # dropout was off
    assert report.gradients is not None
    assert [part.training for part in model.modules()] == modes
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert torch.equal(parameter.grad, torch.ones_like(parameter))
    assert all(p.grad is None for p in model.parameters() if p is not parameter)
    assert torch.equal(torch.get_rng_state(), random)
    assert np.array_equal(np.random.get_state()[1], legacy)  # noqa: NPY002
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in model.modules())


def test_a_module_that_raises_is_left_as_it_was(mesh: TriMesh) -> None:
    class Raises(FieldModule):
        def forward(self, _: Tensor) -> Tensor:
            raise RuntimeError("on purpose")

    module = Raises("1x0").train()
    with pytest.raises(RuntimeError, match="on purpose"):
        verify(module, mesh)
    assert module.training
    assert not module._forward_hooks


def test_a_seed_determines_the_report(mesh: TriMesh) -> None:
    first, again = (verify(segmenter(), mesh, samples=2, seed=7) for _ in range(2))
    assert first == again
    other = verify(segmenter(), mesh, samples=2, seed=8)
    assert other.max_relative_error != first.max_relative_error


# --- refusals ----------------------------------------------------------------------------------


def test_a_module_without_types_is_told_what_is_needed(mesh: TriMesh) -> None:
    with pytest.raises(FieldTypeError, match=r"Linear has no in_type: .*prepare.*in_type="):
        verify(nn.Linear(3, 3), mesh)
    half = nn.Sequential(GaugeLinear("1x1", "1x1"), nn.ReLU())
    with pytest.raises(FieldTypeError, match="Sequential has no out_type"):
        verify(half, mesh)


def test_outputs_that_do_not_fit_are_named(mesh: TriMesh) -> None:
    class Returns(FieldModule):
        def __init__(self, value: object) -> None:
            super().__init__("1x1")
            self.value = value

        def forward(self, _: Tensor) -> object:
            return self.value

    with pytest.raises(FieldTypeError, match="one tensor of real numbers, got list"):
        verify(Returns([]), mesh)
    with pytest.raises(FieldTypeError, match=r"type '1x1' \(2 columns\).*\(120, 3\)"):
        verify(Returns(torch.zeros(120, 3)), mesh)
    with pytest.raises(FieldTypeError, match=r"\(9, 2\), expected rows: 120 \(vertices\)"):
        verify(Returns(torch.zeros(9, 2)), mesh)


def test_arguments_that_would_do_nothing_are_refused(mesh: TriMesh) -> None:
    nb = neighborhoods(mesh, 0.4)
    with pytest.raises(ValueError, match="radius= would do nothing: the module prepares"):
        verify(segmenter(), mesh, radius=1.0)
    with pytest.raises(ValueError, match="radius= would do nothing: the neighbourhoods are given"):
        verify(layer("conv"), nb, radius=1.0)
    with pytest.raises(ValueError, match="output= would do nothing"):
        verify(layer("conv"), mesh, output="faces")
    with pytest.raises(ValueError, match="at least one sample"):
        verify(layer("conv"), mesh, samples=0)
    for seed in (-1, 2**63):
        with pytest.raises(ValueError, match=r"seed must lie in \[0, 2\^63\)"):
            verify(layer("conv"), mesh, seed=seed)
    with pytest.raises(ValueError, match="tolerance must be positive"):
        verify(layer("conv"), mesh, tolerance=0.0)
    with pytest.raises(ValueError, match=r"no default tolerance for torch\.float16"):
        verify(layer("linear").half(), mesh)


def test_a_mesh_is_asked_for_where_one_is_needed(mesh: TriMesh) -> None:
    nb = neighborhoods(mesh, 0.4)
    with pytest.raises(MeshError, match="GaugeSegmenter prepares its input from a mesh"):
        verify(segmenter(), nb)
    with pytest.raises(MeshError, match="needs a TriMesh, got Neighborhoods"):
        choose_subject(layer("conv"), nb, 0, "relabelling", {})
    with pytest.raises(MeshError, match="needs a TriMesh or Neighborhoods, got str"):
        choose_subject(layer("conv"), "mesh.ply", 0, "gauge", {})


def test_as_many_faces_as_vertices_are_told_apart_by_the_caller() -> None:
    points = [[1.0, 0, 0], [-1, 1, 0], [-1, -1, 0.3], [0, 0, 0.4], [-0.6, 0, 0.1]]
    faces = [[0, 1, 3], [2, 0, 3], [1, 2, 4], [2, 3, 4], [3, 1, 4]]
    tent = TriMesh(np.array(points), np.array(faces))

    class Area(nn.Module):
        def prepare(self, mesh: TriMesh, frames: Frames) -> Tensor:
            assert frames.mesh is mesh
            return torch.tensor(mesh.face_areas[:, None])

        def forward(self, inputs: Tensor) -> Tensor:
            return inputs

    with pytest.raises(FieldTypeError, match="as many faces as vertices"):
        verify(Area(), tent)
    assert verify(Area(), tent, output="faces").passed
    assert not verify(Area(), tent, output="vertices").passed


def test_a_network_may_state_its_output_as_a_string_and_nothing_else(mesh: TriMesh) -> None:
    class Axis(nn.Module):
        def prepare(self, _: TriMesh, frames: Frames) -> Tensor:
            return torch.tensor(np.stack([frames.e1[:, 2], frames.e2[:, 2]], axis=1))

        def forward(self, inputs: Tensor) -> Tensor:
            return inputs

    module = Axis()
    for lawful, out_type in ((True, "1x1"), (False, "2x0"), (False, None)):
        module.out_type = out_type
        assert verify(module, mesh, samples=2).passed is lawful
    module.out_type = 2
    with pytest.raises(FieldTypeError, match="out_type of Axis is 2"):
        verify(module, mesh, samples=2)


def test_one_output_for_the_whole_mesh_is_compared_as_it_is(mesh: TriMesh) -> None:
    class Total(nn.Module):
        def prepare(self, mesh: TriMesh, frames: Frames) -> Tensor:
            return torch.tensor([mesh.area, float(frames.e1[:, 0].mean())])

        def forward(self, inputs: Tensor) -> Tensor:
            return inputs[:1] if self.lawful else inputs

    module = Total()
    module.lawful = True
    report = verify(module, mesh, samples=2)
    assert (report.passed, report.output.rows, report.gradients) == (True, "mesh", None)
    module.lawful = False
    assert caught(verify(module, mesh, samples=2))


# --- its own parts -----------------------------------------------------------------------------


def test_a_rebuilt_mesh_is_the_same_surface_in_another_order(mesh: TriMesh) -> None:
    for relabel in (False, True):
        other = rebuilt(mesh, np.random.default_rng(2), relabel)
        assert np.array_equal(other.mesh.vertices, mesh.vertices[other.vertex])
        assert np.array_equal(np.arange(120), other.vertex) is not relabel
        corners = other.vertex[other.mesh.faces].reshape(-1)
        assert np.array_equal(corners, mesh.faces.reshape(-1)[other.corner])
        assert not np.array_equal(other.face, np.arange(mesh.num_faces))
        assert np.array_equal(np.sort(other.face), np.arange(mesh.num_faces))
        first = [m.halfedges.wheel[m.halfedges.wheel_ptr[:-1]] for m in (mesh, other.mesh)]
        moved = first[0][other.vertex] != other.corner[first[1]]
        assert moved.mean() > 0.5


def test_angles_in_space_and_between_edges_agree_where_the_link_is_lawful(mesh: TriMesh) -> None:
    rng = np.random.default_rng(6)
    other, gamma = rebuilt(mesh, rng, relabel=True), rng.uniform(-9, 9, 120)
    reference, frames = Frames.canonical(mesh), Frames.canonical(other.mesh).rotated(gamma)
    in_space = gauge_change(reference, frames, other)
    intrinsic = TriMesh.from_edge_lengths(mesh.faces, mesh.edge_lengths)
    between = gauge_change(Frames.canonical(intrinsic), frames, other)
    assert (1 - (in_space.gamma - between.gamma).cos()).max() < 1e-12
    assert not (in_space.reflect | between.reflect).any()


def test_the_angle_of_turned_frames_is_the_angle_they_were_turned_by(mesh: TriMesh) -> None:
    rng = np.random.default_rng(1)
    same, gamma = rebuilt(mesh, rng, relabel=False), rng.uniform(-3, 3, 120)
    reference = Frames.canonical(mesh)
    found = gauge_change(reference, reference.rotated(gamma), same)
    assert np.abs(found.gamma.numpy() - gamma).max() < 1e-12


def test_the_public_name_is_the_function() -> None:
    assert gc.verify is verify


# --- the command -------------------------------------------------------------------------------


def test_the_command_reports_frames_and_relabelling(
    tmp_path: Path, mesh: TriMesh, capsys: pytest.CaptureFixture[str]
) -> None:
    weights, shape = tmp_path / "tiny.safetensors", tmp_path / "bumpy.ply"
    segmenter().float().save(weights)
    mesh.save(shape)
    words = ["verify", str(shape), "--weights", str(weights), "--samples", "1"]
    assert main([*words, "--json", "--dtype", "float64"]) == 0
    content = json.loads(capsys.readouterr().out)
    figures = content["meshes"][str(shape)]
    assert (content["passed"], figures["claim"]) == (True, "gauge")
    assert figures["max_relative_error"] <= 1e-10
    assert figures["relabelling"]["claim"] == "relabelling"
    assert figures["relabelling"]["max_relative_error"] <= 1e-10
    assert main(words) == 0
    page = capsys.readouterr().out
    assert "gauge: passed" in page
    assert "relabelling: passed" in page
    assert "mirror" not in page
    assert main([*words, "--tolerance", "1e-30"]) == 1
    assert "gauge: FAILED" in capsys.readouterr().out


def test_the_command_moves_and_mirrors_on_request(
    tmp_path: Path, mesh: TriMesh, capsys: pytest.CaptureFixture[str]
) -> None:
    weights, shape = tmp_path / "tiny.safetensors", tmp_path / "bumpy.ply"
    segmenter().float().save(weights)
    mesh.save(shape)
    words = ["verify", str(shape), "--weights", str(weights), "--samples", "1", "--isometry"]
    assert main([*words, "--json", "--dtype", "float64"]) == 0
    figures = json.loads(capsys.readouterr().out)["meshes"][str(shape)]
    assert figures["rigid_motion"]["max_relative_error"] <= 1e-10
    assert figures["mirror"]["max_relative_error"] > 1e-3
    assert (figures["mirror"]["symmetry"], figures["mirror"]["passed"]) == (False, True)
    assert main(words) == 0  # how far a mirror moves the output is no failure
    page = capsys.readouterr().out
    assert "rigid motion: passed" in page
    assert "mirror: no symmetry" in page
    assert float(page.splitlines()[-1].split("error ")[1].split(" in")[0]) <= 1e-5


def test_field_types_may_be_given_as_strings_or_types(mesh: TriMesh) -> None:
    kind = FieldType("2x0")
    assert verify(nn.SiLU(), mesh, samples=1, in_type=kind, out_type="2x0").passed
