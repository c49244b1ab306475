"""Curvature of a polyhedral surface, per vertex, per face and in total.

A polyhedron is flat but at its vertices. What a vertex lacks to 2π is its curvature; rescaled
tangent spaces spread it over the faces round the vertex, in proportion to their corner angles.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from gaugeconv.geometry.tangent import TWO_PI, TangentSpaces
from gaugeconv.mesh import TriMesh


def angle_defect(mesh: TriMesh) -> Float64[np.ndarray, " V"]:
    """Integrated curvature per vertex: 2π − Θ inside, π − Θ on the boundary (geodesic curvature).

    Returns:
        (V,) radians, 0 for an unreferenced vertex. Gauge invariant; the sum is 2πχ (Gauss–Bonnet).

    Raises:
        MeshError: a defective mesh.
    """
    halfedges = mesh.halfedges
    full = np.where(halfedges.is_boundary, np.pi, TWO_PI)
    return np.where(np.diff(halfedges.wheel_ptr) > 0, full - TangentSpaces.of(mesh).total, 0.0)


def face_holonomy(mesh: TriMesh) -> Float64[np.ndarray, " F"]:
    """Holonomy of the counter-clockwise walk round every face: Σ scaled corner angles − π.

    Returns:
        (F,) radians, not reduced mod 2π: the vertices' curvature as the tangent spaces spread it over
        their faces, with the sum 2πχ on a closed mesh. Gauge invariant.

    Raises:
        MeshError: a defective mesh.
    """
    scale = TangentSpaces.of(mesh).scale
    return (mesh.corner_angles * scale[mesh.faces]).sum(axis=1) - np.pi


def gaussian_curvature(mesh: TriMesh) -> Float64[np.ndarray, " V"]:
    """Angle defect per area at every interior vertex: 1/R² on a sphere of radius R.

    Converges to the smooth curvature in the mean over a few vertices; at a single one it need not,
    unless the triangles round it are alike.

    Returns:
        (V,) in 1/length². Gauge invariant. 0 on the boundary, where the defect is geodesic curvature
        of the boundary instead, and where a vertex has no area.

    Raises:
        MeshError: a defective mesh.
    """
    area = mesh.vertex_areas
    inside = ~mesh.halfedges.is_boundary & (area > 0)
    return np.divide(angle_defect(mesh), area, out=np.zeros(mesh.num_vertices), where=inside)


@dataclass(frozen=True)
class GaussBonnet:
    """The two sides of the theorem of Gauss and Bonnet on a polyhedral surface.

    Attributes:
        interior: Σ (2π − Θ) over interior vertices, the integral of Gaussian curvature; radians.
        boundary: Σ (π − Θ) over boundary vertices, the integral of geodesic curvature; radians.
        euler_characteristic: χ = V − E + F.
    """

    interior: float
    boundary: float
    euler_characteristic: int

    @property
    def residual(self) -> float:
        """How far interior + boundary is from 2πχ: rounding."""
        return self.interior + self.boundary - TWO_PI * self.euler_characteristic


def gauss_bonnet(mesh: TriMesh) -> GaussBonnet:
    """Sums the curvature of a mesh, to be compared with its topology. Gauge invariant.

    Raises:
        MeshError: a defective mesh.
    """
    defect, boundary = angle_defect(mesh), mesh.halfedges.is_boundary
    return GaussBonnet(
        float(defect[~boundary].sum()), float(defect[boundary].sum()), mesh.euler_characteristic
    )
