"""The HTML page of a scene: one file, offline, with a policy that forbids every request."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import os
import re
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from gaugeconv.files import atomic_path
from gaugeconv.viz.colors import PLAIN_COLOR, UNLABELLED_COLOR, UNLABELLED_NAME, color_map
from gaugeconv.viz.glyphs import Glyphs
from gaugeconv.viz.scene import Scene
from gaugeconv.viz.surface import RINGS, SECTORS, STRETCH, Parts, Polar, Scalar

NOWHERE = 1e6
"""Coordinates of vertices that a logarithmic map does not reach, in unit balls."""


def write_page(path: str | os.PathLike[str], scene: Scene) -> Path:
    """See `Scene.write_html`."""
    page = fill_template(scene.title, scene.subtitle, *_content(scene))
    with atomic_path(path) as partial:
        partial.write_bytes(page.encode("utf-8", "xmlcharrefreplace"))
    return Path(path)


def fill_template(
    title: str, subtitle: str | None, meta: dict[str, Any], blocks: dict[str, np.ndarray]
) -> str:
    """The text of a page: its data as JSON and as base64 blocks of little-endian words."""
    template, style, *scripts = (
        resources.files("gaugeconv.viz").joinpath("template", name).read_text("utf-8")
        for name in ("viewer.html", "viewer.css", "shaders.js", "viewer.js")
    )
    script = "".join(scripts)
    values = {
        "policy": "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; "
        f"script-src {source_hash(script)}; style-src {source_hash(style)}",
        "title": html.escape(title),
        "subtitle": f"<p>{html.escape(subtitle)}</p>" if subtitle else "",
        "meta": _script_json(meta),
        "blocks": "\n".join(
            f'<script type="text/plain" id="{name}">'
            f"{base64.b64encode(words.tobytes()).decode('ascii')}</script>"
            for name, words in blocks.items()
        ),
        "style": style,
        "script": script,
    }
    # One pass over the template alone, so that braces in a title are never taken for a marker.
    return re.sub(r"\{\{(\w+)\}\}", lambda match: values[match[1]], template)


def _content(scene: Scene) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """What the script reads: the description and the blocks it names."""
    faces, camera = scene.mesh.faces, scene.camera
    parts = next((s for s in scene.surfaces if isinstance(s, Parts)), None)
    labels = np.zeros(len(faces), dtype=np.int64) if parts is None else parts.labels
    words = 8 * (labels + 1) + border_bits(faces, labels)
    blocks: dict[str, np.ndarray] = {
        "positions": scene.points.astype("<f4"),
        "faces": np.column_stack([faces, words]).astype("<u4"),
    }
    meta = {
        "up": camera.up,
        "view": {k: getattr(camera, k) for k in ("yaw", "pitch", "zoom", "target")},
        "plain": list(PLAIN_COLOR),
        "center": scene.center.tolist(),
        "scale": scene.scale,
        "labelled": parts is not None,
        "parts": _part_rows(scene, labels, parts),
        "surfaces": [
            _surface(scene, s, f"surface-{i}", blocks) for i, s in enumerate(scene.surfaces)
        ],
        "layers": [_layer(scene, g, f"layer-{i}", blocks) for i, g in enumerate(scene.glyphs)],
    }
    return meta, blocks


def _surface(
    scene: Scene, surface: Parts | Scalar | Polar, block: str, blocks: dict[str, np.ndarray]
) -> dict[str, Any]:
    """What a page needs to know of a field that colours the surface; its numbers go to a block."""
    if isinstance(surface, Parts):
        return {"kind": "parts", "name": surface.name}
    if isinstance(surface, Scalar):
        values = np.stack([surface.fraction, np.zeros(len(surface.values))], axis=1)
        own = {"kind": "scalar", "low": surface.low, "high": surface.high}
        colors = surface.colors
    else:
        values = np.nan_to_num(surface.coordinates / scene.scale, nan=NOWHERE)
        own = {
            "kind": "polar",
            "radius": surface.radius / scene.scale,
            "rings": RINGS,
            "sectors": SECTORS,
            "stretch": STRETCH,
        }
        colors = color_map("cyclic")
    blocks[block] = values.astype("<f4")
    return {"name": surface.name, "block": block, "colors": colors.tobytes().hex(), **own}


def _layer(
    scene: Scene, layer: Glyphs, block: str, blocks: dict[str, np.ndarray]
) -> dict[str, Any]:
    """What a page needs to know of a layer; its strokes, and values to report, go to blocks."""
    rows = [
        np.column_stack(
            [
                (strokes.start - scene.center) / scene.scale,
                strokes.width[:, 0] / scene.scale,
                (strokes.end - scene.center) / scene.scale,
                strokes.width[:, 1] / scene.scale,
            ]
        )
        for strokes in layer.strokes
    ]
    blocks[block] = np.concatenate(rows).astype("<f4")
    if layer.values is not None:
        blocks[f"{block}-values"] = layer.values.astype("<f4")
    return {
        "name": layer.name,
        "block": block,
        "lift": layer.lift / scene.scale,
        "columns": 0 if layer.values is None else layer.values.shape[1],
        "strokes": [
            {"label": s.label, "color": list(s.color), "count": len(s.start)} for s in layer.strokes
        ],
    }


def _part_rows(
    scene: Scene, labels: Int64[np.ndarray, " F"], parts: Parts | None
) -> list[dict[str, Any]]:
    """Name, colour, face count and share of the area of each part, the unlabelled one first."""
    names = ("surface",) if parts is None else parts.names
    colors = np.array([PLAIN_COLOR]) if parts is None else parts.colors
    counts = np.bincount(labels + 1, minlength=len(names) + 1)
    shares = part_shares(scene.points[scene.mesh.faces], labels, len(names))
    return [
        {"name": name, "color": [int(x) for x in color], "faces": int(count), "area": float(share)}
        for name, color, count, share in zip(
            [UNLABELLED_NAME, *names], [UNLABELLED_COLOR, *colors], counts, shares, strict=True
        )
    ]


def part_shares(
    corners: Float64[np.ndarray, "F 3 3"], labels: Int64[np.ndarray, " F"], num_labels: int
) -> Float64[np.ndarray, " K1"]:
    """Share of the area that is unlabelled, then that of every label."""
    a, b, c = np.moveaxis(corners, 1, 0)
    double_areas = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    areas = np.bincount(labels + 1, weights=double_areas, minlength=num_labels + 1)
    return areas / (areas.sum() or 1.0)


def border_bits(
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


def source_hash(source: str) -> str:
    """What a content security policy calls a script or a style by."""
    digest = hashlib.sha256(source.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def _script_json(value: Any) -> str:
    """JSON that is safe inside a script element: no text in it can end the element."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return re.sub("[<>&]", lambda match: f"\\u{ord(match[0]):04x}", text)
