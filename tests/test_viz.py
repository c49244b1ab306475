"""The HTML viewer: self-contained, faithful to the mesh, safe with any text; it really draws."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from gaugeconv.errors import DataError, MeshError
from gaugeconv.mesh import TriMesh, shapes
from gaugeconv.viz import UNLABELLED_COLOR, label_colors, write_html
from tests.browser import chromium, probed, read_png

NASTY = "</script><script>alert(1)</script><!-- {{script}} \"'&amp;\u2028 Ü \U0001f600"


class Page(HTMLParser):
    """Elements with their attributes, and the raw text inside each script, style, title and h1."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, str] = {}
        self._inside: str | None = None
        self.feed(path.read_text("utf-8"))
        self.meta = json.loads(self.texts["meta"])

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.elements.append((tag, attributes))
        if tag in ("script", "style", "title", "h1", "p"):
            self._inside = attributes.get("id") or tag
            self.texts[self._inside] = ""

    def handle_endtag(self, tag):  # noqa: ARG002
        self._inside = None

    def handle_data(self, data):
        if self._inside:
            self.texts[self._inside] += data

    def array(self, name: str, dtype: str, columns: int) -> np.ndarray:
        return np.frombuffer(base64.b64decode(self.texts[name]), dtype).reshape(-1, columns)


@pytest.fixture
def sphere() -> TriMesh:
    return shapes.icosphere(2)


def page_of(tmp_path: Path, mesh: TriMesh, labels, names, **options) -> Page:
    return Page(write_html(tmp_path / "page.html", mesh, labels, names, **options))


def test_page_needs_nothing_but_itself(tmp_path, sphere):
    page = page_of(tmp_path, sphere, np.zeros(sphere.num_faces, int), ["all"])
    text = (tmp_path / "page.html").read_text("utf-8")
    assert not re.search(r"https?:|url\(|@import|fetch\(|XMLHttpRequest|import\(|\bon\w+=", text)
    links = [a[key] for _, a in page.elements for key in ("src", "href", "action") if key in a]
    assert links == ["data:,"]


def test_policy_allows_only_the_page_s_own_script_and_style(tmp_path, sphere):
    page = page_of(tmp_path, sphere, np.zeros(sphere.num_faces, int), ["all"])
    (policy,) = [a["content"] for _, a in page.elements if a.get("http-equiv")]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    for name in ("script", "style"):
        digest = hashlib.sha256(page.texts[name].encode()).digest()
        assert rules[f"{name}-src"] == f"'sha256-{base64.b64encode(digest).decode()}'"


def test_page_holds_the_mesh_and_its_labels(tmp_path, sphere):
    rng = np.random.default_rng(0)
    labels = rng.integers(-1, 3, sphere.num_faces)
    mesh = TriMesh(1e4 * sphere.vertices * [1, 2, 3] + 1e5, sphere.faces)
    page = page_of(tmp_path, mesh, labels, ["a", "b", "c"])
    positions, records = page.array("positions", "<f4", 3), page.array("faces", "<u4", 4)
    assert np.linalg.norm(positions, axis=1).max() == pytest.approx(1, abs=1e-6)
    restored = positions * page.meta["scale"] + page.meta["center"]
    np.testing.assert_allclose(restored, mesh.vertices, rtol=0, atol=1e-7 * page.meta["scale"])
    np.testing.assert_array_equal(records[:, :3], mesh.faces)
    np.testing.assert_array_equal((records[:, 3] >> 3).astype(int) - 1, labels)


def test_borders_are_the_edges_between_two_parts(tmp_path, sphere):
    labels = np.random.default_rng(1).integers(-1, 2, sphere.num_faces)
    page = page_of(tmp_path, sphere, labels, ["a", "b"])
    bits = page.array("faces", "<u4", 4)[:, 3]
    around: dict[frozenset[int], set[int]] = {}
    for face, label in zip(sphere.faces, labels, strict=True):
        for k in range(3):
            around.setdefault(frozenset(np.delete(face, k).tolist()), set()).add(int(label))
    for face, word in zip(sphere.faces, bits, strict=True):
        for k in range(3):
            differs = len(around[frozenset(np.delete(face, k).tolist())]) > 1
            assert bool(word >> k & 1) == differs


