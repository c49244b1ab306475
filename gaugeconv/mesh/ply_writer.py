"""Writing PLY: binary little-endian, double positions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64, Int32, Int64, UInt8


def write_ply(
    path: Path,
    vertices: Float64[np.ndarray, "V 3"],
    faces: Int64[np.ndarray, "F 3"],
    labels: Int32[np.ndarray, " F"] | None,
    colors: UInt8[np.ndarray, "F 3"] | None,
) -> None:
    """Binary little-endian PLY with double positions and optional face labels and colours."""
    fields: list[Any] = [("count", "u1"), ("indices", "<i4", (3,))]
    lines = ["property list uchar int vertex_indices"]
    if labels is not None:
        fields.append(("label", "<i4"))
        lines.append("property int label")
    if colors is not None:
        fields.append(("color", "u1", (3,)))
        lines += [f"property uchar {name}" for name in ("red", "green", "blue")]
    rows = np.zeros(len(faces), dtype=fields)
    rows["count"], rows["indices"] = 3, faces
    if labels is not None:
        rows["label"] = labels
    if colors is not None:
        rows["color"] = colors
    header = [
        "ply",
        "format binary_little_endian 1.0",
        f"element vertex {len(vertices)}",
        *(f"property double {axis}" for axis in "xyz"),
        f"element face {len(faces)}",
        *lines,
        "end_header",
    ]
    with path.open("wb") as file:
        file.write("\n".join([*header, ""]).encode("ascii"))
        file.write(vertices.astype("<f8").tobytes())
        file.write(rows.tobytes())
