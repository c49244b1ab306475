"""Segments a mesh and prints the share of every part: `python examples/segment.py [MESH] [PAGE]`."""

from __future__ import annotations

import sys
from pathlib import Path

import gaugeconv as gc

BODY = Path(__file__).parents[1] / "meshes" / "bodies" / "meshes" / "body-1.ply"


def main(path: str | Path = BODY, page: str | Path = "segmented.html") -> gc.models.Segmentation:
    mesh = gc.TriMesh.load(path)
    model = gc.models.GaugeSegmenter.load("bodies")
    result = model.segment(mesh)
    for name, share in result.area_shares.items():
        print(f"{name:>10} {share:6.1%}")
    gc.viz.write_html(page, mesh, result.face_labels, result.label_names, up="z")
    print(f"turn it in a browser: {page}")
    return result


if __name__ == "__main__":
    main(*sys.argv[1:])
