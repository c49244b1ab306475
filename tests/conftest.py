"""What all tests share: a private cache, and annotations that are checked on request."""

from __future__ import annotations

import os
from pathlib import Path

if "PYTEST_XDIST_WORKER" in os.environ:
    # before PyTorch is imported: workers share the cores, and its threads spin while they wait
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from jaxtyping import install_import_hook


def _check_annotations() -> None:
    """Has every call of gaugeconv checked against its annotations, array shapes included.

    Modules with compiled functions are left out: numba and Triton have types of their own.
    """
    root = Path(__file__).resolve().parents[1]
    modules = [
        ".".join(path.relative_to(root).with_suffix("").parts)
        for path in sorted((root / "gaugeconv").rglob("*.py"))
        if path.name != "__init__.py" and not _is_compiled(path.read_text(encoding="utf-8"))
    ]
    install_import_hook(modules, "tests.shape_checker.checked")


def _is_compiled(source: str) -> bool:
    return "njit(" in source or "@triton.jit" in source


if os.environ.get("GAUGECONV_CHECK_SHAPES") == "1":
    # jaxtyping imports `tests` alone and looks the module up in it.
    import tests.shape_checker  # noqa: F401

    _check_annotations()


@pytest.fixture(autouse=True)
def _private_cache(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tests neither read nor fill the user's geometry cache."""
    monkeypatch.setenv("GAUGECONV_CACHE", str(tmp_path_factory.getbasetemp() / "geometry-cache"))
