"""Running a module without leaving a trace, and watching its typed layers while it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gaugeconv.errors import FieldTypeError
from gaugeconv.reps import FieldType, to_irreps


@dataclass(frozen=True, eq=False)
class LayerOutput:
    """What one call of a typed layer returned.

    Attributes:
        layer: qualified name of the layer, or the module's class where it is the module itself.
        kind: the layer's class.
        field_type: its `out_type`.
        value: (..., rows, field_type.dim) detached.
        final: whether the same tensor is the output of the module.
        repeated: whether an earlier layer, its last part say, returned the same tensor.
    """

    layer: str
    kind: str
    field_type: FieldType
    value: Float[Tensor, "*batch rows dim"]
    final: bool
    repeated: bool


@dataclass(frozen=True, eq=False)
class Run:
    """What a module did with one input.

    Attributes:
        output: its output, detached.
        layers: the outputs of its typed layers in the order of computation, by name (with a number
            where a layer ran more than once).
        gradients: of the loss, by parameter; empty when no loss was given.
    """

    output: Tensor
    layers: dict[str, LayerOutput]
    gradients: dict[str, Tensor]


@contextmanager
def undisturbed(module: nn.Module) -> Iterator[None]:
    """Evaluation mode with gradients on; afterwards modes and random states are as before."""
    modes = [(part, part.training) for part in module.modules()]
    gpus = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
    with torch.random.fork_rng(devices=gpus), torch.enable_grad():
        module.eval()
        try:
            yield
        finally:
            for part, training in modes:
                part.training = training


def run(
    module: nn.Module,
    args: tuple[Any, ...],
    seed: int,
    loss_weights: Callable[[Tensor], Tensor] | None = None,
) -> Run:
    """Calls the module with fixed global randomness, whatever it may use it for.

    Args:
        module: the module, whose `.grad` fields are not touched.
        args: what it is called with.
        seed: of the global random generator.
        loss_weights: from the detached output to the weights of the loss Σ weights · output.

    Raises:
        FieldTypeError: the output is not a tensor of real numbers.
    """
    torch.default_generator.manual_seed(seed)
    with _recorded(module) as calls:
        output = module(*args)
    if not isinstance(output, Tensor) or not output.is_floating_point():
        raise FieldTypeError(
            f"{type(module).__name__} must return one tensor of real numbers, got "
            f"{output.dtype if isinstance(output, Tensor) else type(output).__name__}; wrap it in a "
            "module that does"
        )
    layers, seen = {}, set()
    for name, (layer, kind, field_type, value) in calls.items():
        final, repeated = value is output, id(value) in seen
        layers[name] = LayerOutput(layer, kind, field_type, value.detach(), final, repeated)
        seen.add(id(value))
    detached = output.detach()
    gradients = {}
    if loss_weights is not None:
        gradients = _gradients(module, output, loss_weights(detached))
    return Run(detached, layers, gradients)


def types_of(module: nn.Module) -> set[FieldType]:
    """Types of input and output of every part that has them."""
    parts = [getattr(part, n, None) for part in module.modules() for n in ("in_type", "out_type")]
    return {part for part in parts if isinstance(part, FieldType)}


def typed_layers(module: nn.Module) -> list[tuple[str, nn.Module]]:
    """Name and module of every part, itself included, with an `out_type`."""
    own = type(module).__name__
    return [
        (name or own, part)
        for name, part in module.named_modules()
        if isinstance(getattr(part, "out_type", None), FieldType)
    ]


@contextmanager
def _recorded(module: nn.Module) -> Iterator[dict[str, tuple[str, str, FieldType, Tensor]]]:
    """Collects (layer, class, type, output) of every call of a typed layer."""
    calls: dict[str, tuple[str, str, FieldType, Tensor]] = {}
    count: dict[str, int] = {}

    def watch(name: str) -> Callable[..., None]:
        def hook(layer: Any, _: Any, output: Any) -> None:
            kind, field_type = type(layer).__name__, layer.out_type
            if isinstance(output, Tensor) and output.shape[-1:] == (field_type.dim,):
                count[name] = count.get(name, 0) + 1
                label = name if count[name] == 1 else f"{name} (call {count[name]})"
                calls[label] = (name, kind, field_type, output)

        return hook

    with ExitStack() as hooks:
        for name, layer in typed_layers(module):
            hooks.enter_context(_removed(layer.register_forward_hook(watch(name))))
        yield calls


@contextmanager
def _removed(handle: torch.utils.hooks.RemovableHandle) -> Iterator[None]:
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def trivial_only(module: nn.Module, kept: set[str]) -> Iterator[None]:
    """Typed layers see and pass on the trivial irreps of features alone, zeros for all others.

    Args:
        module: the module.
        kept: names of layers whose output is left alone.
    """

    def before(layer: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
        field_type = getattr(layer, "in_type", None)
        return (_trivial_part(args[0], field_type), *args[1:]) if args else args

    def after(layer: Any, _: Any, output: Any) -> Any:
        return _trivial_part(output, layer.out_type)

    with ExitStack() as hooks:
        for name, layer in typed_layers(module):
            hooks.enter_context(_removed(layer.register_forward_pre_hook(before)))
            if name not in kept:
                hooks.enter_context(_removed(layer.register_forward_hook(after)))
        yield


def _trivial_part(value: Any, field_type: Any) -> Any:
    """The value without its non-trivial irreps, if it is a tensor of that type."""
    if not isinstance(field_type, FieldType) or not isinstance(value, Tensor):
        return value
    if value.shape[-1:] != (field_type.dim,):
        return value
    change = to_irreps(field_type)
    kept = [
        float(block.irrep.is_trivial)
        for block in change.out_type.blocks
        for _ in range(block.multiplicity * block.components)
    ]
    return change.inverse(change(value) * value.new_tensor(kept))


def _gradients(module: nn.Module, output: Tensor, weights: Tensor) -> dict[str, Tensor]:
    """Gradients of Σ weights · output; zeros for parameters that it does not depend on."""
    named = {n: p for n, p in module.named_parameters() if p.requires_grad}
    if not named or not output.requires_grad:
        return {}
    loss = (output * weights.to(output)).sum()
    found = torch.autograd.grad(loss, list(named.values()), allow_unused=True)
    return {
        name: torch.zeros_like(p) if gradient is None else gradient
        for (name, p), gradient in zip(named.items(), found, strict=True)
    }
