from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from gaugeconv.mesh import shapes
from gaugeconv.sphere.rotations import (
    euler_angles,
    from_euler,
    icosahedral_rotations,
    random_rotation,
)


def test_random_rotations_are_uniform():
    rng = np.random.default_rng(0)
    turns = np.stack([random_rotation(rng) for _ in range(4000)])
    assert np.abs(turns @ turns.transpose(0, 2, 1) - np.eye(3)).max() < 1e-12
    assert np.abs(np.linalg.det(turns) - 1).max() < 1e-12
    # under the Haar measure every entry has mean 0 and mean square 1/3, and the trace mean square 1
    assert np.abs(turns.mean(axis=0)).max() < 0.04
    assert np.abs(np.square(turns).mean(axis=0) - 1 / 3).max() < 0.03
    assert abs(np.square(np.trace(turns, axis1=1, axis2=2)).mean() - 1) < 0.1


def test_icosahedral_rotations_map_the_icosphere_to_itself():
    points = shapes.icosphere(2).vertices
    tree = cKDTree(points)
    turns = icosahedral_rotations()
    assert len({tuple(np.round(turn, 6).ravel() + 0.0) for turn in turns}) == 60
    for turn in turns:
        assert tree.query(points @ turn.T)[0].max() < 1e-12


def test_euler_angles_and_back():
    rng = np.random.default_rng(1)
    turns = np.stack([random_rotation(rng) for _ in range(50)])
    poles = from_euler(np.array([0.3, -2.0]), np.array([0.0, np.pi]), np.array([0.5, 1.0]))
    turns = np.concatenate([turns, icosahedral_rotations(), poles])
    alpha, beta, gamma = euler_angles(turns)
    assert np.abs(from_euler(alpha, beta, gamma) - turns).max() < 1e-12
    pole = turns @ np.array([0.0, 0.0, 1.0])
    expected = [np.sin(beta) * np.cos(alpha), np.sin(beta) * np.sin(alpha), np.cos(beta)]
    assert np.abs(pole - np.stack(expected, -1)).max() < 1e-12
