"""A zoo of bad meshes with names; each raises the right error with the right indices."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from gaugeconv.errors import MeshError, NonOrientableError
from gaugeconv.mesh import DefectKind, TriMesh, shapes

BALL = shapes.icosphere(1)
F = BALL.num_faces


class Exhibit(NamedTuple):
    """A bad mesh: faces, what is wrong, where. Positions are random unless given."""

    faces: np.ndarray
    kind: DefectKind
    indices: list
    vertices: np.ndarray | None = None

    def vertices_or_random(self) -> np.ndarray:
        if self.vertices is not None:
            return self.vertices
        return np.random.default_rng(0).random((self.faces.max() + 1, 3))


def faces(*rows: tuple[int, int, int]) -> np.ndarray:
    return np.array(rows)


def strip(cells: int, twist: bool) -> np.ndarray:
    """A band of ``cells`` quads between the vertices 2i and 2i + 1, closed with or without twist."""
    rows = []
    for i in range(cells):
        a, b, c, d = 2 * i, 2 * i + 1, 2 * i + 2, 2 * i + 3
        if i == cells - 1:
            c, d = (1, 0) if twist else (0, 1)
        rows += [(a, b, d), (a, d, c)]
    return np.array(rows)


def klein_bottle(n: int) -> np.ndarray:
    rows = []
    for i in range(n):
        for j in range(n):
            i_next, up, up_next = (i + 1) % n, (j + 1) % n, j
            a, b = n * i + j, n * i + up
            c, d = n * i_next + up_next, n * i_next + up
            if i == n - 1:
                c, d = n * i_next + (-up_next) % n, n * i_next + (-up) % n
            rows += [(a, c, d), (a, d, b)]
    return np.array(rows)


PROJECTIVE_PLANE = faces(
    (0, 1, 2), (0, 2, 3), (0, 3, 4), (0, 4, 5), (0, 5, 1),
    (1, 2, 4), (2, 3, 5), (3, 4, 1), (4, 5, 2), (5, 1, 3),
)  # fmt: skip
TETRAHEDRON = faces((0, 2, 1), (0, 1, 3), (1, 2, 3), (2, 0, 3))
PINCHED = np.where(TETRAHEDRON == 3, 3, TETRAHEDRON + 4)


def replaced(index: int, row: list[int]) -> np.ndarray:
    out = BALL.faces.copy()
    out[index] = row
    return out


def with_twin_positions() -> np.ndarray:
    out = np.random.default_rng(0).random((4, 3))
    out[3] = out[1]
    return out


ZOO = {
    "fan of three on one edge": Exhibit(
        faces((0, 1, 2), (1, 0, 3), (0, 1, 4)), DefectKind.NON_MANIFOLD_EDGE, [[0, 1]]
    ),
    "book of four pages": Exhibit(
        faces((5, 1, 2), (1, 5, 3), (5, 1, 4), (1, 5, 0)), DefectKind.NON_MANIFOLD_EDGE, [[1, 5]]
    ),
    "hourglass": Exhibit(
        np.concatenate([TETRAHEDRON, PINCHED]), DefectKind.BOW_TIE_VERTEX, [3]
    ),
    "two triangles at a point": Exhibit(
        faces((0, 1, 2), (2, 3, 4)), DefectKind.BOW_TIE_VERTEX, [2]
    ),
    "pinched boundary": Exhibit(
        np.delete(shapes.plane(3, 3).faces, [0, 1, 8, 9], axis=0), DefectKind.BOW_TIE_VERTEX, [5]
    ),
    "flipped face": Exhibit(
        replaced(7, BALL.faces[7, ::-1].tolist()), DefectKind.INCONSISTENT_WINDING, [7]
    ),
    "flipped half": Exhibit(
        faces((0, 1, 2), (1, 2, 3)), DefectKind.INCONSISTENT_WINDING, [1]
    ),
    "flipped first face": Exhibit(
        replaced(0, BALL.faces[0, ::-1].tolist()), DefectKind.INCONSISTENT_WINDING, [0]
    ),
    "duplicate face": Exhibit(
        np.concatenate([BALL.faces, BALL.faces[3:4]]), DefectKind.DUPLICATE_FACE, [F]
    ),
    "duplicate face, turned": Exhibit(
        np.concatenate([BALL.faces, np.roll(BALL.faces[3:4], 1, 1)]), DefectKind.DUPLICATE_FACE, [F]
    ),
    "duplicate face, reversed": Exhibit(
        faces((0, 1, 2), (0, 2, 1)), DefectKind.DUPLICATE_FACE, [1]
    ),
    "face in triplicate": Exhibit(
        faces((3, 4, 5), (0, 1, 2), (1, 2, 0), (2, 1, 0)), DefectKind.DUPLICATE_FACE, [2, 3]
    ),
    "repeated index": Exhibit(
        replaced(4, [5, 5, 6]), DefectKind.REPEATED_INDEX, [4]
    ),
    "one vertex three times": Exhibit(
        np.concatenate([BALL.faces, [[2, 2, 2]]]), DefectKind.REPEATED_INDEX, [F]
    ),
    "zero-length edge": Exhibit(
        faces((0, 1, 3), (1, 0, 2)), DefectKind.ZERO_LENGTH_EDGE, [[1, 3]], with_twin_positions()
    ),
    "all vertices coincide": Exhibit(
        faces((0, 1, 2)), DefectKind.ZERO_LENGTH_EDGE, [[0, 1], [0, 2], [1, 2]], np.ones((3, 3))
    ),
    "Möbius strip": Exhibit(strip(5, twist=True), DefectKind.NON_ORIENTABLE, [[0, 1]]),
    "projective plane": Exhibit(PROJECTIVE_PLANE, DefectKind.NON_ORIENTABLE, []),
    "Klein bottle": Exhibit(klein_bottle(4), DefectKind.NON_ORIENTABLE, []),
}  # fmt: skip


@pytest.mark.parametrize("name", ZOO)
def test_the_zoo_raises_the_right_error_with_the_right_indices(name: str) -> None:
    exhibit = ZOO[name]
    vertices = exhibit.vertices_or_random()
    with pytest.raises(MeshError) as caught:
        TriMesh(vertices, exhibit.faces)
    assert exhibit.kind.meaning in str(caught.value)
    assert exhibit.kind.advice in str(caught.value)
    one_sided = exhibit.kind is DefectKind.NON_ORIENTABLE
    assert isinstance(caught.value, NonOrientableError) == one_sided

    report = TriMesh(vertices, exhibit.faces, validate=False).report()
    defect = report.defect(exhibit.kind)
    assert defect is not None
    assert report.defects[0] is defect
    assert report.orientable == (not one_sided)
    if exhibit.indices:
        assert defect.indices.tolist() == exhibit.indices
        first = exhibit.indices[0]
        named = "–".join(map(str, first)) if isinstance(first, list) else str(first)
        assert f"({named}" in str(caught.value)
    assert len(defect.indices) > 0


@pytest.mark.parametrize("name", ZOO)
def test_the_zoo_raises_when_half_edges_are_asked_for(name: str) -> None:
    exhibit = ZOO[name]
    mesh = TriMesh(exhibit.vertices_or_random(), exhibit.faces, validate=False)
    with pytest.raises(MeshError, match=r"see TriMesh\(..., validate=False\).report\(\)"):
        _ = mesh.halfedges


def test_a_band_without_twist_is_accepted() -> None:
    mesh = TriMesh(np.random.default_rng(0).random((10, 3)), strip(5, twist=False))
    assert mesh.report().num_boundary_loops == 2


def test_the_faces_named_as_flipped_are_the_ones_to_reverse() -> None:
    rng = np.random.default_rng(8)
    flipped = np.sort(rng.choice(F, F // 3, replace=False))
    turned = BALL.faces.copy()
    turned[flipped] = turned[flipped, ::-1]
    both = np.concatenate([BALL.faces, turned + BALL.num_vertices])
    vertices = np.concatenate([BALL.vertices, BALL.vertices + 9])
    defect = TriMesh(vertices, both, validate=False).report().defects[0]
    assert defect.kind is DefectKind.INCONSISTENT_WINDING
    assert defect.indices.tolist() == (flipped + F).tolist()


def test_flipped_faces_of_one_component_do_not_hide_another_one_sided_one() -> None:
    band = strip(5, twist=True)
    ball = ZOO["flipped face"].faces + band.max() + 1
    mesh_faces = np.concatenate([band, ball])
    vertices = np.random.default_rng(1).random((mesh_faces.max() + 1, 3))
    report = TriMesh(vertices, mesh_faces, validate=False).report()
    kinds = [defect.kind for defect in report.defects]
    assert kinds == [DefectKind.NON_ORIENTABLE, DefectKind.INCONSISTENT_WINDING]
    assert report.defects[1].indices.tolist() == [7 + len(band)]


def test_zero_length_is_relative_to_the_scale() -> None:
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1e-9, 1, 0]])
    rows = faces((0, 1, 2), (2, 1, 3))
    for scale in (1e-100, 1.0, 1e100):
        TriMesh(scale * vertices, rows)
        closer = vertices.copy()
        closer[3, 0] = 1e-13
        with pytest.raises(MeshError, match=r"1 edge \(2–3\)"):
            TriMesh(scale * closer, rows)


def test_the_triangle_inequality_is_checked_on_intrinsic_meshes() -> None:
    rows = faces((0, 1, 2), (2, 1, 3))
    with pytest.raises(MeshError, match=r"longer than the other two together: 1 face \(1\)"):
        TriMesh.from_edge_lengths(rows, [[1, 1, 1], [1, 1, 2.0001]])
    flat = TriMesh.from_edge_lengths(rows, [[1, 1, 1], [1, 1, 2]])
    assert flat.report().defect(DefectKind.ZERO_AREA_FACE).indices.tolist() == [1]
    np.testing.assert_allclose(flat.corner_angles[1], [0, np.pi, 0], atol=1e-7)


def test_the_two_faces_at_an_edge_must_agree_on_its_length() -> None:
    rows = faces((0, 1, 2), (2, 1, 3))
    with pytest.raises(MeshError, match=r"different lengths: 1 edge \(1–2\)"):
        TriMesh.from_edge_lengths(rows, [[1, 1, 1], [1.001, 1, 1]])


def test_zero_lengths_are_named_on_intrinsic_meshes() -> None:
    with pytest.raises(MeshError, match=r"coincide.*1 edge \(0–1\)"):
        TriMesh.from_edge_lengths(faces((0, 1, 2)), [[0, 1, 1]])


def test_zero_areas_needles_and_unreferenced_vertices_are_accepted_with_a_warning() -> None:
    vertices = [[0, 0, 0], [1, 0, 0], [2, 0, 0], [0, 5, 0], [7, 7, 7], [0, 5, 1e-3]]
    mesh = TriMesh(vertices, [[0, 1, 2], [0, 2, 3], [0, 3, 5]])
    report = mesh.report()
    assert report.ok
    found = {warning.kind: warning.indices.tolist() for warning in report.warnings}
    assert found == {
        DefectKind.ZERO_AREA_FACE: [0],
        DefectKind.NEEDLE_FACE: [2],
        DefectKind.UNREFERENCED_VERTEX: [4],
    }


def test_soup_components_boundary_and_a_single_triangle_are_accepted() -> None:
    rng = np.random.default_rng(0)
    TriMesh(rng.random((3, 3)), [[0, 1, 2]])
    soup = TriMesh(rng.random((30, 3)), np.arange(30).reshape(10, 3))
    assert soup.num_components == 10
    assert soup.report().num_boundary_loops == 10
