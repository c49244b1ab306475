from __future__ import annotations

import importlib
import sys

import pytest
import torch
from torch import nn

import gaugeconv as gc
from gaugeconv.errors import FieldTypeError, MeshError, StructureGroupError
from gaugeconv.geometry import block_diagonal
from gaugeconv.interop import EDGE_COLUMNS, OnEdges, edge_neighborhoods, neighborhood_edges
from gaugeconv.mesh import TriMesh, shapes

pytest.importorskip("torch_geometric")

from torch_geometric.data import Batch, Data
from torch_geometric.explain import Explainer, GNNExplainer
from torch_geometric.loader import DataLoader
from torch_geometric.nn import MessagePassing, Sequential, global_mean_pool

from gaugeconv.interop.pyg import GaugeNeighborhoods, MessagePassingConv, from_data, to_data
from tests.verification.zoo import moebius, sheet

IN, OUT = "2x0 + 1x1", "3x0 + 2x1 + 1x2"


def features(mesh: TriMesh, seed: int = 0, dim: int = 4) -> torch.Tensor:
    g = torch.Generator().manual_seed(seed)
    return torch.randn(mesh.num_vertices, dim, dtype=torch.float64, generator=g)


def layer(**options: object) -> MessagePassingConv:
    torch.manual_seed(0)
    return MessagePassingConv(IN, OUT, **options).double()


@pytest.fixture(scope="module")
def torus_data(torus: TriMesh) -> Data:
    data = GaugeNeighborhoods(edges=2.5)(to_data(torus, torch.float64))
    data.x = features(torus)
    return data


@pytest.fixture(scope="module")
def body_data(body: TriMesh) -> Data:
    data = GaugeNeighborhoods(edges=2.0)(to_data(body, torch.float64))
    data.x = features(body, 1)
    return data


def direct(conv: nn.Module, mesh: TriMesh, x: torch.Tensor, edges: float) -> torch.Tensor:
    return conv(x, gc.neighborhoods(mesh, edges=edges))


def test_a_mesh_comes_back_as_it_went(body: TriMesh) -> None:
    again = from_data(to_data(body, torch.float64))
    assert again.content_hash() == body.content_hash()


def test_data_that_are_no_mesh_are_refused() -> None:
    with pytest.raises(MeshError, match=r"have no pos and no face: a mesh needs pos \(V, 3\)"):
        GaugeNeighborhoods(edges=2.0)(Data(x=torch.zeros(3, 1)))


def test_the_transform_leaves_its_argument_alone(torus: TriMesh) -> None:
    data = to_data(torus)
    changed = GaugeNeighborhoods(radius=0.2, name="gauge")(data)
    assert set(data.keys()) == {"pos", "face"}
    assert set(changed.keys()) == {"pos", "face", "gauge_index", "gauge_attr", "e1", "e2"}
    assert changed.gauge_attr.dtype == torch.float32
    assert changed.gauge_attr.shape == (changed.gauge_index.shape[1], len(EDGE_COLUMNS))
    frames = gc.Frames.canonical(torus)
    assert (changed.e1 - torch.from_numpy(frames.e1.copy())).abs().max() < 1e-6
    assert repr(GaugeNeighborhoods(radius=0.2)) == "GaugeNeighborhoods(radius=0.2)"


def test_on_one_mesh_it_is_the_direct_call(torus: TriMesh, torus_data: Data) -> None:
    conv = layer()
    y = conv(torus_data.x, torus_data.edge_index, torus_data.edge_attr)
    assert isinstance(conv, MessagePassing)
    assert (y - direct(conv.conv, torus, torus_data.x, 2.5)).abs().max() < 1e-12


def test_a_batch_is_every_mesh_by_itself(
    torus: TriMesh, body: TriMesh, torus_data: Data, body_data: Data
) -> None:
    conv = layer()
    batch = next(iter(DataLoader([torus_data, body_data, torus_data], batch_size=3)))
    y = conv(batch.x, batch.edge_index, batch.edge_attr)
    expected = torch.cat(
        [
            direct(conv.conv, torus, torus_data.x, 2.5),
            direct(conv.conv, body, body_data.x, 2.0),
            direct(conv.conv, torus, torus_data.x, 2.5),
        ]
    )
    assert (y - expected).abs().max() < 1e-12
    assert torch.equal(batch.ptr.diff()[:2], torch.tensor([torus.num_vertices, body.num_vertices]))
    again = Batch.from_data_list([torus_data, body_data])[1]
    assert torch.equal(again.edge_index, body_data.edge_index)


