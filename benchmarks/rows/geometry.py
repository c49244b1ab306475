"""Rows about the geometry core: log map, exp map, transport, neighbourhoods."""

from __future__ import annotations

from typing import Any

from benchmarks.harness import median_seconds, peak_memory_gb
from gaugeconv import neighborhoods, shapes


def neighborhoods_20k() -> dict[str, Any]:
    """Neighbourhoods of a 20,000-vertex torus at about 45 neighbours; to reach: ≤ 1 s."""
    mesh = shapes.torus(200, 100)
    radius = 3.3 * mesh.mean_edge_length
    nb = neighborhoods(mesh, radius)
    seconds = median_seconds(lambda: neighborhoods(mesh, radius))
    return {
        "vertices": mesh.num_vertices,
        "neighbors": nb.r.numel() / mesh.num_vertices,
        "seconds": seconds,
        "peak_gb": peak_memory_gb(),
    }


ROWS = (neighborhoods_20k,)
