"""Heat-kernel signatures: how fast heat leaves each point, a description of shape at many sizes.

Sun, Ovsjanikov & Guibas, *A Concise and Provably Informative Multi-Scale Signature Based on Heat
Diffusion* (2009). Everything here is intrinsic, gauge invariant, and unchanged by mirroring.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, Int64
from scipy.linalg import eigh
from scipy.sparse import coo_array, csr_array, diags_array
from scipy.sparse.csgraph import connected_components

from gaugeconv.errors import GaugeConvError
from gaugeconv.geometry.eigen import smallest_eigenpairs
from gaugeconv.mesh import TriMesh
from gaugeconv.mesh.measures import (
    corner_angles_from_lengths,
    face_areas_from_lengths,
    vertex_areas,
)

_TIMES = (2e-3, 0.2)
"""Shortest and longest time, in units of the total area: heat spreads √(4t) of √area."""
_EIGENPAIRS = 128
"""For the whole surface; a component has a share by area, as Weyl's law says it should."""
_FEWEST = 16
_DENSE = 200
"""Vertices up to which all eigenpairs are computed."""
_STRICT = 1e-5
"""Least slack of every triangle inequality, in mean edge lengths."""


def cotangent_laplacian(mesh: TriMesh) -> tuple[csr_array, Float64[np.ndarray, " V"]]:
    """The stiffness matrix of linear elements, positive semi-definite, and lumped masses.

    Side lengths are made longer by one small amount where a triangle inequality would otherwise hold
    barely or not at all (Sharp & Crane, *A Laplacian for Nonmanifold Triangle Meshes*, 2020, §4.5),
    so slivers give large but finite weights.

    Returns:
        (V, V) stiffness S, without units: (S f)_i = ½ Σ_j (cot α_ij + cot β_ij) (f_i − f_j);
        (V,) areas in squared mesh units, 0 for an unreferenced vertex.
    """
    lengths = _strict_lengths(mesh)
    # side k lies opposite corner k + 2
    weight = (0.5 / np.tan(corner_angles_from_lengths(lengths)))[:, [2, 0, 1]].reshape(-1)
    tail, head = mesh.faces.reshape(-1), mesh.faces[:, [1, 2, 0]].reshape(-1)
    rows = np.concatenate([tail, head, tail, head])
    columns = np.concatenate([head, tail, tail, head])
    values = np.concatenate([-weight, -weight, weight, weight])
    size = mesh.num_vertices
    stiffness = coo_array((values, (rows, columns)), shape=(size, size)).tocsr()
    return stiffness, vertex_areas(face_areas_from_lengths(lengths), mesh.faces, size)


def heat_kernel_signatures(mesh: TriMesh, count: int) -> Float64[np.ndarray, "V count"]:
    """The logarithm of k_t(x, x) at `count` times, relative to its mean over the surface.

    k_t(x, x) = Σ_i (e^{−λ_i t} − e^{−Λ t}) φ_i(x)² over eigenpairs of the Laplacian, Λ the first
    eigenvalue left out: a smooth end, so that it does not matter where a multiple eigenvalue is cut.
    Squares make the signs of φ_i and the basis of an eigenspace irrelevant. Times are fixed fractions of
    the total area, so scaling the mesh changes nothing. Components do not exchange heat; one with a
    share s of the area tends to −log s, less the mean.

    Args:
        mesh: any valid mesh, closed or not, intrinsic or in space.
        count: number of times, spaced evenly in log t from 0.002 to 0.2 of the area.

    Returns:
        (V, count), gauge invariant; area-weighted mean 0 at every time; 0 for unreferenced vertices.

    Raises:
        GaugeConvError: `count` is negative, the mesh has no area to measure times by, or the eigenvalues
            of its Laplacian are not found.
    """
    if count < 0:
        raise GaugeConvError(f"the number of heat-kernel signatures must be ≥ 0, got {count}")
    result = np.zeros((mesh.num_vertices, count))
    if count == 0:
        return result
    stiffness, mass = cotangent_laplacian(mesh)
    total = mass.sum()
    if not 0 < total < np.inf:
        raise GaugeConvError("heat-kernel signatures need a mesh with an area above zero")
    mass = mass / total
    times = np.geomspace(*_TIMES, count)
    for vertices in _components(stiffness, mass):
        block = stiffness[vertices][:, vertices]
        result[vertices] = np.log(_kernel_diagonal(block, mass[vertices], times))
    result[mass > 0] -= mass @ result
    return result


def _strict_lengths(mesh: TriMesh) -> Float64[np.ndarray, "F 3"]:
    """Side lengths, all raised by the least amount that gives every triangle inequality some slack."""
    lengths = mesh.edge_lengths
    slack = lengths.sum(axis=1, keepdims=True) - 2 * lengths
    missing = _STRICT * mesh.mean_edge_length - slack.min()
    return lengths + max(missing, 0.0)


def _components(
    stiffness: csr_array, mass: Float64[np.ndarray, " V"]
) -> list[Int64[np.ndarray, " N"]]:
    """The vertices of every connected component that has faces."""
    label = connected_components(stiffness, directed=False)[1]
    order = np.argsort(label, kind="stable").astype(np.int64)
    parts = np.split(order, np.flatnonzero(np.diff(label[order])) + 1)
    return [part for part in parts if mass[part[0]] > 0]


def _kernel_diagonal(
    stiffness: csr_array, mass: Float64[np.ndarray, " N"], times: Float64[np.ndarray, " T"]
) -> Float64[np.ndarray, "N T"]:
    """k_t(x, x) on one component of a surface of area 1."""
    scale = 1 / np.sqrt(mass)
    symmetric = (diags_array(scale) @ stiffness @ diags_array(scale)).tocsr()
    count = max(_FEWEST, int(np.ceil(_EIGENPAIRS * mass.sum())))
    if len(mass) <= max(_DENSE, 3 * count):
        values, vectors = eigh(symmetric.toarray())
    else:
        start = np.random.default_rng(0).standard_normal(len(mass))
        values, vectors = smallest_eigenpairs(symmetric, None, count + 1, -1 / mass.sum(), start)
    values = np.clip(values, 0.0, None)
    values[0] = 0.0  # exactly: the constant
    end = values[-1] if len(values) < len(mass) else np.inf
    weight = np.exp(-values[:, None] * times) - np.exp(-end * times)
    return (scale[:, None] * vectors) ** 2 @ weight
