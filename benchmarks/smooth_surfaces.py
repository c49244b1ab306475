"""Log map and transport of the smooth sphere and torus, in the frames of a mesh whose vertices lie on it.

On the torus a geodesic is integrated as an ordinary differential equation, with the parallel transport
along it, and aimed at its end by Newton's method.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64
from scipy.integrate import solve_ivp

from gaugeconv import Frames, Neighborhoods, TriMesh, neighborhoods, shapes

MAJOR, MINOR = 1.0, 0.4
TOLERANCE = 1e-12
STEP = 1e-6  # for the derivatives of Newton's method
EDGES = 3.0  # the radius at which errors are measured, in mean edge lengths

Pairs = Float64[np.ndarray, " E"]


@dataclass(frozen=True)
class Geodesics:
    """Smooth r, θ and φ_{p←q} of the pairs of a Neighborhoods, in its frames."""

    r: Pairs
    theta: Pairs
    transport: Pairs


def errors(
    mesh: TriMesh, truth: Callable[[Neighborhoods], Geodesics], centers: int
) -> dict[str, float]:
    """Root mean squares over all pairs of up to `centers` vertices, at R = 3 mean edge lengths."""
    targets = np.linspace(0, mesh.num_vertices - 1, min(centers, mesh.num_vertices)).astype(int)
    nb = neighborhoods(mesh, EDGES * mesh.mean_edge_length, targets=np.unique(targets))
    smooth, r = truth(nb), nb.r.numpy()
    far = r > 0
    difference = {
        "r_relative": r[far] / smooth.r[far] - 1,
        "theta_rad": _wrapped(nb.theta.numpy() - smooth.theta)[far],
        "transport_rad": _wrapped(nb.transport.numpy() - smooth.transport)[far],
    }
    figures = {name: float(np.sqrt(np.mean(x**2))) for name, x in difference.items()}
    return {"vertices": mesh.num_vertices, "pairs": int(far.sum()), **figures}


def orders(table: Sequence[dict[str, float]]) -> dict[str, float]:
    """The slope of the logarithm of every error against that of 1/√V, least squares."""
    spacing = -0.5 * np.log([row["vertices"] for row in table])
    names = ("r_relative", "theta_rad", "transport_rad")
    return {
        name: float(np.polyfit(spacing, np.log([row[name] for row in table]), 1)[0])
        for name in names
    }


def sphere_geodesics(nb: Neighborhoods) -> Geodesics:
    """On the unit sphere, by formula; every vertex of the mesh at distance 1 from the origin."""
    frames, p, q = _ends(nb)
    x, y = frames.mesh.vertices[p], frames.mesh.vertices[q]
    axis = np.cross(x, y)
    sine, cosine = np.linalg.norm(axis, axis=1), _dot(x, y)
    step = y - cosine[:, None] * x
    theta = np.arctan2(_dot(step, frames.e2[p]), _dot(step, frames.e1[p]))
    # Rodrigues' formula for the rotation that takes y to x, applied to e1 at q
    v, k = frames.e1[q], -axis / np.maximum(sine, 1e-300)[:, None]
    back = cosine[:, None] * v + sine[:, None] * np.cross(k, v)
    back += ((1 - cosine) * _dot(k, v))[:, None] * k
    transport = np.arctan2(_dot(back, frames.e2[p]), _dot(back, frames.e1[p]))
    return Geodesics(np.arctan2(sine, cosine), theta, transport)


def irregular_torus(columns: int, rows: int, seed: int = 0) -> TriMesh:
    """Vertices on the torus at jittered parameters, every cell cut along its shorter diagonal."""
    rng = np.random.default_rng(seed)
    i, j = np.meshgrid(np.arange(columns), np.arange(rows), indexing="ij")
    u = 2 * np.pi / columns * (i + rng.uniform(-0.25, 0.25, i.shape)).ravel()
    v = 2 * np.pi / rows * (j + rng.uniform(-0.25, 0.25, j.shape)).ravel()
    points = _torus_points(u, v)
    regular = shapes.torus(columns, rows).faces.reshape(-1, 2, 3)
    a, b, c, d = regular[:, 0, 0], regular[:, 0, 1], regular[:, 0, 2], regular[:, 1, 2]
    short = np.linalg.norm(points[a] - points[c], axis=1) < np.linalg.norm(
        points[b] - points[d], axis=1
    )
    first = np.where(short, [a, b, c], [a, b, d]).T
    second = np.where(short, [a, c, d], [b, c, d]).T
    return TriMesh(points, np.concatenate([first, second]))


def torus_geodesics(nb: Neighborhoods) -> Geodesics:
    """On the torus of `irregular_torus`, starting the search at what the mesh says."""
    frames, p, q = _ends(nb)
    u, v = _torus_parameters(frames.mesh.vertices)
    alpha = _angle_of_e1(frames, u, v)
    heading = nb.theta.numpy() + alpha[p]
    aim = nb.r.numpy() * np.array([np.cos(heading), np.sin(heading)])
    for _ in range(8):
        miss = _miss(u, v, p, q, aim)
        if np.abs(miss[:2]).max() < 10 * TOLERANCE:
            break
        along_u, along_v = (
            (_miss(u, v, p, q, aim + STEP * unit[:, None]) - miss)[:2] / STEP for unit in np.eye(2)
        )
        jacobian = np.stack([along_u, along_v], axis=-1).swapaxes(0, 1)
        aim = aim - np.linalg.solve(jacobian, miss[:2].T[:, :, None])[:, :, 0].T
    else:
        raise RuntimeError(f"geodesics miss their ends by {np.abs(miss[:2]).max():.1e}")
    theta = np.arctan2(aim[1], aim[0]) - alpha[p]
    return Geodesics(np.hypot(*aim), theta, miss[2] + alpha[q] - alpha[p])


def _miss(
    u: Float64[np.ndarray, " V"],
    v: Float64[np.ndarray, " V"],
    p: Int64[np.ndarray, " E"],
    q: Int64[np.ndarray, " E"],
    aim: Float64[np.ndarray, "2 E"],
) -> Float64[np.ndarray, "3 E"]:
    """How far exp_p(aim) lies from q along e_u and e_v, and the transport's angle from q to p.

    With ρ = MAJOR + MINOR cos v the metric is ρ² du² + MINOR² dv², and the frame e_u, e_v of unit
    vectors turns by sin v du against parallel ones.
    """

    def slope(_: float, flat: np.ndarray) -> np.ndarray:
        _, v, du, dv, _ = flat.reshape(5, -1)
        rho, sine = MAJOR + MINOR * np.cos(v), np.sin(v)
        ddu = 2 * MINOR * sine / rho * du * dv
        return np.concatenate([du, dv, ddu, -rho * sine / MINOR * du * du, sine * du])

    speed_u, speed_v = aim[0] / (MAJOR + MINOR * np.cos(v[p])), aim[1] / MINOR
    start = np.concatenate([u[p], v[p], speed_u, speed_v, 0 * speed_u])
    path = solve_ivp(slope, (0, 1), start, "DOP853", [1.0], rtol=TOLERANCE, atol=TOLERANCE)
    end_u, end_v, _, _, turned = path.y[:, -1].reshape(5, -1)
    return np.stack(
        [
            (MAJOR + MINOR * np.cos(v[q])) * _wrapped(end_u - u[q]),
            MINOR * _wrapped(end_v - v[q]),
            turned,
        ]
    )


def _angle_of_e1(
    frames: Frames, u: Float64[np.ndarray, " V"], v: Float64[np.ndarray, " V"]
) -> Float64[np.ndarray, " V"]:
    """(V,) angle of the mesh's e1, seen from e_u towards e_v."""
    e_u = np.stack([-np.sin(u), np.cos(u), 0 * u], axis=1)
    e_v = np.stack([-np.sin(v) * np.cos(u), -np.sin(v) * np.sin(u), np.cos(v)], axis=1)
    return np.arctan2(_dot(frames.e1, e_v), _dot(frames.e1, e_u))


def _torus_points(
    u: Float64[np.ndarray, " V"], v: Float64[np.ndarray, " V"]
) -> Float64[np.ndarray, "V 3"]:
    rho = MAJOR + MINOR * np.cos(v)
    return np.stack([rho * np.cos(u), rho * np.sin(u), MINOR * np.sin(v)], axis=1)


def _torus_parameters(
    points: Float64[np.ndarray, "V 3"],
) -> tuple[Float64[np.ndarray, " V"], Float64[np.ndarray, " V"]]:
    x, y, z = points.T
    return np.arctan2(y, x), np.arctan2(z, np.hypot(x, y) - MAJOR)


def _ends(nb: Neighborhoods) -> tuple[Frames, Int64[np.ndarray, " E"], Int64[np.ndarray, " E"]]:
    """The frames, and the mesh vertices p and q of every pair."""
    if nb.frames is None:
        raise ValueError("the neighbourhoods carry no frames")
    return nb.frames, nb.target_vertex[nb.target].numpy(), nb.source_vertex[nb.source].numpy()


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.einsum("ei,ei->e", a, b)


def _wrapped(angle: np.ndarray) -> np.ndarray:
    return angle - 2 * np.pi * np.round(angle / (2 * np.pi))
