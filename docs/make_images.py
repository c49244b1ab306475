"""The pictures of the documentation: `python docs/make_images.py`. Needs Chromium on PATH.

Screenshots of pages in `gaugeconv.viz`, and pictures that it draws itself; bundled meshes only.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

import gaugeconv as gc
from gaugeconv.geometry import smooth_direction_field
from gaugeconv.reps import SteerableKernels
from gaugeconv.viz import KernelGrid, Scene

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
FLAGS = (
    *("--headless=new", "--no-sandbox", "--hide-scrollbars", "--virtual-time-budget=4000"),
    *("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"),
)


def main() -> None:
    """Makes all of them."""
    body = gc.TriMesh.load(ROOT / "meshes/bodies/meshes/body-3.ply")
    torus = gc.TriMesh.load(ROOT / "meshes/torus.ply")
    result = gc.models.GaugeSegmenter.load("bodies").segment(body)
    subtitle = f"{body.num_faces:,} faces, weights bodies"
    parts = Scene(body, "body-3.ply", subtitle, up="z")
    screenshot(parts.add_parts(result.face_labels, result.label_names), "body")
    screenshot(curvature(torus), "curvature")
    screenshot(log_map(body), "log_map")
    screenshot(frames(torus), "frames")
    space = SteerableKernels(gc.FieldType("1"), gc.FieldType("0 + 1 + 2"))
    KernelGrid(space).save_png(IMAGES / "kernels.png", panel=96)
    shrink(IMAGES / "kernels.png")
    figure = log_map(body)
    figure.save_png(IMAGES / "picture.png", (900, 600))
    shrink(IMAGES / "picture.png")


def curvature(mesh: gc.TriMesh) -> Scene:
    """Gaussian curvature, and the smoothest cross field."""
    scene = Scene(
        mesh, "torus.ply", "Gaussian curvature and the smoothest field of crosses", up="z"
    )
    scene.add_scalar("Gaussian curvature", gc.geometry.gaussian_curvature(mesh))
    field = smooth_direction_field(mesh, 4)
    unit = field.values / np.abs(field.values)
    crosses = np.stack([unit.real, unit.imag], axis=1)
    return scene.add_vectors("crosses", crosses, field.frames, order=4, count=500)


def log_map(mesh: gc.TriMesh) -> Scene:
    """The logarithmic map of a vertex on the chest, and a vector transported from there."""
    chest = int(np.argmin(np.linalg.norm(mesh.vertices - front(mesh), axis=1)))
    scene = Scene(mesh, "body-3.ply", f"The logarithmic map of vertex {chest}", up="z")
    return scene.add_log_map(chest, 0.22).add_transport(chest, 0.2)


def front(mesh: gc.TriMesh) -> np.ndarray:
    """A point before the chest: x to the left, z up, the body looks along −y."""
    low, high = mesh.vertices.min(axis=0), mesh.vertices.max(axis=0)
    return np.array([(low[0] + high[0]) / 2, low[1], low[2] + 0.7 * (high[2] - low[2])])


def frames(mesh: gc.TriMesh) -> Scene:
    """Canonical frames and a vector field in them: the direction round the axis."""
    gauge = gc.Frames.canonical(mesh)
    x, y, _ = mesh.vertices.T
    around = np.stack([-y, x, np.zeros_like(x)], axis=1)
    components = np.stack([(around * e).sum(axis=1) for e in (gauge.e1, gauge.e2)], axis=1)
    scene = Scene(mesh, "torus.ply", "Frames, and one vector field in them", up="z")
    return scene.add_frames(gauge, count=350).add_vectors("round the axis", components, count=350)


def screenshot(scene: Scene, name: str) -> None:
    """The page of a scene as the browser shows it."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        raise SystemExit("no Chromium on PATH")
    with tempfile.TemporaryDirectory() as folder:
        page = scene.write_html(Path(folder) / "page.html")
        picture = IMAGES / f"{name}.png"
        words = (f"--user-data-dir={folder}/profile", "--window-size=900,580")
        command = [program, *FLAGS, *words, f"--screenshot={picture}", page.as_uri()]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
    shrink(picture)


def shrink(path: Path) -> None:
    """Channels in steps of four: no eye sees it, and the file is half as long."""
    pixels = np.asarray(Image.open(path).convert("RGB"))
    Image.fromarray(pixels // 4 * 4 + pixels // 86).save(path, optimize=True)


if __name__ == "__main__":
    main()
