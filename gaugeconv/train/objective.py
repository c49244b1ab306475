"""What is minimised, and one step of doing so."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from gaugeconv.errors import GaugeConvError
from gaugeconv.models import GaugeSegmenter
from gaugeconv.train.config import TrainConfig
from gaugeconv.train.prepare import PreparedMesh


def segmentation_loss(
    logits: Float[Tensor, "F K"],
    labels: Int[Tensor, " F"],
    weights: Float[Tensor, " F"],
    label_smoothing: float = 0.0,
) -> Float[Tensor, ""]:
    """Cross-entropy averaged over the labelled area; gauge invariant when the logits are.

    Args:
        logits: scores per face and label.
        labels: true label per face, −1 for unlabelled.
        weights: share of the labelled area per face, summing to 1.
        label_smoothing: share of the target spread evenly over all labels.
    """
    per_face = torch.nn.functional.cross_entropy(
        logits, labels, reduction="none", ignore_index=-1, label_smoothing=label_smoothing
    )
    return (per_face * weights.to(per_face)).sum()


def adamw(model: torch.nn.Module, config: TrainConfig) -> torch.optim.AdamW:
    """AdamW that decays matrices, not biases and gains."""
    parameters = list(model.parameters())
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": config.weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW([group for group in groups if group["params"]], lr=config.lr)


def optimiser_step(
    model: GaugeSegmenter,
    optimizer: torch.optim.Optimizer,
    batch: Sequence[PreparedMesh],
    learning_rate: float,
    config: TrainConfig,
) -> float:
    """One step on the mean loss of a few meshes, whose gradients are added up one by one.

    Returns:
        The loss before the step.

    Raises:
        GaugeConvError: the loss is not finite; the weights are left as they were.
    """
    for group in optimizer.param_groups:
        group["lr"] = learning_rate
    optimizer.zero_grad(set_to_none=True)
    total = 0.0
    for mesh in batch:
        logits = model(mesh.inputs)
        loss = segmentation_loss(logits, mesh.labels, mesh.weights, config.label_smoothing)
        loss = loss / len(batch)
        if not math.isfinite(loss.item()):
            raise GaugeConvError(
                f"the loss on {mesh.name} is {loss.item()}: start a new run with a learning rate "
                f"below {config.lr}"
            )
        loss.backward()
        total += loss.item()
    torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip_norm)
    optimizer.step()
    return total
