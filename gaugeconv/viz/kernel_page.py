"""The page of a kernel grid: drawings as SVG, no script at all."""

from __future__ import annotations

import html
import os
import re
from importlib import resources
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from gaugeconv.files import atomic_path
from gaugeconv.viz.kernel_shapes import SIDE, polygons
from gaugeconv.viz.kernels import CIRCLES, KernelGrid, Panel
from gaugeconv.viz.page import source_hash

UNIT = 1000


def write_kernel_page(path: str | os.PathLike[str], grid: KernelGrid) -> Path:
    """See `KernelGrid.write_html`."""
    template, style = (
        resources.files("gaugeconv.viz").joinpath("template", name).read_text("utf-8")
        for name in ("kernels.html", "kernels.css")
    )
    head = "".join(f'<th scope="col">{html.escape(label)}</th>' for label in grid.columns)
    body = "\n".join(
        f'<tr><th scope="row">{html.escape(row.label)}</th>'
        + "".join(f"<td>{_svg(panel, grid.points)}</td>" for panel in row.panels)
        + "</tr>"
        for row in grid.rows
    )
    values = {
        "policy": "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; "
        f"style-src {source_hash(style)}",
        "title": html.escape(grid.title),
        "subtitle": html.escape(grid.subtitle),
        "head": head,
        "body": body,
        "style": style,
    }
    page = re.sub(r"\{\{(\w+)\}\}", lambda match: values[match[1]], template)
    with atomic_path(path) as partial:
        partial.write_bytes(page.encode("utf-8", "xmlcharrefreplace"))
    return Path(path)


def _svg(panel: Panel, points: Float64[np.ndarray, "N 2"]) -> str:
    """One panel, in thousandths of R, y downwards. A title at every point tells the values."""
    paths: dict[str, list[str]] = {}
    for corners, color in polygons(panel, points):
        outline = "L".join(f"{x:.0f} {y:.0f}" for x, y in corners * [UNIT, -UNIT])
        paths.setdefault(color, []).append(f"M{outline}Z")
    drawn = "".join(f'<path fill="{color}" d="{"".join(d)}"/>' for color, d in paths.items())
    hits = "".join(
        f'<circle class="hit" cx="{UNIT * x:.0f}" cy="{-UNIT * y:.0f}" r="{UNIT // (2 * CIRCLES)}">'
        f"<title>X/R = ({x:.2f}, {y:.2f}): {', '.join(f'{v + 0.0:.3g}' for v in value)}</title></circle>"
        for (x, y), value in zip(points, panel.values, strict=True)
    )
    edge = round(SIDE * UNIT)
    return (
        f'<svg viewBox="{-edge} {-edge} {2 * edge} {2 * edge}" role="img">'
        f'<circle class="rim" r="{UNIT}"/><path class="axis" d="M{UNIT} 0H{edge}"/>{drawn}{hits}</svg>'
    )
