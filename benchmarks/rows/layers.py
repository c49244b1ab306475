"""Rows about layers: convolutions of every group, nonlinearities, attention."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.harness import median_seconds
from gaugeconv import FieldType, Neighborhoods, neighborhoods, shapes
from gaugeconv.nn import (
    FieldModule,
    FieldNorm,
    FourierNonlinearity,
    GatedNonlinearity,
    GaugeAttention,
    GaugeConv,
    GaugeLinear,
    NormNonlinearity,
    PointwiseNonlinearity,
    ResidualBlock,
    TensorProductNonlinearity,
    TransformerBlock,
)
from gaugeconv.reps import Element, extension

TYPES = (  # 48 components each
    ("SO2", "irreps", "12x0 + 12x1 + 6x2"),
    ("SO2", "trivial", "48x0"),
    ("O2", "irreps", "6x0+ + 6x0- + 12x1 + 6x2"),
    ("O2", "trivial", "48x0+"),
    ("C1", "trivial", "48x0"),
    ("D1", "regular", "24xreg"),
    ("D1", "sign", "48x0-"),
    ("D1", "vector", "24xvec"),
    ("C4", "irreps", "12x0 + 12x1 + 12x2"),
    ("C4", "regular", "12xreg"),
    ("C4", "quotient by C2", "24xquoC2"),
    ("C8", "regular", "6xreg"),
    ("C12", "regular", "4xreg"),
    ("D4", "irreps", "6x0+ + 6x0- + 12x1 + 6x2+ + 6x2-"),
    ("D4", "regular", "6xreg"),
    ("D4", "quotient by D1", "12xquoD1"),
    ("D8", "regular", "3xreg"),
)
ORDERS = "16x0 + 16x1 + 16x2"
STEPS = 200
SAMPLES = (5, 9, 17, 33, 65)


def groups() -> dict[str, Any]:
    """GaugeConv from 48 components to 48 for every group: kernels, gauge error, time over SO2 irreps."""
    mesh = shapes.icosphere(4)
    nb = neighborhoods(mesh, 2.95 * mesh.mean_edge_length)
    reference = GaugeConv(TYPES[0][2], TYPES[0][2])
    steps = _training_step(reference, nb)
    figures = {}
    for group, name, spec in TYPES:
        conv = _convolution(group, spec)
        times = _alternating(steps, _training_step(conv, nb))
        figures[f"{group} {name}"] = {
            "type": spec,
            "kernels": conv.rings.numel() + conv.center.numel(),
            "error_float64": _gauge_error(conv.double(), nb, torch.float64),
            "error_float32": _gauge_error(conv.float(), nb, torch.float32),
            "time": statistics.median(own / base for base, own in times),
        }
    return figures


def _convolution(group: str, spec: str) -> GaugeConv:
    """A layer of the group; where it is finite it follows the nearest transports in it."""
    torch.manual_seed(0)
    field = FieldType(spec, group)
    return GaugeConv(field, field, connection="snap")


def _training_step(layer: nn.Module, nb: Neighborhoods) -> Callable[[], None]:
    """Forward and backward on white features."""
    x = torch.randn(nb.num_sources, layer.in_type.dim, requires_grad=True)
    return lambda: layer(x, nb).square().sum().backward()


def _alternating(
    one: Callable[[], None], other: Callable[[], None], repeats: int = 5
) -> Iterator[tuple[float, float]]:
    """Seconds of both, one after the other, after a warm-up of each."""
    one(), other()
    for _ in range(repeats):
        start = time.perf_counter()
        one()
        between = time.perf_counter()
        other()
        yield between - start, time.perf_counter() - between


def _gauge_error(layer: FieldModule, nb: Neighborhoods, dtype: torch.dtype) -> float:
    """The largest deviation under a random change of frames in the group, over the output's RMS."""
    generator = torch.Generator().manual_seed(0)
    k = layer.in_type.group.random(nb.num_sources, generator=generator)
    x = torch.randn(nb.num_sources, layer.in_type.dim, generator=generator, dtype=torch.float64)
    moved = nb.change_gauge(k.gamma, reflect_target=k.reflect).to(dtype=dtype)
    with torch.no_grad():
        y = layer(x.to(dtype), nb.to(dtype=dtype)).double()
        again = layer(layer.in_type.transform(x, *k).to(dtype), moved).double()
        expected = layer.out_type.transform(y, *k)
    return float((again - expected).abs().max() / y.square().mean().sqrt())


def nonlinearities() -> dict[str, Any]:
    """Error under rotations by any angle, cost over gates, and what small networks learn with each."""
    torch.manual_seed(0)
    gated = _pointwise_step(GatedNonlinearity(ORDERS))
    figures = {}
    for name, samples, make in _nonlinearities():
        layer = make(FieldType(ORDERS))
        figures[name] = {
            "error_float64": _rotation_error(layer.double(), torch.float64),
            "error_float32": _rotation_error(layer.float(), torch.float32),
            "time": statistics.median(
                own / base for base, own in _alternating(gated, _pointwise_step(layer))
            ),
            "fit": _fit(make) if samples in (0, 9) else None,
        }
    return figures


def _nonlinearities() -> Iterator[tuple[str, int, Callable[[FieldType], FieldModule]]]:
    """Name, number of samples (0 for exact ones), and what makes one."""
    yield "gated", 0, GatedNonlinearity
    yield "norm", 0, NormNonlinearity
    yield "tensor product", 0, TensorProductNonlinearity
    for activation in ("relu", "gelu", "silu"):
        for samples in SAMPLES:

            def make(t: FieldType, a: Any = activation, n: int = samples) -> FieldModule:
                return FourierNonlinearity(t, a, n)

            yield f"Fourier {activation}, {samples} samples", samples, make


