"""Helpers that all layers share: types of inputs, blocks as channels, invariants."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Float, Float64
from torch import Tensor, nn

from gaugeconv.errors import FieldTypeError, StructureGroupError
from gaugeconv.geometry.neighborhoods import Neighborhoods
from gaugeconv.reps import FieldType, Representation

NORM_EPS = 1e-6
"""Added to |z|² under the root of a smooth norm: its gradient is finite where z = 0."""


def check_features(x: Tensor, expected: FieldType) -> None:
    """Raises FieldTypeError unless the last axis of x holds features of the type."""
    if x.ndim == 0 or x.shape[-1] != expected.dim:
        raise FieldTypeError(
            f"expected features (..., {expected.dim}) of type '{expected}', got {tuple(x.shape)}"
        )


def check_on_sources(x: Tensor, nb: Neighborhoods, expected: FieldType) -> None:
    """Raises FieldTypeError unless x holds features of the type on the sources of nb."""
    if x.ndim < 2 or tuple(x.shape[-2:]) != (nb.num_sources, expected.dim):
        raise FieldTypeError(
            f"expected features (..., {nb.num_sources}, {expected.dim}) of type '{expected}' on "
            f"{nb.num_sources} source vertices, got {tuple(x.shape)}"
        )


@dataclass(frozen=True)
class Run:
    """Neighbouring blocks of a type that layers treat alike: of one kind of irrep, or equal.

    Attributes:
        channels: copies in all.
        representation: that of a copy, or one of its kind.
        components: real components of a copy.
        num_fixed: how many of them, in a suitable basis, the group leaves alone.
        permutes: whether the group permutes the components (trivial, regular, quotient): then any
            function of one number, applied to each, commutes with it.
    """

    channels: int
    representation: Representation
    components: int
    num_fixed: int
    permutes: bool

    @property
    def num_invariants(self) -> int:
        """Invariants of a copy: its fixed components, and one of the rest if there is any."""
        return min(self.num_fixed + 1, self.components)


@lru_cache(maxsize=256)
def runs(field_type: FieldType) -> tuple[Run, ...]:
    """The runs of a type. Layers take one step per run instead of one per block."""
    found: list[Run] = []
    for block in field_type.blocks:
        rep = block.representation
        run = Run(block.multiplicity, rep, rep.dim, _fixed(rep).shape[1], permutes(rep))
        if found and _alike(found[-1], run):
            run = Run(
                found.pop().channels + run.channels, rep, rep.dim, run.num_fixed, run.permutes
            )
        found.append(run)
    return tuple(found)


def _alike(a: Run, b: Run) -> bool:
    """Whether copies of two runs are treated in the same way."""
    both = a.representation, b.representation
    kinds = (a.components, a.num_fixed) == (b.components, b.num_fixed)
    return both[0] == both[1] or (kinds and all(rep.is_irrep for rep in both))


@lru_cache(maxsize=256)
@torch.compiler.assume_constant_result
def permutes(rep: Representation) -> bool:
    """Whether the group permutes the components: so it does if its generators do."""
    matrices = rep.action(rep.group.generators())
    return bool(((matrices - matrices.abs().round()).abs() < 1e-9).all())


@lru_cache(maxsize=256)
def _fixed(rep: Representation) -> Float64[Tensor, "d t"]:
    """The vectors that the group leaves alone, one per trivial irrep, with a largest entry of 1."""
    columns = rep.basis.split([irrep.dim for irrep in rep.irreps], dim=1)
    kept = [c for c, irrep in zip(columns, rep.irreps, strict=True) if irrep.is_trivial]
    vectors = torch.cat([rep.basis.new_zeros(rep.dim, 0), *kept], dim=1)
    return vectors / vectors.gather(0, vectors.abs().argmax(0, keepdim=True))


def split_runs(
    x: Float[Tensor, "*batch dim"], field_type: FieldType
) -> list[Float[Tensor, "*batch _c _d"]]:
    """The runs of x, with channels and components as separate axes.

    One split, because its gradient is one concatenation; slices would each fill a tensor like x.
    """
    sizes = [(run.channels, run.components) for run in runs(field_type)]
    parts = x.split([c * d for c, d in sizes], dim=-1)
    return [part.unflatten(-1, size) for part, size in zip(parts, sizes, strict=True)]


def join_runs(parts: list[Float[Tensor, "*batch _c _d"]]) -> Float[Tensor, "*batch dim"]:
    """The inverse of `split_runs`."""
    return torch.cat([part.flatten(-2) for part in parts], dim=-1)


def lift(values: Float[Tensor, "*batch n"], run: Run) -> Float[Tensor, "*batch c d"]:
    """Features of a run whose fixed components have the values (num_fixed per copy), the rest zero."""
    if run.components == run.num_fixed == 1:
        return values[..., None]
    if run.num_fixed == 0:
        # the empty sum keeps the zeros in the graph: gradients are empty, not missing
        return values.sum(-1)[..., None, None].expand(
            *values.shape[:-1], run.channels, run.components
        )
    copies = values.unflatten(-1, (run.channels, run.num_fixed))
    return copies @ _fixed(run.representation).to(values).T


def run_invariants(
    parts: list[Float[Tensor, "*batch _c _d"]], field_type: FieldType, eps: float = NORM_EPS
) -> Float[Tensor, "*batch channels"]:
    """`invariants` of features that are split into runs."""
    found = [_invariants(p, run, eps) for p, run in zip(parts, runs(field_type), strict=True)]
    return torch.cat(found, dim=-1)


def _invariants(part: Tensor, run: Run, eps: float) -> Tensor:
    """The invariants of one run, (…, channels · num_invariants)."""
    if run.representation.is_irrep:
        return part[..., 0] if run.num_fixed else smooth_norm(part, eps)
    fixed = _fixed(run.representation).to(part)
    means = part @ (fixed / fixed.square().sum(0))
    if run.num_fixed == run.components:
        return means.flatten(-2)
    rest = part - means @ fixed.T
    size = (rest.square().mean(-1, keepdim=True) + eps).sqrt()
    return torch.cat((means, size), dim=-1).flatten(-2)


def smooth_norm(z: Float[Tensor, "*batch c d"], eps: float = NORM_EPS) -> Float[Tensor, "*batch c"]:
    """sqrt(|z|² + eps): gauge invariant, smooth, with zero gradient at z = 0."""
    return (z.square().sum(-1) + eps).sqrt()


def num_invariants(field_type: str | FieldType) -> int:
    """How many columns `invariants` has: one per channel where the type consists of irreps."""
    return sum(run.channels * run.num_invariants for run in runs(FieldType(field_type)))


def invariants(
    x: Float[Tensor, "*batch dim"], field_type: str | FieldType, eps: float = NORM_EPS
) -> Float[Tensor, "*batch n"]:
    """Gauge invariant numbers of every channel: the trivial irrep as it is, smooth norms of others.

    A channel that is not one irrep (regular, quotient, vec) gives its mean over the group for every
    trivial irrep in it, and the root mean square of what remains.

    Args:
        x: features of the type.
        field_type: the type of x; the result has `num_invariants` columns, in its order.
        eps: added to squares under roots, see `smooth_norm`.

    Raises:
        FieldTypeError: x is not of that type.
    """
    field_type = FieldType(field_type)
    check_features(x, field_type)
    return run_invariants(split_runs(x, field_type), field_type, eps)


class FieldModule(nn.Module):
    """A layer from fields of `in_type` to fields of `out_type`, covariant unless it says otherwise.

    Args:
        in_type: type of the input; a string means SO2.
        out_type: type of the output; the input's when left out.

    Raises:
        StructureGroupError: the types are of different groups.
    """

    def __init__(self, in_type: str | FieldType, out_type: str | FieldType | None = None) -> None:
        super().__init__()
        self.in_type = FieldType(in_type)
        self.out_type = self.in_type if out_type is None else FieldType(out_type)
        if self.in_type.group != self.out_type.group:
            raise StructureGroupError(
                f"no layer from {self.in_type!r} to {self.out_type!r}: change one to the other's "
                "group with gaugeconv.reps.restriction"
            )

    def extra_repr(self) -> str:
        """The types, and their group unless it is SO2."""
        types = f"'{self.in_type}'"
        if self.in_type != self.out_type:
            types += f" -> '{self.out_type}'"
        group = self.in_type.group.name
        return types if group == "SO2" else f"{types}, group={group}"


def bias_vector(bias: Float[Tensor, " scalars"], field_type: FieldType) -> Float[Tensor, " dim"]:
    """A number for every trivial irrep, and zero for every other component.

    It is added to all components of a regular or quotient copy. A bias on a component that the
    group moves would pick a direction in the arbitrary frame, or a side of it.
    """
    kinds = runs(field_type)
    values = bias.split([run.channels * run.num_fixed for run in kinds])
    return torch.cat([lift(v, run).flatten() for v, run in zip(values, kinds, strict=True)])
