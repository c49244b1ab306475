"""What a segmenter is made of, as plain data that travels inside its weights."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields
from typing import Any

from gaugeconv.errors import DataError, FileFormatError


@dataclass(frozen=True)
class SegmenterConfig:
    """Architecture and inputs of a `GaugeSegmenter`.

    Attributes:
        label_names: names of the parts; their order is the order of the outputs.
        sizes: vertices per level of the hierarchy, fine to coarse.
        types: field type of the features on each level.
        vertex_type: field type of the features on all mesh vertices, from which faces are labelled.
        blocks: residual blocks per level on the way to the coarse levels; half as many, rounded up, on
            the way back.
        neighbors: neighbours that a vertex of a level has on a flat patch. It fixes R_l =
            √(neighbors / π sizes_l) in units of √(total area), whatever the resolution.
        crossing: radius between levels as a fraction of R_l.
        scales: radii at which the surface is described, as fractions of R_l.
        xyz: whether plain coordinates are inputs as well. They are neither invariant to rigid motions
            nor covariant under gauge changes: three numbers of order 0 that say how the mesh lies in
            space, useful only where all meshes are posed alike.
        radial: radial functions per kernel.
        dropout: share of the head's features dropped during training.

    Raises:
        DataError: no network can be built so.
    """

    label_names: tuple[str, ...]
    sizes: tuple[int, ...] = (1024, 256, 64)
    types: tuple[str, ...] = ("32x0 + 16x1 + 8x2", "48x0 + 24x1 + 12x2", "64x0 + 32x1 + 16x2")
    vertex_type: str = "32x0 + 8x1 + 4x2"
    blocks: tuple[int, ...] = (2, 2, 2)
    neighbors: float = 20.0
    crossing: float = 0.6
    scales: tuple[float, ...] = (0.5, 1.0)
    xyz: bool = False
    radial: int = 3
    dropout: float = 0.2

    def __post_init__(self) -> None:
        if not len(self.sizes) == len(self.types) == len(self.blocks) > 0:
            raise DataError("sizes, types and blocks need one entry per level, at least one level")
        if list(self.sizes) != sorted(self.sizes, reverse=True) or self.sizes[-1] < 1:
            raise DataError(f"sizes must descend and be positive, got {self.sizes}")
        if len(self.label_names) < 2 or len(set(self.label_names)) < len(self.label_names):
            raise DataError(
                f"a segmenter needs at least two labels, all different, got {self.label_names}"
            )
        if not 0 < self.crossing <= 1 or not all(0 < scale <= 1 for scale in self.scales):
            raise DataError("crossing and scales are fractions of R_l: above 0, at most 1")

    @property
    def radii(self) -> tuple[float, ...]:
        """R_l of every level, in units of √(total area)."""
        return tuple(math.sqrt(self.neighbors / (math.pi * size)) for size in self.sizes)

    def to_json(self) -> str:
        """As one JSON object."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> SegmenterConfig:
        """Reads what `to_json` wrote.

        Raises:
            FileFormatError: not such an object, or one of another version with other fields.
        """
        try:
            values: dict[str, Any] = json.loads(text)
            known = {f.name for f in fields(cls)}
            if set(values) != known:
                raise FileFormatError(
                    f"the configuration's fields differ from this version's: {set(values) ^ known}"
                )
            lists: dict[str, Any] = {
                k: tuple(v) if isinstance(v, list) else v for k, v in values.items()
            }
            return cls(**lists)
        except (ValueError, TypeError) as error:
            raise FileFormatError(f"not a segmenter configuration: {error}") from error
