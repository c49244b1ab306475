from __future__ import annotations

import importlib.util
import math
import threading
from dataclasses import replace

import pytest
import torch

from gaugeconv import ops
from gaugeconv.errors import FieldTypeError, StructureGroupError
from gaugeconv.ops import cpu
from gaugeconv.ops.tables import pair_tables
from gaugeconv.reps import KernelSpace, RadialBasis
from tests import slow_reference as slow
from tests.ops.random_pairs import angles, random_neighborhoods

TYPES = [
    ("2x0", "3x0"),
    ("1x0", "2x1 + 1x3"),
    ("3x2", "2x0"),
    ("3x0 + 2x2 + 4x1 + 1x0", "2x1 + 3x0 + 1x3 + 2x1 + 1x2"),
]
needs_torch_scatter = pytest.mark.skipif(
    importlib.util.find_spec("torch_scatter") is None, reason="torch-scatter is not installed"
)
BACKENDS = [
    "fused",
    "torch",
    pytest.param("torch-scatter", marks=[pytest.mark.scatter, needs_torch_scatter]),
]


def problem(types, nb, radial=3, batch=(), seed=0):
    """A kernel space with random features, coordinates and output gradient, float64."""
    g = torch.Generator().manual_seed(seed)
    space = KernelSpace(*types, radial)

    def draw(*shape):
        return torch.randn(*shape, generator=g, dtype=torch.float64).requires_grad_()

    x = draw(*batch, nb.num_sources, space.in_type.dim)
    dy = draw(*batch, nb.num_targets, space.out_type.dim).detach()
    return space, x, draw(*space.rings_shape), draw(space.num_center), dy


def run(space, x, rings, center, dy, nb, backend=None):
    """Output and the three gradients."""
    y = ops.convolve(x, rings, center, nb, space, backend)
    return y, *torch.autograd.grad(y, (x, rings, center), dy)


def largest_difference(left, right):
    pairs = [(a.detach(), b.detach()) for a, b in zip(left, right, strict=True)]
    return max(float((a - b).abs().max()) if a.numel() else 0.0 for a, b in pairs)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("radial", [1, 3])
@pytest.mark.parametrize("types", TYPES)
@pytest.mark.parametrize("sources", [None, 5])
def test_every_backend_equals_plain_loops_in_output_and_gradients(backend, radial, types, sources):
    nb = random_neighborhoods(9, sources, degree=6, seed=1)
    space, x, rings, center, dy = problem(types, nb, radial)
    found = run(space, x, rings, center, dy, nb, backend)
    arrays = [t.detach().numpy() for t in (x, rings, center)]
    expected = slow.convolution(*arrays, nb, *types, dy.numpy())
    expected = [expected.y, expected.dx, expected.drings, expected.dcenter]
    assert largest_difference(found, map(torch.from_numpy, expected)) < 1e-12


@pytest.mark.parametrize("backend", BACKENDS)
def test_it_is_the_sum_over_pairs_of_the_evaluated_kernel(backend):
    """y_p = 1/(πR²) Σ w K(log_p q) ρ(φ) x_q with `KernelSpace.evaluate`."""
    nb = random_neighborhoods(6, 7, seed=2)
    space, x, rings, center, _ = problem(TYPES[3], nb)
    kernel = space.evaluate(rings, center, nb.r / nb.radius, nb.theta)
    carried = space.in_type.transform(x[nb.source], nb.transport)
    messages = torch.einsum("e,eij,ej->ei", nb.weight / (math.pi * nb.radius**2), kernel, carried)
    expected = torch.zeros(6, space.out_type.dim).double().index_add(0, nb.target, messages)
    assert (ops.convolve(x, rings, center, nb, space, backend) - expected).abs().max() < 1e-13


@pytest.mark.parametrize("backend", ["fused", "torch"])
def test_gradients_pass_gradcheck_to_second_order(backend):
    nb = random_neighborhoods(3, 4, degree=3, seed=3)
    space, x, rings, center, _ = problem(("1x0 + 1x1", "1x1 + 1x0"), nb, 2)

    def f(x, rings, center):
        return ops.convolve(x, rings, center, nb, space, backend)

    assert torch.autograd.gradcheck(f, (x, rings, center))
    assert torch.autograd.gradgradcheck(f, (x, rings, center))


