"""The Triton path against the readable one: in Triton's interpreter, and on a GPU where there is one."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace

import pytest
import torch

from gaugeconv import ops
from gaugeconv.ops import cpu, gpu, moment_layout, reference, tables
from gaugeconv.ops.moments import product_layout, product_map
from gaugeconv.ops.tables import compute_dtype
from gaugeconv.reps import CosineRings, FieldType, KernelSpace
from tests.ops.random_pairs import random_neighborhoods

MIXED = ("2x0 + 1x2 + 3x1 + 1x0", "1x1 + 2x0 + 1x3 + 1x1")
KERNELS = "gaugeconv.ops.gpu_kernels"

pytest.importorskip("triton", reason="Triton is not installed")


def pair_tables(*args):
    return tables.pair_tables(*args)[:5]


@contextmanager
def interpreter():
    """Triton as imported with TRITON_INTERPRET=1, and in the end as it was before."""

    def modules():  # the compiled extension cannot be imported twice
        wanted = re.compile(rf"triton(\.(?!_C\b).*)?|{re.escape(KERNELS)}")
        return [name for name in sys.modules if wanted.fullmatch(name)]

    kept = {name: sys.modules.pop(name) for name in modules()}
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TRITON_INTERPRET", "1")
            patch.setattr(tables, "_sorted_on_cpu", tables._sorted_anywhere)  # as on a GPU
            yield
    finally:
        for name in modules():  # kept, for Python to tidy up at exit as it does with modules
            sys.modules[f"interpreted {name}"] = sys.modules.pop(name)
        vars(ops).pop("gpu_kernels", None)
        sys.modules.update(kept)


@pytest.fixture(scope="module", params=["interpreter", "cuda"])
def device(request):
    """Where kernels run: on CPU tensors in the interpreter, or compiled on a GPU."""
    if request.param == "cuda":
        if not torch.cuda.is_available():
            pytest.skip("no CUDA device")
        yield "cuda"
    else:
        with interpreter():
            yield "cpu"


def problem(types, nb, device, radial=2, dtype=torch.float64, batch=1, seed=0):
    """A kernel space, (x, rings, center) and a gradient of the output, all on the device."""
    g = torch.Generator().manual_seed(seed)
    space = KernelSpace(*types, radial)

    def draw(*shape):
        return torch.randn(*shape, generator=g, dtype=torch.float64).to(device, dtype)

    x = draw(batch, nb.num_sources, space.in_type.dim)
    inputs = [t.requires_grad_() for t in (x, draw(*space.rings_shape), draw(space.num_center))]
    return space, inputs, draw(batch, nb.num_targets, space.out_type.dim)


def fused(space, inputs, dy, nb):
    """Output and the three gradients, by two calls of `gpu.multiply`."""
    x, rings, center = (t.detach() for t in inputs)
    coordinates = torch.cat((rings.flatten(), center))
    results = []
    for transposed, value, partner in ((False, x, None), (True, dy, x)):
        geometry = pair_tables(nb, space.basis, compute_dtype(x.dtype), transposed)
        product = product_map(space.in_type, space.out_type, space.basis.num, transposed)
        results += gpu.multiply(value, geometry, product, coordinates, partner)
    y, _, dx, weights = results
    return y, dx, weights[: rings.numel()].view_as(rings), weights[rings.numel() :]


def by_reference(space, inputs, dy, nb):
    y = reference.convolve(*inputs, nb, space)
    return y, *torch.autograd.grad(y, inputs, dy)


def relative_error(found, expected):
    """The largest difference over the largest value, of each pair of tensors."""
    worst = 0.0
    for a, b in zip(found, expected, strict=True):
        assert a.shape == b.shape
        difference = (a.detach().double() - b.detach()).abs()
        worst = max(worst, float(difference.max() / b.detach().abs().max().clamp_min(1e-30)))
    return worst


@pytest.mark.parametrize(
    ("types", "sources", "radial"),
    [(MIXED, None, 2), (MIXED, 3, 1), (("1x0", "2x1"), 4, 3), (("3x2", "1x0 + 1x2"), None, 1)],
)
def test_output_and_gradients_equal_the_reference(device, types, sources, radial):
    nb = random_neighborhoods(5, sources, degree=6, seed=2).to(device)
    assert sources is None or nb.ptr.diff().min() == 0  # a target without pairs
    given = *problem(types, nb, device, radial), nb
    found, expected = fused(*given), by_reference(*given)
    if expected[3].numel() == 0:  # no intertwiners
        assert found[3].numel() == 0
        found, expected = found[:3], expected[:3]
    assert relative_error(found, expected) < 1e-12


@pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [(torch.float32, 1e-5), (torch.bfloat16, 2**-6), (torch.float16, 2**-9)],
)
def test_other_dtypes_differ_by_rounding(device, dtype, tolerance):
    """Features of 16 bits give weight gradients of 32."""
    nb = random_neighborhoods(5, degree=6, seed=2).to(device)
    space, inputs, dy = problem(MIXED, nb, device, dtype=dtype)
    found = fused(space, inputs, dy, nb)
    assert [t.dtype for t in found] == [dtype, dtype, torch.float32, torch.float32]
    exact = [t.detach().double().requires_grad_() for t in inputs]
    assert relative_error(found, by_reference(space, exact, dy.double(), nb)) < tolerance


def test_wide_types_many_rings_and_long_rows_are_cut_into_tiles(device):
    """66 channels of order 0, 66 components of order 1, 66 ring moments, rows of 20 pairs."""
    nb = random_neighborhoods(2, degree=20, seed=6, equal_degrees=True).to(device)
    given = *problem(("66x0 + 33x1", "1x0 + 2x2"), nb, device, radial=22), nb
    layout = product_layout(given[0].in_type, given[0].out_type, 22)
    plan = gpu._plan(layout, torch.device(device))
    assert plan.tiles[:, 2].diff().tolist() == [2, 64, 2] and len(plan.factors) == 96
    assert relative_error(fused(*given), by_reference(*given)) < 1e-12


def test_a_batch_and_slabs_of_rows_change_nothing(device, monkeypatch):
    nb = random_neighborhoods(3, 4, degree=4, seed=3).to(device)
    given = *problem(MIXED, nb, device, batch=2), nb
    expected = by_reference(*given)
    assert relative_error(fused(*given), expected) < 1e-12
    width = product_layout(given[0].in_type, given[0].out_type, 2).width
    monkeypatch.setattr(gpu, "_SLAB_BYTES", 8 * width * 4)  # four rows, across two batch items
    assert relative_error(fused(*given), expected) < 1e-12


def test_operations_differentiate_them_as_often_as_wanted(device, monkeypatch):
    if device == "cpu":
        monkeypatch.setattr(cpu, "multiply", lambda x, t, *rest: gpu.multiply(x, t[:5], *rest))
    nb = random_neighborhoods(3, degree=4, seed=5).to(device)
    space, inputs, dy = problem(("1x0 + 1x1", "1x1 + 1x0"), nb, device)
    results = []
    for backend in ("fused", "torch"):
        y = ops.convolve(*inputs, nb, space, backend)
        first = torch.autograd.grad(y, inputs, dy, create_graph=True)
        loss = sum(t.square().sum() for t in first)
        results.append((y, *first, *torch.autograd.grad(loss, inputs)))
    assert relative_error(*results) < 1e-12


@pytest.mark.parametrize("orders", [(), (0, 2), (1, 3)])
def test_moments_and_their_adjoint_equal_the_reference(device, orders):
    nb = random_neighborhoods(4, 3, degree=6, seed=2).to(device)
    in_type, basis = FieldType("1x1 + 2x0"), CosineRings(2)
    layout = moment_layout(in_type, orders, basis.num)
    g = torch.Generator().manual_seed(1)
    x = torch.randn(2, 3, in_type.dim, generator=g).double().to(device).requires_grad_()
    dm = torch.randn(2, 4, layout.width, generator=g).double().to(device)
    moments = reference.aggregate(x, nb, basis, layout)
    (dx,) = torch.autograd.grad(moments, x, dm)
    forward, adjoint = (pair_tables(nb, basis, torch.float64, t) for t in (False, True))
    found = gpu.aggregate(x.detach(), *forward, layout), gpu.aggregate_adjoint(dm, *adjoint, layout)
    assert relative_error(found, (moments, dx)) < 1e-12


@pytest.mark.parametrize("targets", [0, 3])
def test_without_pairs_everything_is_zero(device, targets):
    nb = random_neighborhoods(targets, 2, degree=3, seed=1)
    per_pair = {
        name: getattr(nb, name)[:0]
        for name in ("target", "source", "r", "theta", "transport", "flip", "weight")
    }
    nb = replace(nb, ptr=torch.zeros_like(nb.ptr), **per_pair, _memo={}).to(device)
    space, inputs, dy = problem(MIXED, nb, device)
    for found, like in zip(fused(space, inputs, dy, nb), (dy, *inputs), strict=True):
        assert found.shape == like.shape and not found.any()
    layout = moment_layout(space.in_type, (0, 1), 2)
    forward, adjoint = (pair_tables(nb, space.basis, torch.float64, t) for t in (False, True))
    moments = gpu.aggregate(inputs[0].detach(), *forward, layout)
    dx = gpu.aggregate_adjoint(moments, *adjoint, layout)
    assert moments.shape == (1, targets, layout.width) and not moments.any()
    assert dx.shape == inputs[0].shape and not dx.any()


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # numpy, in the interpreter
@pytest.mark.parametrize("channel", [0, 1])
def test_a_value_that_is_not_finite_stays_in_its_channel(device, channel):
    nb = random_neighborhoods(3, degree=4, seed=4).to(device)
    in_type, basis = FieldType("2x0 + 1x1"), CosineRings(1)
    x = torch.ones(1, 3, in_type.dim, dtype=torch.float64, device=device)
    x[..., channel] = torch.inf
    forward = pair_tables(nb, basis, torch.float64)
    moments = gpu.aggregate(x, *forward, moment_layout(in_type, (0,), 1))
    where = torch.nonzero(~moments.isfinite().all(dim=1)[0])[:, 0]
    assert where.tolist() == [channel, channel + in_type.dim]


def test_results_are_the_same_in_every_bit_when_repeated(device):
    nb = random_neighborhoods(6, degree=6, seed=7).to(device)
    given = *problem(MIXED, nb, device, dtype=torch.float32), nb
    assert all(torch.equal(a, b) for a, b in zip(fused(*given), fused(*given), strict=True))


def signature(kernel, constants, dtype, sums):
    """Types of a kernel's arguments, as Triton writes them."""
    kinds = dict.fromkeys(("x", "moments", "out"), dtype) | {"ptr": "i64"}
    kinds |= dict.fromkeys(("radial", "trig"), sums)
    kinds |= dict.fromkeys(("ranges", "tiles", "factors", "source", "target"), "i32")
    return {
        name: "constexpr" if name in constants else f"*{kinds[name]}" if name in kinds else "i32"
        for name in kernel.arg_names
    }


