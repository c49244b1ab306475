"""Smooth direction fields and their singularities: `python examples/direction_field.py [MESH] [PAGE]`."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import gaugeconv as gc
from gaugeconv.geometry import DirectionField, smooth_direction_field

TORUS = Path(__file__).parents[1] / "meshes" / "torus.ply"
KINDS = {1: "vectors", 2: "lines", 4: "crosses"}


def singular_neighborhoods(field: DirectionField) -> np.ndarray:
    """A label per face: 1 round singularities of positive index, 2 of negative index, else 0."""
    faces, index = field.frames.mesh.faces, field.face_index()
    labels = np.zeros(len(faces), dtype=np.int64)
    for label, singular in ((1, index > 0), (2, index < 0)):
        labels[np.isin(faces, faces[singular]).any(axis=1)] = label
    return labels


def main(path: str | Path = TORUS, page: str | Path | None = None) -> dict[int, float]:
    mesh = gc.TriMesh.load(path)
    print(f"{mesh}, Euler characteristic {mesh.euler_characteristic}")
    totals = {}
    for order, kind in KINDS.items():
        field = smooth_direction_field(mesh, order)
        index = field.face_index()
        totals[order] = index.sum() / order
        print(
            f"{kind:>8}: {np.count_nonzero(index > 0)} singularities of positive index, "
            f"{np.count_nonzero(index < 0)} of negative, sum {totals[order]:+g}"
        )
    if page is not None:  # the last field's
        names = ["regular", "positive index", "negative index"]
        title = f"Singularities of the smoothest field of {kind}"
        gc.viz.write_html(page, mesh, singular_neighborhoods(field), names, title)
        print(f"turn it in a browser: {page}")
    return totals


if __name__ == "__main__":
    main(*sys.argv[1:])
