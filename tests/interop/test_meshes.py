from __future__ import annotations

import sys

import numpy as np
import pytest
import trimesh

from gaugeconv import interop
from gaugeconv.errors import MeshError
from gaugeconv.mesh import TriMesh


def values(mesh: TriMesh) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    rng = np.random.default_rng(0)
    at_vertices = {"height": rng.normal(size=mesh.num_vertices)}
    return at_vertices, {"label": rng.integers(5, size=mesh.num_faces)}


@pytest.mark.parametrize("library", ["trimesh", "meshio", "pyvista"])
def test_a_mesh_and_its_values_come_back_as_they_went(library: str, body: TriMesh) -> None:
    pytest.importorskip(library)
    at_vertices, at_faces = values(body)
    foreign = getattr(interop, f"to_{library}")(body, at_vertices, at_faces)
    back = getattr(interop, f"from_{library}")(foreign)
    assert back.mesh.content_hash() == body.content_hash()
    np.testing.assert_array_equal(back.at_vertices["height"], at_vertices["height"])
    np.testing.assert_array_equal(back.at_faces["label"], at_faces["label"])


@pytest.mark.parametrize("library", ["trimesh", "meshio", "pyvista"])
def test_values_that_do_not_fit_are_refused(library: str, torus: TriMesh) -> None:
    with pytest.raises(MeshError, match=r"'h' has shape \(3,\), but the mesh has \d+ vertices"):
        getattr(interop, f"to_{library}")(torus, {"h": np.zeros(3)})


def test_defects_are_named_or_kept_on_request() -> None:
    soup = trimesh.Trimesh(np.eye(3), [[0, 1, 2], [0, 1, 2]], process=False)
    with pytest.raises(MeshError):
        interop.from_trimesh(soup)
    assert not interop.from_trimesh(soup, validate=False).mesh.report().ok


class Block:
    def __init__(self, kind: str, data: list[list[int]]) -> None:
        self.type, self.data = kind, data
        self.dim = {"line": 1, "tetra": 3}.get(kind, 2)


class Mesh:
    """What `from_meshio` reads of a meshio.Mesh."""

    def __init__(self, points: object, cells: list[Block], cell_data: dict | None = None) -> None:
        self.points, self.cells = np.asarray(points, dtype=float), cells
        self.point_data: dict = {}
        self.cell_data = cell_data or {}


SQUARE = [[0, 0], [1, 0], [1, 1], [0, 1], [2, 0.5]]


def test_polygons_are_cut_and_their_values_follow() -> None:
    cells = [Block("line", [[0, 1]]), Block("quad", [[0, 1, 2, 3]]), Block("triangle", [[1, 4, 2]])]
    found = interop.from_meshio(Mesh(SQUARE, cells, {"part": [[9], [4], [7]]}))
    assert found.mesh.num_faces == 3
    assert found.mesh.area == pytest.approx(1.5)
    assert found.at_faces["part"].tolist() == [4, 4, 7]


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ([Block("tetra", [[0, 1, 2, 3]])], "tetra are solids: take their surface first"),
        ([Block("triangle6", [[0, 1, 2, 3, 4, 0]])], "triangle6 are curved"),
        ([Block("line", [[0, 1]])], "no polygons"),
    ],
)
def test_cells_that_are_no_surface_are_refused(cells: list[Block], message: str) -> None:
    with pytest.raises(MeshError, match=message):
        interop.from_meshio(Mesh(SQUARE, cells))


@pytest.mark.parametrize("library", ["meshio", "pyvista"])
def test_a_library_that_is_missing_is_named(
    library: str, torus: TriMesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ModuleNotFoundError, match=f"pip install {library}"):
        getattr(interop, f"to_{library}")(torus)
