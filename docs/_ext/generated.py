"""Pages with parts made at build: `<!-- generated: NAME -->` in a page is replaced."""

from __future__ import annotations

import re

import benchmark_page
import command_page
import import_diagram
from sphinx.application import Sphinx

MAKERS = {
    "benchmarks": benchmark_page.page,
    "commands": command_page.page,
    "imports": import_diagram.page,
}
SOURCES = {
    "benchmarks": (benchmark_page.RESULTS, "*.json"),
    "commands": (command_page.FOLDER, "*.py"),
    "imports": (import_diagram.PACKAGE, "**/*.py"),
}
_PLACE = re.compile(r"^<!-- generated: (\w+) -->$", re.MULTILINE)


def _fill(app: Sphinx, docname: str, source: list[str]) -> None:
    names = _PLACE.findall(source[0])
    for name in names:
        folder, pattern = SOURCES[name]
        for path in folder.glob(pattern):
            app.env.note_dependency(path, docname=docname)
    if names:
        source[0] = _PLACE.sub(lambda found: MAKERS[found[1]](), source[0])


def setup(app: Sphinx) -> dict[str, bool]:
    """Fills the pages in as they are read."""
    app.connect("source-read", _fill)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