def _pointwise_step(layer: FieldModule) -> Callable[[], None]:
    x = torch.randn(10_000, layer.in_type.dim, requires_grad=True)
    return lambda: layer(x).square().sum().backward()


def _rotation_error(layer: FieldModule, dtype: torch.dtype) -> float:
    """Relative error (RMS) of commuting with a random rotation at each of many vertices."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2000, layer.in_type.dim, generator=generator, dtype=torch.float64)
    gamma = 6.3 * torch.rand(2000, generator=generator, dtype=torch.float64)
    with torch.no_grad():
        y = layer(x.to(dtype)).double()
        again = layer(layer.in_type.transform(x, gamma).to(dtype)).double()
    return float((again - layer.out_type.transform(y, gamma)).norm() / y.norm())


def _fit(make: Callable[[FieldType], FieldModule]) -> float:
    """Relative test error (RMS) of a pointwise network after STEPS steps of Adam, on `_truth`."""
    torch.manual_seed(0)
    into, hidden, out = (FieldType(t) for t in ("2x0 + 2x1 + 1x2", "8x0 + 8x1 + 8x2", "2x0 + 2x1"))
    network = nn.Sequential(
        *(GaugeLinear(into, hidden), FieldNorm(hidden), make(hidden)),
        *(GaugeLinear(hidden, hidden), FieldNorm(hidden), make(hidden)),
        GaugeLinear(hidden, out),
    )
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    for _ in range(STEPS):
        x = torch.randn(256, into.dim)
        loss = (network(x) - _truth(x)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    x = torch.randn(4096, into.dim)
    with torch.no_grad():
        return float((network(x) - _truth(x)).norm() / _truth(x).norm())


def _truth(x: Tensor) -> Tensor:
    """A covariant function of two scalars, two vectors and an order-2 field that is no polynomial."""
    a, b, c = torch.view_as_complex(x[:, 2:].unflatten(-1, (3, 2)).contiguous()).unbind(-1)
    unit = [z / (1 + z.abs()) for z in (a, b, c)]
    scalars = (unit[0] * unit[1].conj(), unit[2] * (unit[0] * unit[1]).conj() * torch.tanh(x[:, 0]))
    vectors = (unit[2] * unit[0].conj(), a * torch.sigmoid(x[:, 1] - b.abs()))
    parts = [s.real[:, None] for s in scalars] + [torch.view_as_real(v) for v in vectors]
    return torch.cat(parts, dim=-1)


def regular_rotation_error() -> dict[str, Any]:
    """Copy and rotate filters: a pointwise C_N network under turns by any angle, against N."""
    mesh = shapes.icosphere(2)
    nb = neighborhoods(mesh, 3.0 * mesh.mean_edge_length)
    return {
        f"C{rotations}": {
            "relu": _regular_error(nb, rotations, "relu", True),
            "silu": _regular_error(nb, rotations, "silu", True),
            "relu_angles_of_the_group": _regular_error(nb, rotations, "relu", False),
        }
        for rotations in (3, 5, 7, 9, 13, 17, 25, 33, 49)
    }


def _regular_error(nb: Neighborhoods, rotations: int, activation: Any, any_angle: bool) -> float:
    """Relative error (RMS) of scalars after two layers of regular features, filters up to frequency 2."""
    torch.manual_seed(0)
    group = f"C{rotations}"
    scalars, regular = FieldType("4x0", group), FieldType("4xreg", group)
    options: dict[str, Any] = {"max_frequency": 2, "connection": "fourier"}
    convs = [
        GaugeConv(a, b, **options).double()
        for a, b in ((scalars, regular), (regular, regular), (regular, scalars))
    ]
    function = PointwiseNonlinearity(regular, activation)
    scale = 1 / (extension(regular).out_type.dim / rotations / 4) ** 0.5
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(nb.num_sources, 4, generator=generator, dtype=torch.float64)
    turns = FieldType("0").group if any_angle else regular.group
    k: Element = turns.random(nb.num_sources, generator=generator)
    found = []
    with torch.no_grad():
        for pairs in (nb, nb.change_gauge(k.gamma)):
            y = function(scale * convs[0](x, pairs))
            y = function(convs[1](y, pairs))
            found.append(convs[2](y, pairs))
    return float((found[1] - found[0]).norm() / found[0].norm())


def attention() -> dict[str, Any]:
    """Attention and transformer block beside convolution and residual block: seconds and parameters."""
    mesh = shapes.icosphere(4)
    nb = neighborhoods(mesh, 2.95 * mesh.mean_edge_length)
    figures = {}
    for layer in (
        GaugeConv(ORDERS, ORDERS),
        GaugeAttention(ORDERS),
        ResidualBlock(ORDERS),
        TransformerBlock(ORDERS),
    ):
        x = torch.randn(nb.num_sources, layer.in_type.dim)
        with torch.no_grad():
            forward = median_seconds(lambda layer=layer, x=x: layer(x, nb))
        figures[type(layer).__name__] = {
            "parameters": sum(p.numel() for p in layer.parameters()),
            "forward_seconds": forward,
            "forward_backward_seconds": median_seconds(_training_step(layer, nb)),
            "error_float64": _gauge_error(layer.double(), nb, torch.float64),
        }
    return figures


ROWS = (groups, nonlinearities, regular_rotation_error, attention)
