"""THIRD_PARTY.md lists what pyproject.toml asks for, with the licences that the packages state."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FAMILIES = {
    "Apache": "apache", "MIT": r"\bmit\b", "BSD": r"\bbsd\b|redistribution and use in source",
    "MPL": r"\bmpl\b|mozilla", "PSF": "psf|python software foundation|license agreement for matplotlib",
}  # fmt: skip
"""What a licence is called in the table, and how metadata may put it."""


def required() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [*project["dependencies"]]
    for extra in project["optional-dependencies"].values():
        lines += extra
    return {re.match(r"[\w.-]+", line)[0] for line in lines} - {"gaugeconv"}


def table() -> dict[str, str]:
    """The licence cell of every package."""
    text = (ROOT / "THIRD_PARTY.md").read_text(encoding="utf-8")
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return {name: row[1] for row in rows[1:] for name in row[0].split(", ")}


def stated(package: str) -> str:
    found = metadata(package)
    classifiers = [c for c in found.get_all("Classifier") or [] if c.startswith("License")]
    parts = (found.get("License-Expression"), (found.get("License") or "")[:300], *classifiers)
    return " ".join(part for part in parts if part).lower()


def test_the_table_has_a_row_for_every_dependency_and_no_other() -> None:
    assert set(table()) == required()


@pytest.mark.parametrize("package", sorted(required()))
def test_the_licence_is_the_one_that_the_package_states(package: str) -> None:
    try:
        text = stated(package)
    except PackageNotFoundError:
        pytest.skip(f"{package} is not installed")
    if not text:
        pytest.skip(f"the metadata of {package} say nothing")
    named = {family for family in FAMILIES if family in table()[package]}
    assert named & {family for family, how in FAMILIES.items() if re.search(how, text)}, text