@pytest.mark.parametrize("wanted", [(0,), (1,), (2,), (0, 2)])
def test_gradients_are_the_same_when_only_some_are_wanted(wanted):
    nb = random_neighborhoods(9, 5, seed=4)
    space, *inputs, dy = problem(TYPES[3], nb)
    _, *all_of_them = run(space, *inputs, dy, nb)
    some = [t.detach().requires_grad_(i in wanted) for i, t in enumerate(inputs)]
    y = ops.convolve(*some, nb, space)
    grads = torch.autograd.grad(y, [some[i] for i in wanted], dy)
    assert largest_difference(grads, [all_of_them[i] for i in wanted]) < 1e-13
    (gg,) = torch.autograd.grad(
        ops.convolve(*some, nb, space), some[wanted[0]], dy, create_graph=True
    )
    assert largest_difference([gg], [all_of_them[wanted[0]]]) < 1e-12


@pytest.mark.parametrize("backend", BACKENDS)
def test_it_commutes_with_any_change_of_gauge(backend):
    nb = random_neighborhoods(12, 7, seed=5)
    space, x, rings, center, _ = problem(TYPES[3], nb)
    gamma_p, gamma_q = angles(12, 1), angles(7, 2)
    y = ops.convolve(x, rings, center, nb, space, backend)
    moved = ops.convolve(
        space.in_type.transform(x, gamma_q), rings, center,
        nb.change_gauge(gamma_p, gamma_q), space, backend,
    )  # fmt: skip
    assert (moved - space.out_type.transform(y, gamma_p)).abs().max() < 1e-12
    assert (moved - y).abs().max() > 0.1


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("batch", [(1,), (4,), (2, 3), (71,)])
def test_a_batch_is_a_loop(backend, batch):
    nb = random_neighborhoods(9, 6, seed=6)
    space, x, rings, center, dy = problem(TYPES[3], nb, batch=batch)
    y, dx, drings, dcenter = run(space, x, rings, center, dy, nb, backend)
    items = [
        run(space, a.detach().requires_grad_(), rings, center, b, nb, backend)
        for a, b in zip(x.flatten(0, -3), dy.flatten(0, -3), strict=True)
    ]
    assert largest_difference(y.flatten(0, -3), [item[0] for item in items]) < 1e-13
    assert largest_difference(dx.flatten(0, -3), [item[1] for item in items]) < 1e-13
    sums = [sum(item[i] for item in items) for i in (2, 3)]
    assert largest_difference((drings, dcenter), sums) < 1e-12


def test_slabs_do_not_change_the_result(monkeypatch):
    nb = random_neighborhoods(150, 90, seed=7)
    space, x, rings, center, dy = problem(TYPES[3], nb, batch=(3,))
    whole = run(space, x, rings, center, dy, nb)
    monkeypatch.setattr(cpu, "_SLAB_BYTES", 1)
    pieces = run(space, x, rings, center, dy, nb)
    assert largest_difference(whole, pieces) < 1e-13


def test_results_do_not_depend_on_the_number_of_threads():
    nb = random_neighborhoods(300, 200, seed=8)
    space, x, rings, center, dy = problem(TYPES[3], nb, batch=(2,))
    before, found = torch.get_num_threads(), []
    for threads in (1, 2, 5):
        torch.set_num_threads(threads)
        found.append(run(space, x, rings, center, dy, nb))
    torch.set_num_threads(before)
    assert largest_difference(found[0], found[1]) == 0
    assert largest_difference(found[0], found[2]) == 0


def test_it_runs_in_inference_mode_and_under_no_grad():
    nb = random_neighborhoods(300, seed=8)
    space, x, rings, center, _ = problem(TYPES[3], nb)
    expected = ops.convolve(x, rings, center, nb, space).detach()
    before = torch.get_num_threads()
    for threads in (1, 2):
        torch.set_num_threads(threads)
        for mode in (torch.no_grad(), torch.inference_mode()):
            with mode:
                found = ops.convolve(x, rings, center, nb, space)
            assert torch.equal(found, expected) and not found.requires_grad
    torch.set_num_threads(before)


