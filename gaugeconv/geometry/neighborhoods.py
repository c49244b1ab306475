"""Neighbourhoods: for every target vertex p, the sources q within R, with log map and transport.

A neighbourhood is the whole geometry that a gauge equivariant convolution needs, in CSR form.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from os import PathLike
from typing import Any, TypeVar, cast

import torch
from jaxtyping import Bool, Float, Int
from numpy.typing import ArrayLike
from safetensors.torch import save_file
from torch import Tensor

from gaugeconv.errors import FileFormatError, GaugeConvError
from gaugeconv.files import atomic_path, read_safetensors
from gaugeconv.geometry.consistency import PER_PAIR, is_consistent
from gaugeconv.geometry.frames import Frames
from gaugeconv.geometry.gauge_change import per_row, per_vertex

T = TypeVar("T")
FORMAT = "gaugeconv-neighborhoods-1"
_TENSORS = ("ptr", *PER_PAIR, "target_vertex", "source_vertex")


@dataclass(frozen=True, eq=False)
class Neighborhoods:
    """Pairs (p, q) with log_p(q) and the transport φ_{p←q}, sorted by target p.

    Attributes:
        ptr: (P+1,) pairs of target p are ptr[p]:ptr[p+1].
        target: (E,) row of the target p, in [0, P).
        source: (E,) row of the source q, in [0, Q).
        r: (E,) geodesic distance, in the mesh's unit of length; for the "exponential" quadrature that of
            the node which reads q. Gauge invariant.
        theta: (E,) direction of log_p(q) in p's frame, radians; θ → θ + γ_p.
        transport: (E,) φ_{p←q}, radians; φ → φ + γ_p − γ_q.
        flip: (E,) whether the transport also reflects: it is R(φ) S^flip, S = diag(1, −1). Only on a
            one-sided mesh, or between frames of which one is mirrored.
        weight: (E,) quadrature weight, in units of area. Gauge invariant.
        radius: the cut-off R, in the mesh's unit of length.
        num_sources: Q.
        target_vertex: (P,) mesh vertex of every target row.
        source_vertex: (Q,) mesh vertex of every source row.
        frames: the frames of all mesh vertices in which θ and φ are given, where known.

    With the "vertex" quadrature a target that is also a source is its own neighbour once, with
    r = θ = φ = 0 (docs/conventions.md).
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
        """Returns make(), computed once for this object: it is immutable, so never stale.

        Stand-ins that `torch.export` traces with are kept only by what is made of stand-ins itself.
        """
        if key in self._memo:
            return cast(T, self._memo[key])
        if not torch.compiler.is_compiling() and torch.is_inference_mode_enabled():
            with torch.inference_mode(False), torch.no_grad():  # training may use it later
                value = make()
        else:
            value = make()
        traced = torch.compiler.is_compiling() and not torch.compiler.is_dynamo_compiling()
        if not traced or type(self.ptr) is not Tensor:
            self._memo[key] = value
        return value

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
        reflect_target: ArrayLike | Tensor | None = None,
        reflect_source: ArrayLike | Tensor | None = None,
    ) -> Neighborhoods:
        """The same pairs in the gauge p ◁ k⁻¹, k = R(γ) S^s: components become k X (docs/conventions.md).

        θ → γ_p + (−1)^{s_p} θ, and the transport R(φ) S^flip → k_p R(φ) S^flip k_q⁻¹. Without
        reflections that is θ + γ_p and φ + γ_p − γ_q. Where p = q (r = 0) there is no direction, and θ
        stays as it is.

        Args:
            gamma_target: angle per target row, radians, or one for all.
            gamma_source: angle per source row; the targets' when targets and sources coincide.
            reflect_target: boolean s per target row, or one for all; none reflects when None.
            reflect_source: boolean per source row; the targets' when targets and sources coincide.

        Raises:
            GaugeConvError: an angle or a reflection is missing, or not one per row.
        """
        same = torch.equal(self.target_vertex, self.source_vertex)
        if gamma_source is None and not same:
            raise GaugeConvError("targets and sources differ: give gamma_source as well")
        if reflect_source is None and reflect_target is not None:
            if not same:
                raise GaugeConvError("targets and sources differ: give reflect_source as well")
            reflect_source = reflect_target
        rows, columns = self.target_vertex, self.source_vertex
        turn_p = per_row(gamma_target, rows, self.theta)
        turn_q = turn_p if gamma_source is None else per_row(gamma_source, columns, self.theta)
        mirror_p = per_row(False if reflect_target is None else reflect_target, rows, self.flip)
        mirror_q = per_row(False if reflect_source is None else reflect_source, columns, self.flip)
        gamma_p, gamma_q = turn_p[self.target], turn_q[self.source]
        s_p = mirror_p[self.target]
        flip = s_p ^ self.flip ^ mirror_q[self.source]
        theta = gamma_p + torch.where(s_p, -self.theta, self.theta)
        carried = torch.where(s_p, -self.transport, self.transport)
        return replace(
            self,
            theta=torch.where(self.r > 0, theta, self.theta),
            transport=carried + (gamma_p - torch.where(flip, -gamma_q, gamma_q)),
            flip=flip,
            frames=self._changed_frames(turn_p, turn_q, mirror_p, mirror_q),
            _memo={},
        )

    def _changed_frames(
        self, turn_p: Tensor, turn_q: Tensor, mirror_p: Tensor, mirror_q: Tensor
    ) -> Frames | None:
        """The frames after a change of gauge; None where targets and sources change apart."""
        if self.frames is None:
            return None
        rows = (self.frames.mesh.num_vertices, self.target_vertex, self.source_vertex)
        turn, mirror = per_vertex(*rows, turn_p, turn_q), per_vertex(*rows, mirror_p, mirror_q)
        if turn is None or mirror is None:
            return None
        frames = self.frames.reflected(mirror) if mirror.any() else self.frames
        return frames.rotated(turn)

    def within(self, radius: float) -> Neighborhoods:
        """The pairs with r ≤ radius, as neighbourhoods of that smaller radius.

        Raises:
            GaugeConvError: the radius is not positive.
        """
        if not radius > 0:
            raise GaugeConvError(f"the radius must be positive, got {radius}")
        if radius >= self.radius:
            return self
        kept = self.r <= radius
        per_pair = {name: getattr(self, name)[kept] for name in PER_PAIR}
        ptr = torch.zeros_like(self.ptr)
        ptr[1:] = torch.cumsum(torch.bincount(self.target[kept], minlength=self.num_targets), 0)
        return replace(self, ptr=ptr, radius=radius, **per_pair, _memo={})

    def to(
        self,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        index_dtype: torch.dtype | None = None,
    ) -> Neighborhoods:
        """The same pairs on another device, with real and index tensors in other dtypes."""
        moved = {}
        for name in _TENSORS:
            tensor = getattr(self, name)
            kind = dtype if tensor.is_floating_point() else index_dtype
            moved[name] = tensor.to(device=device, dtype=None if name == "flip" else kind)
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
        if not is_consistent(nb):
            raise FileFormatError(
                f"{path}: shapes or indices contradict each other; write it again"
            )
        return nb
