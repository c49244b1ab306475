"""What all tests share."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _private_cache(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tests neither read nor fill the user's geometry cache."""
    monkeypatch.setenv("GAUGECONV_CACHE", str(tmp_path_factory.getbasetemp() / "geometry-cache"))
