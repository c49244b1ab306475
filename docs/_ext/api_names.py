"""Names of the API: a role that fails on unknown ones, and tables of what a package exports."""

from __future__ import annotations

import sys
from importlib import import_module
from inspect import unwrap
from types import FunctionType, ModuleType
from typing import Any

from docstrings import as_rst
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.ext.autosummary import Autosummary
from sphinx.pycode import ModuleAnalyzer
from sphinx.roles import XRefRole
from sphinx.util.docutils import SphinxDirective


class Api(XRefRole):
    """{api}`gaugeconv.nn.GaugeConv` links to its entry; without one, the build warns and fails."""

    def process_link(
        self, env: Any, refnode: nodes.Element, has_explicit_title: bool, title: str, target: str
    ) -> tuple[str, str]:
        """Makes it a reference of the Python domain, shown without `gaugeconv.`."""
        refnode["refdomain"], refnode["reftype"] = "py", "obj"
        return title if has_explicit_title else title.removeprefix("gaugeconv."), target


class PublicNames(Autosummary):
    """A table of all that `__all__` of a package lists, with the first line of every docstring."""

    has_content = False
    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Fills in the names and leaves the rest to autosummary."""
        package = self.arguments[0]
        self.env.ref_context.pop("py:module", None)  # names are given in full
        self.options["nosignatures"] = True
        names = [n for n in import_module(package).__all__ if not n.startswith("__")]
        self.content = [f"~{home_of(package, name)}" for name in names]  # type: ignore[assignment]
        return super().run()


class ApiPage(SphinxDirective):
    """All of a module: where it has `__all__` a table of these names, then every entry."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Expands to the table and `automodule`."""
        name = self.arguments[0]
        text = f".. automodule:: {name}\n"
        module = import_module(name)
        if hasattr(module, "__all__"):
            text = f".. public-names:: {name}\n\n{text}   :imported-members:\n"
            text += "".join(data_entry(module, data) for data in module.__all__)
        return self.parse_text_to_nodes(text)


def data_entry(module: ModuleType, name: str) -> str:
    """An entry for a constant or an alias of a type, which automodule leaves out; "" for others."""
    value = unwrap(getattr(module, name))
    if isinstance(value, type | ModuleType | FunctionType) or name.startswith("__"):
        return ""
    below = (m for m in sorted(sys.modules) if m.startswith(f"{module.__name__}."))
    found = (ModuleAnalyzer.for_module(m).find_attr_docs().get(("", name)) for m in below)
    lines = as_rst(next(filter(None, found), []))
    body = "".join(f"   {line}\n" for line in lines)
    return f"\n.. py:data:: {name}\n   :module: {module.__name__}\n\n{body}"


def home_of(package: str, name: str) -> str:
    """Where a name is documented: names of `gaugeconv` itself in the package they come from."""
    if package != "gaugeconv":
        return f"{package}.{name}"
    homes = import_module("gaugeconv")._HOME
    return f"{homes[name]}.{name}" if name in homes else f"gaugeconv.{name}"


def setup(app: Sphinx) -> dict[str, bool]:
    """Registers the role and the directives."""
    app.add_role("api", Api(warn_dangling=True))
    app.add_directive("public-names", PublicNames)
    app.add_directive("api-page", ApiPage)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
