"""Docstrings are written as plain text to be read in an editor; this makes them reStructuredText.

In them `name` is code, an indented block is a formula, and *, | and a_ stand for themselves.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

_CODE = re.compile(r"(``[^`]+``|`[^`]+`)")
_NAME = re.compile(r"`[\w.]+`|``.*")
_SPECIAL = re.compile(r"([*|\\]|_(?!\w))")
_BULLET = re.compile(r"(\s*[*-] )(.*)")


def as_rst(lines: list[str]) -> list[str]:
    """The docstring with special characters escaped and indented blocks marked as literal."""
    result: list[str] = []
    literal = False
    for number, line in enumerate(lines):
        indented = line.startswith(" ")
        if indented and number > 1 and not lines[number - 1].strip() and not literal:
            before = next((old for old in reversed(lines[:number]) if old.strip()), "")
            literal = not before.startswith(" ") and not before.endswith("::")
            if literal:
                result += ["::", ""]
        literal = literal and (indented or not line.strip())
        result.append(line if literal else _escaped(line))
    return result


def _escaped(line: str) -> str:
    bullet = _BULLET.fullmatch(line)
    if bullet:
        return bullet[1] + _escaped(bullet[2])
    pieces = _CODE.split(line)  # text at even places, code at odd ones
    pieces[1::2] = [code if _NAME.fullmatch(code) else f"`{code}`" for code in pieces[1::2]]
    pieces[::2] = [_SPECIAL.sub(r"\\\1", piece) for piece in pieces[::2]]
    return "".join(pieces)


def _process(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]
) -> None:  # the arguments of the event
    if (getattr(obj, "__module__", None) or "gaugeconv").startswith("gaugeconv"):
        lines[:] = as_rst(lines)


def setup(app: Sphinx) -> dict[str, bool]:
    """Runs before napoleon, which has the priority 500."""
    app.connect("autodoc-process-docstring", _process, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
