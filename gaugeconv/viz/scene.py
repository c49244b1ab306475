"""A scene: a mesh, what colours it and what is drawn on it, as a page to turn or a picture."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from numpy.typing import ArrayLike
from torch import Tensor

from gaugeconv.errors import DataError, FieldTypeError
from gaugeconv.geometry import Frames, log_map
from gaugeconv.geometry.double_cover import oriented
from gaugeconv.geometry.frames import frames_on
from gaugeconv.viz import glyphs
from gaugeconv.viz.camera import Camera, unit_ball
from gaugeconv.viz.surface import Parts, Polar, Scalar, make_parts, make_polar, make_scalar

if TYPE_CHECKING:
    from gaugeconv.mesh import TriMesh
    from gaugeconv.reps import FieldType
    from gaugeconv.viz.colors import ColorMap


class Scene:
    """A mesh to look at. Fields are added one by one; every `add_…` returns the scene itself.

    Of the fields that colour the surface one is shown at a time, the first one at first; of those drawn
    on it, any. A page switches between them, a picture shows the first state. Components depend on the
    gauge they are given in; what is drawn does not.

    Args:
        mesh: F faces with positions, in any unit.
        title: heading, plain text.
        subtitle: a line below the heading, plain text.
        up: the axis of the mesh that points up at first: "x", "y" or "z".

    Attributes:
        mesh, title, subtitle: as given.
        camera: the first view: of the whole mesh, or of the first vertex whose surroundings are drawn.
        surfaces, glyphs: the fields that colour the surface, and the layers drawn on it.
        points, center, scale: vertices = scale · points + center, the points in the unit ball.

    Raises:
        MeshError: the mesh has no positions.
        DataError: it has no faces, a corner is not finite, or there is no such axis.
    """

    def __init__(
        self, mesh: TriMesh, title: str = "Mesh", subtitle: str | None = None, *, up: str = "y"
    ) -> None:
        self.camera = Camera(up)
        self.mesh, self.title, self.subtitle = mesh, title, subtitle
        self.surfaces: list[Parts | Scalar | Polar] = []
        self.glyphs: list[glyphs.Glyphs] = []
        self.points, self.center, self.scale = unit_ball(mesh.vertices, mesh.faces)

    def add_parts(
        self, face_labels: ArrayLike, label_names: Sequence[str], palette: ArrayLike | None = None
    ) -> Scene:
        """Colours faces by part; a scene has parts once. Takes what `write_html` takes.

        Raises:
            DataError: labels, names or palette do not fit, or there are parts already.
        """
        if any(isinstance(field, Parts) for field in self.surfaces):
            raise DataError("the scene has parts already; make another for other labels")
        self.surfaces.append(make_parts(face_labels, self.mesh.num_faces, label_names, palette))
        return self

    def add_scalar(
        self,
        name: str,
        values: ArrayLike,
        *,
        colors: ColorMap | None = None,
        limits: tuple[float, float] | None = None,
    ) -> Scene:
        """Colours the surface by a number per vertex.

        Args:
            name: plain text.
            values: (V,) finite numbers. Gauge invariant if the picture is to mean anything.
            colors: a colour map; when None "diverging" for values of both signs, else "sequential".
            limits: ends of the colour bar; when None those of the values, symmetric for "diverging".

        Raises:
            DataError: wrong shape, values that are not finite, or limits that do not rise.
        """
        self.surfaces.append(make_scalar(name, values, self.mesh.num_vertices, colors, limits))
        return self

    def add_log_map(self, center: int, radius: float, frames: Frames | None = None) -> Scene:
        """Colours the surface round a vertex by log_p: rings of equal r and sectors of equal θ.

        Sectors span 30°; a bold line marks θ = 0, along e1. Faces across the cut locus stay grey.

        Args:
            center: the vertex p.
            radius: in the mesh's unit.
            frames: the gauge that θ is measured in; canonical frames when None.

        Raises:
            MeshError: the mesh is defective, `center` no vertex or `radius` not positive.
        """
        self.surfaces.append(make_polar(self.mesh, center, radius, frames))
        self._look_at(center, radius)
        return self

    def add_vectors(
        self,
        name: str,
        values: ArrayLike,
        frames: Frames | None = None,
        *,
        order: int = 1,
        count: int = 1500,
    ) -> Scene:
        """Draws a field of order n in its frames: arrows for n = 1, lines for 2, n-armed stars beyond.

        Lengths are relative; the longest reach about as far as the next glyph.

        Args:
            name: plain text.
            values: (V, 2) components, which change by R(nγ) with the gauge.
            frames: the gauge they are given in; canonical frames when None.
            order: n ≥ 1.
            count: the most vertices to draw at, spread evenly.

        Raises:
            DataError: wrong shape, values that are not finite, or an order or count below 1.
            MeshError: the frames belong to another mesh, or the mesh is defective.
        """
        color = glyphs.COLORS[len(self.glyphs) % len(glyphs.COLORS)]
        gauge = frames_on(self.mesh, frames, mirrored=True)
        self.glyphs.append(glyphs.vector_glyphs(name, values, gauge, order, count, color))
        return self

    def add_features(
        self,
        name: str,
        x: Float[Tensor, "V dim"],
        field_type: FieldType,
        frames: Frames | None = None,
    ) -> Scene:
        """Adds every channel of a feature: one component as a scalar, two as order-n vectors.

        Args:
            name: plain text, to which the irrep and the number of the channel are added.
            x: features of the type, in the frames.
            field_type: a sum of irreps.
            frames: a gauge; canonical frames when None.

        Raises:
            FieldTypeError: x is not of the type, or a block is not one irrep: use `reps.to_irreps`.
        """
        if x.shape != (self.mesh.num_vertices, field_type.dim):
            raise FieldTypeError(
                f"expected features ({self.mesh.num_vertices}, {field_type.dim}) for "
                f"{str(field_type)!r}, got {tuple(x.shape)}"
            )
        rows = x.detach().to("cpu", torch.float64).numpy()
        for block in field_type.blocks:
            columns = rows[:, block.slice].reshape(len(rows), block.multiplicity, block.components)
            for k in range(block.multiplicity):
                label, channel = f"{name} {block.irrep}.{k}", columns[:, k]
                if block.components == 1:
                    self.add_scalar(label, channel[:, 0])
                else:
                    self.add_vectors(label, channel, frames, order=block.order)
        return self

    def add_frames(self, frames: Frames | None = None, *, count: int = 600) -> Scene:
        """Draws frames, canonical ones when None, at up to `count` vertices: e1 red, e2 blue.

        Raises:
            DataError: the count is below 1.
            MeshError: the frames belong to another mesh, or the mesh is defective.
        """
        gauge = frames_on(self.mesh, frames, mirrored=True)
        self.glyphs.append(glyphs.frame_glyphs(gauge, count))
        return self

    def add_transport(
        self,
        center: int,
        radius: float,
        vector: ArrayLike | Sequence[float] = (1.0, 0.0),
        frames: Frames | None = None,
    ) -> Scene:
        """Draws a vector at a vertex and its transports along the shortest geodesics from there.

        Args:
            center: the vertex p.
            radius: how far vectors are transported, in the mesh's unit.
            vector: components at p.
            frames: the gauge of the components; canonical frames when None.

        Raises:
            DataError: the vector is not two finite numbers, or zero.
            MeshError: the mesh is defective, `center` is no vertex or `radius` is not positive.
        """
        gauge = frames_on(self.mesh, frames, mirrored=True)
        log = log_map(self.mesh, center, radius, gauge)
        self.glyphs.append(glyphs.transport_glyphs(log, gauge, vector))
        self._look_at(center, radius)
        return self

    def write_html(self, path: str | os.PathLike[str]) -> Path:
        """Writes one self-contained page, to turn and zoom; the same bytes for the same scene.

        Raises:
            OSError: the file cannot be written.
        """
        from gaugeconv.viz.page import write_page  # which needs scenes

        return write_page(path, self)

    def save_png(
        self,
        path: str | os.PathLike[str],
        size: tuple[int, int] = (1200, 800),
        camera: Camera | None = None,
    ) -> Path:
        """Writes a picture, without a browser or a display. Needs the extra `[viz]`.

        Args:
            path: the file to write.
            size: width and height in pixels, legend included.
            camera: the view; the scene's own when None.

        Raises:
            DataError: matplotlib is not installed, or the size is out of range.
            OSError: the file cannot be written.
        """
        from gaugeconv.viz.picture import write_picture

        return write_picture(path, self, size, camera or self.camera)

    def _look_at(self, vertex: int, radius: float) -> None:
        """Moves the first view to a disk round a vertex, unless it has been moved already."""
        if self.camera == Camera(self.camera.up):
            normal = oriented(self.mesh).vertex_normals[vertex]
            self.camera = self.camera.facing(normal, self.points[vertex], radius / self.scale)
