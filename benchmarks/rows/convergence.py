"""Rows about convergence: the log map of ever finer meshes against that of the smooth surface."""

from __future__ import annotations

from typing import Any

from benchmarks.smooth_surfaces import (
    EDGES,
    errors,
    irregular_torus,
    orders,
    sphere_geodesics,
    torus_geodesics,
)
from gaugeconv import shapes


def log_map_convergence() -> dict[str, Any]:
    """Errors of r, θ and transport at R = 3 h, irregular sphere and torus; to reach: order ≥ 1.8."""
    sphere = [
        errors(shapes.irregular_sphere(size, size), sphere_geodesics, 2000)
        for size in (162, 642, 2562, 10242)
    ]
    torus = [
        errors(irregular_torus(5 * n, 2 * n, n), torus_geodesics, 400) for n in (5, 10, 20, 40)
    ]
    return {
        "radius_edges": EDGES,
        "sphere": sphere,
        "sphere_order": orders(sphere),
        "torus": torus,
        "torus_order": orders(torus),
    }


ROWS = (log_map_convergence,)
