"""Imports point one way: mesh → geometry → reps → ops → nn → models → train → sphere → cli."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "gaugeconv"
CHAIN = ("mesh", "geometry", "reps", "ops", "nn", "models", "train", "sphere", "cli")
BOTTOM = {"errors", "files", "_version"}  # may be imported by all; import nothing but each other
FREE = {
    "data",
    "interop",
    "viz",
    "verification",
    "verify",
}  # may import all but cli; see below for who imports them


def layer_of(module: str) -> str:
    """`gaugeconv.mesh.io` → `mesh`; the package itself and `__main__` → an empty string."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[1] != "__main__" else ""


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_modules(path: Path) -> set[str]:
    """All gaugeconv modules that a file names in imports, at any depth, TYPE_CHECKING included."""
    found: set[str] = set()
    package = (
        module_name(path) if path.name == "__init__.py" else module_name(path).rpartition(".")[0]
    )
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *([base] if base else [])])
            # `from gaugeconv import mesh` names a layer in its list
            found.update(f"{base}.{alias.name}" for alias in node.names)
    return {name for name in found if name.split(".")[0] == "gaugeconv"}


def allowed(layer: str) -> set[str]:
    """Layers that a layer may import."""
    if layer == "":
        return {*CHAIN, *FREE, *BOTTOM, ""}
    if layer in BOTTOM:
        return BOTTOM
    if layer in FREE:
        return {*CHAIN, *FREE, *BOTTOM} - {"cli", "sphere"}
    below = set(CHAIN[: CHAIN.index(layer) + 1]) | BOTTOM
    # training reads datasets, and the command line reaches everything
    return below | (FREE if layer in ("train", "cli") else set())


MODULES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_imports_point_one_way(path):
    layer = layer_of(module_name(path))
    assert layer in {"", *CHAIN, *FREE, *BOTTOM}, f"{layer} has no place in the order of layers"
    wrong = sorted(m for m in imported_modules(path) if layer_of(m) not in allowed(layer))
    assert not wrong, f"{module_name(path)} ({layer}) must not import {', '.join(wrong)}"


def test_there_are_modules_to_check():
    assert {layer_of(module_name(path)) for path in MODULES} >= {*CHAIN, "errors", "files"}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import gaugeconv.nn.conv", {"gaugeconv.nn.conv"}),
        ("from gaugeconv import nn, ops", {"gaugeconv.nn", "gaugeconv.ops"}),
        ("from gaugeconv.nn import conv as c", {"gaugeconv.nn.conv"}),
        ("from ..nn import conv", {"gaugeconv.nn.conv"}),
        ("from .. import nn", {"gaugeconv.nn"}),
        ("from . import other", {"gaugeconv.mesh.other"}),
        ("def f():\n    from gaugeconv.cli import main", {"gaugeconv.cli.main"}),
        ("if TYPE_CHECKING:\n    from gaugeconv.train import Loop", {"gaugeconv.train.Loop"}),
        ("import numpy, torch.nn", set()),
    ],
)
def test_every_kind_of_import_is_seen(source, found, tmp_path, monkeypatch):
    monkeypatch.setattr(f"{__name__}.PACKAGE", tmp_path / "gaugeconv")
    path = tmp_path / "gaugeconv" / "mesh" / "probe.py"
    path.parent.mkdir(parents=True)
    path.write_text(source)
    assert imported_modules(path) == found


def test_the_order_itself():
    assert "geometry" in allowed("reps") and "reps" not in allowed("geometry")
    assert "mesh" not in allowed("errors") and "errors" in allowed("mesh")
    assert "cli" not in allowed("data") and "cli" not in allowed("train")
    assert "data" not in allowed("models") and "verification" not in allowed("nn")
    assert "train" in allowed("sphere") and "sphere" not in allowed("train") | allowed("viz")
