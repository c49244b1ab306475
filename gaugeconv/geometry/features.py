"""Input features that carry geometry without breaking symmetry.

All are invariant to rigid motions and to scaling the mesh, and covariant under gauge changes by
rotations. Real tensors laid out as a FieldType of SO(2): all of order 0, then order 1, then order 2.
What points along the normal changes its sign with it, so frames that oppose the winding are refused with
StructureGroupError, and so are transports that reflect where neighbourhoods are read.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from gaugeconv.errors import GaugeConvError, StructureGroupError
from gaugeconv.geometry.frames import Frames, frames_on
from gaugeconv.geometry.neighborhoods import Neighborhoods
from gaugeconv.geometry.sampling import centered_positions

CENTROID_FEATURES = "2x0 + 1x1"
SURFACE_FEATURES = "3x0 + 1x1 + 1x2"


@dataclass(frozen=True)
class ShapeOperator:
    """S = dn at each target, in its frame: positive on a sphere with outward normals.

    Attributes:
        matrix: (P, 2, 2), in units of 1/length; S → R(γ) S R(−γ).
    """

    matrix: Float64[np.ndarray, "P 2 2"]

    @property
    def mean(self) -> Float64[np.ndarray, " P"]:
        """(P,) mean curvature ½ tr S. Gauge invariant (order 0)."""
        return 0.5 * (self.matrix[:, 0, 0] + self.matrix[:, 1, 1])

    @property
    def gaussian(self) -> Float64[np.ndarray, " P"]:
        """(P,) Gaussian curvature det S. Gauge invariant (order 0)."""
        s = self.matrix
        return s[:, 0, 0] * s[:, 1, 1] - s[:, 0, 1] * s[:, 1, 0]

    @property
    def traceless(self) -> Float64[np.ndarray, "P 2"]:
        """(P, 2) ½(S₁₁ − S₂₂), ½(S₁₂ + S₂₁): the difference of the principal curvatures. Order 2."""
        s = self.matrix
        return 0.5 * np.stack([s[:, 0, 0] - s[:, 1, 1], s[:, 0, 1] + s[:, 1, 0]], axis=1)


def shape_operator(nb: Neighborhoods) -> ShapeOperator:
    """Fits n(q) − n(p) = S log_p(q), least squares over each neighbourhood.

    Weights are w (1 − r²/R²)², so that nothing jumps at the cut-off. Directions in which the neighbours
    do not spread (fewer than two of them, say) get curvature 0.

    Args:
        nb: neighbourhoods with frames of a mesh with positions; their radius is the scale of the fit.
    """
    frames = _frames_of(nb)
    p, q, weight = _pairs(nb)
    theta, r = nb.theta.numpy(), nb.r.numpy() / nb.radius
    log = (r * np.stack([np.cos(theta), np.sin(theta)])).T
    step = _in_frame(frames, p, frames.normal[q] - frames.normal[p])[:, :2]
    rows = nb.num_targets
    moment = _sum_outer(nb, weight, log, log)
    cross = _sum_outer(nb, weight, step, log)
    floor = 1e-4 * np.trace(moment, axis1=1, axis2=2)[:, None, None] * np.eye(2)
    floor += np.where(floor.any(axis=(1, 2))[:, None, None], 0.0, np.eye(2))
    fit = np.linalg.solve(moment + floor, np.swapaxes(cross, 1, 2))
    return ShapeOperator(np.swapaxes(fit, 1, 2).reshape(rows, 2, 2) / nb.radius)


def surface_features(nb: Neighborhoods) -> Float64[np.ndarray, "P 7"]:
    """How the surface bends within R, of type `SURFACE_FEATURES`, in units of R.

    Order 0: mean curvature · R, Gaussian curvature · R², normal part of the offset to the centroid of
    the neighbourhood; order 1: its tangential part; order 2: traceless shape operator · R.
    """
    frames = _frames_of(nb)
    p, q, weight = _pairs(nb)
    positions = centered_positions(frames.mesh) * np.sqrt(frames.mesh.area)
    offset = _in_frame(frames, p, positions[q] - positions[p])
    row = nb.target.numpy()
    total = np.bincount(row, weight, minlength=nb.num_targets)
    mean = np.stack(
        [np.bincount(row, weight * column, minlength=nb.num_targets) for column in offset.T], 1
    ) / (np.where(total > 0, total, 1.0)[:, None] * nb.radius)
    shape = shape_operator(nb)
    return np.concatenate(
        [
            nb.radius * shape.mean[:, None],
            nb.radius**2 * shape.gaussian[:, None],
            mean[:, 2:],
            mean[:, :2],
            nb.radius * shape.traceless,
        ],
        axis=1,
    )


def centroid_features(
    frames: Frames, vertices: Int64[np.ndarray, " P"]
) -> Float64[np.ndarray, "P 4"]:
    """The position relative to the mesh's area centroid, of type `CENTROID_FEATURES`, in units of √area.

    Order 0: normal part, length; order 1: tangential part.
    """
    offset = centered_positions(frames_on(frames.mesh, frames).mesh)[vertices]
    x, y, z = _in_frame(frames, vertices, offset).T
    return np.stack([z, np.linalg.norm(offset, axis=1), x, y], axis=1)


def _frames_of(nb: Neighborhoods) -> Frames:
    if nb.frames is None:
        raise GaugeConvError(
            "these neighbourhoods carry no frames: build them with gc.neighborhoods"
        )
    frames = frames_on(nb.frames.mesh, nb.frames)
    if bool(nb.flip.any()):
        raise StructureGroupError(
            "the surface has one side: there is no normal along which it could be said to bend"
        )
    return frames


def _pairs(
    nb: Neighborhoods,
) -> tuple[Int64[np.ndarray, " E"], Int64[np.ndarray, " E"], Float64[np.ndarray, " E"]]:
    """Mesh vertices p and q of every pair, and the smooth weight w (1 − r²/R²)²."""
    p = nb.target_vertex[nb.target].numpy()
    q = nb.source_vertex[nb.source].numpy()
    fade = (1 - (nb.r / nb.radius) ** 2) ** 2
    return p, q, (nb.weight * fade).numpy() / nb.radius**2


def _in_frame(
    frames: Frames, p: Int64[np.ndarray, " E"], vectors: Float64[np.ndarray, "E 3"]
) -> Float64[np.ndarray, "E 3"]:
    """Components along e1, e2 and n of p's frame."""
    axes = (frames.e1[p], frames.e2[p], frames.normal[p])
    return np.stack([np.einsum("ei,ei->e", vectors, axis) for axis in axes], axis=1)


def _sum_outer(
    nb: Neighborhoods,
    weight: Float64[np.ndarray, " E"],
    a: Float64[np.ndarray, "E 2"],
    b: Float64[np.ndarray, "E 2"],
) -> Float64[np.ndarray, "P 2 2"]:
    """Σ_q w a bᵀ for every target."""
    row = nb.target.numpy()
    sums = [
        np.bincount(row, weight * a[:, i] * b[:, j], minlength=nb.num_targets)
        for i in range(2)
        for j in range(2)
    ]
    return np.stack(sums, axis=1).reshape(-1, 2, 2)
