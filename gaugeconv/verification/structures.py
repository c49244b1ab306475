"""Neighbourhoods inside whatever a module takes as input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any

from gaugeconv.geometry import Neighborhoods

Visit = Callable[[str, Neighborhoods], Neighborhoods]


def map_neighborhoods(value: Any, visit: Visit, path: str = "") -> Any:
    """The value with every Neighborhoods in it replaced by visit(path, neighbourhoods).

    Looks into tuples, named tuples, lists, dicts and dataclasses; anything else is kept. What holds
    nothing that changed is returned as it is.
    """
    if isinstance(value, Neighborhoods):
        return visit(path, value)
    if isinstance(value, dict):
        parts = {k: map_neighborhoods(v, visit, f"{path}[{k!r}]") for k, v in value.items()}
        return parts if any(parts[k] is not value[k] for k in parts) else value
    if isinstance(value, list | tuple):
        names = getattr(value, "_fields", None)
        paths = [
            f"{path}[{i}]" if names is None else f"{path}.{names[i]}" for i in range(len(value))
        ]
        items = [map_neighborhoods(v, visit, p) for v, p in zip(value, paths, strict=True)]
        if all(new is old for new, old in zip(items, value, strict=True)):
            return value
        return type(value)(items) if names is None else type(value)(*items)
    if is_dataclass(value) and not isinstance(value, type):
        old = {f.name: getattr(value, f.name) for f in fields(value) if f.init}
        new = {n: map_neighborhoods(v, visit, f"{path}.{n}") for n, v in old.items()}
        changed = {n: v for n, v in new.items() if v is not old[n]}
        return replace(value, **changed) if changed else value
    return value


def all_neighborhoods(value: Any) -> dict[str, Neighborhoods]:
    """Every Neighborhoods in the value, by the path to it."""
    found: dict[str, Neighborhoods] = {}

    def visit(path: str, nb: Neighborhoods) -> Neighborhoods:
        found[path] = nb
        return nb

    map_neighborhoods(value, visit)
    return found