def test_legend_states_shares_of_the_area(tmp_path):
    vertices = [[0, 0, 0], [3, 0, 0], [0, 1, 0], [0, -3, 0], [9, 9, 9]]  # the last one is unused
    mesh = TriMesh(vertices, [[0, 1, 2], [0, 3, 1]])
    parts = page_of(tmp_path, mesh, [1, -1], ["none", "small"]).meta["parts"]
    assert [part["name"] for part in parts] == ["unlabelled", "none", "small"]
    assert [part["faces"] for part in parts] == [1, 0, 1]
    assert [part["area"] for part in parts] == pytest.approx([0.75, 0, 0.25])
    assert [part["color"] for part in parts] == [list(UNLABELLED_COLOR), *label_colors(2).tolist()]


def test_own_palette_is_used(tmp_path, sphere):
    labels = np.zeros(sphere.num_faces, np.uint8)
    parts = page_of(tmp_path, sphere, labels, ["a"], palette=[[1, 2, 255]]).meta["parts"]
    assert parts[1]["color"] == [1, 2, 255]


def test_no_text_escapes_its_place(tmp_path, sphere):
    labels = np.zeros(sphere.num_faces, int)
    plain = page_of(tmp_path, sphere, labels, ["a"], title="t", subtitle="s")
    nasty = page_of(tmp_path, sphere, labels, [NASTY], title=NASTY, subtitle=NASTY)
    assert [tag for tag, _ in nasty.elements] == [tag for tag, _ in plain.elements]
    assert nasty.texts["title"] == nasty.texts["h1"] == nasty.texts["p"] == NASTY
    assert nasty.meta["parts"][1]["name"] == NASTY
    assert nasty.texts["script"] == plain.texts["script"]


def test_text_that_utf8_cannot_hold_does_not_stop_the_page(tmp_path, sphere):
    labels = np.zeros(sphere.num_faces, int)
    page = page_of(tmp_path, sphere, labels, ["\ud800"], title="lone \ud800")
    assert page.texts["title"].startswith("lone ")


def test_same_input_gives_the_same_bytes(tmp_path, sphere):
    labels = np.arange(sphere.num_faces) % 2
    first = write_html(tmp_path / "a.html", sphere, labels, ["a", "b"]).read_bytes()
    second = write_html(str(tmp_path / "b.html"), sphere, labels.tolist(), ("a", "b")).read_bytes()
    assert first == second


@pytest.mark.parametrize(
    ("labels", "options", "message"),
    [
        ([0, 1, 0], {}, r"shape \(3,\).* 4 faces"),
        ([[0, 1, 0, 1]], {}, r"shape \(1, 4\)"),
        ([0, 1, 2, 2], {}, r"face 2 has label 2 \(2 faces are out of range\)"),
        ([0, -2, 0, 0], {}, "face 1 has label -2"),
        ([0.0, 1.0, 0.0, 0.0], {}, "float64"),
        ([0, 1, 0, 1], {"palette": [[0, 0, 0]]}, r"palette has shape \(1, 3\)"),
        ([0, 1, 0, 1], {"palette": [[0, 0, 0], [0, 256, 0]]}, "0 to 255"),
        ([0, 1, 0, 1], {"palette": [[0, 0, 0], [0.5, 0, 0]]}, "0 to 255"),
        ([0, 1, 0, 1], {"up": "w"}, "up is 'w'"),
    ],
)
def test_input_that_does_not_fit_is_named_and_nothing_is_written(
    tmp_path, labels, options, message
):
    tetrahedron = TriMesh(
        [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], [[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3]]
    )
    with pytest.raises(DataError, match=message):
        write_html(tmp_path / "page.html", tetrahedron, labels, ["a", "b"], **options)
    assert list(tmp_path.iterdir()) == []


