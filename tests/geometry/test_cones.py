"""Cones against their unfolding: paths that go round the apex, and paths that go through it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from gaugeconv.geometry import holonomy, neighborhoods
from gaugeconv.mesh import shapes
from tests.geometry.zoo import Table, gauge_residual, wrap

TWO_PI = 2 * np.pi
RINGS, SECTORS = 3, 13  # an odd number: no two vertices are exactly opposite


def unfolded(total_angle: float, table: Table):
    """r, θ and φ in frames whose e1 points away from the apex (at the apex: to vertex 1)."""
    vertex = np.arange(1 + RINGS * SECTORS)
    rho = np.where(vertex == 0, 0.0, 1 + (vertex - 1) // SECTORS) / RINGS
    angle = np.where(vertex == 0, 0.0, (vertex - 1) % SECTORS) * total_angle / SECTORS
    scale = TWO_PI / total_angle
    rho_p, rho_q, a_p, a_q = rho[table.p], rho[table.q], angle[table.p], angle[table.q]
    between = a_q - a_p - total_angle * np.round((a_q - a_p) / total_angle)
    line = rho_q * np.exp(1j * between) - rho_p
    r, theta, transport = np.abs(line), np.angle(line), between.copy()
    from_apex, to_apex = table.p == 0, table.q == 0
    bent = (np.abs(between) > np.pi) & ~from_apex & ~to_apex
    r[bent], theta[bent] = (rho_p + rho_q)[bent], np.pi
    transport[bent] = (scale * (a_q - a_p))[bent]
    theta[from_apex], transport[from_apex] = (scale * a_q)[from_apex], (scale * a_q)[from_apex]
    theta[to_apex], transport[to_apex] = np.pi, -(scale * a_p)[to_apex]
    return r, theta, transport, bent


@pytest.mark.parametrize("total_angle", [0.9, 2.5, 5.0, TWO_PI, 7.5, 10.0, 15.0])
def test_cone_neighbourhoods_are_those_of_the_unfolding(total_angle):
    mesh = shapes.cone(total_angle, RINGS, SECTORS)
    table = Table.of(neighborhoods(mesh, 5.0))
    assert len(table.p) == mesh.num_vertices**2
    r, theta, transport, bent = unfolded(total_angle, table)
    assert bent.any() == (total_angle > TWO_PI)
    assert np.abs(table.r - r).max() < 1e-13
    assert gauge_residual(table, theta, transport) < 1e-11


@pytest.mark.parametrize("total_angle", [1.0, 3.0, 6.0, 7.0, 9.0, 12.0])
@pytest.mark.parametrize("rings", [1, 2, 4])
def test_a_loop_round_the_apex_turns_by_the_missing_angle(total_angle, rings):
    mesh = shapes.cone(total_angle, rings, 12)
    for ring in range(rings):
        loop = 1 + 12 * ring + np.arange(12)
        assert abs(wrap(holonomy(mesh, loop) - (TWO_PI - total_angle))) < 1e-12
        assert abs(wrap(holonomy(mesh, loop[::-1]) + (TWO_PI - total_angle))) < 1e-12


def test_transports_of_neighbourhoods_round_the_apex_add_up_to_the_holonomy():
    total_angle = 4.0
    mesh = shapes.cone(total_angle, RINGS, SECTORS)
    table = Table.of(neighborhoods(mesh, 5.0))
    phi = dict(zip(zip(table.p, table.q, strict=True), table.transport, strict=True))
    loop = [1, 1 + SECTORS + 3, 1 + 2 * SECTORS + 6, 1 + 10, 1]  # steps of less than half a turn
    walk = sum(phi[b, a] for a, b in pairwise(loop))
    assert abs(wrap(walk - (TWO_PI - total_angle))) < 1e-12
