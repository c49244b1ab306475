"""What a network is made of, as plain data that travels inside its weights."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Literal, TypeVar, get_args

from gaugeconv.errors import DataError, FieldTypeError, FileFormatError
from gaugeconv.models.presets import PRESETS
from gaugeconv.reps import FieldType

_NUMBERS: dict[str, tuple[type, float, float]] = {
    "sizes": (int, 1, 2**20),
    "blocks": (int, 0, 64),
    "neighbors": (float, 0, 1000),
    "crossing": (float, 0, 1),
    "scales": (float, 0, 1),
    "radial": (int, 1, 32),
    "dropout": (float, 0, 1),
    "hks": (int, 0, 64),
}
"""Type, smallest and largest value of fields that are numbers or tuples of numbers."""

_VERSION = 3
"""Of the fields; raise it with every new field, which needs a default that changes nothing."""

_SINCE = {"hks": 2, "block": 3}
"""Fields that configurations older than the given version lack."""

_WIDEST = 8192
"""Most components of a feature."""

BlockKind = Literal["conv", "attention"]

Config = TypeVar("Config", bound="TrunkConfig")


def _check_type(text: object) -> None:
    if not isinstance(text, str):
        raise DataError(f"a field type is a string like '8x0 + 4x1', got {text!r}")
    try:
        dim = FieldType(text).dim
    except FieldTypeError as error:
        raise DataError(str(error)) from error
    if dim > _WIDEST:
        raise DataError(f"the field type '{text[:60]}' has {dim} components, at most {_WIDEST}")


@dataclass(frozen=True, kw_only=True)
class TrunkConfig:
    """Architecture and inputs of a `MeshTrunk`, which all networks share.

    Attributes:
        sizes: vertices per level of the hierarchy, fine to coarse.
        types: field type of the features on each level.
        vertex_type: field type of the features on all mesh vertices, which heads read.
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
        hks: heat-kernel signatures among the inputs, a number of times between a small patch and the
            whole shape. Gauge invariant; they tell by a sparse eigenproblem per mesh how the surface
            hangs together far beyond R_l.
        block: what a level's blocks are: "conv" for `ResidualBlock`, "attention" for
            `TransformerBlock`.

    Raises:
        DataError: no network can be built so: a field of another type, or out of range.
    """

    kind: ClassVar[str] = "trunk"

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
    hks: int = 0
    block: BlockKind = "conv"

    def __post_init__(self) -> None:
        self._check_fields()
        if not len(self.sizes) == len(self.types) == len(self.blocks) > 0:
            raise DataError("sizes, types and blocks need one entry per level, at least one level")
        if list(self.sizes) != sorted(self.sizes, reverse=True):
            raise DataError(f"sizes must descend, got {self.sizes}")
        if not self.scales or 0 in (self.neighbors, self.crossing, *self.scales):
            raise DataError("neighbors, crossing and scales (at least one) must be above 0")
        if self.dropout == 1:
            raise DataError("dropout must be below 1")

    def _check_fields(self) -> None:
        """Types and ranges; weights may come from anywhere, and must not fill the memory either.

        Raises:
            DataError: one is wrong; the message names it.
        """
        for name in ("sizes", "types", "blocks", "scales"):
            if not isinstance(getattr(self, name), tuple):
                raise DataError(f"{name} must be a tuple, got {getattr(self, name)!r}")
        for name, (kind, low, high) in _NUMBERS.items():
            value = getattr(self, name)
            for number in value if isinstance(value, tuple) else (value,):
                # bool is an int to Python, and an int will do for a float
                of_kind = isinstance(number, (int, kind)) and not isinstance(number, bool)
                if not (of_kind and low <= number <= high):
                    whole = "whole numbers" if kind is int else "numbers"
                    raise DataError(f"{name}: {number!r} given, {whole} in [{low}, {high}] needed")
        if not isinstance(self.xyz, bool):
            raise DataError(f"xyz must be True or False, got {self.xyz!r}")
        if self.block not in get_args(BlockKind):
            raise DataError(f"block must be one of {get_args(BlockKind)}, got {self.block!r}")
        for text in (*self.types, self.vertex_type):
            _check_type(text)

    @classmethod
    def preset(cls: type[Config], size: str, **fields: Any) -> Config:
        """The configuration of that name in `PRESETS`, with other fields as given.

        Raises:
            DataError: there is none, or no network can be built so.
        """
        if size not in PRESETS:
            raise DataError(f"size must be one of {tuple(PRESETS)}, got {size!r}")
        return cls(**{**PRESETS[size], **fields})

    @property
    def radii(self) -> tuple[float, ...]:
        """R_l of every level, in units of √(total area)."""
        return tuple(math.sqrt(self.neighbors / (math.pi * size)) for size in self.sizes)

    def to_json(self) -> str:
        """As one JSON object, with the version of its fields."""
        return json.dumps({"config_version": _VERSION, **asdict(self)})

    @classmethod
    def from_json(cls: type[Config], text: str) -> Config:
        """Reads what `to_json` of this or an earlier version wrote; newer fields get their defaults.

        Raises:
            FileFormatError: not such an object, or one of a later version.
        """
        try:
            values: dict[str, Any] = dict(json.loads(text))
            known = {field.name for field in fields(cls)}
            _check_version(values, values.pop("config_version", 1), known)
            lists: dict[str, Any] = {
                k: tuple(v) if isinstance(v, list) else v for k, v in values.items()
            }
            return cls(**lists)
        except (ValueError, TypeError, RecursionError) as error:
            raise FileFormatError(f"not a {cls.kind} configuration: {error}") from error


@dataclass(frozen=True)
class SegmenterConfig(TrunkConfig):
    """A `GaugeSegmenter`.

    Attributes:
        label_names: names of the parts; their order is the order of the outputs.
    """

    kind: ClassVar[str] = "segmenter"

    label_names: tuple[str, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        names = self.label_names
        if not isinstance(names, tuple):
            raise DataError(f"label_names must be a tuple, got {names!r}")
        if not all(isinstance(label, str) and label for label in names):
            raise DataError(f"labels need names that are not empty, got {names}")
        if len(names) < 2 or len(set(names)) < len(names):
            raise DataError(f"a {self.kind} needs at least two labels, all different, got {names}")


@dataclass(frozen=True)
class ClassifierConfig(SegmenterConfig):
    """A `MeshClassifier`.

    Attributes:
        label_names: names of the classes; their order is the order of the outputs.
    """

    kind: ClassVar[str] = "classifier"


@dataclass(frozen=True)
class RegressorConfig(TrunkConfig):
    """A `MeshRegressor`.

    Attributes:
        out_type: field type of the values at every vertex: "1x0" for a number, "1x1" for a tangent
            vector, "2x0 + 1x1" for two numbers and a tangent vector.
    """

    kind: ClassVar[str] = "regressor"

    out_type: str

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_type(self.out_type)


def _check_version(values: dict[str, Any], version: object, known: set[str]) -> None:
    """Checks that the fields are those of a version that can be read, `known` of the newest.

    Raises:
        FileFormatError: they are not.
    """
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise FileFormatError(f"config_version {version!r} is not a version number")
    if version > _VERSION:
        raise FileFormatError(
            f"the configuration has version {version}, this gaugeconv reads up to {_VERSION}: "
            "install a newer gaugeconv"
        )
    newer = {name for name, since in _SINCE.items() if since > version}
    wrong = (set(values) - known) | (known - newer - set(values))
    if wrong:
        raise FileFormatError(
            f"the configuration's fields differ from this version's: {sorted(map(str, wrong))}"
        )
