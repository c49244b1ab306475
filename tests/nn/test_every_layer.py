"""What must hold for every layer."""

from __future__ import annotations

import copy

import pytest
import torch

from gaugeconv.errors import FieldTypeError
from gaugeconv.reps import FieldType
from tests.nn.layers import CASES
from tests.ops.random_pairs import angles, random_neighborhoods

every_layer = pytest.mark.parametrize("case", CASES, ids=str)
V = 12


def features(module, *batch, vertices=V, seed=1):
    g = torch.Generator().manual_seed(seed)
    shape = (*batch, vertices, module.in_type.dim)
    return torch.randn(shape, generator=g, dtype=torch.float64)


def run(case, module, x, nb):
    torch.manual_seed(5)  # the same dropout mask every time
    return case.run(module, x, nb)


@every_layer
def test_it_commutes_with_random_frame_rotations(case):
    module, nb, gamma = case.build(), random_neighborhoods(V, seed=2), angles(V, 3)
    x = features(module)
    y = run(case, module, x, nb)
    moved = run(case, module, module.in_type.transform(x, gamma), nb.change_gauge(gamma))
    assert y.shape == (V, module.out_type.dim)
    assert (moved - module.out_type.transform(y, gamma)).abs().max() < 1e-12


@pytest.mark.parametrize("case", [c for c in CASES if c.name.startswith("GaugeConv")], ids=str)
def test_it_commutes_with_rotations_of_targets_and_sources_that_differ(case):
    module, nb = case.build(), random_neighborhoods(V, 7, seed=2)
    gamma_p, gamma_q = angles(V, 3), angles(7, 4)
    x = features(module, vertices=7)
    y = run(case, module, x, nb)
    moved = run(
        case, module, module.in_type.transform(x, gamma_q), nb.change_gauge(gamma_p, gamma_q)
    )
    assert (moved - module.out_type.transform(y, gamma_p)).abs().max() < 1e-12


@every_layer
def test_one_optimiser_step_in_two_gauges_gives_the_same_parameters(case):
    module, nb = case.build(), random_neighborhoods(V, seed=2)
    x = features(module)
    target = torch.randn(V, module.out_type.dim, dtype=torch.float64)
    stepped = []
    for seed in (None, 6, 7):
        gamma = torch.zeros(V, dtype=torch.float64) if seed is None else angles(V, seed)
        copied = copy.deepcopy(module)
        y = run(case, copied, copied.in_type.transform(x, gamma), nb.change_gauge(gamma))
        loss = (y - copied.out_type.transform(target, gamma)).square().sum()
        if list(copied.parameters()):
            loss.backward()
            torch.optim.SGD(copied.parameters(), lr=0.01).step()
        stepped.append([p.detach() for p in copied.parameters() if p.numel()])
    before = [p for p in module.parameters() if p.numel()]
    for other in stepped[1:]:
        for p, q in zip(stepped[0], other, strict=True):
            assert (p - q).abs().max() < 1e-11
    for p, q in zip(stepped[0], before, strict=True):
        assert not torch.equal(p, q)


@every_layer
def test_a_batch_is_a_loop(case):
    module, nb = case.build().eval(), random_neighborhoods(V, seed=2)
    x = features(module, 2, 3)
    y = case.run(module, x, nb)
    for i in range(2):
        for j in range(3):
            assert (y[i, j] - case.run(module, x[i, j], nb)).abs().max() < 1e-13


@every_layer
def test_one_vertex_and_none(case):
    module = case.build()
    for vertices in (1, 0):
        nb = random_neighborhoods(vertices, degree=1)
        y = run(case, module, features(module, vertices=vertices), nb)
        assert y.shape == (vertices, module.out_type.dim)
        assert y.isfinite().all()


@every_layer
def test_zero_features_give_finite_values_and_gradients(case):
    module, nb = case.build(), random_neighborhoods(V, seed=2)
    x = torch.zeros_like(features(module)).requires_grad_()
    y = run(case, module, x, nb)
    y.square().sum().backward()
    assert y.isfinite().all() and x.grad.isfinite().all()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in module.parameters())


@every_layer
def test_input_gradients_pass_gradcheck(case):
    module, nb = case.build().eval(), random_neighborhoods(2, degree=2, seed=2)
    x = features(module, vertices=2).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: case.run(module, x, nb), (x,))


@every_layer
def test_float32_differs_by_rounding_only(case):
    module, nb = case.build().eval(), random_neighborhoods(V, seed=2)
    x = features(module)
    exact = case.run(module, x, nb)
    single = case.run(module.float(), x.float(), nb)
    assert single.dtype == torch.float32
    assert (single - exact).abs().max() < 1e-5 * exact.abs().max()


@every_layer
def test_the_state_is_the_same_in_training_and_evaluation_and_restores_the_layer(case):
    module, nb = case.build(), random_neighborhoods(V, seed=2)
    train = {name: t.clone() for name, t in module.train().state_dict().items()}
    evaluated = module.eval().state_dict()
    assert list(train) == list(evaluated)
    assert set(train) == {name for name, _ in module.named_parameters()}
    other = case.build(seed=1).eval()
    other.load_state_dict(train)
    x = features(module)
    assert torch.equal(case.run(other, x, nb), case.run(module, x, nb))


@every_layer
def test_it_shows_its_types(case):
    module = case.build()
    assert isinstance(module.in_type, FieldType) and isinstance(module.out_type, FieldType)
    assert f"'{module.in_type}'" in repr(module)


@pytest.mark.unchecked
@every_layer
def test_a_wrong_width_is_told_with_the_type_expected(case):
    module, nb = case.build(), random_neighborhoods(V, seed=2)
    x = torch.zeros(V, module.in_type.dim + 1, dtype=torch.float64)
    with pytest.raises(FieldTypeError) as error:
        case.run(module, x, nb)
    message = str(error.value)
    assert str(module.in_type) in message and str(tuple(x.shape)) in message
