"""The claims table of the README: every row must point to tests that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def rows() -> list[tuple[str, list[str]]]:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = text[text.index("| claim |") :].split("\n\n")[0].splitlines()[2:]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in table]
    return [(row[0], re.findall(r"`([^`]+)`", row[-1])) for row in cells]


def test_there_are_claims() -> None:
    assert len(rows()) >= 8


@pytest.mark.parametrize(("claim", "tests"), rows())
def test_claim_points_to_existing_tests(claim: str, tests: list[str]) -> None:
    assert tests, claim
    for test in tests:
        path, _, function = test.partition("::")
        file = ROOT / "tests" / path
        assert file.is_file(), f"{claim}: no file {path}"
        names = {
            node.name
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
            if isinstance(node, ast.FunctionDef)
        }
        assert function in names, f"{claim}: {path} has no {function}"


def test_the_readme_is_complete_and_its_links_resolve() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert not re.search(r"@[A-Z]+@", text)
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert target.startswith("https://") or (ROOT / target).exists(), target
