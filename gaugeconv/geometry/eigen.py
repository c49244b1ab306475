"""The smallest eigenpairs of sparse operators on surfaces."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float64, Inexact
from scipy.sparse import csc_array, csr_array, eye_array
from scipy.sparse.linalg import ArpackError, LinearOperator, eigsh, splu

from gaugeconv.errors import GaugeConvError


def smallest_eigenpairs(
    stiffness: csr_array,
    mass: csr_array | None,
    count: int,
    shift: float,
    start: Inexact[np.ndarray, " N"],
) -> tuple[Float64[np.ndarray, " K"], Inexact[np.ndarray, "N K"]]:
    """The smallest λ of stiffness · x = λ mass · x, ascending, and their x, by shift and invert.

    Args:
        stiffness: (N, N) Hermitian, no eigenvalue below 0.
        mass: (N, N) positive; the identity when None.
        count: how many, below N.
        shift: below 0, of the size of small eigenvalues, so that λ = 0 can be found too.
        start: of the iteration; the same start gives the same result.

    Raises:
        GaugeConvError: the iteration does not converge.
    """
    size = stiffness.shape[0]
    shifted = csc_array(stiffness - shift * (eye_array(size) if mass is None else mass))
    solve: Callable[..., np.ndarray] = splu(
        shifted,
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,
        options={"SymmetricMode": True},
    ).solve
    inverse = LinearOperator((size, size), matvec=solve, dtype=stiffness.dtype)
    try:
        values, vectors = eigsh(stiffness, count, mass, shift, v0=start, OPinv=inverse)
    except ArpackError as error:
        raise GaugeConvError(
            f"{count} smallest eigenvalues on a component of {size} vertices were not found: {error}"
        ) from error
    order = np.argsort(values)
    return values[order], vectors[:, order]
