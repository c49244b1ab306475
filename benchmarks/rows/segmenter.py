"""Rows about the packaged segmenter: gauge error, accuracy, end to end."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gaugeconv.data import DatasetFolder
from gaugeconv.mesh import TriMesh
from gaugeconv.models import GaugeSegmenter
from gaugeconv.train import evaluate
from gaugeconv.verification import verify, verify_relabelling

MESHES = Path(__file__).parents[2] / "meshes"
BODIES = MESHES / "bodies"


def gauge_error() -> dict[str, Any]:
    """The packaged network on every bundled body: frames redrawn, then the mesh relabelled."""
    figures: dict[str, Any] = {}
    for dtype in (torch.float32, torch.float64):
        model = GaugeSegmenter.load("bodies").to(dtype)
        for check in (verify, verify_relabelling):
            reports = {
                path.stem: check(model, TriMesh.load(path))
                for path in sorted((BODIES / "meshes").glob("*.ply"))
            }
            figures[f"{check.__name__}, {str(dtype).removeprefix('torch.')}"] = {
                "max_relative_error": max(r.max_relative_error for r in reports.values()),
                "passed": all(r.passed for r in reports.values()),
                "per_mesh": {name: r.max_relative_error for name, r in reports.items()},
            }
    return figures


def bundled_accuracy() -> dict[str, Any]:
    """Area-weighted accuracy of the packaged weights on the bundled bodies; to reach: ≥ 0.95."""
    result = evaluate(GaugeSegmenter.load("bodies"), DatasetFolder(BODIES), "test")
    return result.to_dict()


def segment_20k() -> dict[str, Any]:
    """`gaugeconv segment` on about 20,000 vertices; to reach: ≤ 5 s beyond import and ≤ 2 GB."""
    mesh = _refined(TriMesh.load(BODIES / "meshes" / "body-1.ply"), at_least=20_000)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "body.ply"
        mesh.save(path)
        program = (
            "import time, resource, torch, gaugeconv.models, gaugeconv.viz, gaugeconv.cli as c\n"
            "start = time.perf_counter()\n"
            f"code = c.main(['segment', {str(path)!r}, '--out', {folder + '/'!r}, '--view'])\n"
            "gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9\n"
            "print('FIGURES', code, time.perf_counter() - start, gb)\n"
        )
        runs = [
            subprocess.run(
                [sys.executable, "-c", program], capture_output=True, text=True, check=True
            )
            for _ in range(3)
        ]
    figures = [run.stdout.rsplit("FIGURES", 1)[1].split() for run in runs]
    return {
        "vertices": mesh.num_vertices,
        "seconds": [float(f[1]) for f in figures],
        "peak_gb": max(float(f[2]) for f in figures),
    }


def _refined(mesh: TriMesh, at_least: int) -> TriMesh:
    """Splits long edges at their midpoints, at most one per face and round, until there are enough."""
    while mesh.num_vertices < at_least:
        halfedges = mesh.halfedges
        length = mesh.edge_lengths.reshape(-1)
        used = np.zeros(mesh.num_faces, dtype=bool)
        vertices, faces = list(mesh.vertices), mesh.faces.tolist()
        for h in np.argsort(-length)[: 2 * (at_least - mesh.num_vertices)]:
            sides = [int(h), int(halfedges.twin[h])]
            if sides[1] < 0 or used[[s // 3 for s in sides]].any():
                continue
            middle = len(vertices)
            vertices.append(mesh.vertices[[halfedges.tail[s] for s in sides]].mean(axis=0))
            for side in sides:
                used[side // 3] = True
                a, b, c = np.roll(mesh.faces[side // 3], -(side % 3)).tolist()
                faces[side // 3] = [a, middle, c]
                faces.append([middle, b, c])
        mesh = TriMesh(np.array(vertices), np.array(faces))
    return mesh


ROWS = (gauge_error, bundled_accuracy, segment_20k)
