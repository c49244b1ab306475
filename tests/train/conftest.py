from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gaugeconv.data import DatasetFolder, LabelledMesh
from gaugeconv.mesh import TriMesh
from gaugeconv.mesh.shapes import torus
from gaugeconv.models import SegmenterConfig

NAMES = ("inner", "outer")


def ring(name: str, major: float) -> LabelledMesh:
    """A torus whose label is the sign of its Gauss curvature: learnable from intrinsic inputs."""
    mesh = torus(12, 6, major, 0.4)
    middle = mesh.vertices[mesh.faces].mean(axis=1)
    return LabelledMesh(name, mesh, (np.hypot(middle[:, 0], middle[:, 1]) > major).astype(np.int64))


@pytest.fixture(scope="session")
def rings(tmp_path_factory: pytest.TempPathFactory) -> DatasetFolder:
    """Two tori to train on, one to validate on; the test mesh is broken on purpose."""
    root = tmp_path_factory.mktemp("rings") / "set"
    splits = {"train": ["a", "b"], "val": ["c"], "test": ["d"]}
    items = [ring(name, 0.9 + 0.1 * k) for k, name in enumerate("abcd")]
    dataset = DatasetFolder.write(root, items, NAMES, splits)
    Path(dataset.items["d"]).write_text("broken")
    return dataset


@pytest.fixture
def mesh() -> TriMesh:
    return ring("m", 1.0).mesh


@pytest.fixture(scope="session")
def tiny() -> SegmenterConfig:
    """The smallest network worth training, with dropout so that generators matter."""
    return SegmenterConfig(
        label_names=NAMES,
        sizes=(36,),
        types=("6x0 + 3x1 + 2x2",),
        vertex_type="6x0 + 2x1",
        blocks=(1,),
    )
