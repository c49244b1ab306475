"""What a neighbourhood costs: memory and time per vertex do not grow with the mesh."""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from gaugeconv.geometry import locality, neighborhoods
from gaugeconv.geometry.pending import pop_nearest, queue_up
from gaugeconv.geometry.records import PENDING, REACHED
from gaugeconv.mesh import shapes
from tests.geometry.zoo import Relabelling, rough_sphere

PROGRAM = """
import resource, sys
from gaugeconv import neighborhoods, shapes
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
neighborhoods(shapes.torus(20, 10), edges=2.65)
mesh = shapes.torus(240, 120)
before = peak()
nb = neighborhoods(mesh, edges=2.65)
print((peak() - before) / mesh.num_vertices, nb.r.numel() / mesh.num_vertices)
"""


def test_memory_per_vertex_stays_below_five_kilobytes():
    """So that a million vertices with 32 neighbours stay far below 8 GB."""
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    per_vertex, pairs = (float(word) for word in run.stdout.split())
    assert 30 < pairs < 35
    assert per_vertex < 5000


def test_time_per_vertex_does_not_grow():
    meshes = [shapes.torus(100, 50), shapes.torus(200, 100)]
    times = np.zeros((3, 2))
    for attempt in range(3):  # other processes come and go
        for k, mesh in enumerate(meshes):
            start = time.process_time()
            neighborhoods(mesh, edges=2.65)
            times[attempt, k] = (time.process_time() - start) / mesh.num_vertices
    small, large = times.min(axis=0)
    assert large < 2 * small


@pytest.mark.parametrize("make", [lambda: rough_sphere(1500, 2, 0.1), lambda: shapes.plane(39, 36)])
def test_the_order_in_memory_changes_no_bit(make, monkeypatch):
    mesh = Relabelling.of(make(), 3).mesh
    results = []
    for far in (0.0, np.inf):
        monkeypatch.setattr(locality, "FAR", far)
        results.append(neighborhoods(mesh, edges=2.7))
    for name in ("ptr", "source", "r", "theta", "transport", "weight"):
        assert torch.equal(*(getattr(nb, name) for nb in results)), name


def test_a_shuffled_mesh_is_put_in_order_and_a_tidy_one_left_alone():
    tidy = shapes.torus(60, 40)
    shuffled = Relabelling.of(tidy, 4).mesh
    assert locality.numbered_nearby(tidy) is None
    number = locality.numbered_nearby(shuffled)
    assert np.array_equal(np.sort(number), np.arange(2400))
    halfedges = shuffled.halfedges
    apart = np.abs(number[halfedges.tail] - number[halfedges.head]).mean()
    assert apart < 2 * np.sqrt(2400) < np.abs(halfedges.tail - halfedges.head).mean() / 8


def test_pseudo_sources_come_out_nearest_first():
    """The heap of pending ones, with distances that become shorter while they wait."""
    rng = np.random.default_rng(1)
    hit = np.zeros(60, REACHED)
    counts = np.zeros(4, np.int64)
    hit["queued"] = -1
    hit["distance"] = rng.uniform(1, 2, 60)
    waiting = set()
    for step in range(400):
        vertex = int(rng.integers(60))
        if waiting and step % 3 == 2:
            nearest = pop_nearest(hit, counts)
            assert hit["distance"][nearest] == min(hit["distance"][v] for v in waiting)
            waiting.remove(nearest)
            hit["distance"][nearest] = rng.uniform(1, 2)
        else:
            hit["distance"][vertex] *= rng.uniform(0.9, 1)
            queue_up(hit, counts, 7, vertex)
            waiting.add(vertex)
        assert counts[PENDING] == len(waiting)
