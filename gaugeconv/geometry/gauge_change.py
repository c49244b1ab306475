"""Changes of gauge given row by row: reading them, and joining those of targets and of sources."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Shaped
from numpy.typing import ArrayLike
from torch import Tensor

from gaugeconv.errors import GaugeConvError


def per_row(values: ArrayLike | Tensor, rows: Tensor, like: Tensor) -> Shaped[Tensor, " N"]:
    """One angle or reflection for each of the rows, of the dtype and on the device of `like`.

    Raises:
        GaugeConvError: neither one number nor one per row; or reflections that are no booleans.
    """
    tensor = torch.as_tensor(values)
    if like.dtype is torch.bool and tensor.dtype is not torch.bool:
        raise GaugeConvError(f"reflections must be booleans, got {tensor.dtype}")
    if tensor.ndim > 0 and tensor.shape != rows.shape:
        raise GaugeConvError(
            f"a change of gauge has shape {tuple(tensor.shape)}, "
            f"expected one value for each of the {len(rows)} rows"
        )
    return tensor.to(like).expand(rows.shape)


def per_vertex(
    num_vertices: int, targets: Tensor, sources: Tensor, at_targets: Tensor, at_sources: Tensor
) -> Shaped[np.ndarray, " V"] | None:
    """The change at every mesh vertex; None where a vertex changes otherwise as target than as source."""
    rows, columns = targets.cpu().numpy(), sources.cpu().numpy()
    here, there = at_targets.detach().cpu().numpy(), at_sources.detach().cpu().numpy()
    change = np.zeros(num_vertices, dtype=here.dtype)
    change[rows] = here
    both = np.isin(columns, rows)
    if not np.array_equal(change[columns[both]], there[both]):
        return None
    change[columns] = there
    return change
