"""An exponential moving average of the weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class WeightAverage:
    """The average a ← d a + (1 − d) w over the steps, d = min(decay, (1 + step) / (10 + step)).

    The growing d lets early steps, far from where training ends, be forgotten soon. With a decay of 0
    nothing is kept and the weights stand for themselves.

    Attributes:
        decay: the largest d.
        tensors: the average by name of the network's state; empty with a decay of 0.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model = model
        self.decay = decay
        self.tensors = copied(model.state_dict()) if decay > 0 else {}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Takes in the weights after the given number of steps."""
        decay = min(self.decay, (1 + step) / (10 + step))
        state = self.model.state_dict() if self.tensors else {}
        for name, tensor in state.items():
            if tensor.is_floating_point():
                self.tensors[name].lerp_(tensor, 1.0 - decay)
            else:
                self.tensors[name].copy_(tensor)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The network has the averaged weights inside the block, and its own again after it."""
        if not self.tensors:
            yield
            return
        own = copied(self.model.state_dict())
        self.model.load_state_dict(self.tensors)
        try:
            yield
        finally:
            self.model.load_state_dict(own)


def copied(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors that later steps do not change."""
    return {name: tensor.detach().clone() for name, tensor in tensors.items()}
