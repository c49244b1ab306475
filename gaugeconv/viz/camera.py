"""Where a mesh is seen from: the first view of a page, and that of a picture."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64, Int64

from gaugeconv.errors import DataError

DISTANCE = 4.0
"""From the eye to the centre of the unit ball, which the mesh fills."""
FOCAL = 3.5
"""Length of the lens: the unit ball fills 94 % of the shorter side."""

# rows are the view axes, x to the right and y up, in mesh coordinates
_UPRIGHT = {
    "y": np.eye(3),
    "z": np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]),
    "x": np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]),
}


@dataclass(frozen=True)
class Camera:
    """A turntable about the axis that points up.

    Attributes:
        up: the axis that points up, "x", "y" or "z".
        yaw, pitch: radians; the mesh is turned by yaw, then nods by pitch towards the eye.
        zoom: magnification; 1 fits the whole mesh.
        target: the point in the middle of the picture, in the unit ball that the mesh fills.

    Raises:
        DataError: there is no such axis, a number is not finite or the zoom not positive.
    """

    up: str = "y"
    yaw: float = -0.5
    pitch: float = 0.22
    zoom: float = 1.0
    target: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        """Checks axis and numbers."""
        if self.up not in _UPRIGHT:
            raise DataError(f"up is {self.up!r}; choose 'x', 'y' or 'z'")
        numbers = (self.yaw, self.pitch, self.zoom, *self.target)
        if not all(map(math.isfinite, numbers)) or self.zoom <= 0:
            raise DataError(f"cannot look as in {self}: numbers must be finite, zoom positive")

    def facing(
        self, normal: Float64[np.ndarray, " 3"], point: Float64[np.ndarray, " 3"], radius: float
    ) -> Camera:
        """A view of a disk on the surface, somewhat from the side.

        Args:
            normal: of the surface there, in mesh axes.
            point: the middle of the disk, in the unit ball.
            radius: of the disk, in unit balls.
        """
        x, y, z = _UPRIGHT[self.up] @ normal
        pitch = math.atan2(y, math.hypot(x, z))
        return replace(
            self,
            yaw=math.atan2(-x, z) - 0.35,
            pitch=min(max(pitch + 0.2, -1.3), 1.3),
            zoom=max(1.0, 0.75 / radius),
            target=(float(point[0]), float(point[1]), float(point[2])),
        )

    @property
    def rotation(self) -> Float64[np.ndarray, "3 3"]:
        """From mesh to view axes."""
        cy, sy = math.cos(self.yaw), math.sin(self.yaw)
        cp, sp = math.cos(self.pitch), math.sin(self.pitch)
        turn = np.array([[cy, 0, sy], [sp * sy, cp, -sp * cy], [-cp * sy, sp, cp * cy]])
        return turn @ _UPRIGHT[self.up]

    def seen(self, points: Float64[np.ndarray, "N 3"]) -> Float64[np.ndarray, "N 3"]:
        """Points of the unit ball as the eye sees them: x right, y up, z towards the eye, eye at 0."""
        return (points - self.target) @ self.rotation.T - [0, 0, DISTANCE]

    def lens(self, width: int, height: int) -> float:
        """Pixels per unit at distance 1."""
        return 0.5 * min(width, height) * FOCAL * self.zoom

    def on_screen(
        self, seen: Float64[np.ndarray, "N 3"], width: int, height: int
    ) -> Float64[np.ndarray, "N 2"]:
        """Pixel coordinates, from the top left, of points as the eye sees them."""
        flat = self.lens(width, height) * seen[:, :2] / -seen[:, 2:]
        return flat * [1, -1] + [0.5 * width, 0.5 * height]


def unit_ball(
    vertices: Float64[np.ndarray, "V 3"], faces: Int64[np.ndarray, "F 3"]
) -> tuple[Float64[np.ndarray, "V 3"], Float64[np.ndarray, " 3"], float]:
    """Corners of faces moved and scaled to fill the unit ball; unused vertices go to its centre.

    Returns:
        The points, and centre and scale: vertices = scale · points + centre.

    Raises:
        DataError: there are no faces, or a corner is not finite.
    """
    if len(faces) == 0:
        raise DataError("the mesh has no faces, so there is nothing to show")
    used = np.unique(faces)
    corners = vertices[used]
    finite = np.isfinite(corners).all(axis=1)
    if not finite.all():
        raise DataError(f"vertex {used[~finite][0]} is not finite; repair the mesh first")
    center = (corners.min(axis=0) + corners.max(axis=0)) / 2
    scale = float(np.linalg.norm(corners - center, axis=1).max()) or 1.0
    points = np.zeros_like(vertices)
    points[used] = (corners - center) / scale
    return points, center, scale
