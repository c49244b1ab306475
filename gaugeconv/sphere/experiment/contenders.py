"""The networks that compete, as plain data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from torch import nn

from gaugeconv.errors import DataError
from gaugeconv.sphere import grids
from gaugeconv.sphere.gauge import GaugeLayout, GaugeSphereNet
from gaugeconv.sphere.grids import SphereGrid
from gaugeconv.sphere.planar import PlanarCNN, PlanarLayout
from gaugeconv.sphere.pyramid import sphere_pyramid
from gaugeconv.sphere.s2cnn import S2CNN, S2CNNLayout
from gaugeconv.sphere.tasks import Task

_GRIDS: dict[str, Callable[[int], SphereGrid]] = {
    "icosphere": grids.icosphere,
    "geodesic": grids.geodesic,
    "healpix": grids.healpix,
    "driscoll-healy": grids.driscoll_healy,
    "irregular": grids.irregular,
}


@dataclass(frozen=True)
class GridSpec:
    """A grid by kind and size: subdivisions, frequency, nside, bandwidth or number of points.

    Raises:
        DataError: no such kind.
    """

    kind: str
    size: int

    def __post_init__(self) -> None:
        if self.kind not in _GRIDS:
            raise DataError(f"no grid is called {self.kind!r}; there are {', '.join(_GRIDS)}")

    def make(self) -> SphereGrid:
        """The grid."""
        return _GRIDS[self.kind](self.size)


@dataclass(frozen=True)
class Contender:
    """A network and where it takes its signals.

    Attributes:
        name: unique within a task.
        task: what it is for.
        layout: widths and depths; their type says which family it is of.
        grid: of a gauge network; the others have an equiangular grid by their layout.
        levels: points per level of a gauge network's pyramid.
        nested: whether the levels are the first points of the grid (icospheres).
    """

    name: str
    task: Task
    layout: S2CNNLayout | PlanarLayout | GaugeLayout
    grid: GridSpec | None = None
    levels: tuple[int, ...] = ()
    nested: bool = False

    @property
    def family(self) -> str:
        """One of "s2cnn", "planar" and "gauge"."""
        if isinstance(self.layout, S2CNNLayout):
            return "s2cnn"
        return "planar" if isinstance(self.layout, PlanarLayout) else "gauge"

    @property
    def equivariant(self) -> bool:
        """Whether rotations of the sphere are built in."""
        return self.family != "planar"

    def build(self) -> nn.Module:
        """A new network, with random weights, and an attribute `grid`.

        Raises:
            DataError: a package it needs is missing, or a gauge network has no grid.
        """
        if isinstance(self.layout, S2CNNLayout):
            return S2CNN(self.layout, self.task)
        if isinstance(self.layout, PlanarLayout):
            return PlanarCNN(self.layout, self.task)
        if self.grid is None:
            raise DataError(f"the gauge network {self.name!r} needs a grid")
        pyramid = sphere_pyramid(self.grid.make(), self.levels, nested=self.nested)
        return GaugeSphereNet(pyramid, self.layout, self.task)

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready data."""
        return {**asdict(self), "family": self.family}


def small(task: Task) -> tuple[Contender, ...]:
    """For two CPU cores: about 200,000 parameters or fewer, two fifths of the paper's bandwidth.

    One more S2CNN has a quarter of it, to see what resolution buys and costs.
    """
    planar = PlanarLayout(20, (12, 20, 36, 48, 64, 80), (5, 5, 5, 3, 3, 3), (2, 1, 2, 1, 1, 1))
    return (
        Contender("s2cnn", task, paper_s2cnn(task, 20)),
        Contender("s2cnn-coarse", task, paper_s2cnn(task, 12)),
        Contender("cnn", task, planar),
        _small_gauge("gauge-icosphere", task, GridSpec("icosphere", 3)),
        _small_gauge("gauge-healpix", task, GridSpec("healpix", 8)),
    )


def _small_gauge(name: str, task: Task, grid: GridSpec) -> Contender:
    """Blocks on both levels to classify; on the coarser one to segment, which tells digits apart.

    Farthest points are less even than nested icospheres, so that levels need more of them.
    """
    nested, layout = grid.kind == "icosphere", GaugeLayout()
    levels = (162, 42) if nested else (252, 92)
    if task == "segmentation":
        types = ("24x0 + 12x1 + 6x2", "48x0 + 24x1 + 8x2")
        layout = GaugeLayout(types, (0, 1), "12x0 + 2x1")
    return Contender(name, task, layout, grid, levels, nested)