@pytest.mark.parametrize(
    ("dtype", "sums", "precision", "types"),
    [
        ("fp32", "fp32", "tf32x3", ("16x0 + 16x1 + 16x2", 5)),
        ("bf16", "fp32", "tf32", ("64x0 + 64x3", 7)),
        ("fp64", "fp64", "ieee", ("1x0", 1)),
    ],
)
@pytest.mark.parametrize("name", ["moments_kernel", "adjoint_kernel"])
def test_kernels_compile_for_an_h100_without_atomics(
    name, dtype, sums, precision, types, tmp_path, monkeypatch
):
    """What the interpreter lets pass: types, shapes and layouts, down to machine code; needs no GPU."""
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    from triton import compile as compile_kernel
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from gaugeconv.ops import gpu_kernels

    kernel = getattr(gpu_kernels, name)
    in_type, num_rings = FieldType(types[0]), types[1]
    layout = moment_layout(in_type, in_type.orders, num_rings)
    plan = gpu._plan(layout, torch.device("cpu"))
    constants = {
        "BLOCK_E": gpu._BLOCK_E, "BLOCK_F": plan.block_f, "BLOCK_D": plan.block_d,
        "ALIGN": plan.align, "PRECISION": precision,
    }  # fmt: skip
    if in_type.dim == 1:  # ones are constants, too
        constants |= dict.fromkeys(("dim", "num_tiles", "factor_tiles", "num_factors"), 1)
    constants = {key: value for key, value in constants.items() if key in kernel.arg_names}
    compiled = compile_kernel(
        ASTSource(kernel, signature(kernel, constants, dtype, sums), constants),
        target=GPUTarget("cuda", 90, 32),
        options={"num_warps": plan.block_f * plan.block_d // 256, "enable_fp_fusion": True},
    )
    assert compiled.asm["cubin"]
    assert "atom." not in compiled.asm["ptx"] and "red.global" not in compiled.asm["ptx"]
    on_matrix_units = name == "moments_kernel" and dtype != "fp64"
    assert ("mma." in compiled.asm["ptx"]) == on_matrix_units


def test_without_triton_the_library_imports():
    code = "import sys; sys.modules['triton'] = None; import gaugeconv, gaugeconv.ops.gpu"
    alone = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-c", code], check=True, env=alone)
