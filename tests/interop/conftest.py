from __future__ import annotations

import warnings
from contextlib import suppress
from pathlib import Path

import pytest

from gaugeconv.mesh import TriMesh

MESHES = Path(__file__).parents[2] / "meshes"

with warnings.catch_warnings():  # importing it warns of PyTorch's own deprecations
    warnings.simplefilter("ignore")
    with suppress(ModuleNotFoundError):
        import torch_geometric  # noqa: F401


@pytest.fixture(scope="session")
def torus() -> TriMesh:
    return TriMesh.load(MESHES / "torus.ply")


@pytest.fixture(scope="session")
def body() -> TriMesh:
    return TriMesh.load(MESHES / "bodies" / "meshes" / "body-1.ply")