def study(task: Task) -> tuple[Contender, ...]:
    """One gauge network on four grids of nearly 768 points each, and a faster one.

    The fast one has fewer channels on the finer level, and blocks on the coarser one alone: to compare
    speeds at the accuracy of the S2CNNs, which the others exceed.
    """
    specs = {
        "gauge-geodesic": GridSpec("geodesic", 9),
        "gauge-healpix": GridSpec("healpix", 8),
        "gauge-driscoll-healy": GridSpec("driscoll-healy", 14),
        "gauge-irregular": GridSpec("irregular", 768),
    }
    fast = {
        "classification": GaugeLayout(("8x0 + 4x1 + 2x2", "32x0 + 16x1 + 6x2"), (0, 1)),
        "segmentation": GaugeLayout(("12x0 + 6x1 + 3x2", "48x0 + 24x1 + 8x2"), (0, 1), "8x0 + 1x1"),
    }
    return (
        *(_small_gauge(name, task, grid) for name, grid in specs.items()),
        replace(_small_gauge("gauge-fast", task, GridSpec("icosphere", 3)), layout=fast[task]),
    )


def quick(task: Task) -> tuple[Contender, ...]:
    """Tiny networks, to see that everything runs."""
    segment = task == "segmentation"
    spectral = (
        S2CNNLayout(12, (6, 8, 8, 6), (10, 7, 7, 10))
        if segment
        else S2CNNLayout(12, (8, 16), (8, 5))
    )
    planar = PlanarLayout(12, (8, 16, 24), (5, 5, 3), (1, 2, 1))
    gauge = GaugeLayout(("8x0 + 4x1 + 2x2", "16x0 + 8x1 + 4x2"), (1, 1), "8x0 + 2x1")
    return (
        Contender("s2cnn", task, spectral),
        Contender("cnn", task, planar),
        Contender("gauge-icosphere", task, gauge, GridSpec("icosphere", 3), (162, 42), nested=True),
        Contender("gauge-healpix", task, gauge, GridSpec("healpix", 8), (162, 42)),
    )


def full(task: Task) -> tuple[Contender, ...]:
    """The paper's networks, and gauge networks at their resolution."""
    gauge = {
        "small": GaugeLayout(),
        "base": GaugeLayout(("32x0 + 16x1 + 8x2", "96x0 + 48x1 + 16x2"), (2, 2), "24x0 + 8x1"),
    }
    grid = {"icosphere": GridSpec("icosphere", 4), "healpix": GridSpec("healpix", 16)}
    meshes = tuple(
        Contender(
            f"gauge-{kind}-{size}", task, layout, spec, (642, 162), nested=kind == "icosphere"
        )
        for kind, spec in grid.items()
        for size, layout in gauge.items()
    )
    return (*_paper_s2cnns(task), *_paper_cnns(task), *meshes)


def paper_s2cnn(task: Task, bandwidth: int) -> S2CNNLayout:
    """The S2CNN of Gerken et al. 2022 at any bandwidth; theirs is 50.

    Widths and bands of the 204k segmentation network are published; those to classify, with 156k
    parameters, are ours.
    """
    channels = {
        "segmentation": (11, 12, 13, 14, 13, 12, 11),
        "classification": (11, 12, 13, 14, 13, 12),
    }[task]
    bands = {
        "segmentation": (42, 35, 27, 20, 27, 35, 42),
        "classification": (42, 35, 27, 20, 14, 8),
    }[task]
    return S2CNNLayout(bandwidth, channels, tuple(round(b * bandwidth / 50) for b in bands))


def _paper_s2cnns(task: Task) -> tuple[Contender, ...]:
    """204k and 820k for segmentation, 150k for classification."""
    layout = paper_s2cnn(task, 50)
    if task == "classification":
        return (Contender("s2cnn-150k", task, layout),)
    wide = replace(layout, channels=(23, 25, 27, 28, 27, 25, 23))
    return (Contender("s2cnn-204k", task, layout), Contender("s2cnn-820k", task, wide))


def _paper_cnns(task: Task) -> tuple[Contender, ...]:
    """The published encoders; classification takes them alone, segmentation with their mirror."""
    names = {
        "classification": ("cnn-114k", "cnn-0.5m", "cnn-2.5m"),
        "segmentation": ("cnn-218k", "cnn-1m", "cnn-5.5m"),
    }[task]
    layouts = (
        PlanarLayout(50, (13, 15, 22, 31, 141), (5, 3, 9, 7, 3), (1, 1, 1, 1, 2)),
        PlanarLayout(50, (12, 13, 16, 77, 96, 163), (3, 3, 5, 5, 3, 5), (1, 1, 1, 2, 1, 1)),
        PlanarLayout(
            50, (12, 15, 16, 85, 141, 191, 1100), (3, 5, 3, 7, 5, 3, 3), (1, 1, 1, 2, 1, 1, 2)
        ),
    )
    return tuple(Contender(n, task, layout) for n, layout in zip(names, layouts, strict=True))
