"""FAUST: registrations and remeshed bodies, whose labels are points of a template.

Bogo et al., *FAUST: Dataset and Evaluation for 3D Mesh Registration* (2014); remeshed by Ren et al.,
*Continuous and Orientation-preserving Correspondences via Functional Maps* (2018).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gaugeconv.data.sets.source import (
    PublicSet,
    Shape,
    first_meshes,
    mesh_files,
    numbered,
    read_mesh,
    read_numbers,
)
from gaugeconv.errors import DataError

_TRAIN = 80


def read_registrations(src: Path, _category: str | None, _seed: int) -> PublicSet | None:
    """Files `tr_reg_000.ply` …: vertex k of every mesh is the same point of the body."""
    folders = (src / "training" / "registrations", src / "registrations", src)
    meshes = [path for path in first_meshes(folders) if path.stem.startswith("tr_reg_")]
    if not meshes:
        return None
    files = {path.stem: path for path in meshes}
    size = read_mesh(meshes[0]).num_vertices

    def load(name: str) -> Shape:
        mesh = read_mesh(files[name])
        if mesh.num_vertices != size:
            raise DataError(
                f"{files[name]} has {mesh.num_vertices} vertices, the others {size}: "
                "not a registration of the same template"
            )
        return Shape(mesh, vertex_labels=np.arange(size))

    return PublicSet(numbered(size), _first(list(files), _TRAIN), load)


def read_remeshed(src: Path, _category: str | None, _seed: int) -> PublicSet | None:
    """Meshes of their own, and for each point of the template its vertex, counted from 1 (`.vts`)."""
    for meshes, points in (("shapes", "correspondences"), ("off", "vts"), ("off_2", "vts_5k")):
        files = {path.stem: path for path in mesh_files(src / meshes)}
        if files and (src / points).is_dir():
            break
    else:
        return None
    vertex_files = {name: src / points / f"{name}.vts" for name in files}
    size = len(read_numbers(next(iter(vertex_files.values()))))

    def load(name: str) -> Shape:
        mesh = read_mesh(files[name])
        vertices = read_numbers(vertex_files[name]) - 1
        if len(vertices) != size or not 0 <= vertices.min() <= vertices.max() < mesh.num_vertices:
            raise DataError(
                f"{vertex_files[name]} must hold {size} vertices in 1 … {mesh.num_vertices}"
            )
        labels = np.full(mesh.num_vertices, -1)
        labels[vertices[::-1]] = np.arange(size)[::-1]  # the first point at a vertex names it
        return Shape(mesh, vertex_labels=labels)

    return PublicSet(numbered(size), _first(list(files), _TRAIN), load)


def _first(names: list[str], train: int) -> dict[str, list[str]]:
    return {"train": names[:train], "test": names[train:]}