def test_what_was_first_used_in_inference_mode_can_train_later():
    nb = random_neighborhoods(300, seed=8)
    space, x, rings, center, dy = problem(TYPES[3], nb)
    with torch.inference_mode():
        ops.convolve(x, rings, center, nb, space)
    found = run(space, x, rings, center, dy, nb)
    fresh = run(space, x, rings, center, dy, random_neighborhoods(300, seed=8))
    assert largest_difference(found, fresh) == 0


def test_python_threads_may_convolve_at_once():
    nb = random_neighborhoods(400, seed=9)
    space, x, rings, center, dy = problem(TYPES[3], nb)
    expected = run(space, x, rings, center, dy, nb)
    results = [None] * 4

    def work(i):
        for _ in range(5):
            results[i] = run(space, x, rings, center, dy, nb)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(largest_difference(found, expected) < 1e-12 for found in results)


@pytest.mark.parametrize("backend", BACKENDS)
def test_targets_without_pairs_and_meshes_without_vertices(backend):
    nb = random_neighborhoods(4, 3, degree=3, seed=10)
    keep = nb.target != 2
    counts = torch.bincount(nb.target[keep], minlength=4)
    ptr = torch.cat((torch.zeros(1, dtype=torch.int64), counts.cumsum(0)))
    per_pair = {
        name: getattr(nb, name)[keep]
        for name in ("target", "source", "r", "theta", "transport", "flip", "weight")
    }
    gap = replace(nb, ptr=ptr, **per_pair, _memo={})
    none = replace(
        nb, ptr=torch.zeros(5, dtype=torch.int64), _memo={},
        **{name: values[:0] for name, values in per_pair.items()},
    )  # fmt: skip
    empty = random_neighborhoods(0, 0)
    for case, zero_rows in ((gap, [2]), (none, [0, 1, 2, 3]), (empty, [])):
        space, x, rings, center, dy = problem(TYPES[3], case)
        y, dx, drings, dcenter = run(space, x, rings, center, dy, case, backend)
        assert y.shape == dy.shape and dx.shape == x.shape
        assert drings.shape == rings.shape and dcenter.shape == center.shape
        assert y[zero_rows].abs().sum() == 0
        if case is not gap:
            assert dx.abs().sum() == 0 and drings.abs().sum() == 0


@pytest.mark.parametrize("backend", BACKENDS)
def test_one_vertex_alone_sees_the_centre_of_the_kernel(backend):
    nb = random_neighborhoods(1, degree=1)
    space, x, rings, center, _ = problem(("2x0 + 2x1", "1x1 + 1x0"), nb)
    y = ops.convolve(x, rings, center, nb, space, backend)
    share = nb.weight / (math.pi * nb.radius**2)
    assert (y - share * x @ space.intertwiners.matrix(center).T).abs().max() < 1e-15


def test_float32_differs_by_rounding_only_whatever_the_geometry_is_stored_in():
    nb = random_neighborhoods(200, degree=16, seed=11)
    space, x, rings, center, dy = problem(TYPES[3], nb)
    exact = run(space, x, rings, center, dy, nb)
    single = [t.detach().float().requires_grad_() for t in (x, rings, center)]
    for geometry in (nb, nb.to(dtype=torch.float32)):
        found = run(space, *single, dy.float(), geometry)
        for a, b in zip(found, exact, strict=True):
            assert a.dtype == torch.float32
            assert (a - b).abs().max() < 3e-6 * b.abs().max()


def test_strided_and_expanded_tensors_are_read_as_what_they_show():
    nb = random_neighborhoods(9, 5, seed=12)
    space, x, rings, center, dy = problem(TYPES[3], nb, batch=(2,))
    expected = run(space, x, rings, center, dy, nb)
    strided = x.detach().transpose(0, 2).contiguous().transpose(0, 2).requires_grad_()
    rings_strided = rings.detach().transpose(0, 1).contiguous().transpose(0, 1).requires_grad_()
    found = run(space, strided, rings_strided, center, dy.mT.contiguous().mT, nb)
    assert largest_difference(found, expected) == 0
    one = x[:1].detach()
    repeated = ops.convolve(one.expand(3, -1, -1), rings, center, nb, space)
    once = ops.convolve(one, rings, center, nb, space)
    assert (repeated - once).abs().max() < 1e-13


