"""The "vertex" quadrature: the area that each vertex's share of the surface has in T_pM.

∫_{B_R ⊂ T_pM} κ(X) f(exp_p X) vol has the area of the tangent disk as its measure, which is the area
of the surface over the Jacobian of exp_p. Both are read off the triangles: with log_p of its corners,
a triangle has an image in the tangent plane, whose area goes to the corners in equal parts.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from jaxtyping import Float64, Int64

from gaugeconv.geometry.tangent import TangentSpaces
from gaugeconv.geometry.tangent_area_kernels import stretched_areas
from gaugeconv.mesh import TriMesh

STRETCH = 2.0
"""A face with a side more than twice as long in the tangent plane is torn by the cut locus."""


def tangent_areas(
    mesh: TriMesh,
    ptr: Int64[np.ndarray, " P1"],
    source: Int64[np.ndarray, " E"],
    r: Float64[np.ndarray, " E"],
    theta: Float64[np.ndarray, " E"],
) -> Float64[np.ndarray, " E"]:
    """Quadrature weights of pairs (p, q): the barycentric area of q as seen in T_pM.

    The weight is the area A_q times J = Σ image areas / Σ surface areas over the faces at q that lie
    in the neighbourhood of p with all three corners. Where that is every face at q, it is a third of
    their images. J is 1 where there is no such face (q at the rim), and kept within [0, 4 s²], s the
    larger of 1 and the scale of p's rescaled angles. Faces torn by the cut locus do not count: what lies
    beyond it is reached by longer geodesics only, which this rule leaves out. In the shadow of a saddle
    or of a concave boundary, where no straight path from p arrives, J goes to 0. Where the surface
    ends, so does the disk: the field is taken as zero beyond.

    Args:
        mesh: the surface.
        ptr: (P+1,) rows of any targets; every referenced target is its own source with r = 0.
        source: (E,) vertices q, of all vertices within the radius.
        r: (E,) distances, in the mesh's unit.
        theta: (E,) directions at p, counter-clockwise in the winding, from any direction.

    Returns:
        (E,) weights ≥ 0, in squared mesh units. Gauge invariant; a relabelled mesh has the same ones.
        For kernels that vanish at R with their slope, the sum converges to the integral at second
        order (docs/exp_and_quadrature.md).
    """
    unit = mesh.mean_edge_length
    halfedges, scale = mesh.halfedges, TangentSpaces.of(mesh).scale
    fixed = (
        mesh.faces, mesh.edge_lengths / unit, mesh.face_areas / unit**2, mesh.vertex_areas,
        halfedges.wheel_ptr, halfedges.wheel, scale,
    )  # fmt: skip
    distance = r / unit
    weight = np.zeros(len(source))

    def work(rows: slice) -> None:
        part = ptr[rows.start : rows.stop + 1]
        stretched_areas(*fixed, part, source, distance, theta, STRETCH, weight)

    threads = max(1, min(torch.get_num_threads(), (len(ptr) - 1) // 256))
    bounds = np.linspace(0, len(ptr) - 1, threads + 1).astype(int)
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, map(slice, bounds[:-1], bounds[1:])))
    return weight
