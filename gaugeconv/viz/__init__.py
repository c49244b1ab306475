"""Pictures: pages to turn that need nothing but a browser, and PNG that needs not even that.

`write_html` and `save_png` show a segmentation. A `Scene` shows scalars, vectors and order-n features
in their frames, frames, logarithmic maps and transported vectors; `KernelGrid` the kernels between two
field types.
"""

from __future__ import annotations

from gaugeconv.viz.camera import Camera
from gaugeconv.viz.colors import UNLABELLED_COLOR, UNLABELLED_NAME, color_map, label_colors
from gaugeconv.viz.kernels import KernelGrid
from gaugeconv.viz.scene import Scene
from gaugeconv.viz.segmentation import save_png, write_html

__all__ = [
    "UNLABELLED_COLOR",
    "UNLABELLED_NAME",
    "Camera",
    "KernelGrid",
    "Scene",
    "color_map",
    "label_colors",
    "save_png",
    "write_html",
]
