"""PyTorch's compiler and exporter see ordinary operations. Annotations that are checked at run time
break them, so all of this runs where they are not.
"""

from __future__ import annotations

import pytest
import torch
from torch import nn

from gaugeconv import ops
from gaugeconv.errors import GaugeConvError
from gaugeconv.geometry.neighborhoods import Neighborhoods
from gaugeconv.nn import GaugeConv
from gaugeconv.ops.aggregate_op import aggregate_adjoint_op, aggregate_op
from gaugeconv.ops.convolve_op import convolve_backward_op, convolve_op
from gaugeconv.ops.tables import pair_tables, sorted_pairs
from gaugeconv.reps import CosineRings, FieldType
from tests.ops.random_pairs import random_neighborhoods

pytestmark = [
    pytest.mark.unchecked,
    pytest.mark.filterwarnings("ignore:Dynamo detected a call to a `functools.lru_cache`"),
]
IN, OUT = "4x0 + 3x1", "2x1 + 5x0"


def layer():
    torch.manual_seed(0)
    return GaugeConv(IN, OUT).double()


def features(count, seed=0):
    g = torch.Generator().manual_seed(seed)
    return torch.randn(count, 10, dtype=torch.float64, generator=g).requires_grad_()


def gradients(module, x, nb):
    y = module(x, nb)
    return y, *torch.autograd.grad(y.square().sum(), (x, *module.parameters()))


@pytest.fixture(autouse=True)
def _no_memory_of_other_tests():
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


@pytest.mark.parametrize("known", [True, False], ids=["tables known", "tables new"])
def test_a_layer_compiles_whole_forward_and_backward(known):
    nb, conv, x = random_neighborhoods(40, 30, seed=1), layer(), features(30)
    expected = gradients(conv, x, random_neighborhoods(40, 30, seed=1))
    if known:
        conv(x, nb)
    compiled = torch.compile(conv, fullgraph=True, backend="aot_eager")
    for _ in range(2):
        found = gradients(compiled, x, nb)
        assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
    other = random_neighborhoods(50, 33, seed=2)
    z = features(33, seed=1)
    assert torch.equal(compiled(z, other), conv(z, other))


def test_compiled_code_follows_the_choice_of_a_backend():
    nb, conv, x = random_neighborhoods(20, seed=3), layer(), features(20)
    compiled = torch.compile(conv, fullgraph=True, backend="aot_eager")
    with ops.use_backend("torch"):
        conv(x, nb)
        assert torch.equal(compiled(x, nb), conv(x, nb))
    assert torch.equal(compiled(x, nb), conv(x, nb))


def test_moments_compile_forward_and_backward():
    nb, x = random_neighborhoods(20, seed=4), features(20)
    basis, kind = CosineRings(2), FieldType(IN)

    def f(x):
        return ops.aggregate(x, nb, basis, kind, (0, 2))

    found = [
        (m, *torch.autograd.grad(m.square().sum(), x))
        for m in (f(x), torch.compile(f, fullgraph=True, backend="aot_eager")(x))
    ]
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


class OnOneMesh(nn.Module):
    def __init__(self, conv, nb):
        super().__init__()
        self.conv, self.nb = conv, nb

    def forward(self, x):
        return self.conv(x, self.nb)


class OnAnyMesh(nn.Module):
    def __init__(self, conv):
        super().__init__()
        self.conv = conv

    def forward(self, x, ptr, target, source, r, theta, transport, flip, weight):
        vertices = torch.arange(ptr.shape[0] - 1), torch.arange(x.shape[-2])
        pairs = ptr, target, source, r, theta, transport, flip, weight
        return self.conv(x, Neighborhoods(*pairs, 1.7, x.shape[-2], *vertices))


def calls(program):
    return [str(n.target) for n in program.graph.nodes if "gaugeconv" in str(n.target)]


def test_a_layer_on_one_mesh_is_exported_with_its_tables():
    nb, x = random_neighborhoods(40, 30, seed=1), features(30).detach()
    module = OnOneMesh(layer(), nb).requires_grad_(False)
    expected = module(x)
    program = torch.export.export(module, (x,), strict=False)
    assert calls(program) == ["gaugeconv.convolve.default"]
    assert (program.module()(x) - expected).abs().max() < 1e-13


def test_exporting_leaves_nothing_in_the_neighbourhoods():
    nb, x = random_neighborhoods(40, 30, seed=1), features(30).detach()
    module = OnOneMesh(layer(), nb)
    torch.export.export(module, (x,), strict=False)
    fresh = random_neighborhoods(40, 30, seed=1)
    assert torch.equal(module(x), module.conv(x, fresh))


def test_a_layer_is_exported_for_meshes_of_any_size_and_saved(tmp_path):
    def arguments(nb, seed):
        names = ["ptr", "target", "source", "r", "theta", "transport", "flip", "weight"]
        return features(nb.num_sources, seed).detach(), *(getattr(nb, n) for n in names)

    module = OnAnyMesh(layer()).requires_grad_(False)
    first = arguments(random_neighborhoods(40, 30, seed=1), 0)
    q, p, e = (torch.export.Dim(name, min=3) for name in ("q", "p", "e"))
    shapes = {0: q}, {0: p}, *[{0: e}] * 7
    program = torch.export.export(module, first, dynamic_shapes=shapes, strict=False)
    assert calls(program) == ["gaugeconv.sorted_pairs.default", "gaugeconv.convolve.default"]
    torch.export.save(program, tmp_path / "layer.pt2")
    loaded = torch.export.load(tmp_path / "layer.pt2").module()
    nb = random_neighborhoods(50, 33, seed=2)
    second = arguments(nb, 1)
    assert (loaded(*second) - module.conv(second[0], nb)).abs().max() < 1e-13


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_pytorchs_own_checks_of_operations_pass(dtype):
    nb, conv = random_neighborhoods(12, 9, seed=5), layer()
    basis = conv.space.basis
    tables, adjoint = (pair_tables(nb, basis, torch.float64, side) for side in (False, True))
    x = features(9)[None].detach().to(dtype).requires_grad_()
    dy = torch.randn(1, 12, 9, dtype=torch.float64).to(dtype).requires_grad_()
    rings, center = (t.detach().requires_grad_() for t in conv.kernel())
    geometry = *tables, *adjoint, IN, OUT
    check = torch.library.opcheck
    check(convolve_op, (x, rings, center, *geometry))
    for need in ((True, True), (True, False), (False, True)):
        check(convolve_backward_op, (dy, x, rings, center, *geometry, *need))
    rest = *tables, *[None] * len(tables), IN, "0 2", 9
    check(aggregate_op, (x, *rest))
    m = aggregate_op(x, *rest).detach().requires_grad_()
    check(aggregate_adjoint_op, (m, *rest))
    angles = nb.theta, nb.transport - nb.theta
    radial = torch.rand(nb.r.numel(), 4, dtype=torch.float64)
    check(sorted_pairs, (nb.target, nb.source, radial, *angles, nb.flip, 12, 9))


def test_gradients_without_the_tables_of_the_adjoint_are_refused():
    nb, conv = random_neighborhoods(12, 9, seed=5), layer()
    tables = pair_tables(nb, conv.space.basis, torch.float64)
    x = features(9)[None]
    y = convolve_op(x, *conv.kernel(), *tables, *[None] * len(tables), IN, OUT)
    with pytest.raises(GaugeConvError, match="transposed=True"):
        y.sum().backward()
