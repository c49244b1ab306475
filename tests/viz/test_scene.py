"""Scenes: what a page is given to draw, checked against the geometry; bad input is named."""

from __future__ import annotations

import base64
import json
import re

import numpy as np
import pytest
import torch

from gaugeconv import FieldType, Frames, TriMesh, log_map, shapes
from gaugeconv.errors import DataError, FieldTypeError, MeshError
from gaugeconv.viz import Camera, Scene, color_map
from gaugeconv.viz.surface import Polar
from tests.verification.zoo import moebius

NASTY = "</script><script>alert(1)</script>"


@pytest.fixture(scope="module")
def mesh() -> TriMesh:
    return shapes.irregular_sphere(300, seed=2)


@pytest.fixture(scope="module")
def frames(mesh: TriMesh) -> Frames:
    gamma = np.random.default_rng(3).uniform(-3, 3, mesh.num_vertices)
    return Frames.canonical(mesh).rotated(gamma)


class Page:
    """What the script of a page reads."""

    def __init__(self, scene: Scene, folder) -> None:
        self.text = scene.write_html(folder / "page.html").read_text("utf-8")
        blocks = dict(re.findall(r'<script type="[^"]*" id="([\w-]+)">(.*?)</script>', self.text))
        self.meta = json.loads(blocks.pop("meta"))
        self.blocks = {k: np.frombuffer(base64.b64decode(v), "<f4") for k, v in blocks.items()}


