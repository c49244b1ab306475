"""Every bad input that can be mended is, and labels find their way there and back."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaugeconv.errors import MeshError, NonOrientableError
from gaugeconv.mesh import DefectKind, Repair, TriMesh, shapes
from tests.mesh.test_validate import BALL, ZOO, F, faces, strip

V = BALL.num_vertices
MENDED = {
    # name: faces, boundary loops and components of the mended mesh
    "fan of three on one edge": (3, 3, 3),
    "book of four pages": (4, 4, 4),
    "hourglass": (8, 0, 2),
    "two triangles at a point": (2, 2, 2),
    "pinched boundary": (14, 1, 1),
    "flipped face": (F, 0, 1),
    "flipped half": (2, 1, 1),
    "flipped first face": (F, 0, 1),
    "duplicate face": (F, 0, 1),
    "duplicate face, turned": (F, 0, 1),
    "duplicate face, reversed": (1, 1, 1),
    "face in triplicate": (2, 2, 2),
    "repeated index": (F - 1, 1, 1),
    "one vertex three times": (F, 0, 1),
    "zero-length edge": (1, 1, 1),
    "Möbius strip": (10, 1, 1),
    "projective plane": (10, 1, 1),
    "Klein bottle": (32, 2, 1),
}


def raw(vertices, rows) -> TriMesh:
    return TriMesh(vertices, rows, validate=False)


def assert_lawful(old: TriMesh, repair: Repair) -> None:
    """The result has no defect, and the four maps tell the truth about it."""
    new = repair.mesh
    assert new.report().ok
    TriMesh(new.vertices, new.faces)
    to_old, to_new = repair.vertex_map, repair.vertex_image
    assert (len(to_old), len(to_new)) == (new.num_vertices, old.num_vertices)
    assert (len(repair.face_map), len(repair.face_image)) == (new.num_faces, old.num_faces)
    np.testing.assert_array_equal(new.vertices, old.vertices[to_old])
    first = np.unique(to_old, return_index=True)[1]
    np.testing.assert_array_equal(to_new[to_old[first]], first)  # the first copy is the image
    np.testing.assert_array_equal(repair.face_image[repair.face_map], np.arange(new.num_faces))
    assert (np.diff(repair.face_map) > 0).all()
    # every old vertex or the one it was merged into, as the faces see it
    stands_in = np.where(to_new >= 0, to_old[to_new], -1)
    np.testing.assert_array_equal(
        np.sort(to_old[new.faces]), np.sort(stands_in[old.faces[repair.face_map]])
    )
    again = new.repaired()
    assert again.mesh is new and not again.steps


@pytest.mark.parametrize("name", MENDED)
def test_every_exhibit_of_the_zoo_is_mended(name: str) -> None:
    exhibit = ZOO[name]
    mesh = raw(exhibit.vertices_or_random(), exhibit.faces)
    repair = mesh.repaired()
    assert_lawful(mesh, repair)
    report = repair.mesh.report()
    found = (report.num_faces, report.num_boundary_loops, report.num_components)
    assert found == MENDED[name]
    step = next(step for step in repair.steps if step.kind is exhibit.kind)
    assert step.element == exhibit.kind.element
    if exhibit.indices and exhibit.kind is not DefectKind.NON_ORIENTABLE:
        assert step.indices.tolist() == exhibit.indices
    assert str(step) in str(repair)
    assert step.to_dict()["count"] == len(step.indices)


def test_the_zoo_has_no_exhibit_that_is_not_tested_here() -> None:
    assert set(MENDED) | {"all vertices coincide"} == set(ZOO)


def test_errors_point_to_the_repair() -> None:
    with pytest.raises(
        MeshError, match=r"see TriMesh\(..., validate=False\).report\(\) and .repaired"
    ):
        TriMesh(BALL.vertices, ZOO["flipped face"].faces)


def test_a_mesh_of_which_nothing_would_be_left_is_refused() -> None:
    for vertices, rows in ((np.ones((3, 3)), [[0, 1, 2]]), (np.eye(3), [[0, 0, 1], [2, 1, 2]])):
        for mollify in (False, True):
            with pytest.raises(MeshError, match="nothing would be left"):
                raw(vertices, rows).repaired(mollify=mollify)


@pytest.mark.parametrize(
    "mesh",
    [
        shapes.icosphere(1),
        shapes.plane(3, 3),
        shapes.cone(7.0, 2, 7),
        TriMesh(np.random.default_rng(0).random((9, 3)), np.arange(9).reshape(3, 3)),
        TriMesh(np.eye(4, 3), [[0, 1, 2]]),
    ],
    ids=["sphere", "plane", "intrinsic cone", "soup", "unreferenced vertex"],
)
def test_a_sound_mesh_comes_back_as_it_is(mesh: TriMesh) -> None:
    repair = mesh.repaired()
    clean, vertex_map = repair
    assert clean is mesh and repair.steps == () and str(repair) == "nothing to repair"
    np.testing.assert_array_equal(vertex_map, np.arange(mesh.num_vertices))
    np.testing.assert_array_equal(repair.face_image, np.arange(mesh.num_faces))


def test_steps_are_told_in_the_numbering_of_the_old_mesh() -> None:
    """Faces are dropped before others are turned, so the numbers have moved by then."""
    flipped = BALL.faces.copy()
    flipped[70] = flipped[70, ::-1]
    rows = np.concatenate([[[3, 3, 4]], flipped, flipped[5:6]])
    repair = raw(BALL.vertices, rows).repaired()
    found = {step.kind: step.indices.tolist() for step in repair.steps}
    assert found == {
        DefectKind.REPEATED_INDEX: [0],
        DefectKind.DUPLICATE_FACE: [F + 1],
        DefectKind.INCONSISTENT_WINDING: [71],
    }
    assert repair.face_image[[0, 6, F + 1]].tolist() == [-1, 5, 5]


def test_labels_go_there_and_back() -> None:
    exhibit = ZOO["hourglass"]
    rows = np.concatenate([exhibit.faces, exhibit.faces[2:3], [[1, 1, 2]]])
    mesh = raw(exhibit.vertices_or_random(), rows)
    repair = mesh.repaired()
    at_vertices, at_faces = np.arange(7) * 10, np.arange(10) * 10
    assert repair.vertex_values(at_vertices).tolist() == [*range(0, 70, 10), 30]
    assert repair.face_values(at_faces).tolist() == list(range(0, 80, 10))
    back = repair.original_face_values(repair.face_values(at_faces))
    assert back.tolist() == [*range(0, 80, 10), 20, -1]
    np.testing.assert_array_equal(
        repair.original_vertex_values(repair.vertex_values(at_vertices)), at_vertices
    )
    colors = np.random.default_rng(0).random((10, 3))
    returned = repair.original_face_values(repair.face_values(colors), fill=np.nan)
    np.testing.assert_array_equal(returned[:8], colors[:8])
    assert np.isnan(returned[9]).all()


def test_values_that_do_not_fit_are_refused() -> None:
    repair = raw(BALL.vertices, ZOO["repeated index"].faces).repaired()
    with pytest.raises(MeshError, match=rf"shape \({F - 1},\), but there are {F} old faces"):
        repair.face_values(np.zeros(F - 1))
    with pytest.raises(MeshError, match=rf"shape \(\), but there are {V} new vertices"):
        repair.original_vertex_values(3)
    with pytest.raises(MeshError, match=r"fill is -1, which uint8 cannot hold"):
        repair.original_face_values(np.zeros(F - 1, np.uint8))
    with pytest.raises(MeshError, match=r"fill is nan, which int64 cannot hold"):
        repair.original_face_values(np.zeros(F - 1, np.int64), fill=np.nan)


def test_a_wing_is_cut_off_without_a_hole_in_the_ball() -> None:
    a, b = BALL.faces[0, :2]
    mesh = raw(np.concatenate([BALL.vertices, [[3, 3, 3]]]), [*BALL.faces.tolist(), [a, b, V]])
    repair = mesh.repaired()
    assert_lawful(mesh, repair)
    report = repair.mesh.report()
    assert (report.num_components, report.num_boundary_edges) == (2, 3)
    np.testing.assert_array_equal(repair.mesh.faces[:F], BALL.faces)
    assert sorted(repair.vertex_map[V + 1 :].tolist()) == sorted([a, b])


def test_closed_surfaces_that_share_an_edge_come_apart_closed() -> None:
    a, b = BALL.faces[0, :2]
    other = BALL.faces + V
    other[other == V + a] = a
    other[other == V + b] = b
    vertices = np.concatenate([BALL.vertices, BALL.vertices + 1])
    mesh = raw(vertices, np.concatenate([BALL.faces, other]))
    assert mesh.report().defects[0].kind is DefectKind.NON_MANIFOLD_EDGE
    repair = mesh.repaired(compact=True)
    assert repair.mesh.report().num_boundary_edges == 0
    assert repair.mesh.euler_characteristic == 4
    assert repair.mesh.num_vertices == 2 * V


def test_the_majority_of_each_component_keeps_its_winding() -> None:
    rng = np.random.default_rng(8)
    flipped = rng.choice(F, F // 3, replace=False)
    turned = BALL.faces.copy()
    turned[flipped] = turned[flipped][:, [0, 2, 1]]
    inside_out = turned[:, [0, 2, 1]]
    both = np.concatenate([turned, inside_out + V])
    repair = raw(np.concatenate([BALL.vertices, BALL.vertices + 9]), both).repaired()
    np.testing.assert_array_equal(repair.mesh.faces[:F], BALL.faces)
    np.testing.assert_array_equal(repair.mesh.faces[F:], BALL.faces[:, [0, 2, 1]] + V)


def test_a_wide_moebius_band_is_cut_once_across() -> None:
    """Straight across it takes as many edges as there are quads; a ragged cut takes more."""
    length, width = 24, 4
    rows = []
    for i in range(length):
        for j in range(width):
            a, b = i * (width + 1) + j, i * (width + 1) + j + 1
            c, d = a + width + 1, b + width + 1
            if i == length - 1:
                c, d = width - j, width - j - 1
            rows += [(a, b, d), (a, d, c)]
    vertices = np.random.default_rng(0).random((length * (width + 1), 3))
    mesh = raw(vertices, rows)
    repair = mesh.repaired()
    assert_lawful(mesh, repair)
    cut = next(step for step in repair.steps if step.kind is DefectKind.NON_ORIENTABLE)
    assert width <= len(cut.indices) <= 2 * width
    assert repair.mesh.euler_characteristic == mesh.euler_characteristic + 1 == 1


def test_one_sided_pieces_can_be_left_to_groups_with_reflections() -> None:
    band = strip(5, twist=True)
    ball = ZOO["flipped face"].faces + band.max() + 1
    vertices = np.random.default_rng(1).random((ball.max() + 1, 3))
    repair = raw(vertices, np.concatenate([band, ball])).repaired(cut_one_sided=False)
    assert [step.kind for step in repair.steps] == [DefectKind.INCONSISTENT_WINDING]
    defects = repair.mesh.report().defects
    assert [defect.kind for defect in defects] == [DefectKind.NON_ORIENTABLE]
    with pytest.raises(NonOrientableError):
        _ = repair.mesh.halfedges


def test_unreferenced_vertices_stay_unless_they_are_to_go() -> None:
    rows = [[0, 2, 3], [2, 2, 4]]
    mesh = raw(np.random.default_rng(0).random((6, 3)), rows)
    assert mesh.repaired().mesh.num_vertices == 6
    repair = mesh.repaired(compact=True)
    assert_lawful(mesh, repair)
    assert repair.vertex_map.tolist() == [0, 2, 3]
    assert repair.vertex_image.tolist() == [0, -1, 1, 2, -1, -1]
    assert repair.steps[-1].kind is DefectKind.UNREFERENCED_VERTEX
    assert repair.steps[-1].indices.tolist() == [1, 4, 5]


# --- merging, mollifying, welding --------------------------------------------------------------


def collapsed(mesh: TriMesh, edge: tuple[int, int]) -> TriMesh:
    """The mesh with both ends of an edge in one place."""
    vertices = mesh.vertices.copy()
    vertices[edge[1]] = vertices[edge[0]]
    return raw(vertices, mesh.faces)


def test_the_ends_of_a_zero_length_edge_become_the_one_with_the_smaller_index() -> None:
    a, b = sorted(BALL.faces[9, :2].tolist())
    mesh = collapsed(BALL, (a, b))
    repair = mesh.repaired()
    assert_lawful(mesh, repair)
    assert (repair.mesh.num_vertices, repair.mesh.num_faces) == (V - 1, F - 2)
    assert repair.mesh.euler_characteristic == 2
    assert repair.vertex_image[a] == repair.vertex_image[b] == a
    assert repair.vertex_map.tolist() == [v for v in range(V) if v != b]
    assert [step.kind for step in repair.steps] == [
        DefectKind.ZERO_LENGTH_EDGE,
        DefectKind.REPEATED_INDEX,
    ]


def test_a_mollified_mesh_keeps_every_vertex_and_face_but_not_its_positions() -> None:
    a, b = sorted(BALL.faces[9, :2].tolist())
    mesh = collapsed(BALL, (a, b))
    repair = mesh.repaired(mollify=True)
    clean = repair.mesh
    assert clean.report().ok and not clean.has_positions
    np.testing.assert_array_equal(clean.faces, mesh.faces)
    np.testing.assert_array_equal(repair.vertex_image, np.arange(V))
    changed = clean.edge_lengths != mesh.edge_lengths
    np.testing.assert_allclose(clean.edge_lengths[changed], 1e-6 * mesh.mean_edge_length)
    assert np.count_nonzero(changed) == 2
    assert clean.euler_characteristic == 2


def test_mollified_faces_may_have_all_three_corners_in_one_place() -> None:
    mesh = raw([[0, 0, 0]] * 3 + [[1, 0, 0]], [[0, 1, 2], [1, 0, 3]])
    clean = mesh.repaired(mollify=True).mesh
    assert clean.report().ok
    np.testing.assert_allclose(clean.corner_angles[0], np.pi / 3)


def test_an_unreferenced_last_vertex_outlives_mollification() -> None:
    vertices = np.concatenate([BALL.vertices, [[1, 2, 3]]])
    vertices[BALL.faces[0, 1]] = vertices[BALL.faces[0, 0]]
    clean, vertex_map = raw(vertices, BALL.faces).repaired(mollify=True)
    assert clean.num_vertices == len(vertex_map) == V + 1


def test_soup_is_welded_by_position() -> None:
    soup = TriMesh(BALL.vertices[BALL.faces].reshape(-1, 3), np.arange(3 * F).reshape(F, 3))
    assert soup.repaired().mesh is soup
    repair = soup.repaired(weld=0)
    assert_lawful(soup, repair)
    assert (repair.mesh.num_vertices, repair.mesh.euler_characteristic) == (V, 2)
    assert len(repair.steps) == 1 and repair.steps[0].kind is None
    assert str(repair.steps[0]).endswith("welded to others")
    assert (repair.vertex_image >= 0).all()


def test_welding_closes_gaps_up_to_the_tolerance_whatever_the_scale() -> None:
    rng = np.random.default_rng(3)
    gap = 1e-3 * BALL.mean_edge_length
    loose = BALL.vertices[BALL.faces].reshape(-1, 3)
    loose = loose + gap / 2 / np.sqrt(3) * rng.uniform(-1, 1, loose.shape)
    rows = np.arange(3 * F).reshape(F, 3)
    maps = []
    for scale in (1e-120, 1.0, 1e120):
        soup = TriMesh(scale * loose, rows)
        repair = soup.repaired(weld=1e-3)
        assert repair.mesh.euler_characteristic == 2 and repair.mesh.num_vertices == V
        maps.append(repair.vertex_image)
        assert soup.repaired(weld=1e-6).mesh is soup
    assert (maps[0] == maps[1]).all() and (maps[1] == maps[2]).all()


def test_negative_zero_is_zero_when_welding() -> None:
    vertices = [[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [-0.0, 0, 0], [0, -1, 0], [1, 0, -0.0]]
    repair = TriMesh(vertices, [[0, 1, 2], [3, 4, 5]]).repaired(weld=0)
    assert repair.mesh.num_vertices == 4 and repair.mesh.num_components == 1


@pytest.mark.parametrize("weld", [-1.0, 0.6, np.nan, np.inf])
def test_tolerances_that_make_no_sense_are_refused(weld: float) -> None:
    with pytest.raises(MeshError, match=r"weld is .*; give 0 … 0.5 mean edge lengths"):
        BALL.repaired(weld=weld)


def test_welding_a_crowd_is_refused_before_it_fills_the_memory() -> None:
    crowd = np.random.default_rng(0).random((2000, 3)) * 1e-3
    mesh = TriMesh(np.concatenate([BALL.vertices, crowd]), BALL.faces)
    with pytest.raises(MeshError, match="weld is too large for this mesh"):
        mesh.repaired(weld=0.1)
    copies = TriMesh(np.concatenate([BALL.vertices, 0 * crowd]), BALL.faces)
    assert copies.repaired(weld=0.01).mesh.num_vertices == V + 1


# --- intrinsic meshes --------------------------------------------------------------------------


def test_intrinsic_meshes_are_mended_with_their_lengths() -> None:
    """A flat square, one triangle turned over and another twice; angles say if lengths moved too."""
    rows = [[0, 1, 2], [0, 3, 2], [2, 0, 1]]
    lengths = [[1, 1, np.sqrt(2)], [1, 1, np.sqrt(2)], [np.sqrt(2), 1, 1]]
    mesh = TriMesh.from_edge_lengths(rows, lengths, validate=False)
    clean, vertex_map = mesh.repaired()
    assert vertex_map.tolist() == [0, 1, 2, 3]
    assert clean.report().ok and clean.area == pytest.approx(1.0)
    assert clean.faces.tolist() == [[0, 1, 2], [0, 2, 3]]
    np.testing.assert_allclose(clean.edge_lengths, [[1, 1, np.sqrt(2)], [np.sqrt(2), 1, 1]])


def test_zero_lengths_of_intrinsic_meshes_are_mollified() -> None:
    mesh = TriMesh.from_edge_lengths([[0, 1, 2]], [[0, 1, 1]], validate=False)
    clean = mesh.repaired().mesh
    assert clean.report().ok
    np.testing.assert_allclose(clean.edge_lengths, [[2e-6 / 3, 1, 1]])


def test_lengths_that_contradict_each_other_are_refused() -> None:
    rows = faces((0, 1, 2), (2, 1, 3))
    for lengths in ([[1, 1, 1], [1.001, 1, 1]], [[1, 1, 1], [1, 1, 2.1]]):
        mesh = TriMesh.from_edge_lengths(rows, lengths, validate=False)
        with pytest.raises(MeshError, match="correct the lengths") as caught:
            mesh.repaired()
        assert "repaired" not in str(caught.value)
    with pytest.raises(MeshError, match="no positions to weld by"):
        shapes.cone(7.0, 1, 5).repaired(weld=0)


def test_number_of_vertices_of_an_intrinsic_mesh() -> None:
    rows, lengths = [[0, 1, 2]], [[1, 1, 1]]
    assert TriMesh.from_edge_lengths(rows, lengths, num_vertices=5).num_vertices == 5
    with pytest.raises(MeshError, match=r"\[0, 2\)"):
        TriMesh.from_edge_lengths(rows, lengths, num_vertices=2)


# --- anything ----------------------------------------------------------------------------------


@st.composite
def rubbish(draw: st.DrawFn) -> TriMesh:
    """Few vertices and many faces, so that everything goes wrong at once."""
    size = draw(st.integers(3, 9))
    rows = draw(st.lists(st.tuples(*[st.integers(0, size - 1)] * 3), min_size=1, max_size=14))
    grid = st.tuples(*[st.integers(0, 2)] * 3)  # vertices in one place are common
    return raw(np.array(draw(st.lists(grid, min_size=size, max_size=size)), float), rows)


@settings(max_examples=300, deadline=None)
@given(mesh=rubbish(), compact=st.booleans(), weld=st.sampled_from([None, 0.0, 0.4]))
def test_anything_is_mended_or_refused(mesh: TriMesh, compact: bool, weld: float | None) -> None:
    try:
        repair = mesh.repaired(compact=compact, weld=weld)
    except MeshError as error:
        assert "nothing would be left" in str(error)
        return
    assert_lawful(mesh, repair)
    if compact:
        assert len(np.unique(repair.mesh.faces)) == repair.mesh.num_vertices
    if not repair.steps:
        assert mesh.report().ok


@settings(max_examples=100, deadline=None)
@given(mesh=rubbish(), exponent=st.integers(-330, 330))
def test_repair_does_not_depend_on_the_scale(mesh: TriMesh, exponent: int) -> None:
    scaled = raw(np.ldexp(mesh.vertices, exponent), mesh.faces)
    results = []
    for one in (mesh, scaled):
        try:
            results.append(one.repaired())
        except MeshError:
            results.append(None)
    assert (results[0] is None) == (results[1] is None)
    if results[0] is not None:
        np.testing.assert_array_equal(results[0].mesh.faces, results[1].mesh.faces)
        np.testing.assert_array_equal(results[0].vertex_map, results[1].vertex_map)


@settings(max_examples=100, deadline=None)
@given(mesh=rubbish())
def test_mollified_rubbish_is_sound(mesh: TriMesh) -> None:
    try:
        repair = mesh.repaired(mollify=True)
    except MeshError as error:
        assert "nothing would be left" in str(error)
        return
    assert repair.mesh.report().ok
    dropped = np.setdiff1d(np.arange(mesh.num_faces), repair.face_map)
    corners = np.sort(mesh.faces[dropped])
    degenerate = (np.diff(corners) == 0).any(axis=1)
    assert (repair.face_image[dropped[~degenerate]] >= 0).all()  # copies only


def test_large_meshes_are_mended_in_seconds() -> None:
    """100,000 faces: a loop in Python over faces would take far longer than this allows."""
    ball = shapes.torus(250, 200)
    rows = np.concatenate([ball.faces, ball.faces[:100], [[0, 0, 1]]])
    rows[5::7] = rows[5::7, ::-1]
    began = time.perf_counter()
    repair = raw(ball.vertices, rows).repaired()
    assert time.perf_counter() - began < 10
    assert repair.mesh.num_faces == ball.num_faces
