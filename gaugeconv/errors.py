"""The one exception family of gaugeconv.

Every message says what is wrong, where (indices, file) and what to do about it. The command line
turns any of these into one line on stderr and exit code 2.
"""

from __future__ import annotations


class GaugeConvError(Exception):
    """Base of every error that gaugeconv raises on purpose."""


class MeshError(GaugeConvError, ValueError):
    """A mesh is not one that geometry can be computed on; names the offending elements."""


class NonOrientableError(MeshError):
    """No consistent winding exists; only structure groups with reflections can use the mesh."""


class FieldTypeError(GaugeConvError, ValueError):
    """A field type cannot be parsed, or a tensor does not have the type that a layer expects."""


class StructureGroupError(GaugeConvError, ValueError):
    """A representation, transport or mesh does not fit the structure group asked for."""


class DataError(GaugeConvError, ValueError):
    """A dataset folder, label file or split is missing, malformed or misaligned; names the file."""


class OptionError(GaugeConvError, ValueError):
    """An option is none of those that there are, out of range, or without effect."""


class FileFormatError(GaugeConvError, ValueError):
    """A file that gaugeconv should be able to read is corrupt, truncated or of another version."""
