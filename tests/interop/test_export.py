"""Whole networks, compiled and exported, where annotations are not checked at run time."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from gaugeconv.interop import TensorModel, export_model, model_tensors
from gaugeconv.mesh import TriMesh
from gaugeconv.models import (
    ClassifierConfig,
    GaugeSegmenter,
    MeshClassifier,
    MeshRegressor,
    MeshTrunk,
    RegressorConfig,
    SegmenterConfig,
)

pytestmark = [
    pytest.mark.unchecked,
    pytest.mark.filterwarnings("ignore:Dynamo detected a call to a `functools.lru_cache`"),
]
SMALL = {
    "label_names": ("a", "b", "c"),
    "sizes": (96, 24),
    "types": ("4x0 + 2x1 + 1x2", "6x0 + 2x1 + 1x2"),
    "vertex_type": "4x0 + 1x1",
    "blocks": (1, 1),
}


ONE_LEVEL = {**SMALL, "sizes": (48,), "types": ("3x0 + 1x1",), "blocks": (1,)}
REGRESSION = {**{k: v for k, v in ONE_LEVEL.items() if k != "label_names"}, "out_type": "2x0 + 1x1"}


def make(kind: type[MeshTrunk], config: type, fields: dict = SMALL) -> MeshTrunk:
    torch.manual_seed(0)
    return kind(config(**fields)).eval()


@pytest.fixture(scope="module")
def small() -> MeshTrunk:
    return make(GaugeSegmenter, SegmenterConfig, ONE_LEVEL)


@pytest.fixture(autouse=True)
def _no_memory_of_other_tests():
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


@torch.no_grad()
def test_tensors_are_all_that_a_network_reads(torus: TriMesh) -> None:
    model = GaugeSegmenter.load("bodies")
    inputs = model.prepare(torus)
    assert (TensorModel(model)(model_tensors(inputs)) - model(inputs)).abs().max() < 1e-5


@torch.no_grad()
@pytest.mark.parametrize(
    ("kind", "config", "fields", "neighborhoods"),
    [
        (GaugeSegmenter, SegmenterConfig, SMALL, 5),
        (MeshClassifier, ClassifierConfig, ONE_LEVEL, 2),
        (MeshRegressor, RegressorConfig, REGRESSION, 2),
    ],
)
def test_an_exported_network_runs_on_a_mesh_of_another_size(
    kind: type,
    config: type,
    fields: dict,
    neighborhoods: int,
    torus: TriMesh,
    body: TriMesh,
    tmp_path: Path,
) -> None:
    model = make(kind, config, fields).train()
    program = export_model(model, model.prepare(torus))
    assert model.training
    torch.export.save(program, tmp_path / "model.pt2")
    run = torch.export.load(tmp_path / "model.pt2").module()
    model.eval()
    inputs = model.prepare(body)
    expected = model(inputs)
    assert body.num_vertices != torus.num_vertices
    assert (run(model_tensors(inputs)) - expected).abs().max() <= 1e-5
    assert expected.abs().max() > 0.01
    sorts = [n for n in program.graph.nodes if "sorted_pairs" in str(n.target)]
    assert len(sorts) == neighborhoods  # once for every neighbourhood, not for every layer


@torch.no_grad()
def test_one_compiled_graph_serves_meshes_of_all_sizes(
    small: MeshTrunk, torus: TriMesh, body: TriMesh
) -> None:
    graphs = []

    def backend(graph: torch.fx.GraphModule, _: object) -> object:
        graphs.append(graph)
        return graph.forward

    compiled = torch.compile(small, fullgraph=True, dynamic=True, backend=backend)
    for mesh in (torus, body):
        inputs = small.prepare(mesh)
        assert (compiled(inputs) - small(inputs)).abs().max() <= 1e-5
    assert len(graphs) == 1
