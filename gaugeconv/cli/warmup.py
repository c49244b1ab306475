"""`gaugeconv warmup`: compiles every kernel now, so that nothing has to later."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from gaugeconv.cli.common import Bars, Commands, add_json, show, show_json

if TYPE_CHECKING:
    import torch

    from gaugeconv.geometry import Neighborhoods
    from gaugeconv.geometry.connect import Quadrature


def register(commands: Commands) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "warmup",
        help="compile all kernels now, for instance while building a container image",
        description="Compiles the loops of the geometry and of the convolutions for this processor. "
        "They are kept on disk beside the package, or where NUMBA_CACHE_DIR says; a second run "
        "only reads them. Without it each command compiles what it needs when it first needs it.",
        epilog="Example: gaugeconv warmup",
    )
    add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Works through a small example of everything; prints how long each part took."""
    seconds: dict[str, float] = {}
    with Bars() as bars:
        work = _steps()
        for done, (name, step) in enumerate(work):
            bars("compile", done, len(work), name)
            start = time.perf_counter()
            step()
            seconds[name] = round(time.perf_counter() - start, 2)
    if args.json:
        show_json({"seconds": seconds})
    else:
        show("\n".join(f"{took:7.2f} s  {name}" for name, took in seconds.items()))
    return 0


@contextmanager
def compile_notice() -> Iterator[None]:
    """Says once on stderr, if that is a terminal, when something is compiled inside the block."""
    if not sys.stderr.isatty():
        yield
        return
    from numba.core.event import Event, Listener, install_listener

    class Notice(Listener):
        told = False

        def on_start(self, event: Event) -> None:
            del event
            if not self.told:
                tqdm.write("compiling kernels for this processor, once …", file=sys.stderr)
            self.told = True

        def on_end(self, event: Event) -> None:
            del event

    with install_listener("numba:compile", Notice()):
        yield


def _steps() -> list[tuple[str, Callable[[], Any]]]:
    """Small examples that together call every compiled function, by what they are about."""
    import torch

    return [
        ("log maps and transport", _log_maps),
        ("exponential maps", _exponential_maps),
        ("hierarchies", _hierarchy),
        ("convolutions in float32", lambda: _convolve(torch.float32)),
        ("convolutions in float64", lambda: _convolve(torch.float64)),
    ]


def _neighborhoods(quadrature: Quadrature = "vertex") -> Neighborhoods:
    from gaugeconv.geometry import neighborhoods
    from gaugeconv.mesh import shapes

    mesh = shapes.icosphere(4)  # large enough to be searched in another order of its vertices
    return neighborhoods(mesh, edges=2.0, quadrature=quadrature)


def _log_maps() -> None:
    from gaugeconv.geometry import neighborhoods
    from gaugeconv.mesh import shapes

    _neighborhoods()
    neighborhoods(shapes.icosphere(1), nearest=6)


def _exponential_maps() -> None:
    from gaugeconv.geometry import exp_map
    from gaugeconv.mesh import shapes

    exp_map(shapes.icosphere(1), [0], [[0.1, 0.0]])
    _neighborhoods("exponential")


def _hierarchy() -> None:
    from gaugeconv.geometry import Frames, build_hierarchy
    from gaugeconv.mesh import shapes

    build_hierarchy(Frames.canonical(shapes.icosphere(2)), (40, 10))


def _convolve(dtype: torch.dtype) -> None:
    """A convolution and an aggregation with their gradients, for both kinds of indices."""
    import torch

    from gaugeconv import ops
    from gaugeconv.nn import GaugeConv

    for indices in (torch.int64, torch.int32):
        nb = _neighborhoods().to(dtype=dtype, index_dtype=indices)
        conv = GaugeConv("8x0 + 8x1", "8x0 + 8x1").to(dtype)
        x = torch.zeros(nb.num_sources, conv.in_type.dim, dtype=dtype, requires_grad=True)
        conv(x, nb).sum().backward()
        ops.aggregate(x, nb, conv.space.basis, conv.in_type, (0, 1)).sum().backward()
