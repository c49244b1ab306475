"""Labels of faces whose boundaries are short and lie in creases: a graph cut.

Minimises Σ_f a_f D_f(l_f) + λ Σ_{f,g} c_fg [l_f ≠ l_g] over all labellings l, with D = −log probability,
a_f the face's share of the area, and c_fg the length of the common edge in units of √(total area), times
exp(−β/β₀) where the surface bends inwards by the angle β. That is the Potts model, by α-expansions
(Boykov, Veksler & Zabih 2001), each a minimum cut of a graph of the faces. That borders of parts lie in
concave creases is the minima rule of Hoffman & Richards (1984).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64, Int64
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

from gaugeconv.mesh import TriMesh

CREASE = 0.3
"""β₀ in radians."""

_LEAST = 1e-6
"""Probabilities count as at least this."""

_TOTAL = 2.0**30
"""Costs become whole numbers whose sum is about this: flows are counted in 32 bits."""

_ROUNDS = 10


class Borders(NamedTuple):
    """Edges between two faces.

    Attributes:
        first, second: (E,) the faces.
        cost: (E,) of different labels, without λ.
    """

    first: Int64[np.ndarray, " E"]
    second: Int64[np.ndarray, " E"]
    cost: Float64[np.ndarray, " E"]


def smoothed_labels(
    mesh: TriMesh, probabilities: Float64[np.ndarray, "F K"], strength: float
) -> Int64[np.ndarray, " F"]:
    """(F,) labels of low cost, starting from the most probable ones; see the module.

    Does not depend on rigid motions, scale and reflections, nor on frames.

    Args:
        mesh: the surface, with positions.
        probabilities: of every face and label.
        strength: λ ≥ 0; 0 leaves the most probable labels.
    """
    borders = crease_borders(mesh)
    share = mesh.face_areas / mesh.area
    costs = -np.log(np.maximum(probabilities, _LEAST)) * share[:, None]
    between = strength * borders.cost
    scale = _TOTAL / (costs.max(axis=1).sum() + 2 * between.sum())
    weight = np.round(scale * between).astype(np.int64)
    data = np.round(scale * costs).astype(np.int64)
    labels = probabilities.argmax(axis=1)
    best = _energy(data, borders, weight, labels)
    for _ in range(_ROUNDS):
        before = best
        for label in range(probabilities.shape[1]):
            trial = np.where(_expansion(data, borders, weight, labels, label), label, labels)
            energy = _energy(data, borders, weight, trial)
            if energy < best:
                labels, best = trial, energy
        if best == before:
            break
    return labels


def crease_borders(mesh: TriMesh) -> Borders:
    """The edges between two faces, short ones in concave creases cheapest."""
    halfedges = mesh.halfedges
    here = np.flatnonzero(halfedges.twin > np.arange(3 * mesh.num_faces))
    there = halfedges.twin[here]
    first, second = here // 3, there // 3
    corners = mesh.vertices[mesh.faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-300)
    a, b = normals[first], normals[second]
    along = mesh.vertices[halfedges.head[here]] - mesh.vertices[halfedges.tail[here]]
    length = mesh.edge_lengths.reshape(-1)[here]
    turned = np.einsum("ei,ei->e", np.cross(a, b), along) / np.maximum(length, 1e-300)
    bend = np.arctan2(turned, np.einsum("ei,ei->e", a, b))  # positive where convex
    cost = length / np.sqrt(mesh.area) * np.exp(np.minimum(bend, 0.0) / CREASE)
    return Borders(first, second, cost)


def _energy(
    data: Int64[np.ndarray, "F K"],
    borders: Borders,
    weight: Int64[np.ndarray, " E"],
    labels: Int64[np.ndarray, " F"],
) -> int:
    differs = labels[borders.first] != labels[borders.second]
    return int(data[np.arange(len(labels)), labels].sum() + weight[differs].sum())


def _expansion(
    data: Int64[np.ndarray, "F K"],
    borders: Borders,
    weight: Int64[np.ndarray, " E"],
    labels: Int64[np.ndarray, " F"],
    label: int,
) -> Bool[np.ndarray, " F"]:
    """The faces that had best all change to `label`, by a minimum cut.

    With x = 1 for a change, a border costs A + (C − A) x_f − C x_g + (B + C − A)(1 − x_f) x_g, where
    A, B, C are its costs for (0, 0), (0, 1), (1, 0), and (1, 1) costs nothing.
    """
    f, g, _ = borders
    none = np.where(labels[f] != labels[g], weight, 0)
    only_g = np.where(labels[f] != label, weight, 0)
    only_f = np.where(labels[g] != label, weight, 0)
    size = len(labels)
    gain = data[:, label] - data[np.arange(size), labels]
    np.add.at(gain, f, only_f - none)
    np.add.at(gain, g, -only_f)
    faces, source, sink = np.arange(size), size, size + 1
    tail = np.concatenate([f, np.where(gain > 0, source, faces)])
    head = np.concatenate([g, np.where(gain > 0, faces, sink)])
    capacity = np.concatenate([only_g + only_f - none, np.abs(gain)]).astype(np.int32)
    graph = csr_array((capacity, (tail, head)), shape=(size + 2, size + 2))
    left = csr_array(graph - maximum_flow(graph, source, sink).flow)
    left.eliminate_zeros()
    kept = breadth_first_order(left, source, return_predecessors=False)
    changed = np.ones(size + 2, dtype=np.bool_)
    changed[kept] = False
    return changed[:size]