def test_a_batch_is_that_of_block_diagonal_neighbourhoods(
    torus: TriMesh, body: TriMesh, torus_data: Data, body_data: Data
) -> None:
    batch = Batch.from_data_list([torus_data, body_data])
    parts = gc.neighborhoods(torus, edges=2.5), gc.neighborhoods(body, edges=2.0)
    nb, expected = (
        edge_neighborhoods(batch.edge_index, batch.edge_attr, batch.num_nodes),
        block_diagonal(parts),
    )
    for name in ("ptr", "target", "source", "r", "theta", "transport", "flip", "weight"):
        assert torch.equal(getattr(nb, name), getattr(expected, name)), name


def test_messages_of_single_edges_add_up_to_the_same_in_output_and_gradients(
    torus_data: Data,
) -> None:
    fused, slow = layer(), layer(fused=False)
    with torch.no_grad():
        for conv in (fused.conv, slow.conv):
            conv.bias.normal_(generator=torch.Generator().manual_seed(1))
    found = []
    for conv in (fused, slow):
        x = torus_data.x.clone().requires_grad_()
        y = conv(x, torus_data.edge_index, torus_data.edge_attr)
        found.append((y, *torch.autograd.grad(y.square().sum(), (x, *conv.parameters()))))
    for a, b in zip(*found, strict=True):
        assert (a - b).abs().max() < 1e-10 * b.abs().max()


@pytest.mark.parametrize("kind", ["1x0+ + 1x1", "reg"])
def test_messages_on_a_one_sided_mesh_and_of_other_groups(kind: str) -> None:
    group = "O2" if "+" in kind else "C4"
    mesh, frames = (moebius(12, 3), None) if group == "O2" else sheet()
    nb = gc.neighborhoods(mesh, edges=1.5, frames=frames)
    edge_index, edge_attr = neighborhood_edges(nb)
    field = gc.FieldType(kind, group=group)
    conv = MessagePassingConv(field, field).double()
    x = features(mesh, dim=field.dim)
    y = conv(x, edge_index, edge_attr)
    conv.fused = False
    assert (conv(x, edge_index, edge_attr) - y).abs().max() < 1e-12


def test_messages_need_transports_as_they_are(torus_data: Data) -> None:
    conv = MessagePassingConv(
        *[gc.FieldType("reg", group="C5")] * 2, connection="snap", fused=False
    ).double()
    x = torch.zeros(torus_data.num_nodes, 5, dtype=torch.float64)
    with pytest.raises(StructureGroupError, match="connection='exact', got 'snap'"):
        conv(x, torus_data.edge_index, torus_data.edge_attr)


def test_the_order_of_edges_does_not_matter(torus_data: Data) -> None:
    conv = layer()
    order = torch.randperm(torus_data.num_edges, generator=torch.Generator().manual_seed(0))
    y = conv(torus_data.x, torus_data.edge_index, torus_data.edge_attr)
    shuffled = conv(torus_data.x, torus_data.edge_index[:, order], torus_data.edge_attr[order])
    assert (y - shuffled).abs().max() < 1e-12


def test_targets_can_be_others_than_sources(torus: TriMesh) -> None:
    level = gc.geometry.build_hierarchy(gc.Frames.canonical(torus), (200,))[0]
    conv, x = layer(), features(torus)[level.vertices]
    edge_index, edge_attr = neighborhood_edges(level.up)
    size = 200, torus.num_vertices
    expected = conv.conv(x, level.up)
    for fused in (True, False):
        conv.fused = fused
        assert (conv(x, edge_index, edge_attr, size) - expected).abs().max() < 1e-12


def test_edges_may_be_made_in_inference_mode(torus: TriMesh) -> None:
    nb = gc.neighborhoods(torus, edges=3, dtype=torch.float32)
    layer, x = gc.nn.GaugeConv(IN, OUT), features(torus).float()
    with torch.inference_mode():
        edges = neighborhood_edges(nb)
        assert torch.equal(OnEdges(layer)(x, *edges), OnEdges(layer)(x, *edges))


