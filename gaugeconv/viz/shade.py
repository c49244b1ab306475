"""The pixels of a scene: what a page draws at first, computed without a graphics card."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float64, Int64

from gaugeconv.viz.camera import Camera
from gaugeconv.viz.colors import PLAIN_COLOR, UNLABELLED_COLOR, color_map
from gaugeconv.viz.page import border_bits
from gaugeconv.viz.raster import Raster, rasterise
from gaugeconv.viz.scene import Scene
from gaugeconv.viz.strokes import stroke_triangles
from gaugeconv.viz.surface import RINGS, SECTORS, Parts, Polar

SAMPLES = 2
"""Pixels are the mean of this many by this many."""
INK = np.array([21, 24, 30]) / 255
BACKGROUND = 1.0
_KEY_LIGHT, _FILL_LIGHT = (
    np.array(v) / np.linalg.norm(v) for v in ([-0.45, 0.6, 0.9], [0.9, -0.1, 0.5])
)

Colors = Float64[np.ndarray, "N 3"]


def render(scene: Scene, camera: Camera, width: int, height: int) -> Float64[np.ndarray, "H W 3"]:
    """The scene on white: its first surface field and all its layers, sRGB in 0 … 1."""
    w, h = SAMPLES * width, SAMPLES * height
    seen = camera.seen(scene.points)
    faces = scene.mesh.faces
    corners = camera.on_screen(seen, w, h)[faces]
    strokes = stroke_triangles(scene, camera, w, h, SAMPLES)
    raster = rasterise(
        np.concatenate([corners, strokes.corners]),
        np.concatenate([-1 / seen[:, 2][faces], strokes.depth]),
        w,
        h,
    )
    image = np.full((h, w, 3), BACKGROUND)
    shown = raster.triangle
    on_surface = (shown >= 0) & (shown < len(faces))
    image[on_surface] = _surface(scene, seen, corners, raster, on_surface)
    on_stroke = shown >= len(faces)
    image[on_stroke] = strokes.color(shown[on_stroke] - len(faces), raster.weights[on_stroke])
    return image.reshape(height, SAMPLES, width, SAMPLES, 3).mean(axis=(1, 3))


def _surface(
    scene: Scene,
    seen: Float64[np.ndarray, "V 3"],
    corners: Float64[np.ndarray, "F 3 2"],
    raster: Raster,
    where: Bool[np.ndarray, "H W"],
) -> Colors:
    """Colours of the pixels that show a face."""
    face, flat = raster.triangle[where], raster.weights[where]
    depth = -1 / seen[:, 2][scene.mesh.faces[face]]
    weights = flat * depth
    weights /= weights.sum(axis=1, keepdims=True)  # undoes the perspective
    positions = seen[scene.mesh.faces[face]]
    middle = np.einsum("nk,nki->ni", weights, positions)
    a, b, c = np.moveaxis(seen[scene.mesh.faces], 1, 0)
    normals = np.cross(b - a, c - a)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-300)
    n = normals[face]
    behind = np.einsum("ni,ni->n", n, middle) > 0
    n = np.where(behind[:, None], -n, n)
    light = 0.46 + 0.09 * n[:, 1]
    light += 0.48 * np.maximum(n @ _KEY_LIGHT, 0) + 0.14 * np.maximum(n @ _FILL_LIGHT, 0)
    light = np.where(behind, 0.6 * light, light)[:, None]
    unlit, lines = _unlit(scene, face, weights, flat, corners)
    shade = np.minimum((unlit**2.2 * light) ** (1 / 2.2), 1)
    return shade + 0.75 * lines[:, None] * (INK - shade)


def _unlit(
    scene: Scene,
    face: Int64[np.ndarray, " N"],
    weights: Float64[np.ndarray, "N 3"],
    flat: Float64[np.ndarray, "N 3"],
    corners: Float64[np.ndarray, "F 3 2"],
) -> tuple[Colors, Float64[np.ndarray, " N"]]:
    """Colours before lighting, and how much of a border between parts a pixel shows."""
    none = np.zeros(len(face))
    if not scene.surfaces:
        return np.tile(np.array(PLAIN_COLOR) / 255, (len(face), 1)), none
    field, of_face = scene.surfaces[0], scene.mesh.faces[face]
    if isinstance(field, Parts):
        colors = np.concatenate([[UNLABELLED_COLOR], field.colors])[field.labels[face] + 1] / 255
        border = (border_bits(scene.mesh.faces, field.labels)[face, None] >> np.arange(3)) & 1
        away = flat * _heights(corners)[face]
        return colors, ((away < 0.8 * SAMPLES) & (border == 1)).any(axis=1).astype(float)
    if isinstance(field, Polar):
        known = field.known(scene.mesh)[face]
        values = np.einsum("nk,nki->ni", weights, np.nan_to_num(field.coordinates)[of_face])
        # the surface's own unit, as pixels of this face
        pixel = np.sqrt(
            scene.mesh.face_areas[face]
            / np.maximum(0.5 * np.abs(_double_areas(corners)[face]), 1e-12)
        )
        return _polar(field, values, known, SAMPLES * pixel), none
    fraction = (weights * field.fraction[of_face]).sum(axis=1)
    return _mapped(field.colors, fraction), none


def _polar(
    field: Polar,
    values: Float64[np.ndarray, "N 2"],
    known: Bool[np.ndarray, " N"],
    pixel: Float64[np.ndarray, " N"],
) -> Colors:
    """Sectors in the colours of the map, every other ring darker, lines between them, θ = 0 in bold."""
    x, y = values.T
    r = np.hypot(x, y)
    turn, ring = np.arctan2(y, x) / (2 * np.pi) % 1, RINGS * r / field.radius
    colors = _mapped(color_map("cyclic"), (np.floor(turn * SECTORS) + 0.5) / SECTORS)
    colors = colors * np.where(np.floor(ring) % 2 < 1, 1.0, 0.86)[:, None]
    to_ring = np.abs((ring + 0.5) % 1 - 0.5) * field.radius / RINGS
    to_sector = np.abs((turn * SECTORS + 0.5) % 1 - 0.5) * r * 2 * np.pi / SECTORS
    line = 0.5 * (np.minimum(to_ring, to_sector) < 0.7 * pixel)
    line = np.maximum(line, (x > 0) & (np.abs(y) < 1.7 * pixel))[:, None]
    colors = colors + line * (INK - colors)
    plain = ~known | (r > field.radius)
    return np.where(plain[:, None], np.array(PLAIN_COLOR) / 255, colors)


def _mapped(colors: np.ndarray, fraction: Float64[np.ndarray, " N"]) -> Colors:
    """Colours of a map at places in 0 … 1."""
    return colors[np.clip(256 * fraction, 0, 255).astype(np.int64)] / 255


def _double_areas(corners: Float64[np.ndarray, "F 3 2"]) -> Float64[np.ndarray, " F"]:
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]


def _heights(corners: Float64[np.ndarray, "F 3 2"]) -> Float64[np.ndarray, "F 3"]:
    """Heights of triangles over the edge opposite to each corner, in pixels."""
    edges = np.linalg.norm(np.roll(corners, -1, axis=1) - np.roll(corners, 1, axis=1), axis=2)
    return np.abs(_double_areas(corners))[:, None] / np.maximum(edges, 1e-12)
