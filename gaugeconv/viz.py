"""One HTML file that shows a labelled mesh: offline, self-contained, nothing to install.

The page holds the mesh as base64 and draws it with WebGL 2. It makes no request of any kind; a
content security policy with the hashes of its own script and style forbids all others.
"""

from __future__ import annotations

import base64
import colorsys
import hashlib
import html
import json
import os
import re
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64, Int64, UInt8, UInt32
from numpy.typing import ArrayLike

from gaugeconv.errors import DataError
from gaugeconv.files import atomic_path
from gaugeconv.mesh import TriMesh

UNLABELLED_NAME = "unlabelled"
UNLABELLED_COLOR = (154, 158, 166)

# Chosen so that all pairs, the grey included, stay at least 0.07 apart in OKLab for normal vision,
# deuteranopia and protanopia alike (the first five 0.088 apart).
_BASE_COLORS = (
    "4f74d1 eeb02f 168a8a cd535c 86d8f2 6d5a9f f3e169 efbfbf "
    "77441a 35535b f7ecc6 9da3f2 2f7d2a d9842a 434487 97bb83"
)
_GOLDEN_RATIO = (5**0.5 - 1) / 2


def label_colors(n: int) -> UInt8[np.ndarray, "n 3"]:
    """Colours of labels 0 … n − 1: sRGB, 0–255, easy to tell apart with colour-blind eyes too.

    A label keeps its colour whatever n is. Beyond the sixteen chosen by hand, hues advance by the
    golden ratio of a turn at three levels of lightness.

    Raises:
        DataError: n is negative.
    """
    if n < 0:
        raise DataError(f"cannot make {n} colours; ask for zero or more")
    base = np.frombuffer(bytes.fromhex(_BASE_COLORS), np.uint8).reshape(-1, 3)
    extra = [
        colorsys.hls_to_rgb((0.83 + i * _GOLDEN_RATIO) % 1, (0.55, 0.36, 0.74)[i % 3], 0.45)
        for i in range(max(0, n - len(base)))
    ]
    more = np.round(255 * np.array(extra).reshape(-1, 3)).astype(np.uint8)
    return np.concatenate([base, more])[:n]


def write_html(
    path: str | os.PathLike[str],
    mesh: TriMesh,
    face_labels: ArrayLike,
    label_names: Sequence[str],
    title: str = "Mesh parts",
    subtitle: str | None = None,
    palette: ArrayLike | None = None,
    *,
    up: str = "y",
) -> Path:
    """Writes a page that shows the mesh with its faces coloured by part.

    Works from a file, without a network. The same input gives the same bytes, and the file appears
    only when it is complete. Gauge invariant: no frame is involved.

    Args:
        path: the file to write; its folder must exist.
        mesh: F faces with positions, in any unit.
        face_labels: (F,) integers in −1 … K − 1; −1 is unlabelled, drawn grey.
        label_names: the K names of the labels, plain text.
        title: heading and window title, plain text.
        subtitle: a line below the heading, plain text.
        palette: (K, 3) sRGB integers in 0–255; ``label_colors(K)`` when None.
        up: the axis of the mesh that points up at first: "x", "y" or "z".

    Returns:
        The path written.

    Raises:
        MeshError: the mesh has no positions.
        DataError: labels, names or palette do not fit; the mesh has no faces or a corner that is
            not finite.
        OSError: the file cannot be written.
    """
    if up not in ("x", "y", "z"):
        raise DataError(f"up is {up!r}; choose 'x', 'y' or 'z'")
    names = list(label_names)
    colors = _checked_palette(palette, len(names))
    faces, labels = mesh.faces, _checked_labels(face_labels, len(mesh.faces), len(names))
    points, center, scale = _unit_ball(mesh.vertices, faces)
    meta = {
        "up": up,
        "center": center.tolist(),
        "scale": scale,
        "parts": _parts(points, faces, labels, names, colors),
    }
    records = np.column_stack([faces, 8 * (labels + 1) + _border_bits(faces, labels)])
    page = _page(title, subtitle, meta, points.astype("<f4"), records.astype("<u4"))
    with atomic_path(path) as partial:
        partial.write_bytes(page.encode("utf-8", "xmlcharrefreplace"))
    return Path(path)


def _checked_labels(
    face_labels: ArrayLike, num_faces: int, num_labels: int
) -> Int64[np.ndarray, " F"]:
    labels = np.asarray(face_labels)
    if labels.shape != (num_faces,):
        raise DataError(
            f"face_labels has shape {labels.shape} but the mesh has {num_faces} faces; "
            "give one label per face"
        )
    if labels.dtype.kind not in "iu":
        raise DataError(f"face_labels has type {labels.dtype}; give integers")
    bad = np.flatnonzero((labels < -1) | (labels >= num_labels))
    if len(bad):
        raise DataError(
            f"face {bad[0]} has label {labels[bad[0]]} ({len(bad)} faces are out of range); "
            f"with {num_labels} label names, labels are -1 (unlabelled) to {num_labels - 1}"
        )
    return labels.astype(np.int64)


