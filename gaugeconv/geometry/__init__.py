"""Differential geometry on meshes: frames, log maps, parallel transport, neighbourhoods."""

from gaugeconv.geometry.connect import neighborhoods
from gaugeconv.geometry.frames import Frames
from gaugeconv.geometry.logmap import LogMap, log_map
from gaugeconv.geometry.neighborhoods import Neighborhoods
from gaugeconv.geometry.transport import (
    angle_defect,
    edge_transport,
    face_holonomy,
    holonomy,
    parallel_transport,
)

__all__ = [
    "Frames",
    "LogMap",
    "Neighborhoods",
    "angle_defect",
    "edge_transport",
    "face_holonomy",
    "holonomy",
    "log_map",
    "neighborhoods",
    "parallel_transport",
]
