"""One call for what is asked for most: a labelled mesh, as a page or as a picture."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from numpy.typing import ArrayLike

from gaugeconv.mesh import TriMesh
from gaugeconv.viz.scene import Scene


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
    scene = Scene(mesh, title, subtitle, up=up)
    return scene.add_parts(face_labels, label_names, palette).write_html(path)


def save_png(
    path: str | os.PathLike[str],
    mesh: TriMesh,
    face_labels: ArrayLike,
    label_names: Sequence[str],
    title: str = "Mesh parts",
    subtitle: str | None = None,
    palette: ArrayLike | None = None,
    *,
    up: str = "y",
    size: tuple[int, int] = (1200, 800),
) -> Path:
    """Writes a picture of the mesh with its faces coloured by part, without a browser or a display.

    Takes what `write_html` takes, and a size in pixels. Needs the extra `[viz]`.

    Raises:
        MeshError: the mesh has no positions.
        DataError: as for `write_html`; or matplotlib is not installed, or the size is out of range.
        OSError: the file cannot be written.
    """
    scene = Scene(mesh, title, subtitle, up=up)
    return scene.add_parts(face_labels, label_names, palette).save_png(path, size)
