"""What is minimised, and one step of doing so."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from jaxtyping import Float, Float64, Int, Int64
from torch import Tensor

from gaugeconv.data import LabelledMesh
from gaugeconv.errors import GaugeConvError
from gaugeconv.models import GaugeSegmenter
from gaugeconv.train.config import TrainConfig
from gaugeconv.train.prepare import PreparedMesh
from gaugeconv.train.ranks import ALONE, Ranks


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
        weights: share of the labelled area per face, summing to 1 where labels are not balanced.
        label_smoothing: share of the target spread evenly over all labels.
    """
    per_face = torch.nn.functional.cross_entropy(
        logits, labels, reduction="none", ignore_index=-1, label_smoothing=label_smoothing
    )
    return (per_face * weights.to(per_face)).sum()


def label_weights(
    items: Sequence[LabelledMesh],
    label_map: Int64[np.ndarray, " K"],
    num_labels: int,
    exponent: float,
) -> Float64[np.ndarray, " L"]:
    """What the loss multiplies the area of each label by, to balance labels of unlike share.

    Label l of share s_l of the whole training area, every mesh counting alike, gets
    s_l^(−exponent) / Σ_m s_m^(1 − exponent), so that the mean over that area is 1. An absent label gets
    1. The shares are those of all training meshes, of every rank, so no step depends on its batch.

    Args:
        items: all training meshes.
        label_map: the network's label for each of the dataset's.
        num_labels: the network's number of labels.
        exponent: 0 for weights of 1, 1 for labels that count alike.
    """
    shares = np.zeros(num_labels)
    for item in items:
        labelled = item.face_labels >= 0
        areas = item.mesh.face_areas[labelled]
        labels = label_map[item.face_labels[labelled]]
        shares += np.bincount(labels, areas, num_labels) / (areas.sum() or 1.0)
    weights = np.ones(num_labels)
    present = shares > 0
    shares = shares[present] / shares.sum()
    weights[present] = shares**-exponent / (shares ** (1.0 - exponent)).sum()
    return weights


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
    batch: Iterable[PreparedMesh],
    batch_size: int,
    learning_rate: float,
    config: TrainConfig,
    ranks: Ranks = ALONE,
) -> float:
    """One step on the mean loss of a few meshes, whose gradients are added up one by one.

    Args:
        model: the network.
        optimizer: of its parameters.
        batch: the meshes of this rank, possibly none.
        batch_size: the meshes of all ranks together.
        learning_rate: of this step.
        config: smoothing and clipping.
        ranks: the processes whose gradients are added up.

    Returns:
        The loss before the step, over all ranks.

    Raises:
        GaugeConvError: the loss is not finite; the weights are left as they were, on every rank.
    """
    for group in optimizer.param_groups:
        group["lr"] = learning_rate
    optimizer.zero_grad(set_to_none=True)
    total, last = 0.0, "a mesh of another rank"
    for mesh in batch:
        logits = model(mesh.inputs)
        loss = segmentation_loss(logits, mesh.labels, mesh.weights, config.label_smoothing)
        loss = loss / batch_size
        total += loss.item()
        if not math.isfinite(total):
            last = mesh.name
            break
        loss.backward()
    total = float(ranks.sum(np.array(total)))
    if not math.isfinite(total):
        raise GaugeConvError(
            f"the loss on {last} is not finite: start a new run with a learning rate below {config.lr}"
        )
    ranks.sum_gradients(model.parameters())
    torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip_norm)
    optimizer.step()
    return total