class Wide(RadialBasis):
    """Rings that are nowhere zero between centre and cut-off, and a centre function of their kind."""

    def rings(self, rho):
        powers = torch.arange(1, self.num + 1, dtype=rho.dtype)
        return rho[:, None] ** powers * (1 - rho[:, None])

    def center(self, rho):
        return (1 - rho).square()


def test_a_basis_of_ones_own_gives_the_same_on_all_backends():
    nb = random_neighborhoods(9, seed=13)
    space, x, rings, center, dy = problem(TYPES[3], nb, radial=Wide(4))
    results = [run(space, x, rings, center, dy, nb, backend) for backend in ("fused", "torch")]
    assert largest_difference(*results) < 1e-12


def test_only_the_inputs_are_kept_for_the_backward_pass():
    nb = random_neighborhoods(50, seed=15)
    space, x, rings, center, _ = problem(TYPES[3], nb)
    tables = [pair_tables(nb, space.basis, torch.float64, side) for side in (False, True)]
    geometry = {t.data_ptr() for side in tables for t in side}
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t) or t, lambda t: t):
        ops.convolve(x[None], rings, center, nb, space)
    own = [t for t in kept if t.data_ptr() not in geometry]
    assert sum(t.numel() for t in own) == x.numel() + rings.numel() + center.numel()


def test_the_backend_can_be_chosen_for_a_block_of_code():
    nb = random_neighborhoods(5, seed=16)
    space, x, rings, center, _ = problem(TYPES[0], nb)

    def used(**kwargs):
        node = ops.convolve(x[None], rings, center, nb, space, **kwargs).grad_fn
        while node.name().startswith("View"):
            node = node.next_functions[0][0]
        return node.name()

    fused = used()
    assert "gaugeconv_convolve" in fused
    with ops.use_backend("torch"):
        assert used() != fused
        assert used(backend="fused") == fused
    assert used() == fused


@pytest.mark.unchecked
def test_an_unknown_backend_is_named():
    nb = random_neighborhoods(5, seed=16)
    space, *inputs, _ = problem(TYPES[0], nb)
    with pytest.raises(ValueError, match="'gpu'"), ops.use_backend("gpu"):
        pass
    with pytest.raises(ValueError, match="'gpu'"):
        ops.convolve(*inputs, nb, space, backend="gpu")


@pytest.mark.skipif(
    importlib.util.find_spec("torch_scatter") is not None, reason="torch-scatter is installed"
)
def test_torch_scatter_is_named_where_it_is_missing():
    wanted = r"gaugeconv\[scatter\]"
    with pytest.raises(ModuleNotFoundError, match=wanted), ops.use_backend("torch-scatter"):
        pass


@pytest.mark.unchecked
def test_what_does_not_fit_is_named():
    nb = random_neighborhoods(5, 4, seed=18)
    space, x, rings, center, _ = problem(("1x0 + 1x1", "1x1"), nb)
    for wrong in (x[:, :2], x[:3], x[0]):
        with pytest.raises(FieldTypeError, match=r"expected features \(\.\.\., 4, 3\).*1x0 \+ 1x1"):
            ops.convolve(wrong, rings, center, nb, space)
    with pytest.raises(FieldTypeError, match=r"torch.float32 and the kernel torch.float64"):
        ops.convolve(x.float(), rings, center, nb, space)
    with pytest.raises(FieldTypeError, match="rings"):
        ops.convolve(x, rings[:2], center, nb, space)
    with pytest.raises(FieldTypeError, match="one device"):
        ops.convolve(x.to("meta"), rings, center, nb, space)
    flipped = replace(nb, flip=torch.arange(nb.flip.numel()) == 1, _memo={})
    with pytest.raises(StructureGroupError, match="1 transports reflect"):
        ops.convolve(x, rings, center, flipped, space)
