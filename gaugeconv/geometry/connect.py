"""Building neighbourhoods: log map and transport for every pair of vertices near each other."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, get_args

import torch
from numpy.typing import ArrayLike

from gaugeconv.errors import GaugeConvError, MeshError
from gaugeconv.geometry.cache import cache_key, cached
from gaugeconv.geometry.exponential import exponential_neighborhoods
from gaugeconv.geometry.frames import Frames, frames_on
from gaugeconv.geometry.neighborhoods import Neighborhoods
from gaugeconv.geometry.pair_search import Method, Request, nearest_pairs, pairs_within
from gaugeconv.geometry.selection import Extent
from gaugeconv.mesh import TriMesh

Quadrature = Literal["vertex", "exponential"]


def neighborhoods(
    mesh: TriMesh,
    radius: float | None = None,
    frames: Frames | None = None,
    *,
    edges: float | None = None,
    nearest: int | None = None,
    quadrature: Quadrature = "vertex",
    method: Method = "exact",
    targets: ArrayLike | None = None,
    sources: ArrayLike | None = None,
    source_area: ArrayLike | None = None,
    dtype: torch.dtype = torch.float64,
    index_dtype: torch.dtype = torch.int64,
    cache: bool = False,
) -> Neighborhoods:
    """All pairs (p, q) of vertices near each other, with log_p(q) and the transport φ_{p←q}.

    The size is chosen by exactly one of `radius`, `edges` and `nearest`.

    Args:
        mesh: the surface, of which every path is measured at full resolution. A one-sided mesh (built
            with `validate=False`) has pairs whose transport reflects; see `Neighborhoods.flip`.
        radius: R > 0, in the mesh's unit of length: all pairs with distance r ≤ R.
        frames: the gauge; canonical frames when None.
        edges: R in mean edge lengths.
        nearest: k ≥ 1: all pairs of which one is among the k nearest of the other, itself not counted,
            ties included. The result's `radius` is the largest r there is, at which kernels vanish.
        quadrature: what the rows stand for in ∫ κ(X) f(exp_p X) vol over the disk of radius R in T_pM.
            "vertex": row (p, q) is q, weighted by the area that q's share of the surface has in T_pM
            (`tangent_areas`); beyond a boundary the field counts as zero. "exponential": rows are the
            nodes of a polar rule (`exponential_neighborhoods`, which has more options).
        method: "exact", shortest paths on the polyhedron; or "vector-heat", potpourri3d's vector heat
            method, for smooth data (`vector_heat_paths`).
        targets, sources: ascending vertex indices to restrict p and q to; all vertices when None.
        source_area: (Q,) area that each source stands for, taken as weight as it is. Needed when
            `sources` is given, since part of the vertices does not tell who stands for what.
        dtype: of real tensors, float32 or float64; the computation is in float64.
        index_dtype: of index tensors, int32 or int64.
        cache: read the result from disk if it is there, else save it (see `geometry.cache`).

    Returns:
        Neighborhoods. r and weight are gauge invariant; θ and φ transform as
        `Neighborhoods.change_gauge` says. An unreferenced vertex has no
        neighbours. With the "vertex" quadrature a target that is also a source is its own neighbour with
        r = θ = φ = 0, and r_pq = r_qp and T_pq T_qp = 1 hold to the last bit when targets and sources
        are the same vertices.

    Tied shortest paths count as one in the middle of all. Only where two of them leave in opposite
    directions, as across a closed geodesic of length 2r, or reach a one-sided mesh's vertex on both
    sheets, is one taken arbitrarily.

    Raises:
        MeshError: defective mesh, bad size, frames of another mesh, vertex lists that are not ascending
            or out of range, or options that exclude each other.
        NonOrientableError: a one-sided mesh, with another method or quadrature than the default.
        GaugeConvError: no such quadrature, method or dtype.
    """
    _check_names(quadrature, method, dtype, index_dtype)
    gauge = frames_on(mesh, frames, mirrored=True)
    request = Request.of(mesh, targets, sources, source_area)
    extent = Extent.of(mesh, radius, edges, nearest)

    def make() -> Neighborhoods:
        if quadrature == "exponential":
            return _compile(gauge, request, extent, method, dtype, index_dtype)
        return _connect(gauge, request, extent, method, dtype, index_dtype)

    if not cache:
        return make()
    lists = {"targets": request.targets, "sources": request.sources, "area": request.area}
    options = {"quadrature": quadrature, "method": method, "mirrored": gauge.mirrored}
    key = cache_key(
        "neighborhoods", mesh, gauge, radius=extent.radius, nearest=extent.nearest, dtype=str(dtype),
        index_dtype=str(index_dtype), **lists, **options,
    )  # fmt: skip
    nb = cached(key, make, Neighborhoods.save, Neighborhoods.load)
    return replace(nb, frames=gauge)


def _connect(
    frames: Frames,
    request: Request,
    extent: Extent,
    method: Method,
    dtype: torch.dtype,
    index_dtype: torch.dtype,
) -> Neighborhoods:
    """Neighbourhoods of the "vertex" quadrature."""
    radius = extent.radius
    if extent.nearest:
        if method != "exact":
            raise MeshError(f'nearest needs method="exact", got {method!r}: give a radius or edges')
        pairs = nearest_pairs(request, extent.nearest)
        radius = float(pairs.r.max(initial=0.0)) or request.mesh.mean_edge_length
    else:
        pairs = pairs_within(request, radius, method)
    weight = request.weights(pairs)
    lists = (request.targets, request.sources)
    return pairs.weighted(frames, *lists, weight, radius, dtype, index_dtype)


def _compile(
    frames: Frames,
    request: Request,
    extent: Extent,
    method: Method,
    dtype: torch.dtype,
    index_dtype: torch.dtype,
) -> Neighborhoods:
    """Neighbourhoods of the "exponential" quadrature."""
    if extent.nearest or method != "exact" or request.area is not None:
        raise MeshError(
            'quadrature="exponential" has nodes of its own: give radius or edges, and neither nearest, '
            "another method, sources nor source_area"
        )
    plain = Frames.canonical(frames.mesh)
    nb = exponential_neighborhoods(plain, extent.radius, targets=request.targets)
    p, q, mirrored = request.targets, request.sources, frames.is_mirrored
    nb = nb.change_gauge(frames.offset[p], frames.offset[q], mirrored[p], mirrored[q])
    return nb.to(dtype=dtype, index_dtype=index_dtype)


def _check_names(
    quadrature: Quadrature, method: Method, dtype: torch.dtype, index_dtype: torch.dtype
) -> None:
    for name, value, known in (
        ("quadrature", quadrature, get_args(Quadrature)),
        ("method", method, get_args(Method)),
        ("dtype", dtype, (torch.float32, torch.float64)),
        ("index_dtype", index_dtype, (torch.int32, torch.int64)),
    ):
        if value not in known:
            raise GaugeConvError(f"{name} must be one of {known}, got {value!r}")
