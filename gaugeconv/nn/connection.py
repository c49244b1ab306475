"""How features of a structure group follow parallel transports: the compatible connection."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, get_args

import torch

from gaugeconv.errors import OptionError, StructureGroupError
from gaugeconv.geometry.neighborhoods import Neighborhoods
from gaugeconv.ops.tables import reflection_error
from gaugeconv.reps import BasisChange, Element, FieldType, StructureGroup, extension

Connection = Literal["exact", "fourier", "snap"]
"""What layers do about transports that are not in the group of their types (C_N and D_N).

"exact": nothing; they raise a StructureGroupError. "fourier": features are read as band-limited
functions, which turn by any angle; layers are those of SO(2) or O(2), and irreps of order N/2 are
dropped. "snap": transports are replaced by the nearest elements; exact for changes of gauge that lie
in the group, and only for those. SO(2) and O(2) follow every transport, whichever is chosen.
"""


def checked_connection(connection: Connection) -> Connection:
    """The argument.

    Raises:
        OptionError: no such connection.
    """
    if connection not in get_args(Connection):
        raise OptionError(f"connection must be one of {get_args(Connection)}, got {connection!r}")
    return connection


def carried_type(field_type: FieldType, connection: Connection) -> BasisChange | None:
    """The change to the type that layers compute with; None where it is the type itself.

    Raises:
        StructureGroupError: nothing of the type can be extended.
    """
    if connection != "fourier" or not field_type.group.is_finite:
        return None
    return extension(field_type)


def compatible_pairs(
    nb: Neighborhoods, group: StructureGroup, connection: Connection
) -> Neighborhoods:
    """The pairs with transports in the group, free of rounding; computed once per neighbourhoods.

    Raises:
        StructureGroupError: a transport is not in the group, and the connection does not say what
            to do about it.
    """
    if connection == "fourier" or not group.is_finite:
        return nb
    if connection == "snap":
        return snapped(nb, group)
    return nb.memo(("nn.exact", group), lambda: _snap(_required(nb, group), group))


def snapped(nb: Neighborhoods, group: str | StructureGroup) -> Neighborhoods:
    """The pairs with every transport replaced by the nearest element that reflects as it does.

    Convolutions, pooling and attention on them are then exact for changes of gauge that lie in the
    group. SO(2) and O(2) leave angles as they are.

    Raises:
        StructureGroupError: a transport reflects, and the group does not.
    """
    group = StructureGroup.of(group)
    return nb.memo(("nn.snapped", group), lambda: _snap(nb, group))


def require_followed(nb: Neighborhoods, group: StructureGroup) -> None:
    """Raises StructureGroupError if a transport reflects and the group does not."""
    if not group.reflections and nb.memo("nn.reflects", lambda: bool(nb.flip.any())):
        raise reflection_error(nb.flip)


def _snap(nb: Neighborhoods, group: StructureGroup) -> Neighborhoods:
    transport = group.snap(Element(nb.transport, nb.flip)).gamma
    return replace(nb, transport=transport, _memo={})


def _required(nb: Neighborhoods, group: StructureGroup) -> Neighborhoods:
    """The pairs themselves.

    Raises:
        StructureGroupError: a transport is not in the group, up to rounding.
    """
    atol = 1e-9 if nb.transport.dtype == torch.float64 else 1e-4
    outside = ~group.contains(Element(nb.transport, nb.flip), atol)
    if not bool(outside.any()):
        return nb
    first = int(torch.nonzero(outside)[0, 0])
    reflects = int((outside & nb.flip).sum())
    raise StructureGroupError(
        f"{int(outside.sum())} of {outside.numel()} transports are not in {group}, first that of pair "
        f"{first} by {float(nb.transport[first]):.6g} rad ({reflects} of them reflect): features of "
        f"{group} cannot follow them. Use a larger group, or choose connection='fourier' (features "
        "as band-limited functions) or connection='snap' (nearest elements)"
    )
