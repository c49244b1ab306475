"""The grammar of field types: terms "NxR" joined by "+", R the name of a representation."""

from __future__ import annotations

import re

from gaugeconv.errors import FieldTypeError, StructureGroupError
from gaugeconv.reps.groups import StructureGroup
from gaugeconv.reps.irreps import irreps_of_order
from gaugeconv.reps.representations import Representation, representation

_COPIES = r"\s*(?:(\d{1,9})\s*x\s*)?"
_SPLIT = r"\s*(\+|$)"


def parse(spec: str, group: StructureGroup) -> list[tuple[int, Representation]]:
    """(multiplicity, representation) of every term of a type string.

    A parity belongs to the order before it where the group has parities of that order ("0+ + 1").

    Raises:
        FieldTypeError: the string cannot be read; it is quoted in the message.
    """
    signed = [str(o) for o in _signed_orders(group)]
    parity = rf"(?:{'|'.join(signed)})[+-]|" if signed else ""
    term = re.compile(rf"{_COPIES}({parity}\d{{1,6}}|[a-z]\w*){_SPLIT}")
    terms, at, more = [], 0, True
    while more:
        match = term.match(spec, at)
        if match is None or int(match[1] or 1) == 0:
            raise FieldTypeError(
                f"cannot read field type {spec!r} at {spec[at:].strip()!r}: write terms like '8x1' "
                "(multiplicity x representation, multiplicity at least 1) joined by '+'"
            )
        try:
            rep = representation(group, match[2])
        except StructureGroupError as error:
            raise FieldTypeError(f"cannot read field type {spec!r}: {error}") from error
        terms.append((int(match[1] or 1), rep))
        at, more = match.end(), match[3] == "+"
    return terms


def _signed_orders(group: StructureGroup) -> list[int]:
    """The orders whose irreps have parities."""
    if not group.reflections:
        return []
    orders = {0, group.rotations // 2}
    return [order for order in sorted(orders) if len(irreps_of_order(group, order)) == 2]
