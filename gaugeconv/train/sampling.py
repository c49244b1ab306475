"""Which meshes make a step, and which rank has them: the first does not depend on the second."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gaugeconv.train.config import TrainConfig
from gaugeconv.train.ranks import Ranks


class Slots:
    """Meshes dealt to the places of a batch, alike in number and size.

    Every step takes one mesh from each slot, each slot in a random order of its own. A rank owns
    whole slots, prepares their meshes and no others, and trains on nothing else. So a
    step's meshes are the same on any number of ranks, and memory and work are shared out evenly.

    Attributes:
        members: the meshes of every slot.
    """

    def __init__(self, sizes: Sequence[int], batch: int) -> None:
        """Deals meshes of the given sizes, largest first, back and forth over `batch` slots."""
        count = min(batch, len(sizes))
        self.members: list[list[int]] = [[] for _ in range(count)]
        for turn, mesh in enumerate(sorted(range(len(sizes)), key=lambda i: -sizes[i])):
            lap, place = divmod(turn, count)
            self.members[place if lap % 2 == 0 else count - 1 - place].append(mesh)
        for members in self.members:
            members.sort()

    def owned(self, ranks: Ranks) -> set[int]:
        """The meshes in the slots of a rank: every `ranks.size`-th slot."""
        return {mesh for members in self.members[ranks.rank :: ranks.size] for mesh in members}

    def epoch(self, rng: np.random.Generator) -> list[list[int]]:
        """The meshes of every step of one pass; only the last step may have fewer than a batch."""
        orders = [rng.permutation(members) for members in self.members]
        steps = max(len(order) for order in orders)
        return [[int(order[k]) for order in orders if k < len(order)] for k in range(steps)]


def epoch_seeds(config: TrainConfig, epoch: int) -> np.random.SeedSequence:
    """What an epoch draws from; so the state of no generator has to be stored."""
    return np.random.SeedSequence([config.seed, epoch])


def mesh_seed(config: TrainConfig, epoch: int, number: int) -> int:
    """The seed of torch's generator for one mesh in one epoch, whatever rank has it."""
    seeds = np.random.SeedSequence([config.seed, epoch, number])
    return int(seeds.generate_state(1, np.uint64)[0])
