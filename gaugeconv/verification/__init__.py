"""The verifier: how much a layer or a network depends on the choice of tangent frames, as a number.

`verify` redraws the frames and recomputes everything from them; `verify_relabelling` shuffles the
indices of the mesh; `verify_isometry` moves or mirrors it. All run the module as it is and leave it as
it was.
"""

from __future__ import annotations

from gaugeconv.verification.checks import verify, verify_isometry, verify_relabelling
from gaugeconv.verification.report import (
    BlockError,
    Control,
    GradientError,
    LayerError,
    OutputError,
    VerifyReport,
)

__all__ = [
    "BlockError",
    "Control",
    "GradientError",
    "LayerError",
    "OutputError",
    "VerifyReport",
    "verify",
    "verify_isometry",
    "verify_relabelling",
]
