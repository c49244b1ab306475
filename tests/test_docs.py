"""The documentation: every page can be reached, its Python runs, and what it names exists."""

from __future__ import annotations

import importlib
import pkgutil
import re
import sys
from pathlib import Path

import pytest

import gaugeconv
from tests import test_layering

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(
    path
    for suffix in ("*.md", "*.rst")
    for path in DOCS.rglob(suffix)
    if not path.relative_to(DOCS).parts[0].startswith("_")
)
TOCTREE = re.compile(
    r"(?:^```\{toctree\}\n(.*?)^```|^\.\. toctree::\n(.*?)(?=^\S|\Z))", re.DOTALL | re.MULTILINE
)
HOWTO = [page for page in PAGES if page.parent.name == "howto" and "```python" in page.read_text()]


def page_id(page: Path) -> str:
    return str(page.relative_to(DOCS).with_suffix(""))


@pytest.fixture
def extension(monkeypatch: pytest.MonkeyPatch):
    """Imports a module of docs/_ext; those used here need no Sphinx."""
    monkeypatch.syspath_prepend(str(DOCS / "_ext"))
    known = set(sys.modules)
    yield importlib.import_module
    for name in set(sys.modules) - known:
        if (DOCS / "_ext" / f"{name}.py").exists():
            del sys.modules[name]


def entries(page: Path) -> list[Path]:
    """The pages in the toctrees of a page, patterns expanded."""
    found = []
    for markdown, rst in TOCTREE.findall(page.read_text(encoding="utf-8")):
        for line in (markdown or rst).splitlines():
            name = line.strip()
            if name and not name.startswith(":"):
                places = (page.parent.glob(name + suffix) for suffix in (".md", ".rst"))
                found += [place for group in places for place in group]
    return found


def test_every_page_is_reached_from_the_index():
    reached, waiting = set(), [DOCS / "index.md"]
    while waiting:
        page = waiting.pop()
        if page not in reached:
            reached.add(page)
            waiting += entries(page)
    assert not [page_id(page) for page in PAGES if page not in reached]


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_links_to_files_lead_somewhere(page):
    code = r"```.*?```|\$\$.*?\$\$"
    text = re.sub(code, "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    text = re.sub(r"\$[^$\n]+\$|`[^`\n]+`", "", text)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match(r"https?:|#", target):
            assert (page.parent / target.partition("#")[0]).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_names_of_the_api_exist(page):
    for name in re.findall(r"\{api\}`([^`]+)`", page.read_text(encoding="utf-8")):
        assert pkgutil.resolve_name(name) is not None


@pytest.mark.parametrize("paper", ["2105.13926", "2106.06020"])
def test_both_papers_have_a_table_of_equations_and_functions(paper):
    text = (DOCS / "concepts.md").read_text(encoding="utf-8")
    table = text[text.index(f"arXiv:{paper}") :].partition("\n#")[0]
    rows = [line for line in table.splitlines() if line.startswith("| $")]
    assert len(rows) > 5
    assert all("{api}`" in row for row in rows)


@pytest.mark.parametrize("page", HOWTO, ids=page_id)
def test_python_of_the_how_to_pages_runs(page, tmp_path, monkeypatch):
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    (tmp_path / "meshes").symlink_to(ROOT / "meshes")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GAUGECONV_CACHE", str(tmp_path / "cache"))
    names: dict[str, object] = {}
    for number, block in enumerate(blocks):
        exec(compile(block, f"{page.name}, block {number}", "exec"), names)
    assert names["gc"] is gaugeconv


def test_every_package_has_a_page_of_reference():
    shown = "".join(page.read_text() for page in (DOCS / "reference").glob("*.rst"))
    packages = [m.name for m in pkgutil.iter_modules(gaugeconv.__path__, "gaugeconv.")]
    internal = {"cli", "files", "_version", "__main__"}
    wanted = [name for name in packages if name.partition(".")[2] not in internal]
    assert not [name for name in wanted if f"api-page:: {name}\n" not in shown]


def test_the_import_diagram_sees_what_the_layering_test_sees(extension):
    diagram = extension("import_diagram")
    for path in test_layering.MODULES:
        seen = {test_layering.layer_of(name) for name in test_layering.imported_modules(path)}
        drawn = {diagram.part_of(name) for name in diagram.imports_of(path)}
        assert drawn - {""} <= seen
        assert not [part for part in seen - drawn if (diagram.PACKAGE / part).is_dir() and part]


def test_the_diagram_draws_every_part_and_arrows_that_point_down(extension):
    diagram = extension("import_diagram")
    counts = {"a": diagram.Counter(), "b": diagram.Counter({"a": 2}), "c": diagram.Counter("ab")}
    assert diagram.layers(counts) == [["a"], ["b"], ["c"]]
    assert diagram.direct(counts) == [("b", "a"), ("c", "b")]
    picture = diagram.page()
    for part in test_layering.CHAIN:
        assert f">{part}</text>" in picture


def test_all_recorded_measurements_are_on_the_page_of_benchmarks(extension):
    page = extension("benchmark_page").page()
    for path in (ROOT / "benchmarks" / "results").glob("*.json"):
        assert f"## {path.stem.replace('_', ' ')}\n" in page


def test_figures_of_any_nesting_become_tables(extension):
    rendered = extension("benchmark_page").rendered
    assert rendered({"a": {"x": 1, "y": 0.51234}, "b": {"x": None}}) == [
        "|  | x | y |\n|---|---|---|\n| a | 1 | 0.512 |\n| b |  |  |"
    ]
    blocks = rendered({"n": 12345, "list": [{"r": 1e-9}, {"r": 2.5}]})
    assert blocks[0].endswith("| n | 12,345 |")
    assert blocks[1:] == ["**list**", "|  | r |\n|---|---|\n| 1 | 1.0e-09 |\n| 2 | 2.5 |"]


def test_docstrings_become_restructured_text(extension):
    as_rst = extension("docstrings").as_rst
    text = [
        "Sum of |x|, `a + b_` and x_; see `gc.nn`.",
        "",
        "    K = a * b",
        "",
        "* one_",
        "",
        "Args:",
    ]
    assert as_rst([*text, "    x: `f[:, k]`, (*batch)."]) == [
        r"Sum of \|x\|, ``a + b_`` and x\_; see `gc.nn`.",
        "",
        "::",
        "",
        "    K = a * b",
        "",
        r"* one\_",
        "",
        "Args:",
        r"    x: ``f[:, k]``, (\*batch).",
    ]