def _checked_palette(palette: ArrayLike | None, num_labels: int) -> UInt8[np.ndarray, "K 3"]:
    if palette is None:
        return label_colors(num_labels)
    colors = np.asarray(palette)
    if colors.shape != (num_labels, 3):
        raise DataError(
            f"palette has shape {colors.shape}; give ({num_labels}, 3), one colour per label name"
        )
    if colors.dtype.kind not in "iu" or colors.min(initial=0) < 0 or colors.max(initial=0) > 255:
        raise DataError("palette holds something else than integers from 0 to 255")
    return colors.astype(np.uint8)


def _unit_ball(
    vertices: Float64[np.ndarray, "V 3"], faces: Int64[np.ndarray, "F 3"]
) -> tuple[Float64[np.ndarray, "V 3"], Float64[np.ndarray, " 3"], float]:
    """Corners of faces moved and scaled to fill the unit ball; unused vertices go to its centre."""
    if len(faces) == 0:
        raise DataError("the mesh has no faces, so there is nothing to show")
    used = np.unique(faces)
    corners = vertices[used]
    finite = np.isfinite(corners).all(axis=1)
    if not finite.all():
        raise DataError(f"vertex {used[~finite][0]} is not finite; repair the mesh first")
    center = (corners.min(axis=0) + corners.max(axis=0)) / 2
    scale = float(np.linalg.norm(corners - center, axis=1).max()) or 1.0
    points = np.zeros_like(vertices)
    points[used] = (corners - center) / scale
    return points, center, scale


def _border_bits(
    faces: Int64[np.ndarray, "F 3"], labels: Int64[np.ndarray, " F"]
) -> Int64[np.ndarray, " F"]:
    """Bit k is set where the edge opposite to corner k separates two parts."""
    ends = np.sort(np.stack([faces[:, [1, 2, 0]], faces[:, [2, 0, 1]]]), axis=0)
    keys = (ends[0] * (faces.max() + 1) + ends[1]).ravel()
    order = np.argsort(keys, kind="stable")
    first = np.diff(keys[order], prepend=-1) != 0
    around = np.repeat(labels, 3)[order]
    starts = np.flatnonzero(first)
    differ = np.minimum.reduceat(around, starts) != np.maximum.reduceat(around, starts)
    border = np.empty(len(keys), dtype=np.int64)  # every entry is set by the permutation below
    border[order] = differ[np.cumsum(first) - 1]
    return border.reshape(-1, 3) @ np.array([1, 2, 4])


def _parts(
    points: Float64[np.ndarray, "V 3"],
    faces: Int64[np.ndarray, "F 3"],
    labels: Int64[np.ndarray, " F"],
    names: Sequence[str],
    colors: UInt8[np.ndarray, "K 3"],
) -> list[dict[str, Any]]:
    """Name, colour, face count and share of the area of each part, the unlabelled one first."""
    a, b, c = (points[faces[:, k]] for k in range(3))
    double_areas = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    counts = np.bincount(labels + 1, minlength=len(names) + 1)
    areas = np.bincount(labels + 1, weights=double_areas, minlength=len(names) + 1)
    shares = areas / (areas.sum() or 1.0)
    return [
        {"name": name, "color": [int(x) for x in color], "faces": int(count), "area": float(share)}
        for name, color, count, share in zip(
            [UNLABELLED_NAME, *names], [UNLABELLED_COLOR, *colors], counts, shares, strict=True
        )
    ]


def _page(
    title: str,
    subtitle: str | None,
    meta: dict[str, Any],
    positions: Float32[np.ndarray, "V 3"],
    faces: UInt32[np.ndarray, "F 4"],
) -> str:
    template, style, script = (
        resources.files("gaugeconv").joinpath("viz_template", name).read_text("utf-8")
        for name in ("viewer.html", "viewer.css", "viewer.js")
    )
    values = {
        "policy": "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; "
        f"script-src {_source_hash(script)}; style-src {_source_hash(style)}",
        "title": html.escape(title),
        "subtitle": f"<p>{html.escape(subtitle)}</p>" if subtitle else "",
        "meta": _script_json(meta),
        "positions": base64.b64encode(positions.tobytes()).decode("ascii"),
        "faces": base64.b64encode(faces.tobytes()).decode("ascii"),
        "style": style,
        "script": script,
    }
    # One pass over the template alone, so that braces in a title are never taken for a marker.
    return re.sub(r"\{\{(\w+)\}\}", lambda match: values[match[1]], template)


def _source_hash(source: str) -> str:
    digest = hashlib.sha256(source.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def _script_json(value: Any) -> str:
    """JSON that is safe inside a script element: no text in it can end the element."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return re.sub("[<>&]", lambda match: f"\\u{ord(match[0]):04x}", text)
