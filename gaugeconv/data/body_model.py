"""The parametric body behind the generated data set: its skin, skeleton and skinning weights.

The model is Anny (code under Apache-2.0, MakeHuman assets under CC0), which is imported and built
on first use. Everything after the rest pose is plain numpy. Coordinates are metres; x points to
the body's left, y to its back, z up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from gaugeconv.errors import GaugeConvError
from gaugeconv.mesh.connectivity import face_components

MISSING_EXTRA = (
    "generating bodies needs the package {name}, which is not installed; "
    'run: pip install "gaugeconv[bodies]"'
)


@dataclass(frozen=True)
class Skeleton:
    """Bones of a body in its rest pose.

    `heads` (B, 3) are joint positions in metres, `parents` (B,) indices with -1 at the root;
    parents come before children. Nothing here depends on a gauge.
    """

    names: tuple[str, ...]
    parents: Int64[np.ndarray, " B"]
    heads: Float64[np.ndarray, "B 3"]

    def index(self, name: str) -> int:
        """Index of the bone called `name`."""
        return self.names.index(name)

    def head(self, name: str) -> Float64[np.ndarray, " 3"]:
        """Joint position at which the bone called `name` starts, in metres."""
        return self.heads[self.index(name)]

    def select(self, prefixes: Sequence[str], side: str = "") -> Int64[np.ndarray, " n"]:
        """Bones whose names start with one of `prefixes`, on side "L", "R" or on any."""
        found = [
            i
            for i, name in enumerate(self.names)
            if name.startswith(tuple(prefixes)) and name.endswith(f".{side}" if side else "")
        ]
        return np.array(found, dtype=np.int64)


@dataclass(frozen=True)
class RestBody:
    """A closed outer skin in the rest pose (an A-pose) with skinning weights, in metres."""

    vertices: Float64[np.ndarray, "V 3"]
    faces: Int64[np.ndarray, "F 3"]
    weights: Float64[np.ndarray, "V B"]
    skeleton: Skeleton


class BodyModel:
    """Outer skin of the parametric body: rest shapes for chosen phenotypes.

    The eyeballs, the tongue and the cavities behind lips and eyelids are left out and the three
    holes closed by fans, so the skin is one closed surface of genus 0.

    Raises:
        GaugeConvError: `anny` is not installed, or its skin is not the one known here.
    """

    def __init__(self) -> None:
        self._model = _build_anny()
        faces = np.asarray(self._model.faces, dtype=np.int64)
        base = np.asarray(self._model.base_mesh_vertex_indices, dtype=np.int64)
        kept = _outer_faces(faces, np.isin(base, _cavity_vertices()))
        self._loops = _boundary_loops(kept)
        if len(self._loops) != 3:
            raise GaugeConvError(
                f"the body template has {len(self._loops)} openings instead of 3 (mouth, eyes); "
                'this release of anny is not supported: pip install "gaugeconv[bodies]"'
            )
        self._used, self.faces = _close(kept, self._loops)
        self._weights = self._skin_weights(len(base))

    @property
    def phenotypes(self) -> tuple[str, ...]:
        """Names of the shape parameters, each in [0, 1]."""
        return tuple(self._model.phenotype_labels)

    def rest(self, phenotypes: Mapping[str, float]) -> RestBody:
        """Body in its rest pose for shape parameters in [0, 1]; those left out are 0.5."""
        import torch

        with torch.no_grad():
            out = self._model(phenotype_kwargs=dict(phenotypes))
        vertices = self._extend(out["rest_vertices"][0].numpy().astype(np.float64))
        heads = out["rest_bone_heads"][0].numpy().astype(np.float64)
        parents = np.asarray(self._model.bone_parents, dtype=np.int64)
        skeleton = Skeleton(tuple(self._model.bone_labels), parents, heads)
        return RestBody(vertices, self.faces, self._weights, skeleton)

    def _extend(self, values: Float64[np.ndarray, "N k"]) -> Float64[np.ndarray, "V k"]:
        """Values on the skin's own vertices, then their means at the centres of the fans."""
        return np.vstack([values[self._used], *(values[p].mean(0)[None] for p in self._loops)])

    def _skin_weights(self, count: int) -> Float64[np.ndarray, "V B"]:
        dense = np.zeros((count, len(self._model.bone_labels)))
        index = np.asarray(self._model.vertex_bone_indices)
        np.add.at(
            dense, (np.arange(count)[:, None], index), self._model.vertex_bone_weights.numpy()
        )
        weights = self._extend(dense)
        return weights / weights.sum(axis=1, keepdims=True)


@lru_cache(maxsize=1)
def body_model() -> BodyModel:
    """The one body model of this process, built on the first call (the first ever takes a minute).

    Raises:
        GaugeConvError: `anny` is not installed.
    """
    return BodyModel()


def _build_anny() -> Any:
    try:
        import anny
    except ImportError as error:
        raise GaugeConvError(MISSING_EXTRA.format(name="anny")) from error
    # Poses are applied in numpy; plain skinning keeps warp and its compiler out of the process.
    return anny.Anny(phenotypes="all", phenotype_blendshapes="original", skinning_method="lbs")


def _cavity_vertices() -> Int64[np.ndarray, " n"]:
    """Vertices, in base mesh numbering, that lie inside the mouth and the eye sockets."""
    import torch
    from anny.paths import get_anny_root_dir

    path = get_anny_root_dir() / "data" / "template_mesh_internal_cavities.pth"
    return np.asarray(torch.load(path, weights_only=True)["vertex_indices"], dtype=np.int64)


def _outer_faces(faces: Int64[np.ndarray, "F 3"], inside: np.ndarray) -> Int64[np.ndarray, "G 3"]:
    """Faces of the largest connected component without those wholly inside a cavity."""
    component = face_components(faces, len(inside))
    largest = component == np.argmax(np.bincount(component))
    return faces[largest & ~inside[faces].all(axis=1)]


def _boundary_loops(faces: Int64[np.ndarray, "F 3"]) -> list[Int64[np.ndarray, " _n"]]:
    """Closed vertex loops along the boundary, each running with its faces' winding."""
    edges = np.stack([faces, faces[:, [1, 2, 0]]], axis=-1).reshape(-1, 2)
    present = set(map(tuple, edges.tolist()))
    following = {a: b for a, b in present if (b, a) not in present}
    loops = []
    while following:
        start, current = following.popitem()
        loop = [start]
        while current != start:
            loop.append(current)
            current = following.pop(current)
        loops.append(np.array(loop, dtype=np.int64))
    return sorted(loops, key=lambda loop: int(loop.min()))


def _close(
    faces: Int64[np.ndarray, "F 3"], loops: Sequence[Int64[np.ndarray, " _n"]]
) -> tuple[Int64[np.ndarray, " U"], Int64[np.ndarray, "G 3"]]:
    """Vertices in use, and faces renumbered to them with a fan closing each loop."""
    used, compact = np.unique(faces, return_inverse=True)
    parts = [compact.reshape(-1, 3)]
    for k, loop in enumerate(loops):
        ring = np.searchsorted(used, loop)
        centre = np.full_like(ring, len(used) + k)
        parts.append(np.stack([np.roll(ring, -1), ring, centre], axis=1))
    return used, np.concatenate(parts).astype(np.int64)
