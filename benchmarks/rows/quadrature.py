"""Rows about the two quadratures of the tangent disk: against closed forms on the sphere; speed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from benchmarks.harness import median_seconds
from benchmarks.sphere_truth import (
    convolution_matrix,
    eigenvalue,
    harmonic,
    polar_frames,
    turned_icosphere,
)
from gaugeconv import Frames, Neighborhoods, TriMesh, exp_map, neighborhoods, shapes
from gaugeconv.geometry import exponential_neighborhoods
from gaugeconv.geometry.tangent_area import tangent_areas
from gaugeconv.reps.radial import CosineRings

RADIUS, RINGS, DEGREE = 0.5, 3, 6
PANELS = RINGS + 1  # of [0, R], between the kinks of the rings
NODES, DIRECTIONS = 10, 24  # radial nodes per panel: l = 0 is then exact to rounding
SIZES, SEEDS, TARGETS = (642, 2562, 10242), (0, 1, 2), 600
CASES = ((0, 0), (1, 1), (0, 1), (1, 0), (1, 2), (2, 1), (0, 2), (2, 0))

Errors = dict[tuple[tuple[int, int], int], tuple[float, float]]


def quadrature() -> dict[str, Any]:
    """Eigenvalues on spheres, fixed R = 0.5; "exponential" to reach: l = 0 to 1e-12, order ≥ 1.8."""
    families: dict[str, list[Callable[[int], TriMesh]]] = {
        "icosphere": [turned_icosphere],
        "irregular": [lambda size, s=seed: shapes.irregular_sphere(size, s) for seed in SEEDS],
    }
    figures: dict[str, Any] = {"radius": RADIUS, "vertices": SIZES}
    for family, makers in families.items():
        runs = [[_errors(make(size)) for make in makers] for size in SIZES]
        for rule in ("exponential", "vertex"):
            tables = [_mean([errors[rule] for errors in run]) for run in runs]
            figures[f"{family}, {rule}"] = _summary(tables)
    return figures


def _errors(mesh: TriMesh) -> dict[str, Errors]:
    """For both rules the errors of every case and degree on one sphere."""
    frames = polar_frames(mesh)
    rng = np.random.default_rng(0)
    targets = np.sort(rng.choice(mesh.num_vertices, TARGETS, replace=False))
    exponential = exponential_neighborhoods(
        frames,
        RADIUS,
        radial_nodes=NODES,
        radial_panels=PANELS,
        angular_nodes=DIRECTIONS,
        targets=targets,
    )
    vertex = neighborhoods(mesh, RADIUS, frames, targets=targets)
    return {"exponential": _of_rule(mesh, exponential), "vertex": _of_rule(mesh, vertex)}


def _of_rule(mesh: TriMesh, nb: Neighborhoods) -> Errors:
    """(error of the eigenvalue, root mean square error of the output), both over 2π ∫ |k(r)| r dr."""
    targets, errors = nb.target_vertex.numpy(), {}
    area = mesh.vertex_areas[targets][:, None]
    for m, n in CASES:
        profile = _profile(m == n)
        unit = eigenvalue(profile, RADIUS, PANELS, 0, 0, 0)
        matrix = convolution_matrix(nb, profile, m, n)
        for degree in range(max(m, n), DEGREE + 1):
            fields = np.stack([harmonic(mesh, degree, M, m) for M in range(-degree, degree + 1)], 1)
            wanted = np.stack([harmonic(mesh, degree, M, n) for M in range(-degree, degree + 1)], 1)
            wanted, out = wanted[targets], matrix @ fields
            norm = np.sum(area * abs(wanted) ** 2)
            exact = eigenvalue(profile, RADIUS, PANELS, degree, m, n)
            off = abs(np.sum(area * wanted.conj() * out) / norm - exact)
            rms = np.sqrt(np.sum(area * abs(out - exact * wanted) ** 2) / norm)
            errors[(m, n), degree] = (off / unit, rms / unit)
    return errors


def _profile(with_center: bool) -> Callable[[np.ndarray], np.ndarray]:
    """The sum of all rings; kernels that keep the order have the centre function as well."""
    basis = CosineRings(RINGS)

    def profile(r: np.ndarray) -> np.ndarray:
        rho = torch.from_numpy(r / RADIUS)
        rings = basis.rings(rho).sum(dim=-1)
        return (rings + basis.center(rho) if with_center else rings).numpy()

    return profile


def _mean(tables: list[Errors]) -> Errors:
    return {key: tuple(np.mean([t[key] for t in tables], axis=0)) for key in tables[0]}


def _summary(tables: list[Errors]) -> dict[str, Any]:
    """Errors by size and their orders, by case "m → n" and degree; the lowest orders first.

    An order is the slope over all sizes, a last order that between the two finest.
    """
    spacing = -0.5 * np.log(SIZES)
    cases: dict[str, Any] = {}
    lowest: dict[str, dict[str, float]] = {"zonal": {}, "others": {}}
    for (m, n), degree in tables[0]:
        both = np.array([table[(m, n), degree] for table in tables])
        order, rms_order = np.polyfit(spacing, np.log(both), 1)[0]
        last_order = np.diff(np.log(both[1:, 0]))[0] / np.diff(spacing[1:])[0]
        orders = {"order": order, "last_order": last_order, "rms_order": rms_order}
        cases.setdefault(f"{m} → {n}", {})[f"l = {degree}"] = {
            "eigenvalue_error": both[:, 0].tolist(),
            "rms_error": both[:, 1].tolist(),
            **{name: float(value) for name, value in orders.items()},
        }
        so_far = lowest["zonal" if m == n == 0 else "others"]
        if degree:
            for name, value in orders.items():
                so_far[name] = min(so_far.get(name, np.inf), float(value))
    at_zero = max(table[(0, 0), 0][1] for table in tables)
    return {"l = 0, worst rms_error": float(at_zero), "lowest, l ≥ 1": lowest, **cases}


def quadrature_speed() -> dict[str, Any]:
    """Cost of exp_map and of both rules' weights on a 20,000-vertex torus; to reach: ≤ 10 µs a target."""
    mesh = shapes.torus(200, 100)
    frames = Frames.canonical(mesh)
    nb = neighborhoods(mesh, 3.3 * mesh.mean_edge_length, frames)
    pairs = [a.numpy() for a in (nb.ptr, nb.source, nb.r, nb.theta)]
    p = nb.target.numpy()
    vectors = pairs[2][:, None] * np.stack([np.cos(pairs[3]), np.sin(pairs[3])], axis=1)
    areas = median_seconds(lambda: tangent_areas(mesh, *pairs))
    paths = median_seconds(lambda: exp_map(mesh, p, vectors, frames))
    targets = np.arange(0, mesh.num_vertices, 10)
    nodes = median_seconds(lambda: exponential_neighborhoods(frames, nb.radius, targets=targets))
    return {
        "neighbors": len(p) / mesh.num_vertices,
        "vertex_weights_us_per_target": 1e6 * areas / mesh.num_vertices,
        "exp_map_us_per_path": 1e6 * paths / len(p),
        "exponential_rule_us_per_target": 1e6 * nodes / len(targets),
    }


ROWS = (quadrature, quadrature_speed)
