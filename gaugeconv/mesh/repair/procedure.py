"""The order of the steps, and the result."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Int64

from gaugeconv.errors import MeshError
from gaugeconv.mesh.connectivity import referenced
from gaugeconv.mesh.defects import DefectKind
from gaugeconv.mesh.repair import steps
from gaugeconv.mesh.repair.draft import Draft
from gaugeconv.mesh.repair.result import Repair

if TYPE_CHECKING:
    from gaugeconv.mesh.tri_mesh import TriMesh


def repair_mesh(
    mesh: TriMesh, weld: float | None, mollify: bool, cut_one_sided: bool, compact: bool
) -> Repair:
    """What ``TriMesh.repaired`` does.

    Dropping or merging changes the mean edge length, by which lengths count as zero, and can make
    faces equal; so the first steps are repeated until they find nothing.
    """
    if not mesh.has_positions:
        for defect in mesh.report().defects:
            if not defect.kind.repairable:
                raise defect.error()
    draft = Draft.of(mesh)
    if weld is not None:
        steps.weld(draft, weld)
    while _mended_faces(draft, mollify):
        pass
    steps.cut_crowded_edges(draft)
    if cut_one_sided:
        steps.cut_one_sided_pieces(draft)
    steps.wind_consistently(draft)
    steps.split_bow_ties(draft)
    return _result(mesh, draft, cut_one_sided, compact)


def _mended_faces(draft: Draft, mollify: bool) -> bool:
    """One round of the steps on faces and short edges; whether they changed anything."""
    changed = steps.drop_repeated(draft)
    if not len(draft.faces) or draft.lengths.max() == 0.0:
        raise MeshError(
            "nothing would be left of the mesh: all of its faces use a vertex twice or have no extent; "
            "make it again from sound data"
        )
    return steps.end_zero_edges(draft, mollify) | steps.drop_copies(draft) | changed


def _result(mesh: TriMesh, draft: Draft, cut_one_sided: bool, compact: bool) -> Repair:
    """Numbers what is left and builds the mesh."""
    old = np.arange(mesh.num_vertices)
    kept = np.ones(len(draft.origin), dtype=bool)
    kept[old] = draft.merged_into == old
    if compact:
        unused = kept & ~referenced(draft.faces, len(kept))
        draft.record(DefectKind.UNREFERENCED_VERTEX, "removed, in no face", np.flatnonzero(unused))
        kept &= ~unused
    number = np.where(kept, np.cumsum(kept) - 1, -1)
    face_number = np.full(mesh.num_faces + 1, -1)  # one more at the end, for −1
    face_number[draft.face_map] = np.arange(len(draft.face_map))
    return Repair(
        mesh=_built(draft, kept, number, cut_one_sided) if draft.steps else mesh,
        vertex_map=draft.origin[kept],
        face_map=draft.face_map,
        vertex_image=number[draft.merged_into],
        face_image=face_number[draft.stands_in],
        steps=tuple(draft.steps),
    )


def _built(
    draft: Draft,
    kept: Bool[np.ndarray, " W"],
    number: Int64[np.ndarray, " W"],
    cut_one_sided: bool,
) -> TriMesh:
    """The mesh of the kept vertices under their new numbers, checked."""
    from gaugeconv.mesh.tri_mesh import TriMesh

    faces = number[draft.faces]
    if draft.positions is None:
        count = int(np.count_nonzero(kept))
        mesh = TriMesh.from_edge_lengths(faces, draft.lengths, num_vertices=count, validate=False)
    else:
        mesh = TriMesh(draft.positions[draft.origin[kept]], faces, validate=False)
    for defect in mesh.report().defects:
        if cut_one_sided or defect.kind is not DefectKind.NON_ORIENTABLE:
            raise defect.error()
    return mesh
