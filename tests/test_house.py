"""The house rules that a linter does not know: sizes, docstrings, annotations, nothing unpickled."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "gaugeconv").rglob("*.py"))
PROGRAMS = [
    path
    for folder in ("gaugeconv", "benchmarks", "examples", "tools")
    for path in sorted((ROOT / folder).rglob("*.py"))
]
LONGEST_MODULE, LONGEST_FUNCTION = 250, 40
COMPILED = re.compile(r"\b(njit|triton\.jit)\b")
"""Modules of functions that numba and Triton compile have types of their own."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def functions(tree: ast.AST) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def lines_of(function: Function) -> int:
    """Lines of a function, decorators and docstring left out."""
    first = function.body[0]
    text = ast.get_docstring(function, clean=False)
    doc = 0 if text is None else first.end_lineno - first.lineno + 1
    return function.end_lineno - function.lineno + 1 - doc


def public(tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    """Classes, functions and methods that are public, with their names."""
    for node in tree.body:
        if not isinstance(node, (*Function.__args__, ast.ClassDef)) or node.name.startswith("_"):
            continue
        yield node.name, node
        if isinstance(node, ast.ClassDef):
            for part in node.body:
                if isinstance(part, Function) and not part.name.startswith("_"):
                    yield f"{node.name}.{part.name}", part


def without_annotation(function: Function) -> list[str]:
    """Arguments (other than self and cls) and results that say no type."""
    every = function.args
    arguments = [*every.posonlyargs, *every.args, *every.kwonlyargs, every.vararg, every.kwarg]
    missing = [a.arg for a in arguments if a is not None and a.annotation is None]
    return [name for name in missing if name not in ("self", "cls")] + (
        [] if function.returns is not None else ["return"]
    )


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_modules_and_functions_stay_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) < LONGEST_MODULE
    long = {f.name: lines_of(f) for f in functions(parsed(path))}
    assert {name: size for name, size in long.items() if size >= LONGEST_FUNCTION} == {}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_everything_public_has_a_docstring_and_annotations(path: Path) -> None:
    tree = parsed(path)
    assert ast.get_docstring(tree), "the module has no docstring"
    bare = [name for name, node in public(tree) if not ast.get_docstring(node)]
    assert bare == []
    if not COMPILED.search(path.read_text(encoding="utf-8")):
        open_ones = {f"{f.name}:{f.lineno}": without_annotation(f) for f in functions(tree)}
        assert {name: missing for name, missing in open_ones.items() if missing} == {}


def dotted(node: ast.expr) -> str:
    """`np.load` as it is written; whatever is no name is an ellipsis."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "…"


def unpickling(tree: ast.AST) -> list[str]:
    """Imports and calls that may run code out of a file."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [getattr(node, "module", None) or "", *(a.name for a in node.names)]
            banned = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
            found += [m for m in modules if m.split(".")[0] in banned]
        elif isinstance(node, ast.Call):
            called = dotted(node.func)
            options = {k.arg: getattr(k.value, "value", None) for k in node.keywords}
            if called == "torch.load" and options.get("weights_only") is not True:
                found.append("torch.load without weights_only=True")
            if called in ("np.load", "numpy.load") and options.get("allow_pickle") is not False:
                found.append("np.load without allow_pickle=False")
            if called in ("eval", "exec", "yaml.load", "torch.save", "pd.read_pickle"):
                found.append(called)
    return found


@pytest.mark.parametrize("path", PROGRAMS, ids=name_of)
def test_nothing_is_unpickled(path: Path) -> None:
    assert unpickling(parsed(path)) == []


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from joblib import load",
        "import torch, dill as d",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "np.load(file, allow_pickle=True)",
        "eval(text)",
    ],
)
def test_every_way_to_unpickle_is_seen(line: str) -> None:
    assert unpickling(ast.parse(line))


def test_the_rules_are_broken_by_what_breaks_them() -> None:
    long = "def f(x):\n    '''Says.'''\n" + "    x += 1\n" * 39
    (function,) = functions(ast.parse(long))
    assert lines_of(function) == LONGEST_FUNCTION
    assert without_annotation(function) == ["x", "return"]
    assert not without_annotation(next(functions(ast.parse("def f(self, *, x: int) -> None: ..."))))
    assert [
        name for name, _ in public(ast.parse("class A:\n def f(self): 1\n def _g(self): 1"))
    ] == [
        "A",
        "A.f",
    ]
