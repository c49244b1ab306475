from __future__ import annotations

import json

import numpy as np
import pytest

from gaugeconv.mesh import DefectKind, MeshReport, TriMesh, shapes


@pytest.mark.parametrize(
    ("mesh", "euler", "loops", "boundary_edges"),
    [
        (shapes.icosphere(1), 2, 0, 0),
        (shapes.torus(5, 4), 0, 0, 0),
        (shapes.cylinder(6, 2), 0, 2, 12),
        (shapes.plane(3, 2), 1, 1, 10),
        (shapes.cone(7.0, 2, 8), 1, 1, 8),
    ],
    ids=["sphere", "torus", "cylinder", "plane", "cone"],
)
def test_topology_of_known_surfaces(
    mesh: TriMesh, euler: int, loops: int, boundary_edges: int
) -> None:
    report = mesh.report()
    assert isinstance(report, MeshReport)
    assert report.ok and report.orientable and report.warnings == ()
    assert report.euler_characteristic == mesh.euler_characteristic == euler
    assert report.num_boundary_loops == loops
    assert report.num_boundary_edges == boundary_edges
    assert report.num_components == mesh.num_components == 1
    assert report.num_edges == mesh.halfedges.num_edges
    assert report.intrinsic == (not mesh.has_positions)
    assert report.area == mesh.area


def broken() -> TriMesh:
    """A mesh with a defect of several kinds at once, and an unreferenced vertex."""
    ball = shapes.icosphere(1)
    n = ball.num_vertices
    extra = [[n, n, 1], [0, 1, n + 1]]
    edge = np.flatnonzero((ball.faces == 0).any(axis=1) & (ball.faces == 12).any(axis=1))[0]
    wing = [[int(ball.faces[edge][0]), int(ball.faces[edge][1]), n]]
    vertices = np.concatenate([ball.vertices, 2 * np.eye(3)])
    return TriMesh(vertices, np.concatenate([ball.faces, extra, wing]), validate=False)


def test_every_defect_is_listed_not_only_the_first() -> None:
    report = broken().report()
    kinds = {defect.kind for defect in report.defects}
    assert {DefectKind.REPEATED_INDEX, DefectKind.NON_MANIFOLD_EDGE} <= kinds
    assert not report.ok
    assert report.defect(DefectKind.UNREFERENCED_VERTEX).indices.tolist() == [44]
    assert report.defect(DefectKind.LENGTH_MISMATCH) is None


def test_the_table_has_one_aligned_row_for_each_fact() -> None:
    text = str(broken().report())
    lines = text.splitlines()
    assert lines[0].split() == ["vertices", "45"]
    assert {line[21] for line in lines} == {" "}
    assert all(line[22] != " " for line in lines)
    assert "a face uses one vertex twice: 1 face (80)" in text
    assert "no face uses the vertex: 1 vertex (44)" in text
    assert lines[-1].startswith("verdict") and "defect" in lines[-1]
    assert "no defects" in str(shapes.icosphere(0).report())
    assert "none (closed)" in str(shapes.icosphere(0).report())
    assert "1 loop, 3 edges" in str(TriMesh(np.eye(3), [[0, 1, 2]]).report())


def test_json_carries_all_counts_and_all_indices() -> None:
    report = broken().report()
    data = json.loads(report.to_json())
    assert data == report.to_dict()
    assert data["ok"] is False
    assert data["num_vertices"] == 45
    by_kind = {entry["kind"]: entry for entry in data["defects"]}
    assert by_kind["repeated-index"]["indices"] == [80]
    assert by_kind["repeated-index"]["element"] == "face"
    assert by_kind["non-manifold-edge"]["count"] == len(by_kind["non-manifold-edge"]["indices"])
    assert data["warnings"][-1]["kind"] == "unreferenced-vertex"


def test_every_kind_says_what_is_wrong_and_what_to_do() -> None:
    for kind in DefectKind:
        assert kind.element in ("vertex", "edge", "face")
        assert kind.meaning and kind.advice


def test_a_mesh_of_nothing_but_broken_faces_is_reported() -> None:
    report = TriMesh(np.eye(3), [[0, 0, 1], [2, 2, 2]], validate=False).report()
    assert report.num_edges == 0
    assert report.defects[0].indices.tolist() == [0, 1]
    assert str(report)
