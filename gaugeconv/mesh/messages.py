"""Wording of element lists in errors and reports."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int64

_PLURAL = {"vertex": "vertices", "edge": "edges", "face": "faces"}
_SHOWN = 5


def listed(indices: Int64[np.ndarray, "*shape"], element: str) -> str:
    """``3 faces (0, 4, 9)``: the count and the first few indices; edges as vertex pairs.

    Args:
        indices: (N,) element indices, or (N, 2) vertex pairs.
        element: "vertex", "edge" or "face".
    """
    noun = element if len(indices) == 1 else _PLURAL[element]
    shown = ["–".join(str(int(i)) for i in np.atleast_1d(entry)) for entry in indices[:_SHOWN]]
    more = ", …" if len(indices) > _SHOWN else ""
    return f"{len(indices)} {noun} ({', '.join(shown)}{more})"
