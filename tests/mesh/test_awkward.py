"""Awkward meshes of our own, and damage by chance: results are finite, or refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from benchmarks.exercise import exercise, outcome, repaired_outcome, try_file, try_mutant
from benchmarks.mutants import damaged_arrays, damaged_file
from benchmarks.rows.robustness import failed, outcomes, summary
from benchmarks.watchdog import Watchdog
from gaugeconv.mesh import DefectKind, TriMesh, shapes
from tests.mesh.test_validate import ZOO

BALL = shapes.icosphere(1)
TRIANGLE = [[0, 1, 2]]
FAN = np.stack([np.zeros(9, int), np.arange(1, 10), np.arange(2, 11)], axis=1)


def star(height: float) -> np.ndarray:
    """A centre and eleven points on a wavy circle: many needles at the centre."""
    t = np.linspace(0, 2 * np.pi, 10)
    return np.array([[0, 0, 0], *np.stack([np.cos(t), np.sin(t), height * np.cos(7 * t)], 1)])


def spiked() -> np.ndarray:
    """A ball with one vertex pulled far out."""
    vertices = BALL.vertices.copy()
    vertices[7] *= 1e5
    return vertices


def folded() -> np.ndarray:
    """A sheet that is folded back onto itself: neighbouring normals are opposite."""
    vertices = shapes.plane(6, 2).vertices.copy()
    vertices[:, 0] = np.abs(vertices[:, 0] - vertices[:, 0].mean())
    return vertices


ACCEPTED = {
    "one triangle": (np.eye(3), TRIANGLE),
    "half of a tetrahedron": (np.eye(4, 3), [[0, 1, 2], [0, 3, 1]]),
    "closed pair of squares": (
        [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]],
        [[0, 1, 2], [0, 2, 3], [1, 0, 3], [1, 3, 2]],
    ),
    "fan": (star(0.5), FAN[:8]),
    "flat fan over more than a turn": (star(3.0), FAN[:8]),
    "ball with a spike": (spiked(), BALL.faces),
    "folded sheet": (folded(), shapes.plane(6, 2).faces),
    "tiny": (1e-150 * BALL.vertices, BALL.faces),
    "huge": (1e150 * BALL.vertices, BALL.faces),
    "far away": (BALL.vertices + 1e8, BALL.faces),
    "squeezed": (BALL.vertices * [1, 1, 1e-4], BALL.faces),
    "unused vertices first and last": (
        np.concatenate([np.ones((3, 3)), BALL.vertices, np.full((2, 3), 1e6)]),
        BALL.faces + 3,
    ),
    "triangle soup": (BALL.vertices[BALL.faces].reshape(-1, 3), np.arange(240).reshape(80, 3)),
    "a large and a small ball": (
        np.concatenate([1e6 * BALL.vertices, BALL.vertices]),
        np.concatenate([BALL.faces, BALL.faces + 42]),
    ),
    "needles": (shapes.plane(3, 3).vertices * [1, 1e-3, 1], shapes.plane(3, 3).faces),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_awkward_but_sound_meshes_work(name: str) -> None:
    vertices, faces = ACCEPTED[name]
    facts = exercise(TriMesh(vertices, faces))
    assert facts["neighbors"] >= 3, "every vertex sees at least a whole face"


@pytest.mark.parametrize("name", [name for name in ZOO if name != "all vertices coincide"])
def test_bad_meshes_are_refused_by_name_and_work_once_they_are_repaired(name: str) -> None:
    exhibit = ZOO[name]
    vertices = exhibit.vertices_or_random()
    plain = outcome(lambda: TriMesh(vertices, exhibit.faces))
    assert plain["outcome"] == "refused" and exhibit.kind.meaning in plain["error"]
    for options in ({}, {"mollify": True}, {"weld": 0.0, "compact": True}):
        found = repaired_outcome(
            lambda: TriMesh(vertices, exhibit.faces, validate=False), **options
        )
        assert found["outcome"] == "works", found["error"]
        assert found["steps"]


class File(NamedTuple):
    """The content of an awkward file; how many vertices and faces it has, or why it is refused."""

    name: str
    text: str
    expected: tuple[int, int] | str


SQUARE = "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\n"
FILES = [
    File(
        "textured.obj",
        "mtllib none.mtl\nvt 0 0\nvt 1 0\nvt 0 1\nvn 0 0 1\n" + SQUARE + "g f 1 2 3\ns off\n"
        "usemtl x\nf 1/1/1 2/2/1 3/3/1\nf -4//1 -2//1 -1//1\n",
        (4, 2),
    ),
    File("coloured.obj", SQUARE.replace(" 0\n", " 0 0.5 0.5 0.5\n") + "f 1 2 3 4\n", (4, 2)),
    File("wrapped.obj", SQUARE + "f 1 2 \\\n 3 4\n# f 9 9 9\n", (4, 2)),
    File("late.obj", "f 1 2 3\n" + SQUARE, (4, 1)),
    File("lonely.obj", SQUARE + "v nan 0 0\nf 1 2 3\n", "NaN or infinite coordinates: 1 vertex (4)"),
    File("wire.obj", SQUARE + "l 1 2 3\np 4\n", "no faces"),
    File("twice.obj", SQUARE + "f 1 2 3\nf 3 1 2\n", DefectKind.DUPLICATE_FACE.meaning),
    File("arrow.obj", "v 0 0 0\nv 2 0 0\nv 1 0.5 0\nv 1 2 0\nf 1 2 3 4\n", (4, 2)),
    File("mixed.off", "# a comment\nOFF 5 2 0\n\n0 0 0\n1 0 0\n1 1 0\n0 1 0\n2 2 0\n4 0 1 2 3 255 0 0\n"
         "3 1 4 2\n", (5, 3)),
    File("count.off", "OFF\n4 2 0\n0 0 0\n1 0 0\n1 1 0\n3 0 1 2\n", "the file says 4 vertices"),
    File("solid.stl", "solid a\nfacet normal 0 0 1\nouter loop\nvertex 0 0 0\nvertex 1 0 0\n"
         "vertex 0 1 0\nendloop\nendfacet\nendsolid a\n", (3, 1)),
    File("nothing.stl", "solid a\nendsolid a\n", "no faces"),
]  # fmt: skip


@pytest.mark.parametrize("file", FILES, ids=[file.name for file in FILES])
def test_awkward_files_work_in_their_order_or_are_refused(tmp_path: Path, file: File) -> None:
    path = tmp_path / file.name
    path.write_text(file.text)
    result = try_file((str(path), "as it is"))
    for how in ("repaired", "welded"):
        assert not failed(try_file((str(path), how)))
    if isinstance(file.expected, str):
        assert result["outcome"] == "refused" and file.expected in result["error"]
    else:
        assert result["outcome"] == "works", result["error"]
        assert (result["vertices"], result["faces"]) == file.expected


@pytest.mark.unchecked
@pytest.mark.parametrize("start", range(0, 200, 50))
def test_damage_by_chance_gives_finite_results_or_errors_that_are_meant(start: int) -> None:
    """The first of the 10,000 of the row fuzz_meshes."""
    results = [{"seed": seed, **try_mutant(seed)} for seed in range(start, start + 50)]
    assert [result for result in results if failed(result)] == []
    works = summary(results)["repaired"]["works"]
    assert works > 15, "the damage is so great that nothing is tested"


def test_damage_is_the_same_for_the_same_seed() -> None:
    for seed in range(20):
        once, again = (damaged_arrays(np.random.default_rng(seed)) for _ in range(2))
        assert repr(once) == repr(again)
        assert damaged_file(np.random.default_rng(seed)) == damaged_file(
            np.random.default_rng(seed)
        )


def test_crashes_and_hangs_are_results_and_the_next_call_is_answered() -> None:
    works = {"outcome": "works"}
    with Watchdog(eval, 0.5, prepare=dict) as guarded:
        assert guarded(repr(works)) == works
        crash = guarded("__import__('os').abort()")
        assert crash["outcome"] == "crash" and "-6" in crash["error"]
        assert guarded("__import__('time').sleep(60)")["outcome"] == "hang"
        assert guarded(repr(works)) == works
    assert failed(crash) and not failed(works)
    assert list(outcomes({**works, "repaired": crash})) == ["as it is", "repaired"]
    assert failed({**works, "repaired": crash})


def test_numbers_that_are_not_finite_are_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.exercise.edge_transport", lambda *_: np.array([np.nan]))
    result = outcome(lambda: BALL)
    assert result["outcome"] == "failed" and "edge transport is not finite" in result["error"]