def arrows(scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    """Base and tip of every arrow of the only group of strokes: shafts come first, then heads."""
    (strokes,) = scene.glyphs[-1].strokes
    half = len(strokes.start) // 2
    return strokes.start[:half], strokes.end[half:]


def test_a_page_holds_every_field(tmp_path, mesh):
    values = np.linspace(-2, 5, mesh.num_vertices)
    scene = Scene(mesh, NASTY).add_scalar(NASTY, values, limits=(-1, 3)).add_log_map(7, 0.8)
    page = Page(scene.add_transport(7, 0.6, [0, 2]), tmp_path)
    assert NASTY not in page.text
    scalar, polar = page.meta["surfaces"]
    assert (scalar["name"], scalar["kind"], polar["kind"]) == (NASTY, "scalar", "polar")
    stored = page.blocks["surface-0"].reshape(-1, 2)
    np.testing.assert_allclose(-1 + 4 * stored[:, 0], values, atol=1e-6)
    log = log_map(mesh, 7, 0.8)
    image = page.meta["scale"] * page.blocks["surface-1"].reshape(-1, 2)[log.vertex]
    np.testing.assert_allclose(np.hypot(*image.T), log.r, atol=1e-6)
    np.testing.assert_allclose(image[:, 0], log.r * np.cos(log.theta), atol=1e-6)
    (layer,) = page.meta["layers"]
    count = sum(group["count"] for group in layer["strokes"])
    assert len(page.blocks["layer-0"]) == 8 * count
    assert np.isfinite(page.blocks["layer-0"]).all()


def test_vectors_are_drawn_in_their_frames_and_do_not_see_the_gauge(mesh, frames):
    rng = np.random.default_rng(0)
    spatial = rng.normal(size=(mesh.num_vertices, 3))
    tips = []
    for gauge in (None, frames):
        use = Frames.canonical(mesh) if gauge is None else gauge
        components = np.stack([(spatial * e).sum(1) for e in (use.e1, use.e2)], axis=1)
        base, tip = arrows(Scene(mesh).add_vectors("v", components, gauge))
        normal = mesh.vertex_normals
        place = np.array([np.argmin(np.linalg.norm(mesh.vertices - b, axis=1)) for b in base])
        tangent = spatial - (spatial * normal).sum(1, keepdims=True) * normal
        direction = (tip - base) / np.linalg.norm(tip - base, axis=1, keepdims=True)
        expected = tangent[place] / np.linalg.norm(tangent[place], axis=1, keepdims=True)
        np.testing.assert_allclose(direction, expected, atol=1e-9)
        tips.append(tip)
    np.testing.assert_allclose(*tips, atol=1e-9)


@pytest.mark.parametrize("order", [2, 4])
def test_order_n_features_have_n_arms_that_do_not_see_the_gauge(mesh, order):
    gamma = np.random.default_rng(1).uniform(-3, 3, mesh.num_vertices)
    x = np.random.default_rng(2).normal(size=(mesh.num_vertices, 2))
    field_type = FieldType(str(order))
    turned = field_type.transform(torch.from_numpy(x), torch.from_numpy(gamma)).numpy()
    sets = []
    for values, gauge in ((x, None), (turned, Frames.canonical(mesh).rotated(gamma))):
        scene = Scene(mesh).add_features("f", torch.from_numpy(values), field_type, gauge)
        (strokes,) = scene.glyphs[0].strokes
        assert len(strokes.end) == order * mesh.num_vertices
        sets.append(strokes.end[np.lexsort(np.round(strokes.end, 6).T)])
    np.testing.assert_allclose(*sets, atol=1e-9)


def test_transported_vectors_are_those_of_the_connection(mesh, frames):
    """On a sphere a meridian keeps its angle: v along the geodesic stays along the geodesic."""
    log = log_map(mesh, 5, 0.7, frames)
    far = int(log.vertex[np.argmax(log.r)])
    row = np.flatnonzero(log.vertex == far)[0]
    v = [np.cos(log.theta[row]), np.sin(log.theta[row])]
    scene = Scene(mesh).add_transport(5, 0.7, v, frames)
    c, s = np.cos(-log.transport[row]), np.sin(-log.transport[row])
    np.testing.assert_allclose(
        scene.glyphs[0].values[far], [c * v[0] - s * v[1], s * v[0] + c * v[1]], atol=1e-12
    )
    there = scene.glyphs[0].values[far] @ np.stack([frames.e1[far], frames.e2[far]])
    onward = mesh.vertices[far] - mesh.vertices[5]
    onward -= (onward @ mesh.vertex_normals[far]) * mesh.vertex_normals[far]
    assert there @ onward / np.linalg.norm(onward) > 0.99


def test_a_reflecting_transport_is_drawn_as_one():
    band = moebius()
    scene = Scene(band).add_transport(0, 2.0)
    log = log_map(band, 0, 2.0)
    values = scene.glyphs[0].values[log.vertex]
    assert log.flip.any()
    assert not log.flip.all()
    sign = np.where(log.flip, 1, -1)  # R(φ) S is its own inverse, that of R(φ) is R(−φ)
    np.testing.assert_allclose(values[:, 0], np.cos(log.transport), atol=1e-12)
    np.testing.assert_allclose(values[:, 1], sign * np.sin(log.transport), atol=1e-12)


def test_the_texture_ends_at_the_cut_locus():
    """Round a whole sphere the image is torn near the antipode, and only there."""
    mesh = shapes.icosphere(3)
    field = Scene(mesh).add_log_map(0, 4.0).surfaces[0]
    assert isinstance(field, Polar)
    centres = mesh.vertices[mesh.faces].mean(axis=1) @ mesh.vertices[0]
    known = field.known(mesh)
    assert known[centres > -0.6].all()
    assert not known[centres < -0.999].any()


def test_the_first_view_faces_what_is_drawn_round_a_vertex(mesh):
    scene = Scene(mesh, up="z").add_log_map(11, 0.3)
    assert scene.camera.rotation[2] @ mesh.vertex_normals[11] > 0.85
    assert scene.camera.zoom > 1
    np.testing.assert_allclose(scene.camera.target, scene.points[11])
    assert Scene(mesh, up="z").add_frames().camera == Camera("z")


@pytest.mark.parametrize("name", ["sequential", "diverging", "cyclic"])
def test_colour_maps_are_smooth_and_stay_on_the_screen(name):
    steps = np.abs(np.diff(color_map(name).astype(int), axis=0))
    assert steps.max() <= 6
    gray = color_map(name) @ [0.2126, 0.7152, 0.0722]
    if name == "sequential":
        assert (np.diff(gray) > -0.5).all()
        assert gray[-1] - gray[0] > 150
    elif name == "diverging":
        assert np.argmax(gray) in (127, 128)
    else:
        assert np.abs(color_map(name)[0].astype(int) - color_map(name)[-1]).max() <= 6


def test_the_colour_bar_spans_the_values(mesh):
    ramp = np.arange(mesh.num_vertices, dtype=np.int32)
    for values, expected in ((ramp, (0, ramp[-1])), (ramp - 10, (10 - ramp[-1], ramp[-1] - 10))):
        field = Scene(mesh).add_scalar("f", values).surfaces[0]
        assert (field.low, field.high) == expected
    for constant in (0.0, 3.0, -1e-300):
        field = Scene(mesh).add_scalar("f", np.full(mesh.num_vertices, constant)).surfaces[0]
        assert field.low < constant < field.high


def bad_calls(mesh: TriMesh) -> dict[str, tuple]:
    v = mesh.num_vertices
    nan, pairs = np.zeros(v), np.zeros((v, 2))
    nan[4] = np.nan
    return {
        rf"shape \({v - 1},\) but the mesh has {v} vertices": ("add_scalar", "f", np.zeros(v - 1)),
        "'f' is not finite at vertex 4 ": ("add_scalar", "f", nan),
        "complex128": ("add_scalar", "f", np.zeros(v, complex)),
        "no colour map 'jet'": ("add_scalar", "f", np.zeros(v), {"colors": "jet"}),
        "from 2 to 1 must": ("add_scalar", "f", np.zeros(v), {"limits": (2, 1)}),
        "2 components": ("add_vectors", "f", np.zeros((v, 3))),
        "is not finite at vertex 0": ("add_vectors", "f", np.full((v, 2), np.inf)),
        "order 0": ("add_vectors", "f", pairs, {"order": 0}),
        "at least 1, got 0": ("add_frames", {"count": 0}),
        "to transport is": ("add_transport", 0, 0.5, [0, 0]),
        "center 9999 is not a vertex": ("add_log_map", 9999, 0.5),
        "radius must be positive and finite, got -1": ("add_log_map", 0, -1.0),
        "another mesh": ("add_frames", Frames.canonical(shapes.icosphere(1))),
        r"expected features \(\d+, 3\)": ("add_features", "f", torch.zeros(v, 2), FieldType("0+1")),
        "face_labels has shape": ("add_parts", [0, 1], ["a", "b"]),
    }  # fmt: skip


@pytest.mark.unchecked
def test_bad_input_is_named(mesh):
    for message, (method, *words) in bad_calls(mesh).items():
        options = words.pop() if isinstance(words[-1], dict) else {}
        with pytest.raises((DataError, MeshError, FieldTypeError), match=message):
            getattr(Scene(mesh), method)(*words, **options)
    labels = np.zeros(mesh.num_faces, int)
    with pytest.raises(DataError, match="parts already"):
        Scene(mesh).add_parts(labels, ["a"]).add_parts(labels, ["a"])
    with pytest.raises(DataError, match="zoom"):
        Camera(zoom=0.0)
    with pytest.raises(DataError, match="up is 'w'"):
        Camera("w")
