"""What a network sees of a mesh: its hierarchy, and input features at every level."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Float64, Int
from torch import Tensor

from gaugeconv.errors import MeshError
from gaugeconv.geometry import Frames, Neighborhoods
from gaugeconv.geometry.features import centroid_features, surface_features
from gaugeconv.geometry.heat import heat_kernel_signatures
from gaugeconv.geometry.hierarchy import Level, build_hierarchy
from gaugeconv.geometry.sampling import centered_positions
from gaugeconv.models.config import TrunkConfig
from gaugeconv.reps import FieldType

SMALLEST_AREA = 1e-12
"""Less than this many squares of the longest edge is what rounding leaves of an area of zero."""


class LevelInput(NamedTuple):
    """One level: neighbourhoods within it, from and to the next finer one, and its features.

    Attributes:
        features: (N, d) of type `level_input_type(config)`, in the frames of the level's vertices.
        within, down, up: see `gaugeconv.geometry.hierarchy.Level`.
    """

    features: Float[Tensor, "N d"]
    within: Neighborhoods
    down: Neighborhoods | None
    up: Neighborhoods


@dataclass(frozen=True, eq=False)
class SegmenterInput:
    """Everything about a mesh that a network reads; made once, used in every epoch.

    Attributes:
        levels: from fine to coarse.
        features: (V, d) at all vertices, of type `vertex_input_type(config)`.
        faces: (F, 3) vertex indices.
        areas: (V,) share of the total area at each vertex; 0 where no face is.
        frames: the gauge that everything is given in.
    """

    levels: tuple[LevelInput, ...]
    features: Float[Tensor, "V d"]
    faces: Int[Tensor, "F 3"]
    areas: Float[Tensor, " V"]
    frames: Frames | None = None

    def to(
        self, device: torch.device | str | None = None, dtype: torch.dtype | None = None
    ) -> SegmenterInput:
        """The same input with tensors on `device` and real numbers in `dtype`."""
        levels = tuple(
            LevelInput(
                level.features.to(device, dtype),
                level.within.to(device, dtype),
                None if level.down is None else level.down.to(device, dtype),
                level.up.to(device, dtype),
            )
            for level in self.levels
        )
        return replace(
            self,
            levels=levels,
            features=self.features.to(device, dtype),
            faces=self.faces.to(device),
            areas=self.areas.to(device, dtype),
        )


def level_input_type(config: TrunkConfig) -> FieldType:
    """Per scale: three of order 0, one of order 1, one of order 2; then those of each vertex."""
    scales = len(config.scales)
    return FieldType(f"{3 * scales + _num_scalars(config)}x0 + {scales + 1}x1 + {scales}x2")


def vertex_input_type(config: TrunkConfig) -> FieldType:
    """Position relative to the centroid (two of order 0, one of order 1); what the config adds."""
    return FieldType(f"{_num_scalars(config)}x0 + 1x1")


def _num_scalars(config: TrunkConfig) -> int:
    """Features of order 0 that every vertex has."""
    return 2 + 3 * config.xyz + config.hks


def prepare(frames: Frames, config: TrunkConfig) -> SegmenterInput:
    """Computes hierarchy and features of a mesh in the given gauge, in float64.

    Raises:
        MeshError: the mesh has no area, in units of which everything here is measured.
    """
    mesh = frames.mesh
    if not mesh.area > SMALLEST_AREA * float(mesh.edge_lengths.max()) ** 2:
        raise MeshError("the mesh's total area is zero: all its faces are slivers without width")
    levels = build_hierarchy(
        *(frames, config.sizes, config.radii, config.crossing),
        describe=partial(_described, config.scales),
    )
    at_vertices = _vertex_features(frames, config)
    return SegmenterInput(
        tuple(
            LevelInput(
                _level_features(level, at_vertices, config), level.within, level.down, level.up
            )
            for level in levels
        ),
        _tensor(_by_order([at_vertices])),
        torch.from_numpy(mesh.faces.copy()),
        torch.from_numpy(mesh.vertex_areas / mesh.area),
        frames,
    )


Orders = list[Float64[np.ndarray, "_ _"]]
"""Features of order 0, of order 1 and of order 2."""


def _described(scales: tuple[float, ...], surface: Neighborhoods) -> Float64[np.ndarray, "n d"]:
    """How the surface bends round each target, scale by scale."""
    return np.concatenate(
        [surface_features(surface.within(scale * surface.radius)) for scale in scales], axis=1
    )


def _level_features(level: Level, at_vertices: Orders, config: TrunkConfig) -> Float[Tensor, "N d"]:
    parts = [[features[level.vertices] for features in at_vertices]]
    for described in np.split(level.described, len(config.scales), axis=1):
        parts.append([described[:, :3], described[:, 3:5], described[:, 5:]])
    return _tensor(_by_order(parts))


def _vertex_features(frames: Frames, config: TrunkConfig) -> Orders:
    """What a vertex knows without its neighbours, for all vertices."""
    relative = centroid_features(frames, np.arange(frames.mesh.num_vertices))
    scalars = [relative[:, :2]]
    if config.xyz:
        scalars.append(centered_positions(frames.mesh))
    if config.hks:
        scalars.append(heat_kernel_signatures(frames.mesh, config.hks))
    return [np.concatenate(scalars, axis=1), relative[:, 2:]]


def _by_order(parts: list[Orders]) -> Float64[np.ndarray, "N d"]:
    """All of order 0, then all of order 1, then all of order 2."""
    return np.concatenate(
        [part[order] for order in range(3) for part in parts if order < len(part)], axis=1
    )


def _tensor(array: Float64[np.ndarray, "N d"]) -> Float[Tensor, "N d"]:
    return torch.from_numpy(np.ascontiguousarray(array))
