"""Order of convergence on irregular meshes of the sphere and the torus, small versions of the row."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.smooth_surfaces import (
    MAJOR,
    MINOR,
    errors,
    irregular_torus,
    orders,
    sphere_geodesics,
    torus_geodesics,
)
from gaugeconv.geometry import Frames, neighborhoods
from gaugeconv.mesh import shapes
from tests.geometry.zoo import wrap

FINEST = {"r_relative": 1.5e-3, "theta_rad": 3e-3, "transport_rad": 5e-3}


@pytest.mark.parametrize(
    "table",
    [
        lambda: [
            errors(shapes.irregular_sphere(n, n), sphere_geodesics, 150) for n in (162, 642, 2562)
        ],
        lambda: [
            errors(irregular_torus(5 * n, 2 * n, n), torus_geodesics, 60) for n in (5, 10, 20)
        ],
    ],
    ids=["sphere", "torus"],
)
def test_log_map_and_transport_converge_at_second_order(table):
    rows = table()
    for name, order in orders(rows).items():
        assert order > 1.8, f"{name}: {[row[name] for row in rows]}"
        assert rows[-1][name] < FINEST[name]


def test_geodesics_of_the_torus_along_its_circles_are_known():
    """Meridians, and the outer equator: lengths of arcs, and nothing turns."""
    columns, rows = 24, 12
    mesh = shapes.torus(columns, rows, MAJOR, MINOR)
    circles = np.stack([-mesh.vertices[:, 1], mesh.vertices[:, 0], 0 * mesh.vertices[:, 0]], 1)
    frames = Frames.from_directions(mesh, circles)  # e1 along the parallels, e2 up the meridians
    nb = neighborhoods(mesh, 0.9, frames, targets=np.arange(0, mesh.num_vertices, rows + 1))
    smooth = torus_geodesics(nb)
    p, q = nb.target_vertex[nb.target].numpy(), nb.source.numpy()
    around, up = (
        (step + n // 2) % n - n // 2
        for step, n in ((q // rows - p // rows, columns), (q % rows - p % rows, rows))
    )
    meridian = (around == 0) & (up != 0)
    equator = (q % rows == 0) & (p % rows == 0) & (around != 0)
    assert meridian.sum() > 20 and equator.sum() > 5
    arcs = 2 * np.pi * np.abs([MINOR * up / rows, (MAJOR + MINOR) * around / columns])
    turn = np.pi / 2 * np.sign(up), np.where(around > 0, 0.0, np.pi)
    for kind, arc, theta in zip((meridian, equator), arcs, turn, strict=True):
        assert np.abs(smooth.r - arc)[kind].max() < 1e-9
        # the mesh's normals, and so its frames, are those of the torus to second order only
        assert np.abs(wrap(smooth.theta - theta))[kind].max() < 1e-3
        assert np.abs(wrap(smooth.transport))[kind].max() < 1e-3


def test_geodesics_of_the_torus_are_the_same_both_ways_and_enclose_curvature():
    mesh = irregular_torus(25, 10, 3)
    nb = neighborhoods(mesh, 2.2 * mesh.mean_edge_length)
    smooth = torus_geodesics(nb)
    p, q = nb.target.numpy(), nb.source.numpy()
    back = np.lexsort((p, q))
    assert np.abs(smooth.r - smooth.r[back]).max() < 1e-9
    assert np.abs(wrap(smooth.transport + smooth.transport[back])).max() < 1e-9
    phi = dict(zip(zip(p, q, strict=True), smooth.transport, strict=True))
    v = np.arctan2(mesh.vertices[:, 2], np.hypot(*mesh.vertices[:, :2].T) - MAJOR)
    rho = MAJOR + MINOR * np.cos(v)
    curvature = np.cos(v) / (MINOR * rho)
    for i, j, k in mesh.faces[::29]:
        turned = wrap(phi[i, k] + phi[k, j] + phi[j, i])
        area = mesh.face_areas[(mesh.faces == [i, j, k]).all(axis=1)][0]
        assert abs(turned - curvature[[i, j, k]].mean() * area) < 0.05  # to the triangle's size