def test_mesh_without_positions_is_refused(tmp_path):
    mesh = TriMesh.from_edge_lengths(np.array([[0, 1, 2]]), np.ones((1, 3)))
    with pytest.raises(MeshError):
        write_html(tmp_path / "page.html", mesh, [0], ["a"])


def test_failed_write_leaves_the_old_page_and_no_litter(tmp_path, sphere, monkeypatch):
    labels = np.zeros(sphere.num_faces, int)
    path = write_html(tmp_path / "page.html", sphere, labels, ["old"])
    before = path.read_bytes()

    def full_disk(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full_disk)
    with pytest.raises(OSError, match="No space left"):
        write_html(path, sphere, labels, ["new"])
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_colors_are_distinct_and_do_not_depend_on_their_number():
    many = label_colors(256)
    assert many.dtype == np.uint8
    assert len(np.unique(np.vstack([many, UNLABELLED_COLOR]), axis=0)) == 257
    for n in (0, 1, 16, 17):
        np.testing.assert_array_equal(label_colors(n), many[:n])
    with pytest.raises(DataError, match="-1 colours"):
        label_colors(-1)


# Normal vision, then deuteranopia and protanopia as Machado, Oliveira & Fernandes (2009) model
# them, on linear sRGB.
VISION = {
    "normal": np.eye(3),
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
}


def oklab(linear: np.ndarray) -> np.ndarray:
    to_lms = [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
    to_lab = [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
    return np.cbrt(linear @ np.transpose(to_lms)) @ np.transpose(to_lab)


@pytest.mark.parametrize("vision", VISION)
def test_colors_stay_apart_for_colour_blind_eyes(vision):
    srgb = np.vstack([UNLABELLED_COLOR, label_colors(16)]) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    lab = oklab(np.clip(linear @ np.transpose(VISION[vision]), 0, 1))
    distance = np.linalg.norm(lab[:, None] - lab, axis=-1) + 9 * np.eye(len(lab))
    assert distance.min() > 0.07
    assert distance[:6, :6].min() > 0.085


# ---------------------------------------------------------------- in a browser


def bull_s_eye(tmp_path: Path) -> Path:
    """A sphere with a round patch where the first view looks: from +z, the right, a bit above."""
    mesh = shapes.icosphere(3)
    centres = mesh.vertices[mesh.faces].mean(axis=1)
    labels = (centres @ [0.47, 0.22, 0.86] > 0.9).astype(int)
    palette = [[30, 200, 60], [230, 20, 220]]
    return write_html(tmp_path / "page.html", mesh, labels, ["shell", "eye <b>"], palette=palette)


def test_browser_reports_the_part_of_a_clicked_face(tmp_path):
    click = """
      const box = canvas.getBoundingClientRect();
      const [clientX, clientY] = [box.left + box.width / 2, box.top + box.height / 2];
      for (const kind of ['pointerdown', 'pointerup'])
        canvas.dispatchEvent(new PointerEvent(kind, { pointerId: 1, button: 0, clientX, clientY }));
    """
    dom = probed(bull_s_eye(tmp_path), click)
    status = re.search(r'<output id="status"[^>]*data-face="(\d+)"[^>]*>([^<]*)<', dom)
    assert status, "no face was picked"
    assert status[2] == f"eye &lt;b&gt; · face {status[1]}"
    assert dom.count('aria-pressed="false"><i class="swatch"') == 2


def test_browser_draws_the_parts_in_their_colours_and_the_console_is_empty(tmp_path):
    page, picture = bull_s_eye(tmp_path), tmp_path / "page.png"
    _, console = chromium(page, f"--screenshot={picture}")
    if any("WebGL" in line for line in console):
        pytest.skip("this Chromium has no WebGL 2")
    assert console == []
    r, g, b = np.moveaxis(read_png(picture), -1, 0)
    eye, shell = (r > g + 60) & (b > g + 60), (g > r + 60) & (g > b + 60)
    assert 0.01 < eye.mean() < 0.2
    assert 0.1 < shell.mean() < 0.6
    assert (~eye & ~shell).mean() > 0.3
