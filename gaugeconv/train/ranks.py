"""The processes that train together: what one rank has to know of the others.

Data parallelism in its plainest form. Every rank holds the same weights, computes the gradient of
its own meshes of a batch, and takes the same step with the sum over all ranks. With one process
every function here returns what it was given.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
import torch.distributed as dist
from jaxtyping import Float64
from torch import Tensor

from gaugeconv.errors import DataError, GaugeConvError

_DIGEST_BYTES = 64


@dataclass(frozen=True)
class Ranks:
    """A process among those that train together.

    Attributes:
        rank: its number, from 0; rank 0 writes the files.
        size: how many there are.
        device: where this rank computes.
    """

    rank: int = 0
    size: int = 1
    device: torch.device = torch.device("cpu")  # noqa: RUF009 (immutable)

    @classmethod
    def current(cls, device: torch.device | str = "cpu") -> Ranks:
        """The ranks of torch.distributed's process group, or one alone where there is none."""
        if dist.is_available() and dist.is_initialized():
            return cls(dist.get_rank(), dist.get_world_size(), torch.device(device))
        return cls(device=torch.device(device))

    @property
    def first(self) -> bool:
        """Whether this is the rank that writes and reports."""
        return self.rank == 0

    def sum_gradients(self, parameters: Iterable[Tensor]) -> None:
        """Replaces every gradient by its sum over all ranks, in one message.

        A parameter without a gradient on any rank keeps none, so that the optimiser passes it
        over exactly as on one rank; one without a gradient here counts as zero.
        """
        if self.size == 1:
            return
        parameters = [p for p in parameters if p.requires_grad]
        used = torch.tensor([float(p.grad is not None) for p in parameters])
        used = used.to(parameters[0])
        parts = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        message = torch.cat([used, *(part.reshape(-1) for part in parts)])
        dist.all_reduce(message)
        counts, summed = message[: len(parts)].tolist(), message[len(parts) :]
        sizes = [p.numel() for p in parameters]
        for parameter, count, part in zip(parameters, counts, summed.split(sizes), strict=True):
            parameter.grad = part.view_as(parameter) if count else None

    def sum(self, values: Float64[np.ndarray, "*shape"]) -> Float64[np.ndarray, "*shape"]:
        """The sum over all ranks, the same to the bit on each of them."""
        if self.size == 1:
            return values
        message = torch.from_numpy(np.array(values)).to(self.device)
        dist.all_reduce(message)
        summed: np.ndarray = message.cpu().numpy()
        return summed

    def of_first(self, value: float) -> float:
        """Rank 0's value of a number."""
        return float(self.sum(np.array(value if self.first else 0.0)))

    def share_tensors(self, tensors: Iterable[Tensor]) -> None:
        """Overwrites tensors in place with those of rank 0."""
        if self.size > 1:
            for tensor in tensors:
                dist.broadcast(tensor.detach(), 0)

    def require_same(self, digest: str) -> None:
        """Checks that all ranks were given the same data, recipe and state.

        Raises:
            DataError: they were not.
        """
        if self.size == 1:
            return
        own = np.frombuffer(digest.encode()[:_DIGEST_BYTES].ljust(_DIGEST_BYTES), np.uint8)
        spread = self.sum(np.stack([own, own.astype(np.float64) ** 2]).astype(np.float64))
        # equal numbers: the mean of the squares is the square of the mean
        if not np.array_equal(spread[0] ** 2, self.size * spread[1]):
            raise DataError(
                "the ranks do not see the same data, options or training state: put the dataset "
                "and the run on a folder that all machines share, and start all with one command"
            )


ALONE = Ranks()
"""One process on the CPU."""


@contextmanager
def joined(device: str = "cpu") -> Iterator[Ranks]:
    """Joins the processes that torchrun has started, and leaves them at the end.

    Where torchrun's variables are not set, or a process group exists, nothing is joined.

    Args:
        device: "cpu" for gloo; "cuda" for NCCL, with one GPU for each local rank.

    Raises:
        GaugeConvError: there is no such device.
    """
    chosen = _device(device)
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or dist.is_initialized():
        yield Ranks.current(chosen)
        return
    if chosen.type == "cuda":
        torch.cuda.set_device(chosen)
    dist.init_process_group("nccl" if chosen.type == "cuda" else "gloo")
    try:
        yield Ranks.current(chosen)
    finally:
        dist.destroy_process_group()


def _device(name: str) -> torch.device:
    """The device of this rank."""
    if name == "cpu":
        return torch.device("cpu")
    local = int(os.environ.get("LOCAL_RANK", "0"))
    if local >= torch.cuda.device_count():
        raise GaugeConvError(
            f"rank {local} of this machine has no GPU: PyTorch sees {torch.cuda.device_count()}; "
            "start as many processes as there are GPUs, or train on the CPU"
        )
    return torch.device("cuda", local)
