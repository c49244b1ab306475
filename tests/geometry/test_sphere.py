"""Convergence to the smooth sphere, where everything is known."""

from __future__ import annotations

import numpy as np
import pytest

from gaugeconv.geometry import Neighborhoods, log_map, neighborhoods
from gaugeconv.mesh import TriMesh, shapes
from tests.geometry.zoo import edge_radius, wrap

SIZES = (162, 642, 2562)


def dot(a, b):
    return np.einsum("ei,ei->e", a, b)


def smooth_truth(mesh: TriMesh, nb: Neighborhoods):
    """Geodesic distance, direction and transport of the unit sphere, in the mesh's frames."""
    p, q = nb.target.numpy(), nb.source.numpy()
    x, y = mesh.vertices[p], mesh.vertices[q]
    axis = np.cross(x, y)
    r = np.arctan2(np.linalg.norm(axis, axis=1), dot(x, y))
    e1, e2 = nb.frames.e1, nb.frames.e2
    step = y - dot(x, y)[:, None] * x  # along the great circle that leaves p
    theta = np.arctan2(dot(step, e2[p]), dot(step, e1[p]))
    # carry q's frame back to p by the rotation about `axis` that takes y to x (Rodrigues)
    axis = -axis / np.maximum(np.linalg.norm(axis, axis=1), 1e-300)[:, None]
    v = e1[q]
    sine, cosine = np.sin(r)[:, None], np.cos(r)[:, None]
    carried = cosine * v + sine * np.cross(axis, v) + (1 - cosine) * dot(axis, v)[:, None] * axis
    return r, theta, np.arctan2(dot(carried, e2[p]), dot(carried, e1[p]))


def rms(x) -> float:
    return float(np.sqrt(np.mean(np.square(x))))


@pytest.fixture(scope="module")
def errors():
    """RMS errors of r/r, θ and φ at R = 3 mean edges, one row per resolution."""
    rows = []
    for size in SIZES:
        mesh = shapes.irregular_sphere(size, seed=size)
        nb = neighborhoods(mesh, edge_radius(mesh, 3.0))
        r, theta, transport = smooth_truth(mesh, nb)
        far = nb.r.numpy() > 0
        rows.append(
            (
                rms((nb.r.numpy() / np.where(far, r, 1.0) - 1)[far]),
                rms(wrap(nb.theta.numpy() - theta)[far]),
                rms(wrap(nb.transport.numpy() - transport)[far]),
            )
        )
    return np.array(rows)


@pytest.mark.parametrize(("column", "finest"), [(0, 1e-3), (1, 2e-3), (2, 3e-3)])
def test_log_map_and_transport_converge_at_second_order(errors, column, finest):
    spacing = np.sqrt(1.0 / np.array(SIZES))
    order = np.polyfit(np.log(spacing), np.log(errors[:, column]), 1)[0]
    assert order > 1.8, f"errors {errors[:, column]}, order {order:.2f}"
    assert errors[-1, column] < finest


def test_weights_sum_to_the_area_of_the_tangent_disk():
    """And areas given as they are, to that of the geodesic disk, 5 % less at R = 0.8."""
    mesh = shapes.irregular_sphere(2562, seed=1)
    areas = {"seen": None, "given": mesh.vertex_areas}
    exact = {"seen": np.pi * 0.8**2, "given": 2 * np.pi * (1 - np.cos(0.8))}
    for name, area in areas.items():
        nb = neighborhoods(mesh, 0.8, source_area=area)
        total = np.bincount(nb.target.numpy(), nb.weight.numpy())
        assert abs(total.mean() / exact[name] - 1) < 4e-3, name
        assert rms(total / exact[name] - 1) < 0.03  # vertices go in or out of the disk one by one


CORNERS = np.array([[1.0, 0.2, 0.1], [-0.3, 1.0, 0.2], [0.1, -0.2, 1.0]])


def triangle_defect(size: int) -> float:
    """Holonomy of a large geodesic triangle minus the area of the spherical one."""
    mesh = shapes.irregular_sphere(size, seed=size)
    directions = CORNERS / np.linalg.norm(CORNERS, axis=1, keepdims=True)
    i, j, k = (int(v) for v in np.argmax(directions @ mesh.vertices.T, axis=1))
    phi = {}
    for center in (i, j, k):
        log = log_map(mesh, center, 2.5)
        phi.update({(center, int(q)): t for q, t in zip(log.vertex, log.transport, strict=True)})
    walk = phi[i, k] + phi[k, j] + phi[j, i]
    a, b, c = mesh.vertices[[i, j, k]]
    area = 2 * np.arctan2(np.dot(a, np.cross(b, c)), 1 + a @ b + b @ c + c @ a)
    assert area > 1.0  # counter-clockwise, and large
    return abs(float(wrap(walk - area)))


def test_a_geodesic_triangle_has_its_area_as_holonomy():
    coarse, fine = triangle_defect(400), triangle_defect(6400)
    assert coarse < 0.05
    assert fine < coarse / 8  # order 2 is a factor of 16; it fluctuates with the triangulation
    assert fine < 3e-3
