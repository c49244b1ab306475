"""Neighbourhoods: for every target vertex p, the sources q within R, with log map and transport.

A neighbourhood is the whole geometry that a gauge equivariant convolution needs, in CSR form.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from os import PathLike
from typing import Any, TypeVar, cast

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from numpy.typing import ArrayLike
from safetensors.torch import save_file
from torch import Tensor

from gaugeconv.errors import FileFormatError, GaugeConvError
from gaugeconv.files import atomic_path, read_safetensors
from gaugeconv.geometry.frames import Frames

T = TypeVar("T")
FORMAT = "gaugeconv-neighborhoods-1"
_PER_PAIR = ("target", "source", "r", "theta", "transport", "flip", "weight")
_TENSORS = ("ptr", *_PER_PAIR, "target_vertex", "source_vertex")


@dataclass(frozen=True, eq=False)
class Neighborhoods:
    """Pairs (p, q) with log_p(q) and the transport φ_{p←q}, sorted by target p.

    Attributes:
        ptr: (P+1,) pairs of target p are ptr[p]:ptr[p+1].
        target: (E,) row of the target p, in [0, P).
        source: (E,) row of the source q, in [0, Q).
        r: (E,) geodesic distance, in the mesh's unit of length. Gauge invariant.
        theta: (E,) direction of log_p(q) in p's frame, radians; θ → θ + γ_p.
        transport: (E,) φ_{p←q}, radians; φ → φ + γ_p − γ_q.
        flip: (E,) whether the transport also reflects (non-orientable meshes).
        weight: (E,) quadrature weight, in units of area. Gauge invariant.
        radius: the cut-off R, in the mesh's unit of length.
        num_sources: Q.
        target_vertex: (P,) mesh vertex of every target row.
        source_vertex: (Q,) mesh vertex of every source row.
        frames: the frames of all mesh vertices in which θ and φ are given, where known.

    The vertex itself is its own neighbour once, with r = θ = φ = 0 (docs/conventions.md).
    """

    ptr: Int[Tensor, " P1"]
    target: Int[Tensor, " E"]
    source: Int[Tensor, " E"]
    r: Float[Tensor, " E"]
    theta: Float[Tensor, " E"]
    transport: Float[Tensor, " E"]
    flip: Bool[Tensor, " E"]
    weight: Float[Tensor, " E"]
    radius: float
    num_sources: int
    target_vertex: Int[Tensor, " P"]
    source_vertex: Int[Tensor, " Q"]
    frames: Frames | None = None
    _memo: dict[Hashable, Any] = field(default_factory=dict, repr=False)

    @property
    def num_targets(self) -> int:
        """P, the number of rows of the output of a convolution."""
        return self.ptr.numel() - 1

    def memo(self, key: Hashable, make: Callable[[], T]) -> T:
        """Returns make(), computed once for this object: it is immutable, so never stale."""
        if key not in self._memo:
            self._memo[key] = make()
        return cast(T, self._memo[key])

    def transposed(self) -> tuple[Int[Tensor, " Q1"], Int[Tensor, " E"]]:
        """CSR by source: pairs of source q are edge[ptr[q]:ptr[q+1]]."""

        def make() -> tuple[Tensor, Tensor]:
            edge = torch.argsort(self.source, stable=True)
            count = torch.bincount(self.source, minlength=self.num_sources)
            ptr = torch.zeros(self.num_sources + 1, dtype=torch.int64, device=self.ptr.device)
            torch.cumsum(count, 0, out=ptr[1:])
            return ptr, edge

        return self.memo("transposed", make)

    def change_gauge(
        self,
        gamma_target: ArrayLike | Tensor,
        gamma_source: ArrayLike | Tensor | None = None,
    ) -> Neighborhoods:
        """The same pairs in frames turned by −γ: θ + γ_p and φ + γ_p − γ_q (docs/conventions.md).

        Where p = q (r = 0) there is no direction, and θ stays as it is.

        Args:
            gamma_target: angle per target row, radians, or one for all.
            gamma_source: angle per source row; the targets' when targets and sources coincide.

        Raises:
            GaugeConvError: an angle is missing, or not one per row.
        """
        if gamma_source is None:
            if not torch.equal(self.target_vertex, self.source_vertex):
                raise GaugeConvError("targets and sources differ: give gamma_source as well")
            gamma_source = gamma_target
        at_targets = self._angles(gamma_target, self.target_vertex)
        at_sources = self._angles(gamma_source, self.source_vertex)
        gamma_p, gamma_q = at_targets[self.target], at_sources[self.source]
        return replace(
            self,
            theta=torch.where(self.r > 0, self.theta + gamma_p, self.theta),
            transport=self.transport + gamma_p - gamma_q,
            frames=self._turned_frames(at_targets, at_sources),
            _memo={},
        )

    def _angles(self, gamma: ArrayLike | Tensor, rows: Tensor) -> Tensor:
        """One angle per row, in the dtype and on the device of θ."""
        angles = torch.as_tensor(gamma).to(self.theta)
        if angles.ndim > 0 and angles.shape != rows.shape:
            raise GaugeConvError(
                f"a change of gauge has shape {tuple(angles.shape)}, "
                f"expected one angle for each of the {len(rows)} rows"
            )
        return angles.expand(rows.shape)

    def _turned_frames(self, gamma_target: Tensor, gamma_source: Tensor) -> Frames | None:
        """The frames after a change of gauge; None where targets and sources turn apart."""
        if self.frames is None:
            return None
        targets, sources = self.target_vertex.cpu().numpy(), self.source_vertex.cpu().numpy()
        gamma = np.zeros(self.frames.mesh.num_vertices)
        gamma[targets] = gamma_target.detach().cpu().numpy()
        at_sources = gamma_source.detach().cpu().numpy()
        both = np.isin(sources, targets)
        if not np.array_equal(gamma[sources[both]], at_sources[both]):
            return None
        gamma[sources] = at_sources
        return self.frames.rotated(gamma)

    def within(self, radius: float) -> Neighborhoods:
        """The pairs with r ≤ radius, as neighbourhoods of that smaller radius."""
        if radius >= self.radius:
            return self
        kept = self.r <= radius
        per_pair = {name: getattr(self, name)[kept] for name in _PER_PAIR}
        ptr = torch.zeros_like(self.ptr)
        ptr[1:] = torch.cumsum(torch.bincount(self.target[kept], minlength=self.num_targets), 0)
        return replace(self, ptr=ptr, radius=radius, **per_pair, _memo={})

    def to(
        self, device: torch.device | str | None = None, dtype: torch.dtype | None = None
    ) -> Neighborhoods:
        """The same pairs with index tensors on `device` and real tensors in `dtype`, too."""
        moved = {}
        for name in _TENSORS:
            tensor = getattr(self, name)
            real = tensor.is_floating_point()
            moved[name] = tensor.to(device=device, dtype=dtype if real else None)
        if all(moved[name] is getattr(self, name) for name in _TENSORS):
            return self
        return replace(self, **moved, _memo={})

    def save(self, path: str | PathLike[str]) -> None:
        """Writes the pairs as safetensors (no pickle), atomically. Frames are not written."""
        tensors = {name: getattr(self, name).contiguous() for name in _TENSORS}
        metadata = {"format": FORMAT, "radius": repr(self.radius), "sources": str(self.num_sources)}
        with atomic_path(path) as temporary:
            save_file(tensors, temporary, metadata)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Neighborhoods:
        """Reads what `save` wrote; `frames` is None.

        Raises:
            FileFormatError: corrupt, truncated, or of another format number.
            OSError: the file cannot be read.
        """
        tensors, metadata = read_safetensors(path, expected_format=FORMAT)
        try:
            nb = cls(
                **{name: tensors[name] for name in _TENSORS},  # type: ignore[arg-type]
                radius=float(metadata["radius"]),
                num_sources=int(metadata["sources"]),
            )
        except (KeyError, ValueError) as error:
            raise FileFormatError(f"{path}: {error} is missing or malformed") from error
        if not nb._is_consistent():
            raise FileFormatError(
                f"{path}: shapes or indices contradict each other; write it again"
            )
        return nb

    def _is_consistent(self) -> bool:
        """Whether compiled kernels can trust the indices."""
        pairs, rows = self.source.shape, self.ptr.numel() - 1
        count = self.ptr.diff()
        return (
            self.ptr.ndim == 1
            and rows == self.target_vertex.numel()
            and self.num_sources == self.source_vertex.numel()
            and all(getattr(self, name).shape == pairs for name in _TENSORS[1:8])
            and int(self.ptr[0]) == 0
            and bool((count >= 0).all())
            and torch.equal(self.target, torch.repeat_interleave(torch.arange(rows), count))
            and bool(((self.source >= 0) & (self.source < self.num_sources)).all())
        )