def test_layers_share_what_they_compute_of_the_edges(torus_data: Data) -> None:
    edges = torus_data.edge_index, torus_data.edge_attr.clone()
    first = edge_neighborhoods(*edges, torus_data.num_nodes)
    assert edge_neighborhoods(*edges, torus_data.num_nodes) is first
    edges[1][:, 4] *= 2
    assert torch.equal(edge_neighborhoods(*edges, torus_data.num_nodes).weight, edges[1][:, 4])
    assert edge_neighborhoods(edges[0].clone(), edges[1], torus_data.num_nodes) is not first


def test_whole_models_train_with_pygs_own_parts(torus_data: Data, body_data: Data) -> None:
    torch.manual_seed(0)
    inside = gc.FieldType(OUT)
    model = Sequential(
        "x, edge_index, edge_attr, batch",
        [
            (MessagePassingConv(IN, inside), "x, edge_index, edge_attr -> x"),
            (gc.nn.FieldNorm(inside), "x -> x"),
            (gc.nn.GatedNonlinearity(inside), "x -> x"),
            (OnEdges(gc.nn.ResidualBlock(inside)), "x, edge_index, edge_attr -> x"),
            (gc.nn.NormPool(inside), "x -> x"),
            (global_mean_pool, "x, batch -> x"),
            nn.Linear(6, 2),
        ],
    ).double()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-2)
    losses = []
    for _ in range(6):
        for batch in DataLoader([torus_data, body_data], batch_size=2):
            scores = model(batch.x, batch.edge_index, batch.edge_attr, batch.batch)
            loss = nn.functional.cross_entropy(scores, torch.tensor([0, 1]))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = layer()

    def forward(
        self, x: torch.Tensor, edge_index: torch.Tensor, edge_attr: torch.Tensor
    ) -> torch.Tensor:
        return self.conv(x, edge_index, edge_attr)[:, :3]


def test_pygs_explainer_masks_the_messages() -> None:
    mesh = shapes.icosphere(1)
    data = GaugeNeighborhoods(edges=1.5)(to_data(mesh, torch.float64))
    torch.manual_seed(0)
    explainer = Explainer(
        Net(),
        GNNExplainer(epochs=3),
        explanation_type="model",
        edge_mask_type="object",
        model_config={"mode": "regression", "task_level": "node", "return_type": "raw"},
    )
    found = explainer(features(mesh), data.edge_index, edge_attr=data.edge_attr, index=5)
    near = data.edge_index[1] == 5
    assert found.edge_mask.shape == near.shape
    assert found.edge_mask[near].min() > 0
    assert found.edge_mask[~near].abs().max() == 0


@pytest.mark.unchecked
@pytest.mark.filterwarnings("ignore:Dynamo detected a call to a `functools.lru_cache`")
@torch.no_grad()
def test_a_compiled_model_gives_the_same(torus_data: Data) -> None:
    conv = layer()
    arguments = torus_data.x, torus_data.edge_index, torus_data.edge_attr
    compiled = torch.compile(conv, backend="aot_eager")
    assert (compiled(*arguments) - conv(*arguments)).abs().max() < 1e-12


@pytest.mark.unchecked
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda i, a: (i + 1, a), "but there are 1152: features and edges are of different meshes"),
        (lambda i, a: (i - 1, a), "edge_index names sources -1"),
        (lambda i, a: (i[:, :-1], a), "edge_attr must hold r, theta, transport, flip, weight of"),
        (lambda i, a: (i, a[:, :4]), "make it with neighborhood_edges"),
        (lambda i, a: (i.double(), a), "edge_index must hold integers"),
        (lambda i, a: (i[:1], a), "edge_index must hold integers"),
    ],
)
def test_edges_that_do_not_fit_are_refused(
    torus_data: Data, torus: TriMesh, change: object, message: str
) -> None:
    message = message.replace("1152", str(torus.num_vertices))
    with pytest.raises(FieldTypeError, match=message):
        layer()(torus_data.x, *change(torus_data.edge_index, torus_data.edge_attr))


def test_without_torch_geometric_the_message_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "torch_geometric.data", None)
    monkeypatch.delitem(sys.modules, "gaugeconv.interop.pyg")
    with pytest.raises(ModuleNotFoundError, match=r"install gaugeconv\[pyg\]"):
        importlib.import_module("gaugeconv.interop.pyg")
