"""Differential geometry on meshes: frames, log maps, parallel transport, neighbourhoods."""

from gaugeconv.geometry.batch import block_diagonal, target_rows
from gaugeconv.geometry.connect import neighborhoods
from gaugeconv.geometry.curvature import (
    GaussBonnet,
    angle_defect,
    face_holonomy,
    gauss_bonnet,
    gaussian_curvature,
)
from gaugeconv.geometry.direction_field import DirectionField, smooth_direction_field
from gaugeconv.geometry.exp_map import ExpMap, exp_map
from gaugeconv.geometry.exponential import exponential_neighborhoods
from gaugeconv.geometry.frames import Frames
from gaugeconv.geometry.hierarchy import Level, build_hierarchy, hierarchy_of
from gaugeconv.geometry.laplacian import connection_laplacian, mass_matrix
from gaugeconv.geometry.logmap import LogMap, log_map
from gaugeconv.geometry.neighborhoods import Neighborhoods
from gaugeconv.geometry.sampling import farthest_point_sample
from gaugeconv.geometry.transport import (
    corner_transport,
    edge_transport,
    face_basis,
    face_transport,
    holonomy,
    parallel_transport,
)

__all__ = [
    "DirectionField",
    "ExpMap",
    "Frames",
    "GaussBonnet",
    "Level",
    "LogMap",
    "Neighborhoods",
    "angle_defect",
    "block_diagonal",
    "build_hierarchy",
    "connection_laplacian",
    "corner_transport",
    "edge_transport",
    "exp_map",
    "exponential_neighborhoods",
    "face_basis",
    "face_holonomy",
    "face_transport",
    "farthest_point_sample",
    "gauss_bonnet",
    "gaussian_curvature",
    "hierarchy_of",
    "holonomy",
    "log_map",
    "mass_matrix",
    "neighborhoods",
    "parallel_transport",
    "smooth_direction_field",
    "target_rows",
]
