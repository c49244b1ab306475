"""Gauge equivariant convolution on triangle meshes: the public names, loaded on first use.

Nothing heavy is imported until a name is asked for, so that `gaugeconv --help` answers at once.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from gaugeconv._version import __version__

if TYPE_CHECKING:
    from gaugeconv import data, geometry, interop, mesh, models, nn, ops, reps, train, viz
    from gaugeconv.errors import (
        DataError,
        FieldTypeError,
        FileFormatError,
        GaugeConvError,
        MeshError,
        NonOrientableError,
        OptionError,
        StructureGroupError,
    )
    from gaugeconv.geometry import (
        Frames,
        Neighborhoods,
        exp_map,
        holonomy,
        log_map,
        neighborhoods,
        parallel_transport,
    )
    from gaugeconv.mesh import MeshReport, TriMesh, shapes
    from gaugeconv.reps import FieldType
    from gaugeconv.train import SegmentationEstimator
    from gaugeconv.verification import verify

_HOME = {
    "MeshReport": "gaugeconv.mesh",
    "TriMesh": "gaugeconv.mesh",
    "shapes": "gaugeconv.mesh",
    "Frames": "gaugeconv.geometry",
    "Neighborhoods": "gaugeconv.geometry",
    "exp_map": "gaugeconv.geometry",
    "holonomy": "gaugeconv.geometry",
    "log_map": "gaugeconv.geometry",
    "neighborhoods": "gaugeconv.geometry",
    "parallel_transport": "gaugeconv.geometry",
    "FieldType": "gaugeconv.reps",
    "SegmentationEstimator": "gaugeconv.train",
    "verify": "gaugeconv.verification",
    "DataError": "gaugeconv.errors",
    "FieldTypeError": "gaugeconv.errors",
    "FileFormatError": "gaugeconv.errors",
    "GaugeConvError": "gaugeconv.errors",
    "MeshError": "gaugeconv.errors",
    "NonOrientableError": "gaugeconv.errors",
    "OptionError": "gaugeconv.errors",
    "StructureGroupError": "gaugeconv.errors",
}
_MODULES = ("data", "geometry", "interop", "mesh", "models", "nn", "ops", "reps", "train", "viz")

__all__ = [
    "__version__",
    "MeshReport",
    "TriMesh",
    "shapes",
    "Frames",
    "Neighborhoods",
    "exp_map",
    "holonomy",
    "log_map",
    "neighborhoods",
    "parallel_transport",
    "FieldType",
    "SegmentationEstimator",
    "verify",
    "DataError",
    "FieldTypeError",
    "FileFormatError",
    "GaugeConvError",
    "MeshError",
    "NonOrientableError",
    "OptionError",
    "StructureGroupError",
    "data",
    "geometry",
    "interop",
    "mesh",
    "models",
    "nn",
    "ops",
    "reps",
    "train",
    "viz",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(import_module(_HOME[name]), name)
    elif name in _MODULES:
        value = import_module(f"gaugeconv.{name}")
    else:
        raise AttributeError(f"module 'gaugeconv' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
