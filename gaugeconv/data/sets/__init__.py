"""Readers of the field's public datasets, as they lie on their users' disks."""

from __future__ import annotations

from gaugeconv.data.sets.convert import convert_public_set, open_public_set
from gaugeconv.data.sets.export import export_folder
from gaugeconv.data.sets.kinds import KINDS, Kind
from gaugeconv.data.sets.source import PublicSet, Shape

__all__ = [
    "KINDS",
    "Kind",
    "PublicSet",
    "Shape",
    "convert_public_set",
    "export_folder",
    "open_public_set",
]
